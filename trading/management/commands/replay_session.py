"""`./run manage replay_session BOOK|RUN`: what was recorded, once more, held against what was journalled then."""

from datetime import UTC, datetime
from typing import Annotated

from django_typer.management import TyperCommand
from typer import Argument, Exit, Option

from engine.errors import InvalidInput
from infra.progress import progress_bar
from infra.terminal import AsJson, refusals, write_json
from trading.rerun import repeat, sentence


class Command(TyperCommand):
    """Ends with status 1 where anything differs."""

    help = "Repeats a recorded session and names the first signal, denial, order or trade that differs, if any."

    def handle(
        self,
        target: Annotated[str, Argument(help="The name of a book, or the number of a run.")],
        start: Annotated[
            str | None, Option(help="From the loop that ran then: 2026-11-20 or an ISO time, UTC.")
        ] = None,
        end: Annotated[str | None, Option(help="Until then.")] = None,
        as_json: AsJson = False,
    ) -> None:
        with refusals(), progress_bar(f"repeating {target}") as progress:
            found = repeat(target, start=moment(start, field="start"), end=moment(end, field="end"), progress=progress)
        if as_json:
            write_json(found.document())
        else:
            outputs = ", ".join(f"{count:,} {kind}" for kind, count in found.outputs.items()) or "no outputs"
            self.stdout.write(
                f"book {found.book}: {found.inputs:,} inputs in {found.rows:,} commits, begun {found.beginnings} times"
            )
            self.stdout.write(f"equal: {outputs}")
            for strategy, (then, now) in found.code_changed.items():
                self.stdout.write(f"the code of {strategy} changed since: {then} → {now or 'gone'}")
            self.stdout.write(
                "the repetition equals the session" if found.difference is None else
                f"first difference {sentence(found.difference)}"
            )  # fmt: skip
        if found.difference is not None:
            raise Exit(1)


def moment(text: str | None, *, field: str) -> datetime | None:
    """An aware datetime of a date or an ISO time; one without a zone is UTC."""
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput(f"{field}: expected 2026-11-20 or 2026-11-20T14:30, found {text!r}", field=field) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
