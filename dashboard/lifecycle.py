"""What the pages of promoted rules show: all rules with their health, one with its history, and how long they last."""

from typing import Any

import msgspec
from django.db.models import QuerySet

from backtest.report import svg
from discovery.lifecycle import selectors
from discovery.lifecycle.states import STEPS, TRADING, State
from discovery.models import DiscoveredRule
from discovery.shown import exits_text
from engine.exits.config import ExitConfig
from infra.web.actor import Actor

SHOWN = 200
# What is done next to a rule in each state, and what the button says.
NEXT = {
    State.DISCOVERED: ("validate", "Validate"),
    State.REJECTED: ("validate", "Validate again"),
    State.DEMOTED: ("validate", "Validate again"),
    State.VALIDATED: ("campaign", "Campaign"),
    State.CAMPAIGN: ("promote", "Promote…"),
    State.LIVE: ("demote", "Demote…"),
    State.DEGRADED: ("demote", "Demote…"),
}


def listed(state: str) -> list[dict[str, Any]]:
    """One row for each rule, what trades first."""
    found: QuerySet[DiscoveredRule] = selectors.rules(state=state)
    return [_row(rule) for rule in found[:SHOWN]]


def _row(rule: DiscoveredRule) -> dict[str, Any]:
    present = selectors.present(rule)
    return {
        "rule": rule,
        "present": present and _drawn(present),
        "waiting": selectors.waiting(rule),
        **acts(rule),
    }


def acts(rule: DiscoveredRule) -> dict[str, Any]:
    """What can be done to a rule now, as its buttons say; and what speaks for it."""
    return {
        "next": NEXT[State(rule.state)],
        "can_reject": rule.state not in (*TRADING, State.REJECTED),
        "words": selectors.spoken_for(rule),
    }


def _drawn(promotion: dict[str, Any]) -> dict[str, Any]:
    scores = [each["score"] for each in promotion["scores"]]
    told = "unknown" if promotion["score"] is None else f"{promotion['score']:.0f} of 100"
    return promotion | {"spark": svg.spark(scores, low=0.0, high=100.0, name=f"Health so far, now {told}")}


def life(rule: DiscoveredRule, user: Actor) -> dict[str, Any]:
    """One rule's life as its page reads it."""
    found = selectors.life(rule, user=user)
    return found | {
        "promotions": [_drawn(each) for each in found["promotions"]],
        "exits": exits_text(msgspec.convert(rule.exits, ExitConfig, strict=False)),
        **acts(rule),
        "is_waiting": any(check["state"] in ("queued", "running") for check in found["checks"]),
    }


def survival() -> dict[str, Any]:
    """How long promoted rules last, drawn."""
    found = selectors.survival_document()
    until = found["longest_days"] or 0.0
    return found | {
        "drawing": svg.steps(
            [(point["days"], point["share"], point["low"], point["high"]) for point in found["points"]],
            until=until,
            name="Share of promoted rules that are neither degraded nor demoted, with its 95 % band",
            across=f"{until:.0f} days in the market",
        )
    }


def table() -> list[dict[str, str]]:
    """Every step there is, and what it needs."""
    return [{"before": step.before.value, "after": step.after.value, "needs": step.needs} for step in STEPS]
