"""Folds: the past chooses, the future judges, and no day does both."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtest.statistics.splits import Fold, SplitSpec, folds
from engine.errors import InvalidInput


def days_of(spans):
    return {day for begin, end in spans for day in range(begin, end)}


def test_each_kind_as_it_is_drawn():
    assert folds(100, SplitSpec(kind="chronological", train_share=0.7)) == [Fold(((0, 70),), ((70, 100),))]
    assert folds(100, SplitSpec(kind="anchored", folds=2)) == [
        Fold(((0, 50),), ((50, 75),)),
        Fold(((0, 75),), ((75, 100),)),
    ]
    assert folds(100, SplitSpec(kind="rolling", folds=2, purge_days=3)) == [
        Fold(((0, 47),), ((50, 75),)),
        Fold(((25, 72),), ((75, 100),)),
    ]


def test_a_random_split_is_the_same_for_the_same_seed():
    spec = SplitSpec(kind="random", folds=3, seed=7)
    assert folds(60, spec) == folds(60, spec)
    assert folds(60, spec) != folds(60, SplitSpec(kind="random", folds=3, seed=8))


@given(
    days=st.integers(40, 300),
    kind=st.sampled_from(["chronological", "anchored", "rolling", "random"]),
    count=st.integers(1, 5),
    purge=st.integers(0, 2),
    embargo=st.integers(0, 2),
)
def test_no_day_is_chosen_in_and_tried_in(days, kind, count, purge, embargo):
    spec = SplitSpec(kind=kind, folds=count, purge_days=purge, embargo_days=embargo, train_share=0.7)
    try:
        made = folds(days, spec)
    except InvalidInput:
        assert kind == "random"  # so many days are barred that none is left
        return
    for fold in made:
        train, test = days_of(fold.train), days_of(fold.test)
        assert train
        assert test
        for day in test:
            assert not train & set(range(day - purge, day + 1))
            assert kind != "random" or not train & set(range(day, day + embargo + 1))
        if kind != "random":
            assert max(train) < min(test)
    if kind in ("anchored", "rolling"):
        tested = [day for fold in made for day in sorted(days_of(fold.test))]
        assert tested == list(range(round(days * 0.7), days))


def test_too_few_days_are_said():
    with pytest.raises(InvalidInput, match="3 days are too few"):
        folds(3, SplitSpec(folds=4))
