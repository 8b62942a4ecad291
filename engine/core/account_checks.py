"""What the engine does when a broker's account was compared with its books: hold entries back, and book differences."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec

from engine.core.holding import ZERO, Holding
from engine.model.accounts import CASH, AccountChecked, AccountState, Difference, Policy, PositionAdjusted
from engine.model.commands import AcceptDifferences
from engine.model.enums import OrderIntent, Side
from engine.model.event import Event
from engine.model.ids import slug
from engine.model.orders import Order, OrderFilled
from engine.risk.gate import Hold

if TYPE_CHECKING:
    from engine.core.engine import Engine


def checked(engine: "Engine", event: AccountChecked) -> Sequence[Event]:
    """Book what policy settles by itself; hold entries back while something is left, or the account is not known."""
    known = engine.checks.get(event.broker)
    if known is not None and known.check_id == event.check_id:
        return ()
    out = list(engine.advance(event.ts))
    for difference in event.differences:
        if difference.policy is not Policy.PAUSE:
            _settle(engine, event, difference, difference.policy, event.ts, "", out)
    open_ = tuple(d for d in event.differences if d.policy is Policy.PAUSE)
    _keep(engine, msgspec.structs.replace(event, differences=open_), event.ts, out)
    return out


def accept(engine: "Engine", command: AcceptDifferences, out: list[Event]) -> tuple[str, str]:
    """A person settles what is open at a broker (in one symbol, where named); what was wrong, or what was done."""
    event = engine.checks.get(command.broker)
    if event is None or event.state is AccountState.GREEN:
        return f"there is no difference to accept at {command.broker!r}", ""
    if event.state is AccountState.UNKNOWN:
        return f"the account {command.broker!r} is not known ({event.reason}): there is nothing to accept yet", ""
    if command.policy is Policy.PAUSE:
        return "policy: adopt or ignore was expected, found pause", ""
    chosen = [d for d in event.differences if not command.symbol or d.symbol == command.symbol]
    if command.symbol and not chosen:
        return f"{command.symbol} does not differ at {command.broker!r}", ""
    for difference in chosen:
        _settle(engine, event, difference, command.policy, command.ts, command.by, out)
    left = tuple(d for d in event.differences if d not in chosen)
    problems = event.problems if command.symbol else ()
    state = AccountState.RED if left or problems else AccountState.GREEN
    settled = msgspec.structs.replace(event, differences=left, problems=problems, state=state)
    _keep(engine, settled, command.ts, out)
    return "", f"settled by {command.policy}: {', '.join(d.symbol for d in chosen) or 'what was noted'}"


def expected(engine: "Engine", broker: str) -> dict[str, Decimal]:
    """What the account should hold by our books, signed, by symbol (by contract where a root is traded): ours, and what
    is known to be others'."""
    found: dict[str, Decimal] = {}
    for symbol, quantity in engine.external.get(broker, {}).items():
        if symbol != CASH:
            name = engine.rolls.active(symbol, engine.now)
            found[name] = found.get(name, ZERO) + quantity
    for position in engine.ledger:
        if position.broker == broker and position.quantity:
            name = engine.rolls.of_position(position)
            found[name] = found.get(name, ZERO) + position.quantity
    return {symbol: quantity for symbol, quantity in found.items() if quantity}


def expected_cash(engine: "Engine", broker: str) -> Decimal | None:
    """The money that the account should hold by our books; None before it was compared first."""
    others = engine.external.get(broker, {}).get(CASH)
    return None if others is None else others + cash_flow(engine, broker)


def cash_flow(engine: "Engine", broker: str) -> Decimal:
    """What our executions did to the account's money."""
    return engine.ledger.flows.get(broker, ZERO)


def _keep(engine: "Engine", event: AccountChecked, ts: int, out: list[Event]) -> None:
    """Remember the state of the account, and let slots say whether they may enter."""
    engine.checks[event.broker] = event
    if event.state is AccountState.GREEN:
        engine.gate.holds.pop(event.broker, None)
    else:
        symbols = frozenset[str]() if event.blocks_all else _concerned(engine, event)
        engine.gate.holds[event.broker] = Hold(f"the account is {event.state}: {event.reason}".rstrip(": "), symbols)
    for slot in engine.slots.values():
        if any(holding.broker == event.broker for holding in slot.holdings):
            engine.pursuit.announce(slot, engine.symbols[slot.config.symbol], ts, out)


