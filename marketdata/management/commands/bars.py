"""`./run manage bars`: bars of a file of prints, built as the feeds build them."""

import time
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from django.core.management import CommandError
from django_typer.management import TyperCommand
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from engine.bars.columns import BarColumns, TickColumns, build_columns
from engine.errors import FortifiedError, InvalidInput
from engine.instruments.catalog import bar_session
from engine.instruments.sessions import HOURS, SessionOf, session_of
from engine.model.time import iso
from marketdata.files.build import write_bars
from marketdata.files.ticks import read_ticks

SESSIONS = ", ".join([*HOURS, "24/7"])


class Command(TyperCommand):
    """Reads, builds, writes; touches no database and no Redis."""

    help = "Build bars from a file of prints with the product's own aggregators."
    requires_system_checks = ()

    def handle(
        self,
        file: Annotated[Path, typer.Argument(help="Prints: .parquet, .csv, .csv.gz or .zip")],
        timeframe: Annotated[str, typer.Option(help="1, 5Min, 1h, 1d, 30s, 144t, 5000v …")],
        out: Annotated[Path, typer.Option(help="Where the bars go: .csv or .parquet")],
        symbol: Annotated[str | None, typer.Option(help="SPY, /GC, GCZ13 …; needed where the file holds many")] = None,
        contract: Annotated[str | None, typer.Option(help="One futures contract of a file that holds several")] = None,
        mapping: Annotated[
            list[str] | None, typer.Option("--map", help="OURS=COLUMN, e.g. price=Last; again for each column")
        ] = None,
        exclude_conditions: Annotated[
            str, typer.Option(help="Condition bits whose prints make no price: 0x20,0x20000000")
        ] = "0",
        session: Annotated[
            str | None, typer.Option(help=f"Trading day of 1d, tick and volume bars: {SESSIONS}; else the symbol's")
        ] = None,
        timezone: Annotated[str, typer.Option(help="Zone of times that name none")] = "UTC",
        as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output")] = False,
    ) -> None:
        started = time.perf_counter()
        try:
            with _progress() as progress:
                if out.resolve() == file.resolve():
                    raise InvalidInput("out: another file than the one that is read was expected", field="out")
                step = progress.add_task(f"Reading {file.name}", total=3)
                ticks = read_ticks(file, symbol, contract=contract, mapping=pairs(mapping or []), timezone=timezone)
                progress.update(step, advance=1, description=f"Building {timeframe} from {len(ticks):,} prints")
                bars = build_columns(
                    ticks, timeframe, session=_session(session, ticks.symbol), exclude=_bits(exclude_conditions)
                )
                progress.update(step, advance=1, description=f"Writing {len(bars):,} bars to {out.name}")
                write_bars(bars, out)
                progress.update(step, advance=1, description="Done")
        except (FortifiedError, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(_summary(ticks, bars, out, time.perf_counter() - started, as_json=as_json))


def _progress() -> Progress:
    """On standard error, where a terminal sees it; silent when piped."""
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=console,
        disable=not console.is_terminal,
    )  # fmt: skip


def pairs(items: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for item in ",".join(items).split(",") if items else []:
        name, equals, column = item.partition("=")
        if not equals:
            raise InvalidInput(f"map: expected OURS=COLUMN, found {item!r}", field="map")
        found[name.strip()] = column.strip()
    return found


def _bits(text: str) -> int:
    mask = 0
    for item in text.split(","):
        try:
            mask |= int(item.strip(), 0)
        except ValueError as error:
            raise InvalidInput(
                f"exclude-conditions: expected bits like 0x20,0x20000000, found {item!r}", field="exclude_conditions"
            ) from error
    return mask


def _session(name: str | None, symbol: str) -> SessionOf | None:
    if name is not None:
        return session_of(name)
    return bar_session(symbol) if symbol else None


def _summary(ticks: TickColumns, bars: BarColumns, out: Path, seconds: float, *, as_json: bool) -> str:
    span = {"first": iso(int(bars.ts_open[0])), "last": iso(int(bars.ts[-1]))} if len(bars) else {}
    if as_json:
        document = {
            "symbol": bars.symbol,
            "timeframe": bars.timeframe,
            "ticks": len(ticks),
            "bars": len(bars),
            **span,
            "out": str(out),
            "seconds": round(seconds, 3),
        }
        return msgspec.json.encode(document).decode()
    when = f", {span['first']} to {span['last']}" if span else ""
    return f"{len(bars):,} bars of {bars.symbol or 'the file'} {bars.timeframe} from {len(ticks):,} prints{when}: {out}"
