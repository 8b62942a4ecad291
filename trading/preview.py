"""What a wish would become: the orders of each account, in words and numbers, with nothing sent."""

from decimal import Decimal
from typing import Any

import msgspec

from brokers.features import Features
from brokers.models import BrokerAccount
from brokers.services import features_of
from engine.decision.planner import Leg, next_leg
from engine.errors import Conflict, InvalidInput
from engine.instruments.catalog import instrument_for, normalize_symbol
from engine.instruments.instrument import Instrument
from engine.model.enums import OrderIntent
from engine.model.orders import Order
from engine.model.time import from_datetime
from strategies.models import Ticker
from strategies.registry import STRATEGIES, trades_options
from trading.models import Position
from trading.runtime.preflight import Situation, refusal

TARGETS = {"long": 1, "call": 1, "buy": 1, "short": -1, "put": -1, "sell": -1, "flat": 0, "close": 0}


class PlannedLeg(msgspec.Struct, frozen=True):
    """One order of the plan. `after` numbers the leg that must be filled first; `problem` says why it is refused."""

    side: str
    quantity: str
    intent: str
    after: int | None = None
    problem: str = ""
    rule: str = ""


class PlannedAccount(msgspec.Struct, frozen=True):
    """The plan of one account: from what it holds to what is wished."""

    account: str
    mode: str
    position: str
    target: str
    legs: tuple[PlannedLeg, ...]


def order_plan(*, strategy: str, symbol: str, action: str, now: Any) -> list[PlannedAccount]:
    """What `action` (long, short, flat, …) for the ticker of `strategy` on `symbol` would send, account by account.

    Each account has its own quantity. A reversal is one order where the venue allows it, else a pair of which the
    second waits for the first.
    """
    target = TARGETS.get(action.strip().lower())
    if target is None:
        raise InvalidInput(f"action must be one of {', '.join(TARGETS)}; found {action!r}.", field="action")
    name, symbol = STRATEGIES.canonical(strategy), normalize_symbol(symbol)
    ticker = Ticker.objects.filter(strategy=name, symbol=symbol).first()
    if ticker is None:
        raise Conflict(f"There is no ticker for {name} on {symbol}.", field="symbol")
    if target and trades_options(name, ticker.params):
        raise Conflict(f"{name} buys an option on {symbol}: which one is known when its chain is asked for.")
    instrument = instrument_for(symbol)
    return [
        _account(name, instrument, account, target * Decimal(quantity), from_datetime(now))
        for account, quantity in sorted(ticker.quantities.items())
        if Decimal(quantity)
    ]


def _account(strategy: str, instrument: Instrument, account: str, target: Decimal, now: int) -> PlannedAccount:
    known = BrokerAccount.objects.filter(name=account).first()
    mode = known.mode if known is not None else BrokerAccount.Mode.PAPER
    held = Position.objects.filter(book__mode=mode, strategy=strategy, symbol=instrument.symbol, broker=account).first()
    position = held.quantity if held is not None else Decimal(0)
    features = features_of(account)
    legs = _legs(target, position, is_linked=instrument.asset_class in features.linked_reversal)
    planned, before = [], position
    for number, leg in enumerate(legs):
        found = _planned(strategy, instrument, account, leg, before, features, now)
        planned.append(msgspec.structs.replace(found, after=number - 1 if number else None))
        before += leg.quantity if leg.side == "buy" else -leg.quantity
    return PlannedAccount(account, mode, f"{position.normalize():f}", f"{target.normalize():f}", tuple(planned))


def _legs(target: Decimal, position: Decimal, *, is_linked: bool) -> list[Leg]:
    legs, held = [], position
    while (leg := next_leg(target=target, position=held, working=Decimal(0), is_linked=is_linked)) is not None:
        legs.append(leg)
        held += leg.side.sign * leg.quantity
    return legs


def _planned(
    strategy: str, instrument: Instrument, account: str, leg: Leg, position: Decimal, features: Features, now: int
) -> PlannedLeg:
    order = Order("preview", strategy, instrument.symbol, account, leg.side, leg.quantity, intent=leg.intent)
    found = refusal(
        order,
        Situation(
            instrument=instrument,
            features=features,
            now=now,
            position=position,
            in_account=None,
            last_price=float("nan"),
            buying_power=None,
            allow_short=True,
        ),
    )
    return PlannedLeg(
        leg.side,
        f"{leg.quantity.normalize():f}",
        OrderIntent(leg.intent),
        problem=found.reason if found else "",
        rule=found.rule if found else "",
    )
