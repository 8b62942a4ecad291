"""A run over stored history: strategies and symbols in one engine and one account; checked, read, run, and told."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec

from backtest.request import BROKER, Asked, Request, check
from backtest.simulation.curve import Curve
from backtest.simulation.driver import Outcome, document, drive, money
from backtest.simulation.options import (
    check_options,
    parse_fees,
    parse_fill,
    parse_latency,
    parse_participation,
    parse_slippage,
)
from backtest.source import Series, described, merged, read_archive, read_file
from engine.bars.timeframe import parse_timeframe
from engine.core import Engine, EngineConfig
from engine.errors import InvalidInput
from engine.exits.config import ExitConfig
from engine.instruments.catalog import instrument_for
from engine.instruments.instrument import Instrument
from engine.model.event import Event
from engine.model.time import NS_PER_S
from engine.options.synthetic import parse_chains
from engine.risk.config import RiskConfig
from engine.strategy.base import decides_on_prints_alone
from engine.strategy.slot import SlotConfig
from engine.venue.fees import Fees
from engine.venue.margin import MarginAccount
from engine.venue.matching import SimulatedVenue
from engine.venue.slippage import Slippage
from marketdata.archive.store import Archive
from strategies.registry import STRATEGIES

STEP = 10_000  # events between two reports of progress
MINUTE_S = 60
NAMED = 5  # of more symbols or strategies a label tells how many

Progress = Callable[[int, int], None]  # done, of how many


def silent(done: int, total: int) -> None:
    """No report."""


class StoredRun:
    """Everything is checked before anything is read; `InvalidInput` names the option.

    `archive` is the folder of the stored history, where the request wants it. A run is played once; `again` gives one
    on the same data, with other costs if asked.
    """

    def __init__(self, request: Request, *, archive: str | Path = "", series: Sequence[Series] | None = None) -> None:
        self.request = request
        self.asked: Asked = check(request)
        self.exclude = parse_bits(request.exclude)
        self._archive = archive
        self._series = series
        self.fees: Fees = parse_fees(request.fees)
        self.slippage: Slippage = parse_slippage(request.slippage)
        self.fill = parse_fill(request.fill)
        self.latency = parse_latency(request.latency)
        self.participation = parse_participation(request.participation)
        self.chains = None if request.chains is None else parse_chains(request.chains)
        for trader in self.asked.traders:
            check_options(trader.name, STRATEGIES[trader.kind], trader.params, self.chains)
        self.instruments: dict[str, Instrument] = {symbol: instrument_for(symbol) for symbol in self.asked.symbols}
        self.engine = self.new_engine()
        self.timeframes = {
            symbol: sorted(state.streams, key=lambda each: parse_timeframe(each).order)
            for symbol, state in self.engine.symbols.items()
        }
        self.venue = self.new_venue()
        self.outcome = Outcome()
        self.curve = self.new_curve(self.engine)
        self.seconds = 0.0

    @property
    def label(self) -> str:
        """What runs on what, for people."""
        traders = self.asked.traders
        times = ", ".join(dict.fromkeys(trader.timeframe for trader in traders))
        return f"{_some([t.name for t in traders])} on {_some(self.asked.symbols)}, {times}"

    @cached_property
    def series(self) -> Sequence[Series]:
        """The data, read once."""
        if self._series is not None:
            return self._series
        if self.request.archive:
            archive = Archive(self._archive)
            found = [read_archive(self.request, archive, symbol, self.timeframes[symbol]) for symbol in self.timeframes]
        else:
            found = [
                read_file(self.request, path, symbol, self.timeframes[symbol])
                for symbol, path in self.asked.files.items()
            ]
        for series in found:
            if not series.rows:
                raise InvalidInput(f"start: {series.name} holds nothing of {series.symbol} in that time", field="start")
        self._check_prints(found)
        return found

    def _check_prints(self, found: Sequence[Series]) -> None:
        """A strategy that decides on prints alone would do nothing on bars, and look as if it had found nothing."""
        for trader in self.asked.traders:
            if decides_on_prints_alone(STRATEGIES[trader.kind]) and all(series.ticks is None for series in found):
                raise InvalidInput(
                    f"strategy: {trader.kind} decides on prints, and {found[0].name} holds bars", field="strategy"
                )

    @property
    def rows(self) -> int:
        return sum(series.rows for series in self.series)

    def play(self, *, pace: float | None = None, progress: Progress = silent) -> None:
        """Read and run; `pace` times as fast as it happened, or as fast as it goes."""
        events = self.events(pace=pace)
        began = time.perf_counter()
        drive(self.engine, self.venue, self._counted(events, progress), self.outcome, self.curve, self.chains)
        self.seconds = time.perf_counter() - began

    def again(self, **changes: Any) -> "StoredRun":
        """A new run of the same; `changes` are fields of the request. What was read is read again only for another
        period."""
        request = replace(self.request, **changes)
        series = None if {"start", "end"} & changes.keys() else self.series
        return StoredRun(request, archive=self._archive, series=series)

    def set_costs(self, fees: Fees, slippage: Slippage) -> None:
        """Other costs than the request's; before it is played."""
        self.fees, self.slippage = fees, slippage
        self.venue = self.new_venue()

    def events(self, *, pace: float | None = None) -> Iterable[Event]:
        """Everything that the run is fed, by time."""
        if pace is not None and len(self.series) > 1:
            raise InvalidInput("speed: one symbol can be paced, not several", field="speed")
        return merged([s.events(self.timeframes[s.symbol], exclude=self.exclude, pace=pace) for s in self.series])

    # ---- parts ---------------------------------------------------------------------------------------------

    def new_engine(self) -> Engine:
        """A new engine for this run."""
        capital = self.asked.capital
        config = EngineConfig(
            run="stored",
            slots=tuple(self._slots()),
            instruments=self.instruments,
            risk=self._risk(),
            capital={} if capital is None else {BROKER: capital},
            rolls=self.asked.rolls,
        )
        return Engine(config, strategies=STRATEGIES)

    def new_venue(self) -> SimulatedVenue:
        """A new venue for this run; with a capital it carries what the account can."""
        capital = self.asked.capital
        return SimulatedVenue(
            instruments=self.instruments,
            fill=self.fill,
            slippage=self.slippage,
            fees=self.fees,
            latency=self.latency,
            participation=self.participation,
            margin=None if capital is None else {BROKER: MarginAccount(capital)},
        )

    def new_curve(self, engine: Engine) -> Curve:
        return Curve(engine, {symbol: times[0] for symbol, times in self.timeframes.items()})

    def _slots(self) -> Iterator[SlotConfig]:
        asked = self.asked
        for trader in asked.traders:
            for symbol in asked.symbols:
                yield SlotConfig(
                    strategy=trader.name,
                    symbol=symbol,
                    timeframe=trader.timeframe,
                    params=trader.params,
                    quantities={BROKER: asked.quantities[symbol]},
                    exits=self.exits,
                    kind=trader.kind,
                    sizing=asked.sizing,
                )

    @property
    def exits(self) -> ExitConfig | None:
        """Those of every slot: what was asked for, and flat at the close."""
        if not self.request.flat_at_close:
            return self.asked.exits
        return msgspec.structs.replace(self.asked.exits or ExitConfig(), before_close_s=self._before_close_s())

    def _risk(self) -> RiskConfig:
        if not self.request.flat_at_close:
            return RiskConfig()
        return RiskConfig(no_entry_before_close_s=self._before_close_s())

    def _before_close_s(self) -> float:
        """A bar before the close: the exit is decided at the close of a bar and filled at the open of the next."""
        spans = [parse_timeframe(trader.timeframe).duration_ns or 0 for trader in self.asked.traders]
        longest = max(spans, default=0) // NS_PER_S
        if longest >= 86_400:
            raise InvalidInput("flat-at-close: bars of a day end with the session; use --carry", field="flat_at_close")
        return float(max(longest, MINUTE_S))

    def _counted(self, events: Iterable[Event], progress: Progress) -> Iterator[Event]:
        rows = self.rows
        for number, event in enumerate(events, 1):
            yield event
            if number % STEP == 0:
                progress(number, rows)
        progress(rows, rows)

    # ---- telling -------------------------------------------------------------------------------------------

    def result(self, *, timing: bool | None) -> dict[str, Any]:
        """The JSON document. Without seconds two runs over the same data are byte for byte the same."""
        found = document(self.outcome, config=self.config())
        if timing is None:
            found["throughput"] = {"events": self.outcome.events}
        elif timing:
            found["throughput"] = {"events": self.outcome.events, "seconds": round(self.seconds, 6)}
        return found

    def config(self) -> dict[str, Any]:
        """What was run. With one symbol and one strategy their fields stand for themselves, too."""
        asked, request = self.asked, self.request
        return {
            **self._single(),
            "rows": self.rows,
            "data": described(self.series),
            "strategies": [msgspec.to_builtins(trader) for trader in asked.traders],
            "quantities": {symbol: money(quantity) for symbol, quantity in asked.quantities.items()},
            "fees": request.fees,
            "slippage": request.slippage,
            "fill": request.fill,
            "latency": request.latency,
            "participation": self.participation,
            "exclude_conditions": hex(self.exclude),
            "capital": None if asked.capital is None else money(asked.capital),
            "exits": msgspec.to_builtins(self.exits),
            "sizing": msgspec.to_builtins(asked.sizing),
            "flat_at_close": request.flat_at_close,
            "intrabar": request.intrabar,
            "adjust": request.adjust,
            **({} if request.chains is None else {"chains": request.chains}),
            **({} if request.roll_close is None else {"roll_close": request.roll_close}),
        }

    def _single(self) -> dict[str, Any]:
        asked = self.asked
        if len(asked.traders) > 1 or len(asked.symbols) > 1:
            return {}
        [trader], [symbol] = asked.traders, asked.symbols
        return {
            "file": self.series[0].name,
            "symbol": symbol,
            "timeframe": trader.timeframe,
            "strategy": trader.name,
            "params": trader.params,
            "quantity": money(asked.quantities[symbol]),
        }


def _some(names: Sequence[str]) -> str:
    """The names, or of many the first and how many more."""
    if len(names) <= NAMED:
        return ", ".join(names)
    return f"{', '.join(names[: NAMED - 1])} and {len(names) - NAMED + 1} more"


def parse_bits(text: str) -> int:
    """Condition bits, comma separated, decimal or 0x…; 0 for none."""
    bits = 0
    for part in filter(None, (part.strip() for part in text.split(","))):
        try:
            bits |= int(part, 0)
        except ValueError:
            raise InvalidInput(
                f"exclude-conditions: expected bits like 0x20,0x20000000, found {part!r}", field="exclude_conditions"
            ) from None
    return bits
