"""A search for rules as a job: its bars are read, it is searched, and what was found becomes records."""

import hashlib
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import msgspec

from backtest import trials
from backtest.distributed.data import Bars
from discovery.bars_read import bars_read
from discovery.jobs import Held, Keep
from discovery.mining.asked import MiningSpec
from discovery.mining.found import Mined, MinedRule
from discovery.mining.mine import mine
from discovery.mining.search import Stage
from discovery.models import DiscoveredRule, MiningRun
from discovery.requested import MiningRequest
from strategies.versions import code_version

STRATEGY = "rules"  # what a rule trades as


def search(run: MiningRun, held: Held) -> Keep:
    """Search as `run` asks; what it found is written when the job ends well."""
    began = time.monotonic()
    asked = requested(run)
    bars = bars_read(asked)
    held.changes.update(facts(bars), stages=[])

    def staged(fold: int, stage: Stage) -> None:
        held.changes["stages"] = [*held.changes["stages"], _row(fold, stage)]

    earlier = partial(earlier_trials, asked.search, bars)
    found = mine(bars.columns, asked.search, earlier=earlier, progress=held.step, staged=staged)
    held.found.update(told(found), seconds=round(time.monotonic() - began, 3))
    return lambda: keep(run, bars, found)


def requested(run: MiningRun) -> MiningRequest:
    """What the run asks for."""
    return msgspec.convert(run.spec, MiningRequest, strict=False)


def earlier_trials(asked: MiningSpec, bars: Bars) -> int:
    """What was ever tried of rules on bars of this market that overlap these, by searches, sweeps and single runs. The
    same search of the same bars does not count against itself."""
    first, last = _span(bars)
    found = trials.tally(
        strategy=STRATEGY,
        symbol=bars.columns.symbol,
        timeframe=bars.columns.timeframe,
        first_ts=first,
        last_ts=last,
        but=(bars.digest, _digest(asked)),
    )
    return found.trials


def count_trials(bars: Bars, found: Mined) -> None:
    """From now on they count against everything that is tried of rules on these bars."""
    first, last = _span(bars)
    trials.record_search(
        trials.Search(_digest(found.spec), found.trials, found.variance),
        strategy=STRATEGY,
        symbol=found.symbol,
        timeframe=found.timeframe,
        dataset=bars.digest,
        first_ts=first,
        last_ts=last,
    )


def _digest(asked: MiningSpec) -> str:
    """Of how it is searched; the bars have their own."""
    return hashlib.sha256(msgspec.json.encode(asked, order="deterministic")).hexdigest()[:16]


def _span(bars: Bars) -> tuple[int, int]:
    return int(bars.columns.ts_open[0]), int(bars.columns.ts[-1])


def facts(bars: Bars) -> dict[str, Any]:
    """What a record says of the bars, and of the code that its rules are judged by."""
    first, last = _span(bars)
    return {
        "dataset": bars.digest,
        "bars": len(bars.columns),
        "days": len(bars.days),
        "first_ts": first,
        "last_ts": last,
        "versions": {STRATEGY: code_version(STRATEGY)},
    }


def told(found: Mined) -> dict[str, Any]:
    """What a record says of the search as a whole."""
    plain: dict[str, Any] = msgspec.to_builtins(found)
    result = {name: plain[name] for name in ("conditions", "folds", "capital")} | {"passed": len(found.passed)}
    stages = [_row(number, stage) for number, fold in enumerate(found.folds, start=1) for stage in fold.stages]
    return {"result": result, "stages": stages, "trials": found.trials, "earlier_trials": found.earlier}


def _row(fold: int, stage: Stage) -> dict[str, Any]:
    return {"fold": fold, **msgspec.to_builtins(stage)}


def keep(run: MiningRun, bars: Bars, found: Mined) -> None:
    """Each rule as a record of its own, and all trials in the ledger."""
    DiscoveredRule.objects.bulk_create(_records(run, found))
    count_trials(bars, found)


def _records(run: MiningRun, found: Mined) -> Iterator[DiscoveredRule]:
    for rank, rule in enumerate(found.rules, start=1):
        yield DiscoveredRule(
            run=run,
            rank=rank,
            name=f"{found.symbol} {found.timeframe} {run.pk}.{rank}",
            symbol=found.symbol,
            timeframe=found.timeframe,
            trials=found.trials + found.earlier,
            **_of_rule(rule),
        )


def _of_rule(rule: MinedRule) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(rule)
    return {
        "side": rule.rule.side,
        "text": rule.text,
        "conditions": plain["rule"],
        "exits": plain["exits"],
        "source": rule.source.value,
        "score": rule.score,
        "quality": plain["quality"],
        "quality_score": rule.quality_score,
        "in_sample": plain["train"],
        "out_of_sample": plain["test"],
        "anywhere": rule.anywhere,
        "folds": list(rule.folds),
        "p_searched": rule.chance.searched,
        "p_judged": rule.chance.tested,
        "p_corrected": rule.chance.corrected,
        "suspicion": rule.suspicion.score,
        "reasons": plain["suspicion"]["signs"],
        "passes": rule.passes,
        "capital": plain["capital"],
        "worst": plain["worst"],
        "trades_digest": rule.entries,
    }
