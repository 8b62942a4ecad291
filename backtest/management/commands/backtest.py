"""`./run manage backtest`: strategies over stored prints or bars, through the very engine that trades."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from django.conf import settings
from django_typer.management import TyperCommand
from typer import Option

from backtest.counted import verdict_on_run
from backtest.honesty.assess import assess
from backtest.report.write import check_benchmark, document_of, write_report
from backtest.request import Request
from backtest.shown import show
from backtest.simulation.options import FEES, LATENCY, PARTICIPATION, SLIPPAGE
from backtest.stored import StoredRun
from engine.errors import InvalidInput
from engine.model.time import from_datetime
from engine.options.synthetic import CHAINS
from infra.progress import progress_bar
from infra.terminal import AsJson, refusals, write_json
from marketdata.rolls import load_rolls

Texts = list[str] | None


class Command(TyperCommand):
    """Any number of strategies and symbols in one run, with one account and the arbiter; deterministic."""

    help = "Runs strategies over files of prints or bars, or over the archive, and tells what came of it."
    requires_system_checks = ()

    def handle(
        self,
        data: Annotated[
            Texts, Option(help="Parquet or CSV of prints or bars: FILE, or SYMBOL=FILE; repeatable.")
        ] = None,
        from_archive: Annotated[bool, Option("--from-archive", help="The stored history instead of files.")] = False,
        ticks: Annotated[bool, Option("--ticks", help="Of the archive: prints, also where bars are stored.")] = False,
        symbol: Annotated[Texts, Option(help="Which symbols; and how orders are priced. Repeatable.")] = None,
        timeframe: Annotated[Texts, Option(help="Bars to decide on: 1, 5, 144t …, or STRATEGY=TIMEFRAME.")] = None,
        strategy: Annotated[Texts, Option(help="Which strategies trade: KEY, or NAME=KEY. Repeatable.")] = None,
        param: Annotated[Texts, Option(help="NAME=VALUE, or STRATEGY.NAME=VALUE. Repeatable.")] = None,
        quantity: Annotated[Texts, Option(help="How much is traded, or SYMBOL=QUANTITY.")] = None,
        start: Annotated[str | None, Option(help="From here on: 2024-03-01 or an ISO time, UTC.")] = None,
        end: Annotated[str | None, Option(help="Until here.")] = None,
        fees: Annotated[str, Option(help=FEES)] = "none",
        slippage: Annotated[str, Option(help=SLIPPAGE)] = "none",
        fill: Annotated[str, Option(help="touch (bid or ask) or last.")] = "touch",
        latency: Annotated[str, Option(help=f"How long an order travels: {LATENCY}.")] = "0",
        participation: Annotated[
            str | None, Option(help=f"What one order may take of what trades: {PARTICIPATION}.")
        ] = None,
        capital: Annotated[
            str | None, Option(help="Cash of the account that all share; what it cannot carry is rejected.")
        ] = None,
        exits: Annotated[str | None, Option(help='JSON: {"stop": {"value": 2, "kind": "atr"}}')] = None,
        sizing: Annotated[str | None, Option(help='JSON: {"method": "fixed_fraction", "fraction": 0.2}')] = None,
        flat_at_close: Annotated[
            bool, Option("--flat-at-close/--carry", help="Flat before each session's close, or carried over it.")
        ] = False,
        roll_close: Annotated[
            str | None, Option(help="Close futures so many seconds before they roll, as a book does; else one series.")
        ] = None,
        intrabar: Annotated[
            bool, Option("--intrabar", help="Orders meet the file's own bars where longer ones are made of them.")
        ] = False,
        adjust: Annotated[str, Option(help="none, or splits: as if every split had always been.")] = "none",
        factors: Annotated[str | None, Option(help="A file of splits, for data from files.")] = None,
        chains: Annotated[str | None, Option(help=CHAINS)] = None,
        exclude_conditions: Annotated[str, Option(help="Condition bits whose prints make no price.")] = "",
        contract: Annotated[str | None, Option(help="One contract, where the file holds several.")] = None,
        mapping: Annotated[Texts, Option("--map", help="OURS=COLUMN, e.g. close=Last; repeatable.")] = None,
        time_is: Annotated[str | None, Option(help="What a bar's stamp means: open or close.")] = None,
        benchmark: Annotated[
            str | None, Option(help="What the report holds it against: a symbol of the run (its first), or none.")
        ] = None,
        html: Annotated[Path | None, Option(help="Write the report as one page that needs no network.")] = None,
        csv: Annotated[Path | None, Option(help="A folder for trades, days, months and figures as CSV.")] = None,
        report: Annotated[Path | None, Option(help="Write the whole report as JSON.")] = None,
        honesty: Annotated[
            bool, Option("--honesty", help="Into the report: look-ahead, higher costs, later starts, chance.")
        ] = False,
        seed: Annotated[int, Option(help="Of what the honesty tools leave to chance.")] = 1,
        as_json: AsJson = False,
        timing: Annotated[bool, Option(help="Events and seconds in the JSON; two runs are the same without.")] = True,
    ) -> None:
        with refusals():
            request = Request(
                data=tuple(data or ()),
                archive=from_archive,
                use_ticks=ticks,
                symbols=tuple(symbol or ()),
                timeframes=tuple(timeframe or ("1",)),
                strategies=tuple(strategy or ("ema",)),
                params=tuple(param or ()),
                quantities=tuple(quantity or ("1",)),
                fees=fees,
                slippage=slippage,
                fill=fill,
                latency=latency,
                participation=participation,
                exclude=exclude_conditions,
                contract=contract,
                mapping=tuple(mapping or ()),
                time_is=time_is,
                start=parse_moment(start, field="start"),
                end=parse_moment(end, field="end"),
                capital=capital,
                exits=exits,
                sizing=sizing,
                flat_at_close=flat_at_close,
                roll_close=roll_close,
                intrabar=intrabar,
                adjust=adjust,
                factors=factors,
                chains=chains,
            )
            if roll_close is not None:
                load_rolls()
            run = StoredRun(request, archive=settings.ARCHIVE_DIR)
            chosen = check_benchmark(benchmark, run)
            with progress_bar(run.label) as progress:
                run.play(progress=progress)
            verdict = verdict_on_run(run)
            for line in verdict.lines:
                sys.stderr.write(f"{line}\n")
            found = None
            if honesty:
                with progress_bar("honesty") as progress:
                    found = assess(run, seed=seed, progress=progress)
            if html or csv or report:
                document = document_of(run, benchmark=chosen, honesty=found, verdict=verdict)
                for path in write_report(document, html=html, csv=csv, report=report):
                    sys.stderr.write(f"written: {path}\n")
        if as_json:
            document = run.result(timing=timing) | ({"honesty": found} if found else {})
            write_json(document)
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
