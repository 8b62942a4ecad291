"""What a study says of its best run: noise is called noise, and folds judge what the past chose."""

import pytest

from backtest.distributed.walk import _rows
from backtest.models import BacktestRun
from backtest.statistics.splits import SplitSpec, folds
from tests.backtest.distributed.data import sweep_document, walk_file

pytestmark = pytest.mark.django_db


@pytest.mark.slow
def test_the_best_of_four_thousand_on_a_random_walk_is_not_significant(start, sent, tmp_path):
    grid = {"ema": {"period_1": list(range(2, 42)), "period_2": list(range(43, 143))}}
    study = start(sweep_document(walk_file(tmp_path, days=60, seed=7), grids=grid, chunk=1_000))
    sent.play()
    study.refresh_from_db()
    judgement = study.result["judgement"]
    assert study.result["runs"] == 4_000
    assert judgement["trials"] == 4_000
    assert judgement["is_significant"] is False
    assert judgement["deflated_sharpe"] < 0.9
    assert "best of 4,000 trials" in judgement["sentence"].lower()
    assert "not significant" in judgement["sentence"]


def test_trials_on_overlapping_days_count_against_each_other(start, sent, tmp_path):
    path = walk_file(tmp_path, days=60)
    start(sweep_document(path, end="2024-03-01"))
    sent.play()
    study = start(sweep_document(path, end="2024-03-04"))
    sent.play()
    study.refresh_from_db()
    assert study.result["judgement"]["trials"] == 40


def test_few_days_are_said_to_be_few(start, sent, tmp_path):
    study = start(sweep_document(walk_file(tmp_path, days=10)))
    sent.play()
    study.refresh_from_db()
    assert "10 days are too few" in study.result["judgement"]["sentence"]
    assert study.result["judgement"]["is_significant"] is False


def test_a_walk_forward_chooses_by_the_past_alone(start, sent, tmp_path):
    split = {"kind": "anchored", "folds": 3, "purge_days": 1}
    study = start(sweep_document(walk_file(tmp_path, days=60), split=split))
    sent.play()
    study.refresh_from_db()
    walk = study.result["walk_forward"]
    assert len(walk["folds"]) == 3
    assert walk["tried_days"] == 30
    assert walk["tried_pnl"] == pytest.approx(sum(fold["test_pnl"] for fold in walk["folds"]))
    assert 0 <= walk["earning_folds"] <= 3
    for fold in walk["folds"]:
        assert fold["train"][-1][1] < fold["test"][0][0]
        chosen = BacktestRun.objects.get(study=study, number=fold["number"])
        assert chosen.params == fold["params"]


def test_the_rows_of_a_fold_are_its_days():
    [fold] = folds(10, SplitSpec(kind="chronological", train_share=0.6, purge_days=1))
    assert _rows(fold.train).tolist() == [0, 1, 2, 3, 4]
    assert _rows(fold.test).tolist() == [6, 7, 8, 9]
