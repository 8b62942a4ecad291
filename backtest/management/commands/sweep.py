"""`./run manage sweep`: one strategy over stored bars with many parameter sets, compiled where that is possible."""

from pathlib import Path
from typing import Annotated

import msgspec
from django_typer.management import TyperCommand
from typer import Option

from backtest.management.commands.backtest import parse_moment
from backtest.report.write import write_text
from backtest.request import Request
from backtest.search import SHAPE
from backtest.simulation.options import FEES, SLIPPAGE
from backtest.statistics.splits import SplitSpec
from backtest.swept import Search, StoredSweep, show_sweep
from backtest.swept_page import sweep_page
from engine.errors import InvalidInput
from infra.progress import progress_bar
from infra.terminal import AsJson, refusals, write_json

Texts = list[str] | None


class Command(TyperCommand):
    """The same bars for every run; the result does not depend on how many cores there are."""

    help = "Runs a strategy with many parameter sets over bars and tells which did what."
    requires_system_checks = ()

    def handle(
        self,
        grid: Annotated[list[str], Option(help=f"What is tried of a parameter: {SHAPE}. Repeatable.")],
        data: Annotated[str | None, Option(help="Parquet or CSV of bars, or of prints that bars are made of.")] = None,
        from_archive: Annotated[bool, Option("--from-archive", help="The stored history instead of a file.")] = False,
        symbol: Annotated[str | None, Option(help="Which symbol; and how orders are priced.")] = None,
        timeframe: Annotated[str, Option(help="Bars to decide on: 1, 5, 1d …")] = "1",
        strategy: Annotated[str, Option(help="Which strategy trades.")] = "ema",
        param: Annotated[Texts, Option(help="NAME=VALUE of a parameter that stays. Repeatable.")] = None,
        random: Annotated[int, Option(help="That many sets at random instead of all.")] = 0,
        lhs: Annotated[int, Option(help="That many sets as a Latin hypercube.")] = 0,
        optuna: Annotated[int, Option(help="That many sets that Optuna chooses.")] = 0,
        seed: Annotated[int, Option(help="Of whatever is chosen, and of a random split.")] = 0,
        split: Annotated[str | None, Option(help="Walk forward: chronological, anchored, rolling or random.")] = None,
        folds: Annotated[int, Option(help="Of a walk-forward: how often it chooses and tries.")] = 4,
        train_share: Annotated[float, Option(help="Of the days, what the first fold chooses in.")] = 0.5,
        purge_days: Annotated[int, Option(help="Days before a test that are not chosen in.")] = 0,
        embargo_days: Annotated[int, Option(help="Days after a test of a random split, likewise.")] = 0,
        by: Annotated[str, Option(help="The statistic that makes a run better: net_pnl, profit_factor …")] = "net_pnl",
        quantity: Annotated[str, Option(help="How much is traded.")] = "1",
        start: Annotated[str | None, Option(help="From here on: 2024-03-01 or an ISO time, UTC.")] = None,
        end: Annotated[str | None, Option(help="Until here.")] = None,
        fees: Annotated[str, Option(help=FEES)] = "none",
        slippage: Annotated[str, Option(help=SLIPPAGE)] = "none",
        exits: Annotated[str | None, Option(help='JSON: {"stop": {"value": 2, "kind": "atr"}}')] = None,
        adjust: Annotated[str, Option(help="none, or splits: as if every split had always been.")] = "none",
        factors: Annotated[str | None, Option(help="A file of splits, for data from files.")] = None,
        contract: Annotated[str | None, Option(help="One contract, where the file holds several.")] = None,
        mapping: Annotated[Texts, Option("--map", help="OURS=COLUMN, e.g. close=Last; repeatable.")] = None,
        time_is: Annotated[str | None, Option(help="What a bar's stamp means: open or close.")] = None,
        workers: Annotated[int, Option(help="How many cores; 0 for all.")] = 0,
        top: Annotated[int, Option(help="How many runs the table shows.")] = 20,
        as_json: AsJson = False,
        html: Annotated[Path | None, Option(help="Write one self-contained page there.")] = None,
        timing: Annotated[
            bool, Option(help="Seconds and the verdict in the JSON; two sweeps are the same without.")
        ] = True,
    ) -> None:
        with refusals():
            walk = parse_split(
                split, folds=folds, train_share=train_share, purge_days=purge_days, embargo_days=embargo_days, seed=seed
            )
            swept = StoredSweep(
                Request(
                    data=(data,) if data else (),
                    archive=from_archive,
                    symbols=(symbol,) if symbol else (),
                    timeframes=(timeframe,),
                    strategies=(strategy,),
                    params=tuple(param or ()),
                    quantities=(quantity,),
                    start=parse_moment(start, field="start"),
                    end=parse_moment(end, field="end"),
                    fees=fees,
                    slippage=slippage,
                    exits=exits,
                    adjust=adjust,
                    factors=factors,
                    contract=contract,
                    mapping=tuple(mapping or ()),
                    time_is=time_is,
                ),
                Search(axes=tuple(grid), random=random, lhs=lhs, optuna=optuna, seed=seed, by=by, split=walk),
            )
            with progress_bar(f"{swept.strategy} on {swept.symbol}") as progress:
                swept.run(workers=workers or None, progress=progress)
            swept.judge()
            if as_json:
                write_json(swept.document(timing=timing))
            else:
                show_sweep(swept, top)
            if html is not None:
                write_text(html, sweep_page(swept), field="html")


def parse_split(kind: str | None, **options: float) -> SplitSpec | None:
    """The folds of a walk-forward; None where none was asked for."""
    if kind is None:
        return None
    try:
        return msgspec.convert({"kind": kind, **options}, SplitSpec)
    except msgspec.ValidationError as error:
        raise InvalidInput(f"split: {error}", field="split") from error
