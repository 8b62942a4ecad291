"""`./run manage repaint STUDY`: how much a study of pivots repaints."""

from pathlib import Path
from typing import Annotated

from django_typer.management import TyperCommand
from typer import Argument, Option

from backtest.honesty.repaint import repaint
from backtest.honesty.sample import sample_bars
from engine.instruments.catalog import bar_session, normalize_symbol
from infra.terminal import AsJson, refusals, write_json
from marketdata.files.bars import read_bars


class Command(TyperCommand):
    """On bars of a file, or on a synthetic market."""

    help = "Measures how late a zigzag's pivots are known, and how many of its marks do not stay."
    requires_system_checks = ()

    def handle(
        self,
        study: Annotated[str, Argument(help="As in a chart: zigzag(percentage=0.5,method=percent)")],
        data: Annotated[
            Path | None, Option(help="Parquet or CSV of bars; a synthetic market if none is given.")
        ] = None,
        symbol: Annotated[str, Option(help="Which symbol of the file.")] = "SPY",
        time_is: Annotated[str | None, Option(help="What a bar's stamp means: open or close.")] = None,
        as_json: AsJson = False,
    ) -> None:
        with refusals():
            name = normalize_symbol(symbol)
            bars = (
                sample_bars(1)
                if data is None
                else read_bars(data, name, time_is=time_is, session=bar_session(name)).bars()
            )
            found = repaint(study, bars)
        if as_json:
            write_json(found.document())
        else:
            self.stdout.write(found.sentence())
