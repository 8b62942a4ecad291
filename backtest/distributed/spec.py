"""What a person asks of many runs: one strategy over a grid, or several strategies day by day. Checked at once."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import msgspec

from backtest.request import Request
from backtest.simulation.options import parse_fees, parse_fill, parse_slippage
from backtest.simulation.sweep.job import RunConfig
from backtest.statistics.splits import SplitSpec
from engine.bars.timeframe import canonical
from engine.errors import FortifiedError, InvalidInput
from engine.instruments.catalog import instrument_for, normalize_symbol
from engine.model.time import from_datetime
from strategies.registry import STRATEGIES, parse_params

MOST_RUNS = 200_000
Behaviour = Literal["any", "trend", "range", "volatile", "quiet"]
BEHAVIOURS: tuple[str, ...] = get_args(Behaviour)
Grid = dict[str, list[Any]]


class StudySpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`grids`: strategy → parameter → the values to try; `params`: strategy → whole sets to try as they are. A strategy
    with neither runs with its defaults.

    `data` is a file of bars or prints; empty: the archive. `start` and `end` are days, both included. A sweep carries
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
    data: str = ""
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
        grid = self.grids.get(strategy, {})
        made = [dict(zip(grid, values, strict=True)) for values in product(*grid.values())] if grid else []
        made += [dict(each) for each in self.params.get(strategy, [])]
        return made or [{}]

    def count(self, strategy: str) -> int:
        """How many sets `sets` gives, without making them."""
        total = 1
        for values in self.grids.get(strategy, {}).values():
            total *= len(values)
        listed = len(self.params.get(strategy, []))
        return listed + (total if self.grids.get(strategy) else 0) or 1

    @property
    def request(self) -> Request:
        """What reads the data."""
        return Request(
            data=(self.data,) if self.data else (),
            archive=not self.data,
            symbols=(self.symbol,),
            timeframes=(self.timeframe,),
            start=_day_start(self.start),
            end=_day_start(self.end + timedelta(days=1)) if self.end else None,
        )


def parse_spec(document: Mapping[str, Any]) -> StudySpec:
    """The spec in canonical spelling; `InvalidInput` names the field that is wrong, and nothing is started."""
    try:
        spec = msgspec.convert(dict(document), type=StudySpec, strict=False)
    except msgspec.ValidationError as error:
        raise InvalidInput(f"study: {error}", field=_path(str(error))) from error
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
    parse_fees(spec.fixed.fees), parse_slippage(spec.fixed.slippage), parse_fill(spec.fixed.fill)
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
    total = sum(spec.count(name) for name in spec.names)
    if total > MOST_RUNS:
        raise InvalidInput(f"grids: at most {MOST_RUNS:,} runs were expected, found {total:,}", field="grids")
    for name in spec.names:
        _check_parameters(spec, name)


def _check_parameters(spec: StudySpec, strategy: str) -> None:
    """Names and values one by one; a combination that is refused is a run with an error, not a refused study."""
    kind = STRATEGIES[strategy]
    for parameter, values in spec.grids.get(strategy, {}).items():
        if not values:
            raise InvalidInput(f"grids.{strategy}.{parameter}: a value was expected, found none", field="grids")
        known = kind.Params.__struct_fields__
        if not set(kind.normalize({parameter: values[0]})) <= set(known):
            raise InvalidInput(
                f"grids.{strategy}.{parameter}: {strategy} has the parameters {', '.join(known)}", field="grids"
            )
    first = spec.sets(strategy)[0]
    try:
        parse_params(strategy, {**spec.fixed.params, **first})
    except FortifiedError as error:
        if spec.count(strategy) == 1:
            raise InvalidInput(f"params of {strategy}: {error.detail}", field="params") from error


def _day_start(day: date | None) -> int | None:
    return None if day is None else from_datetime(datetime.combine(day, time(), UTC))


def _path(message: str) -> str:
    """The field in msgspec's "… - at `$.grids`"."""
    return message.partition("`$.")[2].partition("`")[0] or "spec"
