"""What persons order themselves: an order, its change and its cancel, and other exits for what is held."""

from decimal import Decimal
from typing import TYPE_CHECKING

from engine.core import day_orders
from engine.core.holding import ZERO, Holding, Plan
from engine.exits.plan import Levels
from engine.model.commands import CancelOrder, ManualOrder, ReplaceOrder, SetExits
from engine.model.enums import OrderIntent, OrderType, Side
from engine.model.event import Event
from engine.model.orders import ApprovedOrder, ByHand, CancelRequested, Order, OrderDenied
from engine.orders.lifecycle import Change, OrderRecord

if TYPE_CHECKING:
    from engine.core.engine import Engine

Answer = tuple[str, str]  # what was wrong, empty when the command was accepted; and what was done

# The prices that each type of order needs; it takes no others.
PRICES: dict[OrderType, frozenset[str]] = {
    OrderType.MARKET: frozenset(),
    OrderType.LIMIT: frozenset({"limit_price"}),
    OrderType.STOP: frozenset({"stop_price"}),
    OrderType.STOP_LIMIT: frozenset({"limit_price", "stop_price"}),
    OrderType.TRAILING_STOP: frozenset({"trail"}),
}


def order(engine: "Engine", command: ManualOrder, out: list[Event]) -> Answer:
    """Place the order: one that makes the position smaller or turns it goes by the planner, exits out of the way first;
    one that adds, or waits for a price, as it is."""
    holding = engine.holdings.get((command.strategy, command.symbol, command.broker))
    if holding is None:
        return f"there is no slot of {command.strategy} on {command.symbol} at {command.broker!r}", ""
    problem = _order_problem(engine, holding, command)
    if problem:
        return problem, ""
    signed = command.quantity * command.side.sign
    held = holding.position.quantity
    adds = held * signed >= 0
    if adds or abs(signed) > abs(held):
        slot = engine.slots[holding.slot_key]
        found = engine.pursuit.entry_problem(slot, engine.symbols[slot.config.symbol], command.ts)
        if found is not None and found[0] != "kill_switch":  # of a halt the gate speaks, and keeps its word
            return found[1], ""
    if command.type is OrderType.MARKET and not adds:
        return _turn(engine, holding, command, held + signed, out)
    new = Order(
        client_id=engine.desk.next_id(command.strategy, command.symbol),
        strategy=command.strategy,
        symbol=command.symbol,
        broker=command.broker,
        side=command.side,
        quantity=command.quantity,
        type=command.type,
        limit_price=command.limit_price,
        stop_price=command.stop_price,
        trail=command.trail,
        tif=command.tif,
        intent=OrderIntent.ENTRY if adds else OrderIntent.EXIT,
        reason=_reason(command),
        signal_ts=command.ts,
        by_hand=_by_hand(command),
    )
    if engine.desk.submit(holding, new, command.ts, out):
        day_orders.note(engine, new)
        engine.pursuit.follow_position(engine.slots[holding.slot_key])
        return "", new.client_id
    return getattr(out[-1], "reason", "denied"), ""


def _turn(engine: "Engine", holding: Holding, command: ManualOrder, target: Decimal, out: list[Event]) -> Answer:
    """At the market against what is held: as a plan, which withdraws stops and waiting orders before it sends."""
    if holding.guard is not None:
        holding.guard.owed = ""  # what is wished now replaces it
    plan = Plan(target, _reason(command), command.ts, 0, by_hand=_by_hand(command))
    engine.desk.pursue(holding, plan, command.ts, out)
    engine.guards.settle(holding, command.ts, out)
    engine.pursuit.follow_position(engine.slots[holding.slot_key])
    sent = [event.order.client_id for event in out if isinstance(event, ApprovedOrder)]
    denied = [event.reason for event in out if isinstance(event, OrderDenied)]
    if denied:
        return ("", f"{sent[0]} only closes: {denied[0]}") if sent else (denied[0], "")
    if sent:
        return "", ", ".join(sent)
    withdrawn = sum(isinstance(event, CancelRequested) for event in out)
    return "", f"{withdrawn} orders are withdrawn first, then it follows"


