"""Takes steps: the only code that writes a rule's state, with who did it and why."""

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from discovery.health import Verdict
from discovery.lifecycle.states import Evidence, Finding, StepRefused, refusal
from discovery.models import DiscoveredRule, Promotion, RuleChange, RuleCheck
from engine.errors import Conflict, NotFound
from infra.web.actor import Actor

Kind = RuleCheck.Kind
State = DiscoveredRule.State


def get_rule(number: int) -> DiscoveredRule:
    found = DiscoveredRule.objects.filter(pk=number).select_related("run").first()
    if found is None:
        raise NotFound(f"There is no rule {number}.", field="rule")
    return found


def locked(rule: DiscoveredRule) -> DiscoveredRule:
    """The rule as it is now, for this transaction alone."""
    return DiscoveredRule.objects.select_for_update().get(pk=rule.pk)


def check_step(rule: DiscoveredRule, after: str, evidence: Evidence) -> None:
    """`StepRefused` says what is missing."""
    why = refusal(rule.state, after, evidence)
    if why:
        raise StepRefused(f"{rule.name}: {why}", field="state")


@transaction.atomic
def take_step(
    rule: DiscoveredRule, after: str, *, by: Actor | None, why: str, evidence: Evidence | None = None
) -> DiscoveredRule:
    """The rule in its new state, on record. `StepRefused` where the table has no such step or its guard refuses;
    `Conflict` where somebody else took a step of it meanwhile. `evidence` is what there is, unless it is given."""
    current = locked(rule)
    check_step(current, after, evidence_for(current, by=by) if evidence is None else evidence)
    changes = {"version": F("version") + 1, "updated_at": timezone.now()}
    if not DiscoveredRule.objects.filter(pk=current.pk, version=current.version).update(state=after, **changes):
        raise Conflict(f"{current.name} was changed by somebody else; look at it again", field="state")
    RuleChange.objects.create(
        rule=current,
        version=current.version + 1,
        before=current.state,
        after=after,
        why=why,
        by_id=by.pk if by else None,
        by_email=by.email if by else "",
    )
    current.refresh_from_db()
    return current


def evidence_for(rule: DiscoveredRule, *, by: Actor | None) -> Evidence:
    """What there is for a step of that rule now."""
    validation = standing_validation(rule)
    campaign = _newest(rule, Kind.CAMPAIGN, after=validation.pk) if validation else None
    return Evidence(
        validation=_finding(validation),
        campaign=_finding(campaign),
        health=health_of(rule),
        asked_by=by.email if by else "",
    )


def standing_validation(rule: DiscoveredRule) -> RuleCheck | None:
    """The newest validation since the rule was demoted last; before that it was another rule, for all we know."""
    demoted = rule.changes.filter(after=State.DEMOTED).order_by("-version").first()
    found = _newest(rule, Kind.VALIDATION)
    return found if found is not None and (demoted is None or found.created_at > demoted.at) else None


def open_promotion(rule: DiscoveredRule) -> Promotion | None:
    """Its present time in the market."""
    return rule.promotions.filter(ended_at=None).select_related("book", "run").first()


def health_of(rule: DiscoveredRule) -> Verdict:
    """As it was scored last in its present time in the market."""
    promotion = open_promotion(rule)
    newest = promotion.scores.order_by("-id").first() if promotion else None
    return Verdict(newest.verdict) if newest else Verdict.UNKNOWN


def _newest(rule: DiscoveredRule, kind: str, *, after: int = 0) -> RuleCheck | None:
    """One that came to an end; of those asked for after check `after`."""
    ended = rule.checks.filter(kind=kind, state=RuleCheck.State.DONE, pk__gt=after)
    return ended.order_by("-id").first()


def _finding(check: RuleCheck | None) -> Finding | None:
    return None if check is None else Finding(bool(check.is_good), check.text)
