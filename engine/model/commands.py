"""What people and services tell a running book. Imperative, may be refused."""

from decimal import Decimal
from enum import StrEnum

from engine.model.accounts import Policy
from engine.model.enums import OrderType, Side, TimeInForce
from engine.model.event import Event


class Command(Event, frozen=True):
    """Base of the commands. `command_id` makes a repeated delivery harmless; `by` is who said it."""

    command_id: str
    by: str = ""


class StartSlot(Command, frozen=True):
    """Let the slot of `strategy` on `symbol` trade; an empty symbol means all of the strategy's."""

    strategy: str = ""
    symbol: str = ""


class StopSlot(Command, frozen=True):
    """No new entries; what is held stays, guarded by its exits, unless `flatten`."""

    strategy: str = ""
    symbol: str = ""
    flatten: bool = False


class Flatten(Command, frozen=True):
    """Close what is held; empty fields mean all."""

    strategy: str = ""
    symbol: str = ""


class Halt(Command, frozen=True):
    """Kill switch: no entries in the book until `Resume`; exits still pass."""

    reason: str = ""


class Resume(Command, frozen=True):
    """End a halt."""


class ManualSignal(Command, frozen=True):
    """A person's wish for a slot: target −1, 0 or +1; goes the same way as a strategy's."""

    strategy: str = ""
    symbol: str = ""
    target: int = 0
    reason: str = "manual"


class ManualOrder(Command, frozen=True):
    """A person's order; passes planner and risk like any other. `stop_loss` and `take_profit` are prices that guard
    what it fills, in place of the slot's own stop and targets."""

    strategy: str = ""
    symbol: str = ""
    broker: str = ""
    side: Side = Side.BUY
    quantity: Decimal = Decimal(0)
    type: OrderType = OrderType.MARKET
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trail: Decimal | None = None  # distance of a trailing stop, in price
    tif: TimeInForce = TimeInForce.GTC
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None


class ReplaceOrder(Command, frozen=True):
    """Change an order that waits for its price: `quantity` is what it should fill in all; None leaves a value as it
    is. The old one is withdrawn, and the new one follows when that is confirmed."""

    client_id: str = ""
    quantity: Decimal | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trail: Decimal | None = None


class SetExits(Command, frozen=True):
    """Give an open position other exits: prices of its stop and its target; None leaves that one as it is."""

    strategy: str = ""
    symbol: str = ""
    broker: str = ""
    stop: Decimal | None = None
    target: Decimal | None = None


class CancelOrder(Command, frozen=True):
    """Cancel one working order, by its client id."""

    client_id: str = ""


class AcceptDifferences(Command, frozen=True):
    """A person settles what an account holds differently (in one symbol; empty means all): adopt or ignore."""

    broker: str = ""
    symbol: str = ""
    policy: Policy = Policy.ADOPT


class Outcome(StrEnum):
    """What a person's signal came to in the end."""

    FILLED = "filled"  # what was wished is held, or nothing is
    REFUSED = "refused"
    REPLACED = "replaced"  # another signal came before it was done


class CommandSettled(Event, frozen=True):
    """What a signal that was accepted has come to, in words: what was bought or sold, or why not."""

    command_id: str
    outcome: Outcome
    detail: str = ""


class CommandHandled(Event, frozen=True):
    """The engine's answer to a command."""

    command_id: str
    accepted: bool
    detail: str = ""


AnyCommand = (
    StartSlot
    | StopSlot
    | Flatten
    | Halt
    | Resume
    | ManualSignal
    | ManualOrder
    | ReplaceOrder
    | SetExits
    | CancelOrder
    | AcceptDifferences
)
