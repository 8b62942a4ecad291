"""Starts, works on and ends fingerprints, and hands out what they suggest."""

from collections.abc import Mapping
from typing import Any

import msgspec
from django.db import transaction
from django.utils import timezone

from backtest.distributed.data import Bars
from discovery import jobs
from discovery.bars_read import bars_read
from discovery.fingerprint.asked import FingerprintSpec
from discovery.fingerprint.found import Fingerprint
from discovery.fingerprint.profile import Progress, fingerprint
from discovery.fingerprint_requested import parse_fingerprint
from discovery.jobs import Held, Keep
from discovery.models import FingerprintRun
from engine.errors import Conflict
from infra.web.actor import Actor
from strategies.registry import STRATEGIES
from strategies.versions import code_version

SOURCE = "fingerprint"  # of a seed


def create_fingerprint(*, user: Actor | None, document: Mapping[str, Any]) -> FingerprintRun:
    """Check everything and send it to the workers; `InvalidInput` names what is wrong."""
    asked = parse_fingerprint(document)
    with transaction.atomic():
        run = _recorded(user, asked)
        jobs.send(run)
    return run


def keep_fingerprint(*, asked: FingerprintSpec, bars: Bars, found: Fingerprint) -> FingerprintRun:
    """Put on record what was found in this process."""
    now = timezone.now()
    return _recorded(
        None, asked, state=FingerprintRun.State.DONE, started_at=now, finished_at=now, **_facts(asked, bars),
        result=msgspec.to_builtins(found),
    )  # fmt: skip


def cancel_fingerprint(*, number: int) -> FingerprintRun:
    """End it; nothing is kept of it. `Conflict` where it is over."""
    return jobs.cancel(FingerprintRun, number)


def profile(run: FingerprintRun, held: Held) -> Keep:
    """The work on a run. Nothing is kept before all of it is there: begun anew, it gives the same."""
    asked = msgspec.convert(run.spec, FingerprintSpec, strict=False)
    bars = bars_read(asked)
    held.changes.update(_facts(asked, bars))
    found = profiled(asked, bars, progress=held.step)
    held.found["result"] = msgspec.to_builtins(found)
    return lambda: None


def profiled(asked: FingerprintSpec, bars: Bars, *, progress: Progress) -> Fingerprint:
    """With the strategies of this installation."""
    return fingerprint(bars.columns, asked, registry=STRATEGIES, progress=progress)


def seeds_of(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The seeds of a fingerprint as the miner reads them, of equal rules one."""
    rules = {seed["text"]: seed["rule"] for seed in found["seeds"]}
    return [{"rule": rule, "source": SOURCE} for rule in rules.values()]


def seeds_of_run(number: int) -> list[dict[str, Any]]:
    """`Conflict` where the run is not done."""
    run = jobs.find(FingerprintRun, number)
    if run.state != FingerprintRun.State.DONE:
        raise Conflict(f"fingerprint {number} is {run.state}: there are seeds when it is done", field="run")
    return seeds_of(run.result)


def _facts(asked: FingerprintSpec, bars: Bars) -> dict[str, Any]:
    """What a record says of the bars, and of the code whose trades were looked at."""
    return {
        "dataset": bars.digest,
        "bars": len(bars.columns),
        "days": len(bars.days),
        "versions": {each.strategy: code_version(each.strategy) for each in asked.strategies},
    }


def _recorded(user: Actor | None, asked: FingerprintSpec, **fields: Any) -> FingerprintRun:
    return FingerprintRun.objects.create(
        name=asked.name,
        symbol=asked.symbol,
        timeframe=asked.timeframe,
        spec=msgspec.to_builtins(asked),
        by_id=getattr(user, "pk", None),
        **fields,
    )
