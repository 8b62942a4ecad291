"""`./run manage repaint STUDY`: how much a study of pivots repaints."""

import json
import sys
from pathlib import Path
from typing import Annotated

from django.core.management.base import CommandError
from django_typer.management import TyperCommand
from typer import Argument, Option

from backtest.honesty.repaint import repaint
from backtest.honesty.sample import sample_bars
from engine.errors import FortifiedError
from engine.instruments.catalog import bar_session, normalize_symbol
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
        as_json: Annotated[bool, Option("--json", help="One JSON document on standard output, nothing else.")] = False,
    ) -> None:
        try:
            name = normalize_symbol(symbol)
            bars = (
                sample_bars(1)
                if data is None
                else read_bars(data, name, time_is=time_is, session=bar_session(name)).bars()
            )
            found = repaint(study, bars)
        except FortifiedError as error:
            raise CommandError(error.detail) from error
        if as_json:
            sys.stdout.write(json.dumps(found.document(), indent=2) + "\n")
        else:
            self.stdout.write(found.sentence())