def _concerned(engine: "Engine", event: AccountChecked) -> frozenset[str]:
    """The symbols that are in dispute; of a contract also the root of those who hold it."""
    found = {each.symbol for each in event.differences}
    for holding in engine.holdings.values():
        if holding.broker == event.broker and any(engine.rolls.is_of(holding, name, event.ts) for name in found):
            found.add(holding.symbol)
    return frozenset(found)


def _settle(
    engine: "Engine", event: AccountChecked, found: Difference, policy: Policy, ts: int, by: str, out: list[Event]
) -> None:
    """Bring our books in line with what the account holds, by `policy`."""
    here = [holding for holding in engine.holdings.values() if holding.broker == event.broker]
    traded = [holding for holding in here if engine.rolls.is_of(holding, found.symbol, ts)]
    name = f"{event.check_id}/{slug(found.symbol)}"
    if policy is Policy.ADOPT and traded:
        for number, (holding, signed) in enumerate(_shares(traded, found.gap), start=1):
            _adopt(engine, holding, signed, found, f"{name}/{number}", ts, by, out)
        return
    others = engine.external.setdefault(event.broker, {})
    symbol = engine.rolls.active(found.symbol, ts)  # the contract: it stays somebody else's when the root rolls
    others[symbol] = others.get(symbol, ZERO) + found.gap
    out.append(
        PositionAdjusted(
            ts,
            name,
            event.broker,
            symbol,
            Policy.IGNORE,
            _side(found.gap),
            abs(found.gap),
            found.price or ZERO,
            found.ours,
            found.theirs,
            reason=found.detail,
            by=by,
        )
    )


def _shares(holdings: Sequence[Holding], gap: Decimal) -> Iterable[tuple[Holding, Decimal]]:
    """Who takes which part of the gap: those it makes smaller, in their order; the first one takes what is left."""
    left = gap
    for holding in holdings:
        held = holding.position.quantity
        if left and held * left < 0:
            part = min(abs(held), abs(left)) * (1 if left > 0 else -1)
            left -= part
            yield holding, part
    if left:
        yield holdings[0], left


def _adopt(
    engine: "Engine",
    holding: Holding,
    signed: Decimal,
    found: Difference,
    name: str,
    ts: int,
    by: str,
    out: list[Event],
) -> None:
    """Book `signed` into the holding, as a fill without an order."""
    held, side, quantity = holding.position.quantity, _side(signed), abs(signed)
    intent = OrderIntent.EXIT if held * signed < 0 else OrderIntent.ENTRY
    price = _price(engine, holding, found)
    client_id = engine.desk.next_id(holding.strategy, holding.symbol)
    order = Order(client_id, *holding.key, side, quantity, intent=intent, reason="adjustment", signal_ts=ts)
    order = engine.rolls.stamped(order, holding, ts)
    fill = OrderFilled(ts, client_id, name, *holding.key, side, quantity, price)
    out.append(
        PositionAdjusted(
            ts,
            name,
            holding.broker,
            holding.symbol,
            Policy.ADOPT,
            side,
            quantity,
            price,
            found.ours,
            found.theirs,
            strategy=holding.strategy,
            client_id=client_id,
            reason=found.detail,
            by=by,
        )
    )
    follows = engine.ledger.apply(fill, order)
    out += follows
    if engine.keeps_accounts:
        engine.account(holding, fill, follows)
    engine.guards.settle(holding, ts, out)
    engine.pursuit.follow_position(engine.slots[holding.slot_key])


def _price(engine: "Engine", holding: Holding, found: Difference) -> Decimal:
    """What the venue says it was traded at; else the last price, else what we paid."""
    if found.price is not None:
        return found.price
    last = engine.price_of(holding.symbol)
    if last == last:
        return engine.config.instruments[holding.symbol].price(last)
    return holding.position.average_price


def _side(signed: Decimal) -> Side:
    return Side.BUY if signed > 0 else Side.SELL
