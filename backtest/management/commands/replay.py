"""Replays stored ticks through the engine and a simulated venue: the trades, the P&L, and how fast it was."""

from pathlib import Path
from typing import Annotated

from django_typer.management import TyperCommand
from typer import Argument, Option

from backtest.request import Request
from backtest.shown import show
from backtest.simulation.options import FEES, SLIPPAGE
from backtest.stored import StoredRun
from engine.errors import InvalidInput
from engine.options.synthetic import CHAINS
from infra.progress import progress_bar
from infra.terminal import AsJson, refusals, write_json


class Command(TyperCommand):
    """`./run replay FILE --symbol SPY --timeframe 1 --strategy ema`"""

    help = "Replays a file of ticks through the engine and prints the trades."
    requires_system_checks = ()

    def handle(
        self,
        file: Annotated[Path, Argument(help="Parquet or CSV of prints (ts, price, size, bid, ask, cond), or of bars.")],
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
        mapping: Annotated[list[str] | None, Option("--map", help="OURS=COLUMN, e.g. price=Last; repeatable.")] = None,
        time_is: Annotated[str | None, Option(help="What a bar's stamp means: open or close.")] = None,
        chains: Annotated[str | None, Option(help=CHAINS)] = None,
        as_json: AsJson = False,
        timing: Annotated[
            bool | None, Option(help="Seconds in the JSON too, which differ from run to run; or no throughput at all.")
        ] = None,
    ) -> None:
        with refusals():
            run = StoredRun(
                Request(
                    data=(str(file),),
                    symbols=(symbol,),
                    timeframes=(timeframe,),
                    strategies=(strategy,),
                    params=tuple(param or ()),
                    quantities=(quantity,),
                    fees=fees,
                    slippage=slippage,
                    fill=fill,
                    exclude=exclude_conditions,
                    contract=contract,
                    mapping=tuple(mapping or ()),
                    time_is=time_is,
                    chains=chains,
                )
            )
            pace = parse_speed(speed)
            with progress_bar(run.label) as progress:
                run.play(pace=pace, progress=progress)
        if as_json:
            write_json(run.result(timing=timing))
        else:
            show(run)


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
