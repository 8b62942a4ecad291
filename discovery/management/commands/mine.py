"""`./run manage mine`: looks for rules in stored bars and says how far they can be believed."""

import sys
import time
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import msgspec
from django.db import DatabaseError
from django_typer.management import TyperCommand
from typer import Option

from backtest.counted import NOT_COUNTED
from backtest.distributed.data import Bars, bars_from
from backtest.management.commands.backtest import parse_moment
from backtest.management.commands.sweep import parse_split
from backtest.request import Request, check
from backtest.simulation.options import FEES, SLIPPAGE
from backtest.statistics.splits import SplitSpec
from backtest.swept import bars_of
from discovery import mined, services
from discovery.asking import parse_spec, recorded_as
from discovery.mining.asked import MiningSpec
from discovery.mining.catalog import default_conditions
from discovery.mining.found import Mined
from discovery.mining.mine import mine
from discovery.shown import show_mined
from engine.errors import InvalidInput
from engine.instruments.catalog import instrument_for
from infra.progress import progress_bar
from infra.terminal import AsJson, refusals, write_json

Texts = list[str] | None


class Command(TyperCommand):
    """The same bars and options find the same rules."""

    help = "Looks for rules in stored bars: conditions, patterns and exits, judged on days that were not searched."
    requires_system_checks = ()

    def handle(
        self,
        symbol: Annotated[str | None, Option(help="Which symbol; and how orders are priced.")] = None,
        timeframe: Annotated[str, Option(help="Bars to decide on: 1, 5, 1h …")] = "5",
        data: Annotated[str | None, Option(help="Parquet or CSV of bars, or of prints that bars are made of.")] = None,
        from_archive: Annotated[bool, Option("--from-archive", help="The stored history instead of a file.")] = False,
        start: Annotated[str | None, Option(help="From here on: 2024-03-01 or an ISO time, UTC.")] = None,
        end: Annotated[str | None, Option(help="Until here.")] = None,
        side: Annotated[Texts, Option(help="long or short; both without. Repeatable.")] = None,
        category: Annotated[
            Texts, Option(help="Conditions: price, temporal, flag, trajectory; all without. Repeatable.")
        ] = None,
        depth: Annotated[int | None, Option(help="Conditions of one bar at most; 3.")] = None,
        beam: Annotated[int | None, Option(help="Rules that each stage keeps; 12.")] = None,
        patterns: Annotated[int | None, Option(help="Conditions that are put in order; 12, 0 for none.")] = None,
        learned: Annotated[int | None, Option(help="Rules of each side that LightGBM suggests; 0.")] = None,
        least_trades: Annotated[int | None, Option(help="Fewer say nothing; 20.")] = None,
        keep: Annotated[int | None, Option(help="Rules at the end; 10.")] = None,
        stop: Annotated[str, Option(help="Stops to try, in average true ranges: 1,2,3 or none,2.")] = "",
        target: Annotated[str, Option(help="Targets, likewise: none,1.5,3.")] = "",
        trail: Annotated[str, Option(help="Trailing stops, likewise: none,2.")] = "",
        hold: Annotated[str, Option(help="Bars to hold at most: 15,60.")] = "",
        carry: Annotated[bool, Option("--carry", help="Positions may be held overnight.")] = False,
        split: Annotated[
            str, Option(help="What judges: chronological, anchored, rolling or random.")
        ] = "chronological",
        folds: Annotated[int | None, Option(help="Of anchored, rolling (4) and random (1) splits.")] = None,
        train_share: Annotated[float, Option(help="Of the days, what is searched (first).")] = 0.7,
        purge_days: Annotated[int, Option(help="Days before what judges that are not searched, at least.")] = 0,
        embargo_days: Annotated[int, Option(help="Days after it, where days are drawn at random.")] = 0,
        seed: Annotated[int, Option(help="Of a random split.")] = 1,
        rank_by: Annotated[str | None, Option(help="pnl, or exit_quality.")] = None,
        quantity: Annotated[str, Option(help="How much is traded.")] = "1",
        fees: Annotated[str, Option(help=FEES)] = "none",
        slippage: Annotated[str, Option(help=SLIPPAGE)] = "none",
        seeds: Annotated[Path | None, Option(help="A JSON file of rules that compete with those found.")] = None,
        memory_mb: Annotated[int | None, Option(help="What the conditions may take; 512.")] = None,
        adjust: Annotated[str, Option(help="none, or splits: as if every split had always been.")] = "none",
        factors: Annotated[str | None, Option(help="A file of splits, for data from files.")] = None,
        contract: Annotated[str | None, Option(help="One contract, where the file holds several.")] = None,
        mapping: Annotated[Texts, Option("--map", help="OURS=COLUMN, e.g. close=Last; repeatable.")] = None,
        time_is: Annotated[str | None, Option(help="What a bar's stamp means: open or close.")] = None,
        conditions: Annotated[bool, Option("--conditions", help="List the conditions and do nothing else.")] = False,
        save: Annotated[
            bool, Option("--save", help="Keep the search and its rules in the database, where the page shows them.")
        ] = False,
        name: Annotated[str, Option(help="Of the record, with --save.")] = "",
        out: Annotated[Path | None, Option(help="Write the JSON document there.")] = None,
        as_json: AsJson = False,
        timing: Annotated[bool, Option(help="Seconds in the JSON; two searches are the same without.")] = True,
    ) -> None:
        with refusals():
            spec = parse_spec(
                {
                    "sides": side, "categories": category, "depth": depth, "beam": beam, "patterns": patterns,
                    "learned": learned, "least_trades": least_trades, "keep": keep, "carry": carry, "rank_by": rank_by,
                    "quantity": quantity, "fees": fees, "slippage": slippage, "memory_mb": memory_mb,
                },
                grid={"stop": stop, "target": target, "trail": trail, "hold": hold},
                split=_split(
                    split, folds=folds, train_share=train_share, purge_days=purge_days, embargo_days=embargo_days,
                    seed=seed,
                ),
                seeds=seeds,
            )  # fmt: skip
            if conditions:
                _list_conditions(symbol, spec.categories, as_json=as_json)
                return
            request = Request(
                data=(data,) if data else (),
                archive=from_archive,
                symbols=(symbol,) if symbol else (),
                timeframes=(timeframe,),
                quantities=(quantity,),
                start=parse_moment(start, field="start"),
                end=parse_moment(end, field="end"),
                adjust=adjust,
                factors=factors,
                contract=contract,
                mapping=tuple(mapping or ()),
                time_is=time_is,
            )
            bars = bars_from(bars_of(request, check(request)))
            columns = bars.columns
            asked = recorded_as(request, columns, spec, name=name) if save else None
            started = time.perf_counter()
            with progress_bar(f"rules in {columns.symbol}, {columns.timeframe}") as progress:
                found = mine(columns, spec, earlier=partial(_earlier, spec, bars), progress=progress)
            seconds = time.perf_counter() - started
            kept = {} if asked is None else {"run": services.keep_run(asked, bars, found, seconds=seconds).pk}
            if asked is None:
                _count(bars, found)
        document: dict[str, Any] = msgspec.to_builtins(found) | kept
        if timing:
            document["throughput"] = {"trials": found.trials, "seconds": seconds}
        if as_json:
            write_json(document)
        else:
            show_mined(found, seconds)
            if kept:
                sys.stdout.write(f"Kept as search {kept['run']}: /discovery/{kept['run']}\n")
        if out is not None:
            write_json(document, out)


def _earlier(spec: MiningSpec, bars: Bars) -> int:
    """What was tried on these bars before; 0 where there is no ledger."""
    try:
        return mined.earlier_trials(spec, bars)
    except DatabaseError:
        return 0


def _count(bars: Bars, found: Mined) -> None:
    try:
        mined.count_trials(bars, found)
    except DatabaseError:
        sys.stderr.write(f"{NOT_COUNTED}\n")


def _split(kind: str, *, folds: int | None, **options: float) -> SplitSpec:
    found = parse_split(kind, folds=folds or (1 if kind == "random" else 4), **options)
    if found is None:
        raise InvalidInput("split: a kind was expected, found none", field="split")
    return found


def _list_conditions(symbol: str | None, categories: Any, *, as_json: bool) -> None:
    if symbol is None:
        raise InvalidInput("symbol: conditions depend on its trading hours; give --symbol", field="symbol")
    known = default_conditions(instrument_for(symbol), categories)
    if as_json:
        rows = [{"category": each.category, "text": each.text, **msgspec.to_builtins(each)} for each in known]
        write_json(rows)
        return
    for each in known:
        sys.stdout.write(f"{each.category:10}  {each.text}\n")
