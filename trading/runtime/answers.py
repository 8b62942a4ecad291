"""Which commands still wait for a book's answer; one whose moment has passed is refused instead of carried out late."""

from collections.abc import Sequence
from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from engine.model.commands import ManualOrder, ManualSignal, ReplaceOrder, SetExits
from trading.models import CommandRecord

PATIENCE = timedelta(seconds=30)
# What a person meant for the market as they saw it. To close, to stop or to halt is never too late.
HASTY = Q(kind__in=[kind.__name__ for kind in (ManualOrder, ReplaceOrder, SetExits)]) | Q(
    kind=ManualSignal.__name__, payload__target__in=(-1, 1)
)


def unanswered(ids: Sequence[str]) -> set[str]:
    """Those of `ids` that nobody has answered yet. Orders that waited longer than `PATIENCE` for a process are refused
    here: the market that they were meant for is gone."""
    waiting = CommandRecord.objects.filter(command_id__in=ids, state=CommandRecord.State.SENT)
    late = waiting.filter(HASTY, created_at__lt=timezone.now() - PATIENCE)
    reason = f"no process took it within {PATIENCE.total_seconds():.0f} s, and the market moved on: give it again"
    late.update(state=CommandRecord.State.REFUSED, detail=reason)
    return set(waiting.values_list("command_id", flat=True))
