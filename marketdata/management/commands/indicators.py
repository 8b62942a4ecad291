"""`./run manage indicators`: any indicator over a file of bars, to compare with one's own chart."""

import time
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from django.conf import settings
from django.core.management import CommandError
from django_typer.management import TyperCommand

from engine.errors import FortifiedError, InvalidInput
from engine.indicators.table import column_names, compute
from engine.instruments.catalog import bar_session
from engine.instruments.sessions import SessionOf, session_of
from marketdata.files.numbers import Array
from marketdata.files.prices import PriceTable, read_prices, write_with_columns
from marketdata.management.commands.bars import SESSIONS, pairs

MEANINGS = ("open", "close")


class Command(TyperCommand):
    """Reads, computes, writes; touches no database and no Redis."""

    help = "Compute indicators over a file of bars: the file's columns, and one for each output."
    requires_system_checks = ()

    def handle(
        self,
        file: Annotated[Path, typer.Argument(help="Bars: .parquet, .csv, .csv.gz or .zip")],
        spec: Annotated[list[str], typer.Option(help='An indicator: "ema(close,9)"; again for each')],
        out: Annotated[Path, typer.Option(help="Where the columns go: .csv or .parquet")],
        symbol: Annotated[str | None, typer.Option(help="SPY, /ES …; needed where the file holds many")] = None,
        contract: Annotated[str | None, typer.Option(help="One futures contract of a file that holds several")] = None,
        mapping: Annotated[
            list[str] | None, typer.Option("--map", help="OURS=COLUMN, e.g. close=Last; again for each column")
        ] = None,
        time_is: Annotated[
            str | None, typer.Option(help="What a bar's stamp means, open or close; studies of the session need it")
        ] = None,
        session: Annotated[str | None, typer.Option(help=f"Trading day: {SESSIONS}; else the symbol's")] = None,
        timezone: Annotated[str, typer.Option(help="Zone of times that name none")] = "UTC",
        as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output")] = False,
    ) -> None:
        started = time.perf_counter()
        try:
            if time_is not in (None, *MEANINGS):
                raise InvalidInput(f"time-is: expected open or close, found {time_is!r}", field="time_is")
            for text in spec:
                column_names(text)  # a wrong one is named before the file is read
            prices = read_prices(file, symbol, contract=contract, mapping=pairs(mapping or []), timezone=timezone)
            columns = _compute(prices, spec, session=session, time_is=time_is)
            write_with_columns(prices, columns, out)
        except (FortifiedError, OSError) as error:
            raise CommandError(str(error)) from error
        rows, seconds = prices.table.num_rows, time.perf_counter() - started
        if as_json:
            document = {"rows": rows, "columns": list(columns), "out": str(out), "seconds": round(seconds, 3)}
            self.stdout.write(msgspec.json.encode(document).decode())
        else:
            self.stdout.write(f"{rows:,} rows with {', '.join(columns)}: {out}")


def _compute(prices: PriceTable, specs: list[str], *, session: str | None, time_is: str | None) -> dict[str, Array]:
    cache = settings.VAR_DIR / "compiled"
    try:
        return compute(prices.columns, specs, cache_dir=cache)
    except InvalidInput as error:
        if error.field != "session":
            raise
    sessions = prices.sessions(_session(session, prices.symbol), time_is=time_is)
    return compute({**prices.columns, "session": sessions}, specs, cache_dir=cache)


def _session(name: str | None, symbol: str) -> SessionOf:
    if name is not None:
        return session_of(name)
    if not symbol:
        raise InvalidInput(
            f"session: the file names no symbol; say its trading day with --session ({SESSIONS})", field="session"
        )
    return bar_session(symbol)
