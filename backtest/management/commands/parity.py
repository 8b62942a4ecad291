"""`./run manage parity`: proves on given bars that compiled runs make the trades of the engine."""

from typing import Annotated, Any

import msgspec
from django_typer.management import TyperCommand
from typer import Exit, Option

from backtest.parity import Comparison, compare_all
from backtest.request import Request, check
from backtest.simulation.options import FEES, SLIPPAGE
from backtest.sweeping import RunConfig
from backtest.swept import bars_of
from infra.progress import progress_bar
from infra.terminal import AsJson, refusals, write_json
from strategies.registry import STRATEGIES, deciding

Texts = list[str] | None


class Command(TyperCommand):
    """Every field of every trade. Exit status 1 where anything differs."""

    help = "Runs strategies with random parameters compiled and by the engine, and names the first difference."
    requires_system_checks = ()

    def handle(
        self,
        data: Annotated[str | None, Option(help="Parquet or CSV of bars, or of prints that bars are made of.")] = None,
        from_archive: Annotated[bool, Option("--from-archive", help="The stored history instead of a file.")] = False,
        symbol: Annotated[str | None, Option(help="Which symbol; and how orders are priced.")] = None,
        timeframe: Annotated[str, Option(help="Bars to decide on.")] = "1",
        strategy: Annotated[Texts, Option(help="Which strategies; all where none is named. Repeatable.")] = None,
        sets: Annotated[int, Option(help="Random parameter sets of each.")] = 20,
        seed: Annotated[int, Option(help="Of the sets.")] = 0,
        fees: Annotated[str, Option(help=FEES)] = "none",
        slippage: Annotated[str, Option(help=SLIPPAGE)] = "none",
        exits: Annotated[str | None, Option(help='JSON: {"stop": {"value": 2, "kind": "atr"}}')] = None,
        contract: Annotated[str | None, Option(help="One contract, where the file holds several.")] = None,
        mapping: Annotated[Texts, Option("--map", help="OURS=COLUMN, e.g. close=Last; repeatable.")] = None,
        time_is: Annotated[str | None, Option(help="What a bar's stamp means: open or close.")] = None,
        as_json: AsJson = False,
    ) -> None:
        found: list[Comparison] = []
        with refusals():
            names = tuple(STRATEGIES.canonical(name) for name in strategy or deciding())
            request = Request(
                data=(data,) if data else (),
                archive=from_archive,
                symbols=(symbol,) if symbol else (),
                timeframes=(timeframe,),
                exits=exits,
                contract=contract,
                mapping=tuple(mapping or ()),
                time_is=time_is,
            )
            asked = check(request)
            fixed = RunConfig(fees=fees, slippage=slippage, exits=asked.exits)
            bars = bars_of(request, asked)
            with progress_bar(f"parity on {bars.symbol}") as progress:
                for comparison in compare_all(bars, sets=sets, seed=seed, fixed=fixed, strategies=names):
                    found.append(comparison)
                    progress(len(found), sets * len(names))
        document = summed_up(bars.symbol, len(bars), found)
        if as_json:
            write_json(document)
        else:
            self._print(document)
        if document["differences"]:
            raise Exit(1)

    def _print(self, document: dict[str, Any]) -> None:
        self.secho(
            f"{document['compared']} runs over {document['bars']:,} bars of {document['symbol']}: "
            f"{document['trades']:,} trades, {len(document['differences'])} runs differ"
        )
        for name, why in document["skipped"].items():
            self.secho(f"not compiled: {name} ({why})")
        for difference in document["differences"]:
            self.secho(f"{difference['strategy']} {difference['params']}: {difference['difference']}")


def summed_up(symbol: str, bars: int, found: list[Comparison]) -> dict[str, Any]:
    """How many runs and trades were compared, which strategies were not and why, and what differed."""
    compared = [each for each in found if not each.skipped]
    return {
        "symbol": symbol,
        "bars": bars,
        "compared": len(compared),
        "trades": sum(each.trades for each in compared),
        "by_strategy": {name: sum(e.trades for e in compared if e.strategy == name) for name in _names(compared)},
        "skipped": {each.strategy: each.skipped for each in found if each.skipped},
        "differences": [msgspec.to_builtins(each) for each in compared if each.difference],
    }


def _names(found: list[Comparison]) -> list[str]:
    return list(dict.fromkeys(each.strategy for each in found))
