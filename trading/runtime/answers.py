"""Which commands still wait for a book's answer; one whose moment has passed is refused instead of carried out late."""

from collections.abc import Sequence
from datetime import timedelta

import msgspec
from django.db.models import Q
from django.utils import timezone

from engine.model.commands import Command, Halt, ManualOrder, ManualSignal, ReplaceOrder, Resume, SetExits, StopSlot
from infra import codec
from trading.models import CommandRecord, Run

PATIENCE = timedelta(seconds=30)
SWITCHES = (Halt.__name__, Resume.__name__)
# What a person meant for the market as they saw it. To close, to stop or to halt is never too late.
HASTY = Q(kind__in=[kind.__name__ for kind in (ManualOrder, ReplaceOrder, SetExits)]) | Q(
    kind=ManualSignal.__name__, payload__target__in=(-1, 1)
)


def undelivered(book_id: int) -> list[Command]:
    """The commands of a book that nobody has answered yet, oldest first, whether they reached its stream or not. What
    was overtaken by a later halt, resume or start is refused."""
    records = CommandRecord.objects.filter(book_id=book_id, state=CommandRecord.State.SENT)
    overtaken = [record.pk for record in records if _is_overtaken(record)]
    reason = "it did not reach the book before something else was wished"
    records.filter(pk__in=overtaken).update(state=CommandRecord.State.REFUSED, detail=reason)
    records = records.order_by("id")
    found = [codec.decode(msgspec.json.encode(record.payload)) for record in records]
    commands = [each for each in found if isinstance(each, Command)]
    wanted = unanswered([each.command_id for each in commands])
    return [each for each in commands if each.command_id in wanted]


def _is_overtaken(record: CommandRecord) -> bool:
    if record.kind in SWITCHES:
        return CommandRecord.objects.filter(book=record.book_id, kind__in=SWITCHES, pk__gt=record.pk).exists()
    if record.kind != StopSlot.__name__:
        return False
    strategy, since = record.payload.get("strategy"), record.created_at
    return Run.objects.filter(book=record.book_id, strategy=strategy, started_at__gt=since).exists()


def unanswered(ids: Sequence[str]) -> set[str]:
    """Those of `ids` that nobody has answered yet. Orders that waited longer than `PATIENCE` for a process are refused
    here: the market that they were meant for is gone."""
    waiting = CommandRecord.objects.filter(command_id__in=ids, state=CommandRecord.State.SENT)
    late = waiting.filter(HASTY, created_at__lt=timezone.now() - PATIENCE)
    reason = f"no process took it within {PATIENCE.total_seconds():.0f} s, and the market moved on: give it again"
    late.update(state=CommandRecord.State.REFUSED, detail=reason)
    return set(waiting.values_list("command_id", flat=True))
