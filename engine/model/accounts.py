"""What the comparison of a broker's account with our books found, and what became of each difference."""

from decimal import Decimal
from enum import StrEnum

import msgspec

from engine.model.enums import Side
from engine.model.event import Event

CASH = "USD"  # under which an account's money stands among differences and adjustments


class AccountState(StrEnum):
    """How far an account may be trusted to hold what our books say."""

    GREEN = "green"  # asked, and it agrees
    RED = "red"  # asked, and it does not
    UNKNOWN = "unknown"  # it could not be asked: nothing may be concluded


class Policy(StrEnum):
    """What to do about a position that somebody else changed."""

    ADOPT = "adopt"  # it becomes ours: booked as an adjustment
    IGNORE = "ignore"  # it stays somebody else's: remembered, and left out of the comparison
    PAUSE = "pause"  # no entries in the symbol until a person decides


class Difference(msgspec.Struct, frozen=True):
    """A symbol of which the venue holds something else than our books say. Quantities are signed."""

    symbol: str
    ours: Decimal
    theirs: Decimal
    policy: Policy = Policy.PAUSE
    price: Decimal | None = None  # what it was traded at, as far as the venue tells
    detail: str = ""

    @property
    def gap(self) -> Decimal:
        return self.theirs - self.ours


class AccountChecked(Event, frozen=True):
    """The account `broker` was compared with our books, or could not be.

    `problems` are differences that are no positions, in words. `blocks_all`: nothing is entered at this broker until
    the account is green; otherwise only symbols that differ are out.
    """

    broker: str
    check_id: str  # a repeated one changes nothing
    state: AccountState
    reason: str = ""
    trigger: str = ""  # start | reconnect | periodic | activity | command
    differences: tuple[Difference, ...] = ()
    problems: tuple[str, ...] = ()
    blocks_all: bool = True
    cash: Decimal | None = None
    net_liquidation: Decimal | None = None
    orders: int = 0  # how many were compared
    fills: int = 0
    positions: int = 0
    notes: tuple[str, ...] = ()  # what is worth telling and keeps nobody back
    buying_power: Decimal | msgspec.UnsetType = msgspec.UNSET  # not written where the venue does not tell it


class PositionAdjusted(Event, frozen=True):
    """Our books were brought in line with the account without an order of ours. `policy` is adopt or ignore; an ignored
    one changes no position of a strategy, and has neither a strategy nor an order."""

    adjustment_id: str
    broker: str
    symbol: str
    policy: Policy
    side: Side
    quantity: Decimal  # > 0
    price: Decimal
    ours: Decimal
    theirs: Decimal
    strategy: str = ""
    client_id: str = ""  # the name under which it stands among orders
    reason: str = ""
    by: str = ""
