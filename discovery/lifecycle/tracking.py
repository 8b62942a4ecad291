"""Follows promoted rules: their trades as the ledger has them, their health, and what is told and done about it."""

import logging
from datetime import datetime

import msgspec
import numpy as np
from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from discovery.health import Health, Limits, Trading, Verdict, health
from discovery.lifecycle import notices
from discovery.lifecycle.services import demote
from discovery.lifecycle.states import State
from discovery.lifecycle.steps import take_step
from discovery.models import DiscoveredRule, HealthScore, Promotion
from engine.instruments.catalog import instrument_for
from engine.instruments.sessions import ALWAYS, calendar
from engine.model.enums import Side
from engine.model.time import NS_PER_DAY, from_datetime
from engine.venue.choices import parse_slippage
from engine.venue.slippage import FixedSlippage, NoSlippage
from infra.notices import tell
from trading.models import CommandRecord, Fill, Trade
from trading.services import deliver_again, wake

logger = logging.getLogger(__name__)

MOST_FILLS = 500  # newest
BEARABLE = 0.25  # of what a trade earns: where costs take more than was reckoned, it is another rule
SCORES_KEPT = 200  # of a time in the market: every page of rules reads them


def limits() -> Limits:
    """As the settings say."""
    return Limits(
        least_trades=settings.RULE_HEALTH_TRADES, ill=settings.RULE_HEALTH_ILL, well=settings.RULE_HEALTH_WELL
    )


def score_all() -> dict[str, str]:
    """Look at every rule in the market; its slot → what was found. One that cannot be looked at keeps no other from
    it."""
    found = {}
    for promotion in Promotion.objects.filter(ended_at=None).select_related("rule", "book").order_by("pk"):
        try:
            found[promotion.slot] = score(promotion).verdict
        except Exception:  # whatever it is, the next rule is looked at
            logger.exception("the health of %s could not be told", promotion.slot)
    return found


def score(promotion: Promotion) -> HealthScore:
    """What its trades say now; kept where they say something new, and followed up: a rule that is ill is degraded,
    told of, and demoted where that is left to the product; one that is well again is so on record, too."""
    found = health_now(promotion)
    seen = trades_of(promotion).count()
    kept = promotion.scores.order_by("-id").first()
    if kept is None or (kept.trades, kept.verdict) != (seen, found.verdict):
        kept = HealthScore.objects.create(
            promotion=promotion,
            at=timezone.now(),
            trades=seen,
            verdict=found.verdict,
            score=found.score,
            p=found.p,
            document=msgspec.to_builtins(found),
        )
        old = promotion.scores.order_by("-id").values_list("pk", flat=True)[SCORES_KEPT:]
        promotion.scores.filter(pk__in=list(old)).delete()
    _follow_up(promotion, found)
    return kept


def health_now(promotion: Promotion) -> Health:
    """Of the trades of this time in the market against those that validated it, for one unit each."""
    expected = promotion.expected
    rows = trades_of(promotion).values_list("pnl", "quantity")
    bearable = bearable_slippage(promotion)
    observed = Trading(
        pnl=tuple(float(pnl / quantity) for pnl, quantity in rows),
        days=sessions_since(promotion),
        slippage=() if bearable is None else tuple(_slippage(promotion)),
    )
    validated = Trading(pnl=tuple(expected["pnl"]), days=expected["days"])
    # It was validated wherever its conditions hold; one that waits for a mover trades less.
    is_as_free = promotion.tag == DiscoveredRule.Tag.ANY
    return health(validated, observed, limits=limits(), bearable=bearable or 0.0, is_as_free=is_as_free)


def trades_of(promotion: Promotion) -> QuerySet[Trade]:
    """Closed in this time in the market, in the order of their exits."""
    found = Trade.objects.filter(book=promotion.book, strategy=promotion.slot, entry_at__gte=promotion.began_at)
    return found.order_by("exit_at", "id")


def sessions_since(promotion: Promotion, now: datetime | None = None) -> int:
    """Trading days since it was promoted; one that is under way counts."""
    begin, end = from_datetime(promotion.began_at), from_datetime(now or timezone.now())
    name = instrument_for(promotion.rule.symbol).calendar
    return -(-(end - begin) // NS_PER_DAY) if name == ALWAYS else len(calendar(name).sessions(begin, end))


def bearable_slippage(promotion: Promotion) -> float | None:
    """What a unit's fill may cost, as a price: what its search reckoned, and `BEARABLE` of what a trade is expected to
    earn, by halves for its two fills. None where what was reckoned depends on the market."""
    reckoned, instrument = parse_slippage(promotion.expected["slippage"]), instrument_for(promotion.rule.symbol)
    earned = max(0.0, float(np.mean(promotion.expected["pnl"]))) / float(instrument.multiplier)
    if isinstance(reckoned, NoSlippage):
        return BEARABLE * earned / 2.0
    if isinstance(reckoned, FixedSlippage):
        return reckoned.ticks * float(instrument.tick_size) + BEARABLE * earned / 2.0
    return None


def _slippage(promotion: Promotion) -> list[float]:
    """What each fill cost against the price that was decided on."""
    fills = Fill.objects.filter(
        order__book=promotion.book, order__strategy=promotion.slot, at__gte=promotion.began_at
    ).order_by("-id")
    rows = fills.values_list("side", "price", "reference_price")[:MOST_FILLS]
    return [Side(side).sign * (float(price) - reference) for side, price, reference in rows if reference is not None]


def _follow_up(promotion: Promotion, found: Health) -> None:
    rule = promotion.rule
    rule.refresh_from_db()
    if rule.state == State.DEGRADED and found.verdict is Verdict.HEALTHY:
        take_step(rule, State.LIVE, by=None, why=found.text)
        tell(notices.is_well(promotion, found))
    if found.verdict is not Verdict.ILL:
        return
    if rule.state == State.LIVE:
        rule = _degrade(promotion, found)
    if rule.state == State.DEGRADED:
        tell(notices.is_worse(promotion, found))
        if settings.RULE_AUTO_DEMOTE:
            demote(rule, user=None, why=f"its health: {found.text}")


@transaction.atomic
def _degrade(promotion: Promotion, found: Health) -> DiscoveredRule:
    Promotion.objects.filter(pk=promotion.pk, degraded_at=None).update(degraded_at=timezone.now())
    return take_step(promotion.rule, State.DEGRADED, by=None, why=found.text)


def tend() -> int:
    """Tell books again of demotions that they have not answered: whoever demoted may have been killed before it was
    sent. How many."""
    count = 0
    for record in unanswered():
        deliver_again(record)
        count += 1
    if count:
        wake()
    return count


def unanswered() -> list[CommandRecord]:
    """What was told to books to end a time in the market, and has no answer yet."""
    waiting = CommandRecord.objects.filter(state=CommandRecord.State.SENT, kind__in=("StopSlot", "Flatten"))
    found = [each for each in waiting.select_related("book") if each.payload.get("strategy")]
    names = {each.payload["strategy"] for each in found}
    ended = set(Promotion.objects.filter(ended_at__isnull=False, slot__in=names).values_list("slot", flat=True))
    return [each for each in found if each.payload["strategy"] in ended]
