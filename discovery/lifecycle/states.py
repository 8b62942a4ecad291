"""The states of a rule as a table: which step there is, what it needs, and why it is refused."""

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from discovery.health import Verdict
from discovery.models.rule import DiscoveredRule
from engine.errors import Conflict

State = DiscoveredRule.State
TRADING = (State.LIVE, State.DEGRADED)


class StepRefused(Conflict):
    """A rule may not take that step; the message says what it needs."""

    code = "step_refused"


class Finding(msgspec.Struct, frozen=True):
    """What a check came to, in words."""

    is_good: bool
    text: str


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What there is for a step. Findings are those since the rule was demoted last, and the campaign's that since its
    validation: what was found before says nothing any more. `asked_by` is a person; empty: the product itself."""

    validation: Finding | None = None
    campaign: Finding | None = None
    health: Verdict = Verdict.UNKNOWN
    asked_by: str = ""


Guard = Callable[[Evidence], str]  # why not; empty: it may


class Step(NamedTuple):
    """One step of a life, what it `needs` in words, and the guard that looks."""

    before: DiscoveredRule.State
    after: DiscoveredRule.State
    needs: str
    guard: Guard


def _confirmed(evidence: Evidence) -> str:
    return _lacks(evidence.validation, "no walk-forward over days that its search did not see has confirmed it")


def _repeated(evidence: Evidence) -> str:
    return _confirmed(evidence) or _lacks(evidence.campaign, "no campaign over given days has repeated it")


def _failed(evidence: Evidence) -> str:
    """A person rejects as they like; the product where a check speaks against the rule."""
    found = (evidence.validation, evidence.campaign)
    if evidence.asked_by or any(each is not None and not each.is_good for each in found):
        return ""
    return "neither a person nor a check speaks against it"


def _ill(evidence: Evidence) -> str:
    return "" if evidence.health is Verdict.ILL else f"its health is {evidence.health}, not ill"


def _well(evidence: Evidence) -> str:
    return "" if evidence.health is Verdict.HEALTHY else f"its health is {evidence.health}, not healthy"


def _wished(evidence: Evidence) -> str:
    """Out of the market at any time; by itself only where its health is bad."""
    return "" if evidence.asked_by else _ill(evidence)


def _lacks(finding: Finding | None, nothing: str) -> str:
    if finding is None:
        return nothing
    return "" if finding.is_good else finding.text


_CONFIRMED = "a walk-forward over days that its search did not see confirms it"
_REPEATED = "a campaign over given days makes the same trades, and its validation stands"
_AGAINST = "a check speaks against it, or a person does"
_OUT = "a person asks for it, or its health is bad and demotion is left to the product"

STEPS = (
    Step(State.DISCOVERED, State.VALIDATED, _CONFIRMED, _confirmed),
    Step(State.REJECTED, State.VALIDATED, _CONFIRMED, _confirmed),
    Step(State.DEMOTED, State.VALIDATED, f"{_CONFIRMED}, again", _confirmed),
    Step(State.VALIDATED, State.CAMPAIGN, _REPEATED, _repeated),
    Step(State.CAMPAIGN, State.LIVE, f"{_REPEATED}; a slot is made for it", _repeated),
    Step(State.LIVE, State.DEGRADED, "its trades are worse than it was validated with", _ill),
    Step(State.DEGRADED, State.LIVE, "its trades are as good again as it was validated with", _well),
    Step(State.LIVE, State.DEMOTED, _OUT, _wished),
    Step(State.DEGRADED, State.DEMOTED, _OUT, _wished),
    Step(State.DISCOVERED, State.REJECTED, _AGAINST, _failed),
    Step(State.VALIDATED, State.REJECTED, _AGAINST, _failed),
    Step(State.CAMPAIGN, State.REJECTED, _AGAINST, _failed),
    Step(State.DEMOTED, State.REJECTED, _AGAINST, _failed),
)
_TABLE = {(step.before, step.after): step for step in STEPS}


def refusal(before: str, after: str, evidence: Evidence) -> str:
    """Why a rule that is `before` may not become `after`, in words; empty where it may."""
    step = _TABLE.get((State(before), State(after)))
    if step is None:
        ways = ", ".join(onwards(before)) or "nothing"
        return f"a rule that is {before} cannot become {after}; it can become {ways}"
    why = step.guard(evidence)
    return f"{before} → {after}: {why}" if why else ""


def onwards(state: str) -> list[str]:
    """What a rule in that state can become."""
    return [step.after.value for step in STEPS if step.before == state]
