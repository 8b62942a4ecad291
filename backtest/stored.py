"""One strategy over one file of prints or bars: checked, read, run, and told."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from backtest.simulation.driver import Outcome, document, drive, money
from backtest.simulation.events import expand_ticks
from backtest.simulation.options import parse_fees, parse_fill, parse_pairs, parse_quantity, parse_slippage
from engine.bars.expand import Expander
from engine.bars.timeframe import canonical
from engine.core import Engine, EngineConfig
from engine.errors import InvalidInput
from engine.instruments.catalog import bar_session, instrument_for
from engine.model.event import Event
from engine.model.market import Tick
from engine.model.time import NS_PER_S
from engine.strategy.slot import SlotConfig
from engine.venue.matching import SimulatedVenue
from marketdata.files.bars import read_bars
from marketdata.files.names import recognise
from marketdata.files.table import column_names
from marketdata.files.ticks import read_ticks
from strategies.registry import STRATEGIES, parse_params

BROKER = "paper"
STEP = 10_000  # events between two reports of progress

Progress = Callable[[int, int], None]  # done, of how many


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a person asks for, as they type it."""

    file: Path
    symbol: str
    timeframe: str = "1"
    strategy: str = "ema"
    params: tuple[str, ...] = ()
    quantity: str = "1"
    fees: str = "none"
    slippage: str = "none"
    fill: str = "touch"
    exclude: str = ""
    contract: str | None = None
    mapping: tuple[str, ...] = ()
    time_is: str | None = None
    start: int | None = None  # UTC nanoseconds
    end: int | None = None


class StoredRun:
    """A run over a file. Everything is checked before anything is read; `InvalidInput` names the field."""

    def __init__(self, request: Request) -> None:
        if not request.file.is_file():
            raise InvalidInput(f"file: {request.file} is no file", field="file")
        self.request = request
        self.instrument = instrument_for(request.symbol)
        self.timeframe = canonical(request.timeframe)
        self.strategy = STRATEGIES.canonical(request.strategy)
        params = parse_params(self.strategy, parse_pairs(request.params, field="param"))
        self.params = {name: getattr(params, name) for name in params.__struct_fields__}
        self.quantity: Decimal = parse_quantity(request.quantity)
        self.exclude = parse_bits(request.exclude)
        self.mapping = parse_pairs(request.mapping, field="map")
        self.venue = SimulatedVenue(
            instruments={self.instrument.symbol: self.instrument},
            fill=parse_fill(request.fill),
            slippage=parse_slippage(request.slippage),
            fees=parse_fees(request.fees),
        )
        self.outcome = Outcome()
        self.seconds = 0.0
        self.rows = 0

    @property
    def holds_bars(self) -> bool:
        """Whether the file is of bars; one of prints has a price and no open, high, low and close."""
        found = recognise(column_names(self.request.file), self.mapping)
        return {"open", "high", "low", "close"} <= found.keys()

    def play(self, *, pace: float | None = None, progress: Progress = lambda done, total: None) -> None:
        """Read and run; `pace` times as fast as it happened, or as fast as it goes."""
        events = self._bars() if self.holds_bars else self._ticks(pace)
        began = time.perf_counter()
        drive(self.engine(), self.venue, self._counted(events, progress), self.outcome)
        self.seconds = time.perf_counter() - began

    def engine(self) -> Engine:
        """A new engine for this run."""
        slot = SlotConfig(
            strategy=self.strategy,
            symbol=self.instrument.symbol,
            timeframe=self.timeframe,
            params=self.params,
            quantities={BROKER: self.quantity},
        )
        config = EngineConfig(run="stored", slots=(slot,), instruments={self.instrument.symbol: self.instrument})
        return Engine(config, strategies=STRATEGIES)

    def result(self, *, timing: bool | None) -> dict[str, Any]:
        """The JSON document. Without seconds two runs over one file are byte for byte the same."""
        found = document(self.outcome, config=self._config())
        if timing is None:
            found["throughput"] = {"events": self.outcome.events}
        elif timing:
            found["throughput"] = {"events": self.outcome.events, "seconds": round(self.seconds, 6)}
        return found

    def _config(self) -> dict[str, Any]:
        asked = self.request
        return {
            "file": asked.file.name,
            "rows": self.rows,
            "symbol": self.instrument.symbol,
            "timeframe": self.timeframe,
            "strategy": self.strategy,
            "params": self.params,
            "quantity": money(self.quantity),
            "fees": asked.fees,
            "slippage": asked.slippage,
            "fill": asked.fill,
            "exclude_conditions": hex(self.exclude),
        }

    def _ticks(self, pace: float | None) -> Iterator[Event]:
        asked = self.request
        columns = read_ticks(
            asked.file,
            self.instrument.symbol,
            contract=asked.contract,
            mapping=self.mapping,
            start=asked.start,
            end=asked.end,
        )
        self.rows = len(columns)
        expander = Expander(
            self.instrument.symbol,
            [self.timeframe],
            session=bar_session(self.instrument.symbol),
            exclude=self.exclude,
            source=asked.file.name,
        )
        ticks = columns.ticks() if pace is None else paced(columns.ticks(), pace)
        return expand_ticks(ticks, expander)

    def _bars(self) -> Iterator[Event]:
        asked = self.request
        columns = read_bars(
            asked.file,
            self.instrument.symbol,
            contract=asked.contract,
            time_is=asked.time_is,
            mapping=self.mapping,
            session=bar_session(self.instrument.symbol),
            start=asked.start,
            end=asked.end,
        )
        if columns.timeframe != self.timeframe:
            raise InvalidInput(
                f"timeframe: the file holds bars of {columns.timeframe}; {self.timeframe} can be made of prints only",
                field="timeframe",
            )
        self.rows = len(columns)
        return columns.bars(source=asked.file.name)

    def _counted(self, events: Iterable[Event], progress: Progress) -> Iterator[Event]:
        for number, event in enumerate(events, 1):
            yield event
            if number % STEP == 0:
                progress(number, self.rows)
        progress(self.rows, self.rows)


def paced(ticks: Iterable[Tick], pace: float) -> Iterator[Tick]:
    """The ticks when they are due: `pace` market seconds in each second."""
    first: int | None = None
    began = time.monotonic()
    for tick in ticks:
        first = tick.ts if first is None else first
        wait = (tick.ts - first) / NS_PER_S / pace - (time.monotonic() - began)
        if wait > 0:
            time.sleep(wait)
        yield tick


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
