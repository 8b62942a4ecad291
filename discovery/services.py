"""Starts, keeps and ends searches for rules, and notes on what they found: the one place that does."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import msgspec
from django.db import transaction
from django.utils import timezone

from backtest.distributed.data import Bars
from discovery import jobs, mined
from discovery.lifecycle.steps import get_rule
from discovery.mining.found import Mined
from discovery.models import DiscoveredRule, MiningRun
from discovery.requested import MiningRequest, parse_request
from infra.web.actor import Actor


def create_run(*, user: Actor | None, document: Mapping[str, Any]) -> MiningRun:
    """Check everything and send it to the workers; `InvalidInput` names what is wrong."""
    asked = parse_request(document)
    with transaction.atomic():
        run = _recorded(user, asked)
        jobs.send(run)
    return run


def keep_run(asked: MiningRequest, bars: Bars, found: Mined, *, seconds: float) -> MiningRun:
    """Put on record what was searched and found in this process."""
    now = timezone.now()
    times = {"started_at": now - timedelta(seconds=seconds), "finished_at": now, "seconds": round(seconds, 3)}
    with transaction.atomic():
        run = _recorded(None, asked, state=MiningRun.State.DONE, **times, **mined.facts(bars), **mined.told(found))
        mined.keep(run, bars, found)
    return run


def cancel_run(*, number: int) -> MiningRun:
    """End it; nothing that was found so far is kept. `Conflict` where it is over."""
    return jobs.cancel(MiningRun, number)


def note_rule(*, number: int, notes: str) -> DiscoveredRule:
    """What people remember of a rule; nothing else of it is changed."""
    rule = get_rule(number)
    rule.notes = notes
    rule.save(update_fields=["notes", "updated_at"])
    return rule


def _recorded(user: Actor | None, asked: MiningRequest, **fields: Any) -> MiningRun:
    return MiningRun.objects.create(
        **fields,
        name=asked.name,
        symbol=asked.symbol,
        timeframe=asked.timeframe,
        spec=msgspec.to_builtins(asked),
        by_id=getattr(user, "pk", None),
    )
