"""`./run manage fingerprint`: what strategies catch of a market's moves, and the rules that might catch the rest."""

from pathlib import Path
from typing import Annotated, Any

import msgspec
from django_typer.management import TyperCommand, command
from typer import Argument, Option

from backtest.request import Request, Trader, check
from backtest.simulation.options import FEES, SLIPPAGE
from discovery import fingerprint_services as services
from discovery.bars_read import bars_read
from discovery.fingerprint.asked import FingerprintSpec
from discovery.fingerprint_requested import parse_fingerprint
from discovery.fingerprint_shown import show_fingerprint
from discovery.models import FingerprintRun
from infra.progress import progress_bar
from infra.terminal import AsJson, refusals, show, write_json

Texts = list[str] | None
Number = Annotated[int, Argument(help="As runs shows it")]
Out = Annotated[Path | None, Option(help="Write the JSON there.")]


class Command(TyperCommand):
    """The same bars and options give the same fingerprint."""

    help = "Fingerprints: analyze strategies on stored bars, runs, seeds for the miner."

    @command()
    def analyze(
        self,
        symbol: Annotated[str, Option(help="Which symbol.")],
        strategy: Annotated[list[str], Option(help="A strategy, or NAME=STRATEGY. Repeatable.")],
        timeframe: Annotated[str, Option(help="Bars to decide on: 1, 5, 1h …")] = "5",
        param: Annotated[Texts, Option(help="NAME=VALUE, or STRATEGY.NAME=VALUE. Repeatable.")] = None,
        data: Annotated[str, Option(help="Parquet or CSV of bars or prints; without: the archive.")] = "",
        time_is: Annotated[str | None, Option(help="What a bar's stamp in a file means: open or close.")] = None,
        adjust: Annotated[str, Option(help="none, or splits.")] = "none",
        start: Annotated[str | None, Option(help="The first day: 2024-03-01.")] = None,
        end: Annotated[str | None, Option(help="The last day.")] = None,
        quantity: Annotated[str, Option(help="How much is traded.")] = "1",
        fees: Annotated[str, Option(help=FEES)] = "none",
        slippage: Annotated[str, Option(help=SLIPPAGE)] = "none",
        exits: Annotated[str | None, Option(help="Exits of every strategy, as JSON.")] = None,
        move_atr: Annotated[float | None, Option(help="How far a move turns, in average true ranges; 3.")] = None,
        caught: Annotated[float | None, Option(help="Share of a move from which it is caught; 0.25.")] = None,
        near: Annotated[int | None, Option(help="Bars between entries that coincide; 3.")] = None,
        seed_share: Annotated[
            float | None, Option(help="Of the days, where seeds are looked for (first); 0.7.")
        ] = None,
        least_moves: Annotated[int | None, Option(help="Missed moves that make a gap; 10.")] = None,
        gap_share: Annotated[float | None, Option(help="Of all that begin there, what must be missed; 0.5.")] = None,
        reach: Annotated[int | None, Option(help="Bars in which a seed may enter; 5.")] = None,
        save: Annotated[bool, Option("--save", help="Keep it as a run, for the page and for seeds.")] = False,
        seeds_out: Annotated[Path | None, Option(help="Write the seeds there, as mine --seeds reads them.")] = None,
        out: Out = None,
        as_json: AsJson = False,
    ) -> None:
        """Run strategies over stored bars, here and now, and say what they catch."""
        with refusals():
            typed = check(
                Request(
                    archive=True, symbols=(symbol,), timeframes=(timeframe,), strategies=tuple(strategy),
                    params=tuple(param or ()), exits=exits,
                )
            )  # fmt: skip
            leave = msgspec.to_builtins(typed.exits)
            fixed = {"quantity": quantity, "fees": fees, "slippage": slippage, "exits": leave}
            asked = parse_fingerprint(
                {
                    "symbol": symbol, "timeframe": timeframe, "data": str(Path(data).resolve()) if data else "",
                    "adjust": adjust, "fixed": fixed, "strategies": [_profiled(each) for each in typed.traders],
                }
                | _given(
                    time_is=time_is, start=start, end=end, move_atr=move_atr, caught=caught, near=near,
                    seed_share=seed_share, least_moves=least_moves, gap_share=gap_share, reach=reach,
                )
            )  # fmt: skip
            self._analyze(asked, save=save, seeds_out=seeds_out, out=out, as_json=as_json)

    @command()
    def runs(
        self, limit: Annotated[int, Option(min=1, help="The newest so many")] = 20, as_json: AsJson = False
    ) -> None:
        """The newest runs."""
        with refusals():
            rows = [_row(run) for run in FingerprintRun.objects.defer("result")[:limit]]
            show(self.stdout, rows, as_json=as_json, empty="No fingerprint yet.")

    @command()
    def seeds(self, number: Number, out: Out = None) -> None:
        """The seeds of a run, as `mine --seeds FILE` reads them."""
        with refusals():
            write_json(services.seeds_of_run(number), out)

    @command()
    def cancel(self, number: Number) -> None:
        """End a run that is not done."""
        with refusals():
            run = services.cancel_fingerprint(number=number)
            self.stdout.write(f"Fingerprint {run.pk} is {run.state}")

    def _analyze(
        self, asked: FingerprintSpec, *, save: bool, seeds_out: Path | None, out: Path | None, as_json: bool
    ) -> None:
        bars = bars_read(asked)
        with progress_bar(f"strategies on {asked.symbol}, {asked.timeframe}") as progress:
            found = services.profiled(asked, bars, progress=progress)
        document = msgspec.to_builtins(found)
        if as_json:
            write_json(document)
        else:
            show_fingerprint(found)
        if save:
            run = services.keep_fingerprint(asked=asked, bars=bars, found=found)
            self.stderr.write(f"Kept as fingerprint {run.pk}")
        if out is not None:
            write_json(document, out)
        if seeds_out is not None:
            write_json(services.seeds_of(document), seeds_out)


def _profiled(trader: Trader) -> dict[str, Any]:
    return {"strategy": trader.kind, "name": trader.name, "params": msgspec.to_builtins(trader.params)}


def _given(**options: Any) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def _row(run: FingerprintRun) -> dict[str, Any]:
    return {
        "run": run.pk, "name": str(run), "market": f"{run.symbol} {run.timeframe}", "state": str(run.state),
        "strategies": ", ".join(each["name"] for each in run.spec["strategies"]), "days": run.days,
        "created_at": run.created_at.isoformat(timespec="seconds"), "error": run.error[:120],
    }  # fmt: skip
