"""Replays stored ticks through the engine and a simulated venue: the trades, the P&L, and how fast it was."""

import json
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any

from django.core.management.base import CommandError
from django_typer.management import TyperCommand
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from typer import Argument, Option

from backtest.simulation.driver import Outcome, document, drive, money
from backtest.simulation.events import expand_ticks
from backtest.simulation.options import (
    FEES,
    SLIPPAGE,
    parse_fees,
    parse_fill,
    parse_pairs,
    parse_quantity,
    parse_slippage,
)
from engine.bars.expand import Expander
from engine.bars.timeframe import canonical
from engine.core import Engine, EngineConfig
from engine.errors import FortifiedError, InvalidInput
from engine.instruments.catalog import bar_session, instrument_for
from engine.model.market import Tick
from engine.model.time import NS_PER_S, iso
from engine.strategy.slot import SlotConfig
from engine.venue.matching import SimulatedVenue
from marketdata.files.ticks import read_ticks
from strategies.registry import STRATEGIES, parse_params

BROKER = "paper"
STEP = 10_000  # ticks between two looks at the progress bar


class Command(TyperCommand):
    """`./run replay FILE --symbol SPY --timeframe 1 --strategy ema`"""

    help = "Replays a file of ticks through the engine and prints the trades."

    def handle(
        self,
        file: Annotated[Path, Argument(help="Parquet or CSV of prints (ts, price, size, bid, ask, cond).")],
        symbol: Annotated[str, Option(help="Which symbol of the file; and how orders are priced.")],
        timeframe: Annotated[str, Option(help="Bars that the strategy sees: 1, 5, 144t …")] = "1",
        strategy: Annotated[str, Option(help="Which strategy trades.")] = "ema",
        param: Annotated[list[str] | None, Option(help="NAME=VALUE of a parameter; may be repeated.")] = None,
        quantity: Annotated[str, Option(help="How much is traded.")] = "1",
        speed: Annotated[str, Option(help="max, or how many times faster than it happened.")] = "max",
        fees: Annotated[str, Option(help=FEES)] = "none",
        slippage: Annotated[str, Option(help=SLIPPAGE)] = "none",
        fill: Annotated[str, Option(help="touch (bid or ask) or last.")] = "touch",
        exclude_conditions: Annotated[
            str, Option(help="Condition bits whose prints count in volume, not in prices: 0x20,0x20000000")
        ] = "",
        contract: Annotated[str | None, Option(help="One contract, where the file holds several.")] = None,
        as_json: Annotated[bool, Option("--json", help="One JSON document on standard output, nothing else.")] = False,
        timing: Annotated[
            bool | None, Option(help="Seconds in the JSON too, which differ from run to run; or no throughput at all.")
        ] = None,
    ) -> None:
        try:
            run = Replay(
                file=file, symbol=symbol, timeframe=timeframe, strategy=strategy, params=param or [], quantity=quantity,
                fees=fees, slippage=slippage, fill=fill, exclude=exclude_conditions, contract=contract,
            )  # fmt: skip
            run.play(pace=parse_speed(speed))
        except FortifiedError as error:
            raise CommandError(error.detail) from error
        if as_json:
            sys.stdout.write(json.dumps(run.result(timing=timing), indent=2, ensure_ascii=False) + "\n")
        else:
            show(run)


