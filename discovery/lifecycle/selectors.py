"""Reads of the life of rules: all of them with their health, one with its history, and how long they last."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import Case, Count, IntegerField, Prefetch, QuerySet, Value, When
from django.utils import timezone

from discovery.health import Verdict
from discovery.lifecycle.states import State, onwards, refusal
from discovery.lifecycle.steps import evidence_for
from discovery.lifecycle.survival import Point, Spell, median_days, survival
from discovery.models import DiscoveredRule, HealthScore, Promotion, RuleChange, RuleCheck
from engine.errors import InvalidInput
from infra.web.actor import Actor

SCORES = 60  # of a sparkline
DAY_S = 86_400.0
# What is looked at first: what trades.
ORDER = (
    State.DEGRADED, State.LIVE, State.CAMPAIGN, State.VALIDATED, State.DISCOVERED, State.DEMOTED, State.REJECTED,
)  # fmt: skip


def rules(*, state: str = "") -> QuerySet[DiscoveredRule]:
    """Those in that state, or all, what trades first; each with its present time in the market and its scores."""
    if state and state not in State.values:
        raise InvalidInput(f"state: one of {', '.join(State.values)} was expected, found {state!r}", field="state")
    place = Case(
        *(When(state=each, then=Value(at)) for at, each in enumerate(ORDER)), output_field=IntegerField()
    )  # fmt: skip
    found = DiscoveredRule.objects.filter(state=state) if state else DiscoveredRule.objects.all()
    running = Promotion.objects.filter(ended_at=None).select_related("book", "run")
    checks = RuleCheck.objects.order_by("-id").defer("result", "spec")
    return found.select_related("run").order_by(place, "-id").prefetch_related(
        Prefetch("promotions", running.prefetch_related(_drawn_scores()), to_attr="present"),
        Prefetch("checks", checks),
    )  # fmt: skip


def _drawn_scores() -> "Prefetch[str]":
    return Prefetch("scores", HealthScore.objects.defer("document"))


def counts() -> dict[str, int]:
    """How many rules are in each state."""
    found = dict(DiscoveredRule.objects.order_by().values_list("state").annotate(Count("pk")))
    return {state: found.get(state, 0) for state in State.values}


def waiting(rule: DiscoveredRule) -> list[str]:
    """The kinds of its checks that are under way."""
    return [check.kind for check in rule.checks.all() if not check.is_over]


def spoken_for(rule: DiscoveredRule) -> str:
    """What speaks for its next step, in words: what it is the best of, and what its checks came to since."""
    said = [rule.chance]
    if rule.state in (State.VALIDATED, State.CAMPAIGN):
        newest = {check.kind: check for check in sorted(rule.checks.all(), key=lambda each: each.pk) if check.is_good}
        said += [f"{kind}: {check.text}" for kind, check in newest.items()]
    return ". ".join(said)


def present(rule: DiscoveredRule) -> dict[str, Any] | None:
    """Where a rule of `rules()` trades now and how well; None where it does not."""
    found: Sequence[Promotion] = rule.present  # type: ignore[attr-defined]
    return of_promotion(found[0]) if found else None


def of_promotion(promotion: Promotion) -> dict[str, Any]:
    """A time in the market with its health so far, oldest score first."""
    scores = sorted(promotion.scores.all(), key=lambda each: each.pk)[-SCORES:]
    newest = scores[-1] if scores else None
    return {
        "slot": promotion.slot,
        "book": promotion.book.name,
        "mode": promotion.book.mode,
        "is_running": promotion.run.state == promotion.run.State.RUNNING,
        "tag": promotion.tag,
        "exits": promotion.exits,
        "p_corrected": promotion.p_corrected,
        "by": promotion.by_email,
        "began_at": promotion.began_at,
        "degraded_at": promotion.degraded_at,
        "ended_at": promotion.ended_at,
        "position": promotion.position,
        "verdict": newest.verdict if newest else Verdict.UNKNOWN.value,
        "score": newest.score if newest else None,
        "trades": newest.trades if newest else 0,
        "scores": [{"at": each.at, "score": each.score, "trades": each.trades} for each in scores],
    }


def life(rule: DiscoveredRule, *, user: Actor) -> dict[str, Any]:
    """Everything that happened to it, newest first, and what it may become now or why not."""
    times = rule.promotions.select_related("book", "run").prefetch_related(_drawn_scores())
    evidence = evidence_for(rule, by=user)
    return {
        "rule": rule.pk,
        "state": rule.state,
        "version": rule.version,
        "steps": [{"to": after, "refused": refusal(rule.state, after, evidence)} for after in onwards(rule.state)],
        "changes": [_change(each) for each in rule.changes.all()],
        "checks": [_check(each) for each in rule.checks.order_by("-id")],
        "promotions": [of_promotion(each) for each in times],
        "health": _health(rule),
    }


def _change(change: RuleChange) -> dict[str, Any]:
    return {
        "version": change.version,
        "before": change.before,
        "after": change.after,
        "why": change.why,
        "by": change.by_email,
        "at": change.at,
    }


def _check(check: RuleCheck) -> dict[str, Any]:
    return {
        "id": check.pk,
        "kind": check.kind,
        "state": check.state,
        "is_good": check.is_good,
        "text": check.text or check.error,
        "study": check.study_id,
        "asked_at": check.created_at,
        "finished_at": check.finished_at,
    }


def _health(rule: DiscoveredRule) -> Mapping[str, Any]:
    """The newest score with its parts; empty where it never traded."""
    newest = HealthScore.objects.filter(promotion__rule=rule).order_by("-id").first()
    return newest.document if newest else {}


def spells() -> list[Spell]:
    """Every time in the market: until it was degraded or demoted, or up to now."""
    until = timezone.now()
    found = Promotion.objects.order_by("pk").values_list("began_at", "degraded_at", "ended_at")
    return [
        Spell(((degraded or ended or until) - began).total_seconds() / DAY_S, bool(degraded or ended))
        for began, degraded, ended in found
    ]


def survival_document() -> dict[str, Any]:
    """The curve of all rules that were ever promoted, in calendar days."""
    found = spells()
    points: list[Point] = survival(found)
    return {
        "promoted": len(found),
        "ended": sum(spell.has_ended for spell in found),
        "median_days": median_days(points),
        "longest_days": max((spell.days for spell in found), default=None),
        "points": [point._asdict() for point in points],
    }
