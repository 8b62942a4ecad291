"""Studies that choose their sets: at random, as a hypercube, by Optuna in rounds; and files that must be explained."""

import pandas as pd
import pytest

from backtest import services, tasks
from backtest.distributed import rounds
from backtest.distributed.data import bars_of
from backtest.distributed.spec import parse_spec
from backtest.models import Study
from backtest.search import ASKED_AT_ONCE, Axis, latin_hypercube, optimise, random_sets
from engine.errors import InvalidInput
from tests.backtest.distributed.data import sweep_document, walk_file

pytestmark = pytest.mark.django_db

GRIDS = {"ema": {"period_1": "2:9:1", "period_2": "8:40:1"}}
AXES = [Axis("period_1", tuple(range(2, 10))), Axis("period_2", tuple(range(8, 41)))]


def searched(path, kind, count=20, **changes):
    search = {"kind": kind, "count": count, "seed": 3}
    return sweep_document(path, **{"grids": GRIDS, "chunk": 7, "search": search, **changes})


def test_optuna_in_rounds_on_workers_finds_what_it_finds_alone(start, sent, tmp_path):
    document = searched(walk_file(tmp_path), "optuna", count=40)
    study = start(document)
    assert study.total == 40
    assert sum(shard.count for shard in study.shards.all()) == ASKED_AT_ONCE
    sent.play()
    study.refresh_from_db()
    assert (study.state, study.runs.count()) == ("done", 40)
    spec = parse_spec(document)
    alone = optimise(bars_of(spec, archive="").columns, strategy="ema", axes=AXES, count=40, seed=3)
    assert [(run.params, run.stats) for run in study.runs.order_by("number")] == [
        (run.params, run.stats) for run in alone.runs
    ]


@pytest.mark.parametrize(("kind", "choose"), [("random", random_sets), ("lhs", latin_hypercube)])
def test_drawn_sets_are_those_of_the_command(start, sent, tmp_path, kind, choose):
    study = start(searched(walk_file(tmp_path), kind))
    sent.play()
    expected = choose(AXES, 20, seed=3)
    assert [run.params for run in study.runs.order_by("number")] == expected
    assert 15 <= len(expected) <= 20


def test_a_round_begins_once_however_often_it_is_asked_for(start, sent, tmp_path):
    study = start(searched(walk_file(tmp_path), "optuna"))
    while study.state != Study.State.FOLDING:
        sent.play(at_most=1)
        study.refresh_from_db()
    assert rounds.go_on(study.pk)
    assert not rounds.go_on(study.pk)
    assert sum(shard.count for shard in study.shards.all()) == 20


def test_a_search_that_is_cancelled_asks_for_nothing_more(start, sent, tmp_path):
    study = start(searched(walk_file(tmp_path), "optuna"))
    sent.play(at_most=1)
    services.cancel_study(number=study.pk)
    sent.play()
    study.refresh_from_db()
    assert (study.state, study.runs.count()) == ("cancelled", ASKED_AT_ONCE)


def test_a_study_that_cannot_be_added_up_fails_with_its_reason(start, sent, tmp_path, monkeypatch):
    def breaks(study):
        raise ZeroDivisionError("no days")

    study = start(sweep_document(walk_file(tmp_path)))
    monkeypatch.setattr(services, "fold", breaks)
    sent.play()
    study.refresh_from_db()
    assert (study.state, study.error) == ("failed", "ZeroDivisionError: no days")
    assert tasks.tend_studies() == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"search": {"kind": "luck", "count": 3}}, "search.kind"),
        ({"search": {"kind": "lhs", "count": 0}}, "search.count"),
        ({"search": {"kind": "optuna", "count": 5}, "strategies": ["supertrend"], "kind": "campaign"}, "one strategy"),
        ({"search": {"kind": "optuna", "count": 5}, "params": {"ema": [{}]}}, "params: none were expected"),
        ({"grids": {"ema": {"period_1": "9:2:1"}}}, "grid: expected"),
        ({"grids": {"supertrend": {"multiplier": "1:3"}}}, "a step is needed"),
        ({"grids": {"ema": {"period_1": []}}}, "a value was expected"),
        ({"rank_by": "max_drawdown"}, "rank_by: one of net_pnl"),
        ({"rank_by": "profit_factor", "kind": "campaign"}, "rank_by: one of net_pnl, wins, trades, sharpe"),
    ],
)
def test_a_search_that_makes_no_sense_is_named(tmp_path, changes, message):
    with pytest.raises(InvalidInput, match=message):
        rounds.begun(parse_spec(sweep_document(walk_file(tmp_path), **changes)))


def test_what_a_files_stamps_mean_can_be_said(start, sent, tmp_path):
    path = tmp_path / "stamped.csv"
    bars = pd.read_parquet(walk_file(tmp_path))
    bars.rename(columns={"ts_open": "time"})[["time", "open", "high", "low", "close", "volume"]].to_csv(
        path, index=False
    )
    with pytest.raises(InvalidInput, match="time-is: the file does not say"):
        start(sweep_document(path))
    study = start(sweep_document(path, time_is="open"))
    same = start(sweep_document(walk_file(tmp_path)))
    sent.play()
    assert [run.stats for run in study.runs.all()] == [run.stats for run in same.runs.all()]


def test_a_study_puts_longer_bars_together(start, sent, tmp_path):
    study = start(sweep_document(walk_file(tmp_path), timeframe="1h"))
    sent.play()
    study.refresh_from_db()
    assert (study.state, study.bars) == ("done", 60 * 7)  # of thirteen half hours, the last alone
