"""Spans of time to choose parameters in, and spans to try them in."""

import random
from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Literal, NamedTuple

import msgspec

from engine.errors import InvalidInput

Kind = Literal["chronological", "anchored", "rolling", "random"]


class SplitSpec(msgspec.Struct, frozen=True, kw_only=True):
    """`chronological`: one cut, `train_share` first. `anchored`: every fold chooses in all that came before its test;
    `rolling`: in as long a span as the first one. `random`: whole days, `train_share` of them, drawn with `seed`.

    `purge_days` before a test are not chosen in (positions that reach into it); `embargo_days` after a test are not
    chosen in by a random split.
    """

    kind: Kind = "anchored"
    folds: Annotated[int, msgspec.Meta(ge=1, le=100)] = 4
    train_share: Annotated[float, msgspec.Meta(gt=0, lt=1)] = 0.5
    purge_days: Annotated[int, msgspec.Meta(ge=0)] = 0
    embargo_days: Annotated[int, msgspec.Meta(ge=0)] = 0
    seed: int = 1


class Fold(NamedTuple):
    """Indexes of days: what is chosen in, and what is tried in. Each is one or more spans [first, after the last)."""

    train: tuple[tuple[int, int], ...]
    test: tuple[tuple[int, int], ...]


def folds(days: int, spec: SplitSpec) -> list[Fold]:
    """The folds over so many days with data; no day is in both halves of a fold. `InvalidInput` where days are few."""
    made = _random(days, spec) if spec.kind == "random" else _ordered(days, spec)
    for fold in made:
        if not fold.train or not fold.test:
            raise InvalidInput(
                f"split: {days} days are too few for {spec.folds} folds with {spec.purge_days} days between",
                field="split",
            )
    return made


def _ordered(days: int, spec: SplitSpec) -> list[Fold]:
    count = 1 if spec.kind == "chronological" else spec.folds
    first = round(days * spec.train_share)
    edges = [first + round((days - first) * number / count) for number in range(count + 1)]
    made = []
    for begin, end in pairwise(edges):
        start = max(0, begin - first) if spec.kind == "rolling" else 0
        made.append(Fold(_spans([(start, begin - spec.purge_days)]), _spans([(begin, end)])))
    return made


def _random(days: int, spec: SplitSpec) -> list[Fold]:
    """Each fold draws its own days; the embargo and the purge are taken from the train side."""
    rng = random.Random(spec.seed)
    made = []
    for _ in range(spec.folds):
        tested = set(rng.sample(range(days), days - round(days * spec.train_share)))
        barred = {
            day + step for day in tested for step in range(-spec.purge_days, spec.embargo_days + 1)
        }  # includes the day itself
        train = [day for day in range(days) if day not in barred]
        made.append(Fold(_runs(train), _runs(sorted(tested))))
    return made


def _runs(days: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """Days that follow each other as one span."""
    spans: list[tuple[int, int]] = []
    for day in days:
        if spans and spans[-1][1] == day:
            spans[-1] = (spans[-1][0], day + 1)
        else:
            spans.append((day, day + 1))
    return tuple(spans)


def _spans(spans: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    return tuple((begin, end) for begin, end in spans if begin < end)
