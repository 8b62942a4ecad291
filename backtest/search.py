"""Which parameter sets to try: a whole grid, some at random, a Latin hypercube, or what Optuna asks for next."""

import itertools
import math
import random
from collections.abc import Iterable, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, get_args, get_origin

import msgspec

from backtest.simulation.sweep.job import EXITS, RunConfig, RunOutcome
from backtest.sweeping import Cancel, Progress, SweepResult, sweep
from engine.bars.columns import BarColumns
from engine.errors import InvalidInput
from strategies.registry import STRATEGIES, parse_params

Params = dict[str, Any]
MOST_VALUES = 1_000_000  # of one axis: more is a mistyped step
NEAR_ZERO = 10  # how far from a default of 0
WORDS_CHANGE = 0.3  # how often a word is drawn anew
ASKED_AT_ONCE = 16  # how many sets Optuna gives before it learns of them; fixed, so that a search can be repeated
SHAPE = "NAME=FIRST:LAST:STEP (both ends belong to it), NAME=FIRST:LAST or NAME=A,B,C"


class Axis(msgspec.Struct, frozen=True):
    """One parameter and what it may be: `values`, or anything between `low` and `high` where there are none."""

    name: str
    values: tuple[Any, ...] = ()
    low: float = 0.0
    high: float = 0.0

    @property
    def is_continuous(self) -> bool:
        return not self.values

    def at(self, share: float) -> Any:
        """The value at 0 ≤ share < 1 of the axis."""
        if self.is_continuous:
            return self.low + share * (self.high - self.low)
        return self.values[min(int(share * len(self.values)), len(self.values) - 1)]


def parse_axis(text: str, strategy: str) -> Axis:
    """An axis as people type it; whole numbers where the strategy's parameter is one."""
    name, separator, given = text.partition("=")
    name, given = name.strip(), given.strip()
    if not separator or not name or not given:
        raise InvalidInput(f"grid: expected {SHAPE}, found {text!r}", field="grid")
    is_whole = is_whole_number(strategy, name)
    if ":" not in given:
        return Axis(name, tuple(_value(part.strip()) for part in given.split(",")))
    numbers = [_number(part, text) for part in given.split(":")]
    if len(numbers) not in (2, 3) or numbers[1] < numbers[0] or (len(numbers) == 3 and numbers[2] <= 0):
        raise InvalidInput(f"grid: expected {SHAPE}, FIRST ≤ LAST and STEP > 0, found {text!r}", field="grid")
    if len(numbers) == 2 and not is_whole:
        return Axis(name, (), float(numbers[0]), float(numbers[1]))
    first, last, step = (*numbers, Decimal(1))[:3]
    is_whole = is_whole or (name.startswith(EXITS) and all(number == int(number) for number in (first, step)))
    count = int((last - first) / step) + 1
    if count > MOST_VALUES:
        raise InvalidInput(f"grid: {name} would have {count:,} values", field="grid")
    kind: Any = int if is_whole else float
    return Axis(name, tuple(kind(first + number * step) for number in range(count)))


def is_whole_number(strategy: str, name: str) -> bool:
    """Whether the strategy's parameter of that name is a whole number; False for names that are spelled otherwise."""
    kind = STRATEGIES[strategy].Params.__annotations__.get(name)
    while kind is not None and get_origin(kind) is not None and hasattr(kind, "__metadata__"):
        kind = get_args(kind)[0]
    return kind is int


