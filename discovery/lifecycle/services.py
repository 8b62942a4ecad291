"""What people do to rules: validate, try in a campaign, promote, demote, reject. Every one of them is on record."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from discovery.lifecycle import notices
from discovery.lifecycle.checks import ask_campaign, ask_validation, confirmation_of
from discovery.lifecycle.states import TRADING, State, StepRefused
from discovery.lifecycle.steps import (
    Kind,
    check_step,
    evidence_for,
    get_rule,
    locked,
    open_promotion,
    take_step,
)
from discovery.mined import STRATEGY, requested
from discovery.models import DiscoveredRule, Promotion, RuleCheck
from engine.errors import Conflict, InvalidInput
from engine.rules.rule import parse_rules, rules_json
from infra.notices import tell
from infra.web.actor import Actor
from strategies.models import Ticker
from strategies.services import save_ticker, update_ticker
from trading import services as trading
from trading.live_mode import LIVE_BOOK
from trading.models import Book, Position, Run
from users.models import User

__all__ = ["ask_campaign", "ask_validation", "demote", "get_rule", "promote", "reject"]

PAPER_ACCOUNT = "paper"
PERMISSION = "discovery.promote_rule"


def slot_of(rule: DiscoveredRule) -> str:
    """The name under which the rule trades: a copy of the strategy `rules`, so that each rule has its own exits,
    positions and trades."""
    return f"{STRATEGY}.{rule.pk}"


@transaction.atomic
def promote(
    rule: DiscoveredRule,
    *,
    user: User,
    tag: str,
    book: Book | None = None,
    quantities: Mapping[str, str] | None = None,
) -> DiscoveredRule:
    """Let the rule trade, with its own exits, in `book` (the paper book without one) where its symbol is such a mover
    as `tag` says. A second time in the same book changes nothing: one slot, however often it is asked for.

    `quantities` per account; the quantity of its search at the paper account without. Refused (`Conflict`) in words:
    not validated, no campaign, no permission, a book that cannot, real money whose locks are closed.
    """
    _check_may(user)
    current = locked(rule)
    target = _book(book)
    trading_now = open_promotion(current)
    if trading_now is not None and trading_now.book_id == target.pk and current.state in TRADING:
        return current
    if trading_now is not None:
        raise StepRefused(
            f"{current.name} trades in book {trading_now.book.name} already; demote it there first", field="book"
        )
    check_step(current, State.LIVE, evidence_for(current, by=user))
    _check_tag(tag)
    slot = slot_of(current)
    _check_free(slot)
    ticker = _ticker(current, slot, tag, quantities, user=user)
    run = trading.start_strategy(
        user=user, strategy=slot, symbol=ticker.symbol, live_mode=target.mode == Book.Mode.LIVE
    )
    validation = current.checks.filter(kind=Kind.VALIDATION, state=RuleCheck.State.DONE).latest("pk")  # which stands
    confirmed = confirmation_of(validation)
    promotion = Promotion.objects.create(
        rule=current,
        book=run.book,
        run=run,
        slot=slot,
        tag=tag,
        exits=ticker.exits,
        expected={"pnl": confirmed.pnl, "days": confirmed.figures.days, "slippage": _assumed_slippage(current)},
        p_corrected=confirmed.corrected,
        by=user,
        by_email=user.email,
        began_at=timezone.now(),
    )
    DiscoveredRule.objects.filter(pk=current.pk).update(tag=tag)
    return take_step(
        current, State.LIVE, by=user, why=f"trades as {slot} in book {promotion.book.name}; {validation.text}"
    )


def _check_may(user: Actor) -> None:
    if not user.has_perm(PERMISSION):
        raise Conflict(f"{user.email} may not do that: the permission {PERMISSION} is needed.")


def _book(asked: Book | None) -> Book:
    """Slots are started in the paper book or in the live one."""
    paper = trading.paper_book()
    if asked is None or asked.pk == paper.pk:
        return paper
    if asked.name != LIVE_BOOK or asked.mode != Book.Mode.LIVE:
        raise Conflict(
            f"book: strategies are started in the book {paper.name} or {LIVE_BOOK}, found {asked.name}", field="book"
        )
    return asked


def _check_tag(tag: str) -> None:
    known = DiscoveredRule.Tag.values
    if tag not in known:
        raise InvalidInput(f"tag: one of {', '.join(known)} was expected, found {tag!r}", field="tag")


def _check_free(slot: str) -> None:
    """What is still held from before would be taken for the new slot's own, and what runs keeps its own settings."""
    running = Run.objects.filter(strategy=slot, state=Run.State.RUNNING).select_related("book").first()
    if running is not None:
        raise Conflict(
            f"{slot} was started by hand in book {running.book.name}, with other settings perhaps; stop it first",
            field="rule",
        )
    held = Position.objects.filter(strategy=slot).exclude(quantity=0).select_related("book").first()
    if held is not None:
        raise Conflict(
            f"{slot} still holds {held.quantity.normalize():f} {held.symbol} in book {held.book.name} from before; "
            "wait until its exits have closed that, or flatten it",
            field="rule",
        )


