"""`./run manage backtest`: a strategy over stored prints or bars, through the very engine that trades."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from django.core.management.base import CommandError
from django_typer.management import TyperCommand
from typer import Option

from backtest.shown import progress_bar, show
from backtest.simulation.options import FEES, SLIPPAGE
from backtest.stored import Request, StoredRun
from engine.errors import FortifiedError, InvalidInput
from engine.model.time import from_datetime


class Command(TyperCommand):
    """One strategy, one symbol, one file; deterministic."""

    help = "Runs a strategy over a file of prints or bars and prints the trades."
    requires_system_checks = ()

    def handle(
        self,
        data: Annotated[Path, Option(help="Parquet or CSV of prints or bars.")],
        symbol: Annotated[str, Option(help="Which symbol of the file; and how orders are priced.")],
        timeframe: Annotated[str, Option(help="Bars that the strategy sees: 1, 5, 144t …")] = "1",
        strategy: Annotated[str, Option(help="Which strategy trades.")] = "ema",
        param: Annotated[list[str] | None, Option(help="NAME=VALUE of a parameter; may be repeated.")] = None,
        quantity: Annotated[str, Option(help="How much is traded.")] = "1",
        start: Annotated[str | None, Option(help="From here on: 2024-03-01 or an ISO time, UTC.")] = None,
        end: Annotated[str | None, Option(help="Until here.")] = None,
        fees: Annotated[str, Option(help=FEES)] = "none",
        slippage: Annotated[str, Option(help=SLIPPAGE)] = "none",
        fill: Annotated[str, Option(help="touch (bid or ask) or last.")] = "touch",
        exclude_conditions: Annotated[str, Option(help="Condition bits whose prints make no price.")] = "",
        contract: Annotated[str | None, Option(help="One contract, where the file holds several.")] = None,
        mapping: Annotated[list[str] | None, Option("--map", help="OURS=COLUMN, e.g. close=Last; repeatable.")] = None,
        time_is: Annotated[str | None, Option(help="What a bar's stamp means: open or close.")] = None,
        as_json: Annotated[bool, Option("--json", help="One JSON document on standard output, nothing else.")] = False,
        timing: Annotated[bool, Option(help="Events and seconds in the JSON; two runs are the same without.")] = True,
    ) -> None:
        try:
            run = StoredRun(
                Request(
                    file=data,
                    symbol=symbol,
                    timeframe=timeframe,
                    strategy=strategy,
                    params=tuple(param or ()),
                    quantity=quantity,
                    fees=fees,
                    slippage=slippage,
                    fill=fill,
                    exclude=exclude_conditions,
                    contract=contract,
                    mapping=tuple(mapping or ()),
                    time_is=time_is,
                    start=parse_moment(start, field="start"),
                    end=parse_moment(end, field="end"),
                )
            )
            with progress_bar(f"{run.instrument.symbol} {run.timeframe}") as progress:
                run.play(progress=progress)
        except FortifiedError as error:
            raise CommandError(error.detail) from error
        if as_json:
            sys.stdout.write(json.dumps(run.result(timing=timing), indent=2, ensure_ascii=False) + "\n")
        else:
            show(run)


def parse_moment(text: str | None, *, field: str) -> int | None:
    """UTC nanoseconds of a date or an ISO time; one without a zone is UTC."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput(f"{field}: expected 2024-03-01 or 2024-03-01T14:30, found {text!r}", field=field) from None
    return from_datetime(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