def _value(text: str) -> Any:
    """A number where it is one, else the word."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _number(text: str, whole: str) -> Decimal:
    try:
        found = Decimal(text.strip())
    except InvalidOperation:
        raise InvalidInput(f"grid: expected {SHAPE}, found {whole!r}", field="grid") from None
    if not found.is_finite():
        raise InvalidInput(f"grid: expected {SHAPE}, found {whole!r}", field="grid")
    return found


def grid(axes: Sequence[Axis]) -> list[Params]:
    """Every combination; the last axis moves fastest."""
    for axis in axes:
        if axis.is_continuous:
            raise InvalidInput(f"grid: {axis.name} needs a step: {axis.name}=FIRST:LAST:STEP", field="grid")
    names = [axis.name for axis in axes]
    return [dict(zip(names, values, strict=True)) for values in itertools.product(*(axis.values for axis in axes))]


def random_sets(axes: Sequence[Axis], count: int, *, seed: int = 0) -> list[Params]:
    """`count` different sets at random, fewer where there are not so many."""
    rng = random.Random(seed)
    return _different((_params(axes, [rng.random() for _ in axes]) for _ in range(100 * count)), axes, count)


def latin_hypercube(axes: Sequence[Axis], count: int, *, seed: int = 0) -> list[Params]:
    """`count` sets, of which every axis sees each of its `count` equal parts once; equal ones are left out."""
    rng = random.Random(seed)
    parts = [rng.sample(range(count), count) for _ in axes]
    rows = [[(column[row] + rng.random()) / count for column in parts] for row in range(count)]
    return _different((_params(axes, row) for row in rows), axes, count)


def _params(axes: Sequence[Axis], shares: Sequence[float]) -> Params:
    return {axis.name: axis.at(share) for axis, share in zip(axes, shares, strict=True)}


def _different(sets: Iterable[Params], axes: Sequence[Axis], count: int) -> list[Params]:
    known: dict[tuple[Any, ...], Params] = {}
    most = math.inf if any(axis.is_continuous for axis in axes) else math.prod(len(axis.values) for axis in axes)
    for params in sets:
        known.setdefault(tuple(params.values()), params)
        if len(known) >= min(count, most):
            break
    return list(known.values())


def sets_around(strategy: str, count: int, *, seed: int = 0, reach: float = 3.0) -> list[Params]:
    """`count` sets that the strategy accepts: numbers between a `reach`-th and `reach` times their defaults within
    their bounds, words now and then another than the default."""
    kind, rng = STRATEGIES[strategy], random.Random(f"{strategy} {seed}")
    fields = msgspec.inspect.type_info(kind.Params).fields  # type: ignore[attr-defined]
    found: list[Params] = []
    for _ in range(100 * count):
        params = {field.name: _near(field.type, field.default, rng, reach) for field in fields}
        try:
            parse_params(strategy, params)
        except InvalidInput:
            continue  # parameters that contradict each other
        found.append(params)
        if len(found) == count:
            break
    return found


def _near(kind: Any, default: Any, rng: random.Random, reach: float) -> Any:
    match kind:
        case msgspec.inspect.Metadata(type=inner):
            return _near(inner, default, rng, reach)
        case msgspec.inspect.IntType():
            low, high = _bounds(kind, 1)
            least, most = (default / reach, default * reach + 1) if default else (-NEAR_ZERO, NEAR_ZERO)
            return rng.randint(max(low, int(least)), min(high, round(most)))
        case msgspec.inspect.FloatType():
            low, high = _bounds(kind, 1e-6)
            least, most = (default / reach, default * reach) if default else (-NEAR_ZERO, NEAR_ZERO)
            return rng.uniform(max(low, least), min(high, most))
    words = _words(kind)
    return rng.choice(words) if words and rng.random() < WORDS_CHANGE else default


def _words(kind: Any) -> list[Any]:
    match kind:
        case msgspec.inspect.LiteralType(values=values):
            return list(values)
        case msgspec.inspect.EnumType(cls=members):
            return [member.value for member in members]
        case msgspec.inspect.BoolType():
            return [False, True]
    return []


def _bounds(kind: Any, least: Any) -> tuple[Any, Any]:
    """The closed interval of a number; an open end is moved in by `least`."""
    low = kind.ge if kind.ge is not None else (kind.gt + least if kind.gt is not None else -math.inf)
    high = kind.le if kind.le is not None else (kind.lt - least if kind.lt is not None else math.inf)
    return low, high


class OptunaSearch:
    """Optuna's sampler (tree-structured Parzen estimator), asked for sets and told what came of them."""

    def __init__(self, axes: Sequence[Axis], *, seed: int = 0) -> None:
        import optuna  # on first use: it takes a while to import

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._axes = axes
        self._failed = optuna.trial.TrialState.FAIL
        self._study = optuna.create_study(
            direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed, constant_liar=True)
        )
        self._asked: list[Any] = []

    def ask(self, count: int) -> list[Params]:
        """The next sets to try."""
        self._asked = [self._study.ask() for _ in range(count)]
        return [{axis.name: self._suggest(trial, axis) for axis in self._axes} for trial in self._asked]

    def tell(self, values: Sequence[float | None]) -> None:
        """What the sets that were asked for last came to, in their order; None where there was no result."""
        for trial, value in zip(self._asked, values, strict=True):
            if value is None:
                self._study.tell(trial, state=self._failed)
            else:
                self._study.tell(trial, value)
        self._asked = []

    def _suggest(self, trial: Any, axis: Axis) -> Any:
        if axis.is_continuous:
            return trial.suggest_float(axis.name, axis.low, axis.high)
        if all(isinstance(value, int | float) for value in axis.values) and len(axis.values) > 1:
            return axis.values[trial.suggest_int(axis.name, 0, len(axis.values) - 1)]
        return trial.suggest_categorical(axis.name, axis.values)


def optimise(
    data: BarColumns,
    *,
    strategy: str,
    axes: Sequence[Axis],
    count: int,
    by: str = "net_pnl",
    seed: int = 0,
    fixed: RunConfig | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> SweepResult:
    """A sweep over `count` sets that Optuna chooses, by the highest `by` of the statistics."""
    search = OptunaSearch(axes, seed=seed)
    runs: list[RunOutcome] = []
    result = sweep(data, strategy=strategy, grid=[], fixed=fixed)
    while len(runs) < count and not result.is_cancelled:
        asked = search.ask(min(ASKED_AT_ONCE, count - len(runs)))
        result = sweep(data, strategy=strategy, grid=asked, fixed=fixed, workers=workers, cancel=cancel)
        found = [msgspec.structs.replace(run, number=len(runs) + at) for at, run in enumerate(result.runs)]
        if not result.is_cancelled:
            search.tell([_worth(run, by) for run in found])
        runs += found
        if progress is not None:
            progress(len(runs), count)
    return msgspec.structs.replace(result, runs=runs)


def _worth(run: RunOutcome, by: str) -> float | None:
    value = run.stats.get(by)
    return None if value is None else float(value)