def _ticker(rule: DiscoveredRule, slot: str, tag: str, quantities: Mapping[str, str] | None, *, user: Actor) -> Ticker:
    given = quantities or {PAPER_ACCOUNT: str(_quantity(rule))}
    before = Ticker.objects.filter(strategy=slot, symbol=rule.symbol).values_list("quantities", flat=True).first()
    ticker, _ = save_ticker(
        user=user,
        strategy=slot,
        symbol=rule.symbol,
        timeframe=rule.timeframe,
        params={"rules": rules_json(parse_rules([rule.conditions], field="conditions")), "movers": tag},
        # Quantities of an earlier promotion that are not named now would stay.
        quantities={**dict.fromkeys(before or {}, "0"), **given},
        exits=rule.exits,
        trade_enabled=True,
    )
    return ticker


def _quantity(rule: DiscoveredRule) -> Any:
    return requested(rule.run).search.quantity if rule.run else 1


def _assumed_slippage(rule: DiscoveredRule) -> str:
    """As its search was told to reckon."""
    return requested(rule.run).search.slippage if rule.run else "none"


def demote(rule: DiscoveredRule, *, user: User | None, why: str, position: str = "") -> DiscoveredRule:
    """Out of the market, at once: no entries any more; what is held is closed by its exits or flattened, as `position`
    says (else the settings). All of it is one transaction, and what is told to the book's process is told again until
    that has answered (`tend`). A rule that is demoted already is left as it is."""
    if user is not None:
        _check_may(user)
    way = position or settings.RULE_DEMOTE_POSITION
    if way not in Promotion.Position.values:
        raise InvalidInput(
            f"position: one of {', '.join(Promotion.Position.values)} was expected, found {way!r}", field="position"
        )
    with transaction.atomic():
        current = locked(rule)
        promotion = open_promotion(current)
        if current.state == State.DEMOTED and promotion is None:
            return current
        demoted = take_step(current, State.DEMOTED, by=user, why=why or "asked for")
        if promotion is not None:
            _end(promotion, way, user=user, why=why)
    return demoted


def _end(promotion: Promotion, way: str, *, user: User | None, why: str) -> None:
    slot, is_flattened = promotion.slot, way == Promotion.Position.FLATTEN
    Promotion.objects.filter(pk=promotion.pk).update(ended_at=timezone.now(), position=way)
    ticker = Ticker.objects.filter(strategy=promotion.slot, symbol=promotion.rule.symbol).first()
    if ticker is not None:
        update_ticker(user=user, ticker=ticker, trade_enabled=False)
    if Run.objects.filter(strategy=slot, state=Run.State.RUNNING).exists():
        trading.stop_strategy(user=user, strategy=slot, flatten=is_flattened, reason=f"demoted: {why}"[:200])
    elif is_flattened and Position.objects.filter(strategy=slot).exclude(quantity=0).exists():
        trading.flatten(user=user, strategy=slot)
    told = notices.is_out(promotion, who=user.email if user else "the product", why=why)
    transaction.on_commit(lambda: tell(told))


def reject(rule: DiscoveredRule, *, user: Actor, why: str) -> DiscoveredRule:
    """A person does not want it; `why` is kept."""
    _check_may(user)
    if not why.strip():
        raise InvalidInput("why: a reason was expected, found none", field="why")
    return take_step(rule, State.REJECTED, by=user, why=why.strip())