class Replay:
    """One replay: its configuration, checked before anything is read, and what came of it."""

    def __init__(
        self, *, file: Path, symbol: str, timeframe: str, strategy: str, params: list[str], quantity: str, fees: str,
        slippage: str, fill: str, exclude: str, contract: str | None,
    ) -> None:  # fmt: skip
        if not file.exists():
            raise InvalidInput(f"file: {file} does not exist", field="file")
        self.instrument = instrument_for(symbol)
        self.timeframe = canonical(timeframe)
        self.strategy = STRATEGIES.canonical(strategy)
        self.params = parse_params(self.strategy, parse_pairs(params, field="param"))
        self.quantity = parse_quantity(quantity)
        self.exclude = parse_bits(exclude)
        self.config: dict[str, Any] = {
            "file": file.name, "symbol": self.instrument.symbol, "timeframe": self.timeframe, "strategy": self.strategy,
            "params": {name: getattr(self.params, name) for name in self.params.__struct_fields__},
            "quantity": money(self.quantity), "fees": fees, "slippage": slippage, "fill": fill,
            "exclude_conditions": hex(self.exclude),
        }  # fmt: skip
        self.venue = SimulatedVenue(
            instruments={self.instrument.symbol: self.instrument},
            fill=parse_fill(fill),
            slippage=parse_slippage(slippage),
            fees=parse_fees(fees),
        )
        self.outcome = Outcome()
        self.seconds = 0.0
        self._file, self._contract = file, contract

    def play(self, *, pace: float | None) -> None:
        """Read the file and feed it; `pace` times as fast as it happened, or as fast as it goes."""
        columns = read_ticks(self._file, self.config["symbol"], contract=self._contract)
        self.config["ticks"] = len(columns)
        expander = Expander(
            self.instrument.symbol,
            [self.timeframe],
            session=bar_session(self.instrument.symbol),
            exclude=self.exclude,
            source=self._file.name,
        )
        began = time.perf_counter()
        with progress_bar() as progress:
            task = progress.add_task(f"{self.instrument.symbol} {self.timeframe}", total=len(columns))
            ticks = counted(columns.ticks(), lambda: progress.advance(task, STEP))
            if pace is not None:
                ticks = paced(ticks, pace)
            drive(self._engine(), self.venue, expand_ticks(ticks, expander), self.outcome)
            progress.update(task, completed=len(columns))
        self.seconds = time.perf_counter() - began

    def _engine(self) -> Engine:
        slot = SlotConfig(
            strategy=self.strategy,
            symbol=self.instrument.symbol,
            timeframe=self.timeframe,
            params=self.config["params"],
            quantities={BROKER: self.quantity},
        )
        config = EngineConfig(run="replay", slots=(slot,), instruments={self.instrument.symbol: self.instrument})
        return Engine(config, strategies=STRATEGIES)

    def result(self, *, timing: bool | None) -> dict[str, Any]:
        """The JSON document. Without `timing` two replays of one file are byte for byte the same."""
        found = document(self.outcome, config=self.config)
        if timing is None:
            found["throughput"] = {"events": self.outcome.events}
        elif timing:
            found["throughput"] = {"events": self.outcome.events, "seconds": round(self.seconds, 6)}
        return found


def counted(ticks: Iterable[Tick], each_step: Any) -> Iterator[Tick]:
    """The ticks, with a word after every `STEP` of them."""
    for number, tick in enumerate(ticks, 1):
        yield tick
        if number % STEP == 0:
            each_step()


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


def parse_speed(text: str) -> float | None:
    """None for `max`, else a number above 0."""
    if text == "max":
        return None
    try:
        pace = float(text)
    except ValueError:
        pace = 0.0
    if not 0 < pace < float("inf"):
        raise InvalidInput(f"speed: expected max or a number above 0, found {text!r}", field="speed")
    return pace


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


def progress_bar() -> Progress:
    """On standard error, and only where a person looks at it."""
    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
        console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True,
    )  # fmt: skip


def show(run: Replay) -> None:
    """For people: the trades, then what they add up to, then the speed."""
    console = Console(width=None if sys.stdout.isatty() else 140)
    table = Table(title=f"{run.strategy} on {run.instrument.symbol}, {run.timeframe}")
    for name, justify in (("side", "left"), ("qty", "right"), ("entry (UTC)", "left"), ("price", "right"),
                          ("exit (UTC)", "left"), ("price", "right"), ("P&L", "right"), ("why", "left")):  # fmt: skip
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    for trade in run.outcome.trades:
        table.add_row(
            trade.side.value, money(trade.quantity), iso(trade.entry_ts)[:19], money(trade.entry_price),
            iso(trade.exit_ts)[:19], money(trade.exit_price), money(trade.pnl), trade.exit_reason,
        )  # fmt: skip
    console.print(table)
    stats = run.result(timing=True)["stats"]
    console.print(
        f"{stats['trades']} trades ({stats['wins']} won, {stats['losses']} lost), net P&L {stats['net_pnl']}, "
        f"fees {stats['fees']}, deepest drawdown {stats['max_drawdown']}"
    )
    for position in stats["open_positions"]:
        console.print(f"still open: {position['side']} {position['quantity']} at {position['average_price']}")
    rate = run.outcome.events / run.seconds if run.seconds else 0.0
    console.print(f"{run.outcome.events:,} events in {run.seconds:.2f} s: {rate:,.0f} events/s")