def _order_problem(engine: "Engine", holding: Holding, command: ManualOrder) -> str:
    """Why the order cannot be placed, whatever risk says; empty where it can."""
    if command.quantity <= 0:
        return f"quantity: more than 0 was expected, found {command.quantity}"
    price = engine.price_of(command.symbol)
    problem = _price_problem(command) or _side_problem(command, price)
    if problem:
        return problem
    if holding.plan is not None:
        return f"the position is being changed already ({holding.plan.reason}): wait until that is done"
    signed, held = command.quantity * command.side.sign, holding.position.quantity
    if held * signed < 0:
        return _closing_problem(holding, command, abs(held))
    if held and (behind := engine.rolls.doubt(holding, command.ts)):
        return f"{behind}: close it, and then enter"
    if command.stop_loss is not None or command.take_profit is not None:
        return _double_exit(_closing(holding))
    return ""


def _price_problem(command: ManualOrder) -> str:
    needed = PRICES[command.type]
    for name in ("limit_price", "stop_price", "trail"):
        value = getattr(command, name)
        if name in needed and (value is None or value <= 0):
            return f"{name}: a {_words(command.type)} order needs one above 0, found {value}"
        if name not in needed and value is not None:
            return f"{name}: a {_words(command.type)} order takes none"
    return ""


def _side_problem(command: ManualOrder, price: float) -> str:
    """Stops wait on the far side of the market, and exits on their own side of the entry."""
    sign = command.side.sign
    stop = command.stop_price
    if stop is not None and sign * (float(stop) - price) <= 0:
        where = "above" if command.side is Side.BUY else "below"
        return f"stop_price: a {command.side} stop waits {where} the market, which is at {price:g}"
    entry = command.limit_price or command.stop_price
    reference = float(entry) if entry is not None else price
    return _exit_problem(command.stop_loss, command.take_profit, sign, reference, ("stop_loss", "take_profit"))


def _exit_problem(
    stop: Decimal | None, target: Decimal | None, sign: int, reference: float, names: tuple[str, str]
) -> str:
    """Why these exits do not fit a position of that sign at that price; without a price (nan) nothing is known."""
    for name, level, direction in ((names[0], stop, -1), (names[1], target, 1)):
        if level is None:
            continue
        if level <= 0:
            return f"{name}: a price above 0 was expected, found {level}"
        if sign * direction * (float(level) - reference) <= 0:
            where = "above" if sign * direction > 0 else "below"
            return f"{name}: a price {where} {reference:g} was expected, found {level}"
    return ""


def _closing_problem(holding: Holding, command: ManualOrder, held: Decimal) -> str:
    """An order against the position must not close it twice, nor turn it later."""
    if command.type is OrderType.MARKET:
        on_way = [record for record in holding.working.values() if record.order.type is OrderType.MARKET]
        return f"{on_way[0].order.client_id} is on its way: wait until it is done" if on_way else ""
    if command.stop_loss is not None or command.take_profit is not None:
        return "stop_loss: an order that only closes takes no exits"
    plan = holding.guard.plan if holding.guard is not None else None
    if plan is not None and (plan.stop is not None or plan.trail is not None or plan.tiers):
        return "the position has exits, and an order beside them could close it twice: change the exits instead"
    waiting = sum((record.remaining for record in _closing(holding)), ZERO)
    if command.quantity + waiting > held:
        return f"quantity: it would close {command.quantity + waiting} with what waits already, and {held} is held"
    return ""


def _closing(holding: Holding) -> list[OrderRecord]:
    return [record for record in holding.waiting() if record.order.intent is OrderIntent.EXIT]


def _double_exit(closing: list[OrderRecord]) -> str:
    if not closing:
        return ""
    return (
        f"{closing[0].order.client_id} waits to close the position, and exits beside it could close it twice: cancel it"
    )


