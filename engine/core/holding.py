"""What one slot does at one broker: its position, the orders on their way, and the guard of what is open."""

from decimal import Decimal

import msgspec
from msgspec import UNSET

from engine.exits.config import ExitConfig
from engine.exits.plan import ExitPlan, Levels, Tier, kind_of, uses_atr
from engine.model.enums import OrderType
from engine.model.orders import ByHand, Order
from engine.orders.lifecycle import OrderRecord
from engine.portfolio.ledger import Position

INF = float("inf")
ZERO = Decimal(0)
NEVER = 1 << 62  # a deadline no event reaches
BY_HAND = "by hand"  # what a position is guarded by where a person gave the prices


class Plan(msgspec.Struct):
    """A target that is not reached yet. `waits_for` is the closing leg of a linked pair that must fill first;
    `by_hand` is there where a person wants it."""

    target: Decimal
    reason: str
    signal_ts: int
    bar_ts: int
    waits_for: str = ""
    by_hand: ByHand | None = None


class Guard(msgspec.Struct):
    """The exits of an open position. `covered` is the quantity they close; `extreme` the best price since."""

    plan: ExitPlan | None  # None: explicitly none
    sign: int  # of the position
    covered: Decimal
    is_held: bool  # watched by the engine instead of waiting at the venue
    opened_ts: int
    group: str = ""
    parent: str = ""
    stop: Decimal | None = None
    extreme: float = 0.0
    tiers: list[Tier] = []  # the targets that are still ahead, nearest first
    tiers_done: int = 0
    is_firing: bool = False
    is_rearming: bool = False
    moved_to_entry: bool = False
    is_waiting: bool = False  # for a price that may be trusted
    is_pending: bool = False  # its levels cannot be worked out yet
    not_before: int = 0  # an exit order failed: the next one is not sent earlier
    deadline: int = NEVER
    deadline_reason: str = ""
    is_split: bool = False  # one stop waits at the venue, the engine watches the rest
    owed: str = ""  # an exit that failed and must be tried again, by its reason
    stepped_ts: int = 0  # when the stop at the venue was last sent after the trail


class Holding:
    """One slot at one broker."""

    __slots__ = (
        "bias", "broker", "exit_kind", "exits", "guard", "high_alarm", "key", "levels", "low_alarm", "plan", "position",
        "priced_by", "protective", "slot_key", "strategy", "symbol", "underlying", "unit", "uses_atr", "working",
    )  # fmt: skip

    def __init__(
        self,
        *,
        strategy: str,
        symbol: str,
        broker: str,
        unit: Decimal,
        exits: ExitConfig | None,
        position: Position,
        underlying: str = "",
        bias: int = 1,
    ) -> None:
        self.strategy = strategy
        self.symbol = symbol
        self.broker = broker
        self.unit = unit
        self.exits = exits
        self.exit_kind = kind_of(exits)
        self.uses_atr = uses_atr(exits)
        self.position = position
        self.key = (strategy, symbol, broker)
        self.underlying = underlying or symbol  # what its slot watches: for an option another symbol than its own
        self.slot_key = (strategy, self.underlying)
        self.priced_by = symbol  # whose prices concern it: the contract's own once its root has rolled
        self.bias = bias  # −1: what is held gains where the underlying falls (a put)
        self.working: dict[str, OrderRecord] = {}
        self.protective: dict[str, OrderRecord] = {}
        self.plan: Plan | None = None
        self.guard: Guard | None = None
        self.levels: Levels | None = None  # a person's exits of the present position
        # Prices between which the guard has nothing to decide.
        self.low_alarm = -INF
        self.high_alarm = INF

    def working_quantity(self) -> Decimal:
        """Signed quantity that is on its way, protective orders left out."""
        total = ZERO
        for record in self.working.values():
            total += record.signed_remaining
        return total

    def waiting(self) -> list[OrderRecord]:
        """Orders that wait for a price, as only persons place them; protective ones left out."""
        return [record for record in self.working.values() if record.order.type is not OrderType.MARKET]

    def take_levels(self, order: Order, before: Decimal) -> None:
        """A fill of `order` moved the position from `before`: the exits that came with the order are its exits now."""
        after = self.position.quantity
        if not after or before * after < 0:
            self.levels = None
        own = order.by_hand
        if after and own is not UNSET and (own.stop_loss is not None or own.take_profit is not None):
            self.levels = Levels(own.stop_loss, own.take_profit).over(self.levels)

    @property
    def guarded_by(self) -> str:
        """The names of what guards an open position, for people."""
        if self.levels is None:
            return self.exit_kind
        own = () if self.exits is None else (self.exit_kind,)
        return "+".join((*own, BY_HAND))

    @property
    def is_contract(self) -> bool:
        """Whether it is an option that its slot chose."""
        return self.symbol != self.underlying

    @property
    def is_idle(self) -> bool:
        """Flat, and nothing on its way."""
        return not self.position.quantity and not self.working and self.plan is None

    @property
    def direction(self) -> int:
        """Where its slot is heading with it: the sign of what it holds or has on its way, turned over for a put."""
        if self.plan is not None:
            target = self.plan.target
        elif self.working:
            target = self.position.quantity + self.working_quantity()
        else:
            held = self.position.held
            return self.bias * ((held > 0) - (held < 0))
        return self.bias * ((target > 0) - (target < 0))

    def disarm(self) -> None:
        """No guard, no alarms."""
        self.guard = None
        self.low_alarm, self.high_alarm = -INF, INF
