"""`./run manage compare_session BOOK`: a day as traded, against its recording and against a simulation."""

from datetime import date, timedelta
from typing import Annotated

from django.core.management.base import CommandError
from django.utils import timezone
from django_typer.management import TyperCommand
from typer import Argument, Option

from infra.terminal import AsJson, refusals, write_json
from trading.book_services import book_of
from trading.nightly import compare_day
from trading.rerun import Difference, sentence


class Command(TyperCommand):
    """What a task does every night, for any day that is still recorded."""

    help = "Compares a day of a book with its recording and with a simulation over stored history."

    def handle(
        self,
        book: Annotated[str, Argument(help="The name of a book.")],
        day: Annotated[str | None, Option(help="The UTC day, 2026-11-20; yesterday if none is given.")] = None,
        as_json: AsJson = False,
    ) -> None:
        try:
            chosen = date.fromisoformat(day) if day else (timezone.now() - timedelta(days=1)).date()
        except ValueError:
            raise CommandError(f"day: expected 2026-11-20, found {day!r}") from None
        with refusals():
            result = compare_day(book_of(book), chosen)
        document = {"book": book, "day": chosen.isoformat(), **result.document}
        if as_json:
            write_json(document)
            return
        self.stdout.write(f"{book} on {chosen}: {result.get_verdict_display()}")
        signals = document["signals"]
        self.stdout.write(
            f"signals: {signals['recorded']} recorded, {signals['simulated']} simulated, {signals['same']} same"
        )
        for cause, each in document["causes"].items():
            self.stdout.write(f"{cause}: {each['count']} differences, {each['cash']} in cash")
        for row in document["differences"][:20]:
            self.stdout.write(
                f"  {row['bar'][:19]} {row['strategy']} {row['symbol']}: {row['recorded']} | {row['simulated']}"
                f" ({row['cause']}{': ' + row['detail'] if row['detail'] else ''})"
            )
        difference = document["repetition"]["difference"]
        if difference is not None:
            self.stdout.write(f"the repetition differs first {sentence(Difference(**difference))}")
