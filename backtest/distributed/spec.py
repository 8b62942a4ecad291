"""What a person asks of many runs: one strategy over a grid, or several strategies day by day. Checked at once."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from math import prod
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import msgspec

from backtest.refusals import refusal_at
from backtest.request import Request
from backtest.search import Axis, grid, latin_hypercube, parse_axis, random_sets
from backtest.simulation.driver import RANKS
from backtest.simulation.sweep.job import EXITS, RunConfig, check_config, parted
from backtest.statistics.splits import SplitSpec
from engine.bars.timeframe import canonical
from engine.errors import FortifiedError, InvalidInput
from engine.instruments.catalog import instrument_for, normalize_symbol
from engine.model.time import from_datetime
from strategies.registry import STRATEGIES, parse_params

MOST_RUNS = 200_000
Behaviour = Literal["any", "trend", "range", "volatile", "quiet"]
BEHAVIOURS: tuple[str, ...] = get_args(Behaviour)
Grid = dict[str, list[Any] | str]
OF_DAYS = ("net_pnl", "wins", "trades")  # of what a campaign adds up, that of which more is better


class SearchSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`count` sets of each strategy instead of every combination: at random, as a Latin hypercube, or chosen by Optuna,
    which learns of a few before it asks for the next."""

    kind: Literal["random", "lhs", "optuna"]
    count: Annotated[int, msgspec.Meta(ge=1, le=MOST_RUNS)]
    seed: int = 0


class StudySpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`grids`: strategy → parameter → the values to try, as a list or as text like "5:20:5", or "0.5:2" where a
    `search` takes anything between; `params`: strategy → whole sets to try as they are. A strategy with neither runs
    with its defaults. Where Optuna searches, `params` are the sets that it has asked for so far.

    `data` is a file of bars or prints; empty: the archive. `time_is` says what the stamps of a file's bars mean where
    it does not say so itself. `adjust`: none, or splits. `start` and `end` are days, both included. A sweep carries
    positions over the nights; a campaign runs each trading day on its own (`warmup_days` before it are seen, not
    traded), on the days that behaved as `behaviour` says. `split` asks for folds: parameters are chosen before they
    are tried.
    """

    kind: Literal["sweep", "campaign"] = "sweep"
    name: Annotated[str, msgspec.Meta(max_length=80)] = ""
    symbol: str
    timeframe: str = "1"
    grids: dict[str, Grid] = {}
    params: dict[str, list[dict[str, Any]]] = {}
    strategies: tuple[str, ...] = ()
    search: SearchSpec | None = None
    data: str = ""
    time_is: Literal["open", "close"] | None = None
    adjust: Literal["none", "splits"] = "none"
    start: date | None = None
    end: date | None = None
    fixed: RunConfig = RunConfig()
    split: SplitSpec | None = None
    behaviour: Behaviour = "any"
    warmup_days: Annotated[int, msgspec.Meta(ge=0, le=30)] = 1
    flat_at_close: bool = True
    chunk: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 100
    rank_by: str = "net_pnl"

    @property
    def names(self) -> tuple[str, ...]:
        """Every strategy that is asked for, once."""
        return tuple(dict.fromkeys((*self.strategies, *self.grids, *self.params)))

    def sets(self, strategy: str) -> list[dict[str, Any]]:
        """The parameter sets of one strategy, in a fixed order."""
        listed = [dict(each) for each in self.params.get(strategy, [])]
        return [*self._chosen(strategy), *listed] or [{}]

    def _chosen(self, strategy: str) -> list[dict[str, Any]]:
        axes = self.axes(strategy)
        if not axes or self.is_adaptive:
            return []
        if self.search is None:
            return grid(axes)
        choose = random_sets if self.search.kind == "random" else latin_hypercube
        return choose(axes, self.search.count, seed=self.search.seed)

    def axes(self, strategy: str) -> list[Axis]:
        """What is tried of each parameter; `InvalidInput` where that cannot be read."""
        return [
            parse_axis(f"{name}={values}", strategy) if isinstance(values, str) else Axis(name, tuple(values))
            for name, values in self.grids.get(strategy, {}).items()
        ]

    @property
    def is_adaptive(self) -> bool:
        """Whether what is tried next depends on what came of the sets before."""
        return self.search is not None and self.search.kind == "optuna"

    def count(self, strategy: str) -> int:
        """How many sets will be tried, without making them; a search may find fewer that are different."""
        listed = len(self.params.get(strategy, []))
        axes = self.axes(strategy)
        if self.search is not None and axes:
            return self.search.count if self.is_adaptive else listed + self.search.count
        return listed + (prod(len(axis.values) for axis in axes) if axes else 0) or 1

    @property
    def request(self) -> Request:
        """What reads the data."""
        return Request(
            data=(self.data,) if self.data else (),
            archive=not self.data,
            symbols=(self.symbol,),
            timeframes=(self.timeframe,),
            time_is=self.time_is,
            adjust=self.adjust,
            start=_day_start(self.start),
            end=_day_start(self.end + timedelta(days=1)) if self.end else None,
        )


def parse_spec(document: Mapping[str, Any]) -> StudySpec:
    """The spec in canonical spelling; `InvalidInput` names the field that is wrong, and nothing is started."""
    try:
        spec = msgspec.convert(dict(document), type=StudySpec, strict=False)
    except msgspec.ValidationError as error:
        raise refusal_at(error, document) from error
    spec = msgspec.structs.replace(
        spec,
        symbol=normalize_symbol(spec.symbol),
        timeframe=canonical(spec.timeframe),
        strategies=tuple(STRATEGIES.canonical(each) for each in spec.strategies),
        grids={STRATEGIES.canonical(name): grid for name, grid in spec.grids.items()},
        params={STRATEGIES.canonical(name): sets for name, sets in spec.params.items()},
    )
    _check(spec)
    return spec


def _check(spec: StudySpec) -> None:
    instrument_for(spec.symbol)
    check_config(spec.fixed)
    if not spec.names:
        raise InvalidInput("strategies: at least one was expected, found none", field="strategies")
    if spec.kind == "sweep" and len(spec.names) > 1:
        raise InvalidInput(
            f"strategies: a sweep tries one, found {', '.join(spec.names)}; a campaign compares several",
            field="strategies",
        )
    if spec.start and spec.end and spec.end < spec.start:
        raise InvalidInput(f"end: {spec.start} or later was expected, found {spec.end}", field="end")
    if spec.data and not Path(spec.data).is_file():
        raise InvalidInput(f"data: a file was expected, found nothing at {spec.data!r}", field="data")
    ranks = (*(OF_DAYS if spec.kind == "campaign" else RANKS), "sharpe")
    if spec.rank_by not in ranks:
        raise InvalidInput(f"rank_by: one of {', '.join(ranks)} was expected, found {spec.rank_by!r}", field="rank_by")
    if spec.is_adaptive and (len(spec.names) > 1 or not spec.grids):
        raise InvalidInput("search: Optuna tries one strategy, over what `grids` say of it", field="search")
    total = sum(spec.count(name) for name in spec.names)
    if total > MOST_RUNS:
        raise InvalidInput(f"grids: at most {MOST_RUNS:,} runs were expected, found {total:,}", field="grids")
    for name in spec.names:
        _check_parameters(spec, name)


def _check_parameters(spec: StudySpec, strategy: str) -> None:
    """Names and values one by one; a combination that is refused is a run with an error, not a refused study."""
    kind = STRATEGIES[strategy]
    for axis in spec.axes(strategy):
        if axis.is_continuous and not axis.high > axis.low:
            raise InvalidInput(f"grids.{strategy}.{axis.name}: a value was expected, found none", field="grids")
        if axis.is_continuous and spec.search is None:
            raise InvalidInput(
                f"grids.{strategy}.{axis.name}: a step is needed, or a search that takes anything between",
                field="grids",
            )
        if axis.name.startswith(EXITS):
            continue
        known = kind.Params.__struct_fields__
        if not set(kind.normalize({axis.name: axis.at(0.0)})) <= set(known):
            raise InvalidInput(
                f"grids.{strategy}.{axis.name}: {strategy} has the parameters {', '.join(known)}", field="grids"
            )
    first = spec.sets(strategy)[0]
    try:
        parse_params(strategy, parted(spec.fixed, first)[0])
    except FortifiedError as error:
        if spec.count(strategy) == 1:
            raise InvalidInput(f"params of {strategy}: {error.detail}", field="params") from error


def _day_start(day: date | None) -> int | None:
    return None if day is None else from_datetime(datetime.combine(day, time(), UTC))
