"""What people are told of promoted rules: on every page, and by the channels they chose."""

from discovery.health import Health
from discovery.models import Promotion
from infra.notices import Level, Notice


def is_worse(promotion: Promotion, found: Health) -> Notice:
    """Told for as long as it lasts: the same thing again is the same notice."""
    text = (
        f"Rule {promotion.rule.name} ({promotion.slot}, book {promotion.book.name}) is worse than it was validated: "
        f"health {found.score:.0f} of 100. {found.reasons[0]}"
    )
    return _notice(promotion, text)


def is_well(promotion: Promotion, found: Health) -> Notice:
    text = f"Rule {promotion.rule.name} ({promotion.slot}) is as good again as it was validated: health "
    return _notice(promotion, f"{text}{found.score:.0f} of 100.", is_over=True)


def is_out(promotion: Promotion, *, who: str, why: str) -> Notice:
    text = f"Rule {promotion.rule.name} ({promotion.slot}) was taken out of the market by {who}: {why}"
    return _notice(promotion, text, is_over=True)


def _notice(promotion: Promotion, text: str, *, is_over: bool = False) -> Notice:
    return Notice("rule", Level.CRITICAL, text, promotion.slot, f"rule|{promotion.slot}|{promotion.pk}", is_over)