def replace(engine: "Engine", command: ReplaceOrder, out: list[Event]) -> Answer:
    """Withdraw the order; the changed one follows when that is confirmed, less what was filled until then."""
    record = engine.desk.orders.get(command.client_id)
    problem = _change_problem(record, command)
    if record is None or problem:
        return problem, ""
    old = record.order
    new = Change(
        old.quantity if command.quantity is None else command.quantity,
        old.limit_price if command.limit_price is None else command.limit_price,
        old.stop_price if command.stop_price is None else command.stop_price,
        old.trail if command.trail is None else command.trail,
        command.command_id,
        command.by,
    )
    if (new.quantity, new.limit_price, new.stop_price, new.trail) == (
        old.quantity, old.limit_price, old.stop_price, old.trail,
    ):  # fmt: skip
        return "nothing differs from the order as it is", ""
    if old.intent is OrderIntent.EXIT and new.quantity > old.quantity:
        return "quantity: an order that closes can only be made smaller; place another one for the rest", ""
    record.change = new
    engine.desk.withdraw([record], command.ts, f"changed by {command.by or 'command'}", out)
    return "", "the cancel was asked for; the changed order follows when it is confirmed"


def _change_problem(record: OrderRecord | None, command: ReplaceOrder) -> str:
    if record is None or not record.is_open:
        return f"there is no open order {command.client_id!r}"
    if record.is_protective:
        return f"{command.client_id} is an exit of a position: change the position's exits instead"
    if record.order.type is OrderType.MARKET:
        return f"{command.client_id} is a market order: there is nothing to change about it"
    if record.is_cancelling:
        return f"{command.client_id} is being cancelled already"
    if command.quantity is not None and command.quantity <= record.filled:
        return f"quantity: more than the {record.filled} filled already was expected, found {command.quantity}"
    for name in ("limit_price", "stop_price", "trail"):
        value = getattr(command, name)
        if value is not None and (getattr(record.order, name) is None or value <= 0):
            return f"{name}: a {_words(record.order.type)} order takes none such, found {value}"
    return ""


def set_exits(engine: "Engine", command: SetExits, out: list[Event]) -> Answer:
    """Give what is held a stop and a target at these prices, in place of those it has."""
    holding = engine.holdings.get((command.strategy, command.symbol, command.broker))
    if holding is None or not holding.position.quantity:
        return f"{command.strategy} holds nothing in {command.symbol} at {command.broker!r}", ""
    if command.stop is None and command.target is None:
        return "stop: a price of the stop or of the target was expected, found neither", ""
    if holding.plan is not None:
        return f"the position is being changed already ({holding.plan.reason})", ""
    sign = 1 if holding.position.quantity > 0 else -1
    price = engine.price_of(command.symbol)
    problem = _exit_problem(command.stop, command.target, sign, price, ("stop", "target"))
    problem = problem or _double_exit(_closing(holding))
    if problem:
        return problem, ""
    engine.guards.set_levels(holding, Levels(command.stop, command.target), command.ts, out)
    return (
        "",
        "the exits are changed" if not holding.protective else "the old exits are withdrawn, then the new ones wait",
    )


def cancel(engine: "Engine", command: CancelOrder, out: list[Event]) -> Answer:
    """Ask for the cancel of one order; one that was to be changed is only cancelled then."""
    record = engine.desk.orders.get(command.client_id)
    if record is None or not record.is_open:
        return f"there is no open order {command.client_id!r}", ""
    record.change = None
    engine.desk.withdraw([record], command.ts, f"cancelled by {command.by or 'command'}", out)
    return "", "the cancel was asked for"


def _reason(command: ManualOrder) -> str:
    return f"manual by {command.by}" if command.by else "manual"


def _by_hand(command: ManualOrder) -> ByHand:
    return ByHand(command.command_id, command.stop_loss, command.take_profit)


def _words(kind: OrderType) -> str:
    return kind.replace("_", " ")
