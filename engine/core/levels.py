"""The levels of a guard: which of them is reached, and what is left of them."""

from decimal import Decimal

from engine.core.holding import INF, Guard, Holding
from engine.exits.plan import ExitPlan, Tier
from engine.model.positions import ExitArmed


def stop_reason(guard: Guard, plan: ExitPlan, worst: float) -> str:
    """Why the position must be closed, of the levels that the engine watches; empty where none is reached."""
    if guard.is_held and guard.stop is not None and plan.sign * (worst - float(guard.stop)) <= 0:
        return "break_even" if guard.moved_to_entry else "stop"
    if plan.trail is not None and watches_trail(guard):
        level = guard.extreme - plan.sign * float(plan.trail)
        if plan.sign * (worst - level) <= 0:
            return "trailing"
    return ""


def watches_trail(guard: Guard) -> bool:
    """Whether a trailing stop is the engine's affair: of two stops the fixed one waits at the venue."""
    return guard.is_held or (guard.is_split and guard.stop is not None)


def fitting(tiers: list[Tier], quantity: Decimal) -> list[Tier]:
    """The tiers, nearest first, as far as the position reaches."""
    kept: list[Tier] = []
    for tier in tiers:
        part = min(tier.quantity, quantity)
        if part:
            kept.append(Tier(tier.price, part))
            quantity -= part
    return kept


def take_tier(guard: Guard, quantity: Decimal) -> None:
    """A target filled, perhaps in part: what is left of the tiers."""
    while quantity and guard.tiers:
        tier = guard.tiers.pop(0)
        if tier.quantity > quantity:
            guard.tiers.insert(0, Tier(tier.price, tier.quantity - quantity))
            return
        quantity -= tier.quantity
        guard.tiers_done += 1


def waits_at_venue(guard: Guard, plan: ExitPlan) -> bool:
    """Whether orders of the guard should be at the venue."""
    if guard.is_held:
        return False
    return plan.stop is not None or plan.trail is not None or (bool(plan.tiers) and not guard.is_split)


def alarms(guard: Guard | None) -> tuple[float, float]:
    """The prices at which the guard has something to decide: at or below the first, at or above the second."""
    if guard is None or guard.plan is None or guard.is_firing:
        return -INF, INF
    plan = guard.plan
    is_watching = guard.is_held or guard.is_split
    if not is_watching and plan.trail is None and (plan.break_even_at is None or guard.moved_to_entry):
        return -INF, INF  # the venue has it all
    sign, against, favour = plan.sign, -INF, INF  # the nearest levels, as if the position were long
    if plan.break_even_at is not None and not guard.moved_to_entry:
        favour = sign * float(plan.break_even_at)
    if plan.trail is not None:
        favour = min(favour, sign * guard.extreme)
    if guard.is_held and guard.stop is not None:
        against = sign * float(guard.stop)
    if plan.trail is not None and watches_trail(guard):
        against = max(against, sign * guard.extreme - float(plan.trail))
    if is_watching:
        for tier in guard.tiers:
            favour = min(favour, sign * float(tier.price))
    return (against, favour) if sign > 0 else (-favour, -against)


def armed(holding: Holding, ts: int, reason: str) -> ExitArmed:
    """What guards the holding now, for people."""
    guard = holding.guard
    kind = "none" if guard is None or guard.plan is None else holding.guarded_by
    stop = guard.stop if guard else None
    target = guard.tiers[0].price if guard and guard.tiers else None
    return ExitArmed(ts, holding.strategy, holding.symbol, holding.broker, kind, stop, target, reason)
