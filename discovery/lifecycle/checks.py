"""The two checks of a rule, as jobs: does it hold on days that its search never saw, and does a campaign repeat it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

import msgspec
import numpy as np
from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from backtest.apply import trades_of
from backtest.distributed.data import Bars
from backtest.models import Study
from backtest.services import ENDED as STUDY_ENDED
from backtest.services import create_study
from discovery import jobs
from discovery.bars_read import bars_read
from discovery.jobs import Held, Keep, Stopped
from discovery.lifecycle.confirmation import Confirmation, Demands, confirm, signals_of, unseen
from discovery.lifecycle.states import State, StepRefused, onwards
from discovery.lifecycle.steps import Kind, locked, standing_validation, take_step
from discovery.mined import STRATEGY, requested
from discovery.mining.market import Market, trading_days
from discovery.mining.span import DAY_S
from discovery.mining.suspicion import SUSPICIOUS
from discovery.mining.truths import Bools
from discovery.models import DiscoveredRule, RuleCheck
from discovery.requested import MiningRequest
from engine.errors import Conflict, InvalidInput
from engine.exits.config import ExitConfig
from engine.instruments.catalog import instrument_for
from engine.model.positions import TradeClosed
from engine.rules.rule import Rule, parse_rules, rules_json
from infra.web.actor import Actor
from strategies.versions import code_version

SAME_PNL = 0.005  # half a cent: two reckonings of one trade
# The state that each check leads to.
LEADS_TO = {Kind.VALIDATION: State.VALIDATED, Kind.CAMPAIGN: State.CAMPAIGN}


@dataclass(frozen=True)
class Material:
    """What a rule is checked with: its search, its bars up to now, and which days nobody chose it on or validated it
    with."""

    asked: MiningRequest
    bars: Bars
    rule: Rule
    exits: ExitConfig
    unseen: Bools


def ask_validation(*, user: Actor | None, rule: DiscoveredRule) -> RuleCheck:
    """Send a walk over the days that its search did not see to the workers; the one that is under way where there is
    one. `StepRefused` in a state from which it leads nowhere."""
    return _ask(user, rule, Kind.VALIDATION, {})


def ask_campaign(
    *, user: Actor | None, rule: DiscoveredRule, start: date | None = None, end: date | None = None
) -> RuleCheck:
    """Send a campaign over the given days (both included; else those that validated it) to the workers."""
    validation = standing_validation(rule)
    if validation is None or not validation.is_good:
        raise StepRefused(f"{rule.name}: no validation stands, so there is nothing to repeat", field="state")
    first, last = (date.fromisoformat(validation.result[name]) for name in ("start", "end"))
    begin, until = start or first, end or last
    if until < begin:
        raise InvalidInput(f"end: {begin} or later was expected, found {until}", field="end")
    return _ask(user, rule, Kind.CAMPAIGN, {"start": begin.isoformat(), "end": until.isoformat()})


def _ask(user: Actor | None, rule: DiscoveredRule, kind: Kind, spec: Mapping[str, Any]) -> RuleCheck:
    after = LEADS_TO[kind]
    if rule.run is None:
        raise StepRefused(
            f"{rule.name}: it comes from no search, so which days it was not chosen in is unknown; give it to a search "
            "as a seed",
            field="rule",
        )
    try:
        with transaction.atomic():
            current = locked(rule)
            if after not in onwards(current.state):
                raise StepRefused(
                    f"{rule.name}: a rule that is {current.state} is not {after} next; it can become "
                    f"{', '.join(onwards(current.state))}",
                    field="state",
                )
            check = RuleCheck.objects.create(
                rule=current, kind=kind, name=f"{kind} of {rule.name}", spec=dict(spec), by_id=user.pk if user else None
            )
            jobs.send(check)
            return check
    except IntegrityError:  # a second click: the first one is at it
        return rule.checks.filter(kind=kind, state__in=(RuleCheck.State.QUEUED, RuleCheck.State.RUNNING)).get()


def work(check: RuleCheck, held: Held) -> Keep:
    """What came of the check is written, and the step taken that it leads to, when the job ends."""
    return (_validate if check.kind == Kind.VALIDATION else _repeat)(check, held)


def material_of(rule: DiscoveredRule) -> Material:
    """Read everything again, with the bars that came since the search."""
    if rule.run is None:
        raise Conflict(f"{rule.name} comes from no search", field="rule")
    asked = requested(rule.run)
    # A day, not an open end: a worker remembers what it read under the span that it was asked for.
    bars = bars_read(msgspec.structs.replace(asked, end=timezone.now().date()))
    [parsed] = parse_rules([rule.conditions], field="conditions")
    exits = msgspec.convert(rule.exits, ExitConfig, strict=False)
    day_of, days = trading_days(bars.columns, instrument_for(asked.symbol).calendar)
    until = days[int(day_of[np.searchsorted(bars.columns.ts, rule.run.last_ts or 0, side="right") - 1])]
    gap = math.ceil((exits.max_hold_s or 0.0) / DAY_S) if asked.search.carry else 0
    fresh = unseen(days, rule.run.result["folds"], searched_until=until, gap=gap)
    used = rule.checks.filter(kind=Kind.VALIDATION, is_good=True).order_by("-id").first()
    if used is not None:
        fresh &= np.array([day.isoformat() > used.result["end"] for day in days], np.bool_)
    return Material(asked, bars, parsed, exits, fresh)


def _validate(check: RuleCheck, held: Held) -> Keep:
    rule = check.rule
    held.step(0, 2)
    found = material_of(rule)
    held.step(1, 2)
    before = rule.checks.filter(kind=Kind.VALIDATION, state=RuleCheck.State.DONE).count()
    beside = rule.run.rules.count() if rule.run else 1
    told = confirm(
        found.bars.columns,
        found.asked.search,
        found.rule,
        found.exits,
        days=found.unseen,
        demands=demands(),
        competing=beside + before,
    )
    against = [each["reason"] for each in rule.reasons] if rule.suspicion >= SUSPICIOUS else []
    if against:
        told = msgspec.structs.replace(told, is_good=False, text=f"{told.text}; suspicious: {'; '.join(against)}")
    held.step(2, 2)
    _tell(held, told.is_good, told.text, msgspec.to_builtins(told))
    held.changes.update(dataset=found.bars.digest, versions={STRATEGY: code_version(STRATEGY)})
    return lambda: _follow(check, told.is_good, told.text)


def demands() -> Demands:
    """As the settings say."""
    return Demands(
        least_days=settings.RULE_LEAST_DAYS,
        least_trades=settings.RULE_LEAST_TRADES,
        parts=settings.RULE_PARTS,
        earning=settings.RULE_EARNING_PARTS,
        p=settings.RULE_P,
    )


def _tell(held: Held, is_good: bool, text: str, result: dict[str, Any]) -> None:
    held.found.update(is_good=is_good, text=text, result=result)


def _follow(check: RuleCheck, is_good: bool, text: str) -> None:
    """Take the step that the check leads to; a rule that fails is rejected, unless that is what it is."""
    after = LEADS_TO[Kind(check.kind)] if is_good else State.REJECTED
    current = locked(check.rule)
    if after in onwards(current.state):
        take_step(current, after, by=check.by, why=text)


def _repeat(check: RuleCheck, held: Held) -> Keep:
    """A study of the rule over the days; looked at until it is over (this job goes back to the queue meanwhile)."""
    study = check.study or _begin_study(check)
    held.step(0, 1)
    if study.state not in STUDY_ENDED:
        raise Stopped
    run = study.runs.order_by("number").first()
    if study.state != Study.State.DONE or run is None or run.error:
        why = (run.error if run else "") or study.error or study.state
        raise Conflict(f"study {study.pk} did not end well: {why}", field="study")
    found = material_of(check.rule)
    is_good, text, result = compared(found, trades_of(run), span_of(found.bars, check.spec))
    held.step(1, 1)
    _tell(held, is_good, f"{text} (study {study.pk})", result | {"study": study.pk})
    return lambda: _follow(check, is_good, text)


def _begin_study(check: RuleCheck) -> Study:
    rule = check.rule
    found = material_of(rule)
    asked, carry = found.asked, found.asked.search.carry
    fixed, span = asked.search.run_config(found.exits), span_of(found.bars, check.spec)
    days = [day.day.isoformat() for day in found.bars.days]
    document = {
        # A position that is carried over the night belongs to no day alone.
        "kind": "sweep" if carry else "campaign",
        "name": f"{rule.name}: does it repeat"[:80],
        "symbol": asked.symbol,
        "timeframe": asked.timeframe,
        "strategies": [STRATEGY],
        "params": {STRATEGY: [{"rules": rules_json([found.rule])}]},
        "data": asked.data,
        "time_is": asked.time_is,
        "adjust": asked.adjust,
        "start": days[max(0, span.first - settings.RULE_WARMUP_DAYS)],
        "end": days[span.after - 1],
        "fixed": msgspec.to_builtins(fixed),
        "flat_at_close": False,
        "warmup_days": settings.RULE_WARMUP_DAYS,
    }
    with transaction.atomic():
        study = create_study(user=check.by, document=document)
        RuleCheck.objects.filter(pk=check.pk).update(study=study)
    return study


class Span(NamedTuple):
    """The days of a campaign among those of the bars: [first, after the last)."""

    first: int
    after: int

    def moments(self, bars: Bars) -> tuple[int, int]:
        """From the first open to the last close, UTC nanoseconds."""
        columns, days = bars.columns, bars.days
        return int(columns.ts_open[days[self.first].first]), int(columns.ts[days[self.after - 1].after - 1])


def span_of(bars: Bars, spec: Mapping[str, str]) -> Span:
    """What is asked for, less what has too few days before it to warm up."""
    warmup = settings.RULE_WARMUP_DAYS
    inside = [at for at, day in enumerate(bars.days) if spec["start"] <= day.day.isoformat() <= spec["end"]]
    inside = [at for at in inside if at >= warmup]
    if not inside:
        raise InvalidInput(
            f"start: days with bars, and {warmup} days before them, were expected from {spec['start']} to "
            f"{spec['end']}, found none",
            field="start",
        )
    return Span(inside[0], inside[-1] + 1)


def compared(found: Material, trades: Sequence[TradeClosed], span: Span) -> tuple[bool, str, dict[str, Any]]:
    """The campaign's trades on its days beside those that the search's own reckoning makes there."""
    begin, end = span.moments(found.bars)
    ours = {(each.entry_ts, each.side.value): float(each.pnl) for each in trades if begin <= each.entry_ts < end}
    expected = _expected(found, span)
    same = sum(abs(ours[key] - pnl) < SAME_PNL for key, pnl in expected.items() if key in ours)
    every, net = len(ours.keys() | expected.keys()), sum(ours.values())
    days = [found.bars.days[at].day.isoformat() for at in (span.first, span.after - 1)]
    result = {
        "start": days[0], "end": days[1], "trades": len(ours), "expected": len(expected), "same": same, "net_pnl": net,
        "expected_pnl": sum(expected.values()),
    }  # fmt: skip
    if not every:
        return False, "it made no trades on these days", result
    text = f"{same} of {every} trades are those of its search, {net:,.2f} earned"
    if same < settings.RULE_SAME_TRADES * every:
        return False, f"{text}; a share of {settings.RULE_SAME_TRADES:g} was expected", result
    return True, text, result


def _expected(found: Material, span: Span) -> dict[tuple[int, str], float]:
    bars, asked = found.bars.columns, found.asked.search
    market, (begin, end) = Market(bars, asked), span.moments(found.bars)
    inside = (bars.ts_open >= begin) & (bars.ts_open < end)
    trades = market.trade(signals_of(bars, asked, found.rule) & inside, found.rule.sign, found.exits)
    opened = bars.ts_open[trades.entry_bar].tolist()
    return {(ts, found.rule.side): pnl for ts, pnl in zip(opened, trades.pnl.tolist(), strict=True)}


def confirmation_of(check: RuleCheck) -> Confirmation:
    """What a validation came to."""
    return msgspec.convert(check.result, Confirmation, strict=False)
