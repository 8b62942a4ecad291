"""The closed sets of words: sides, order types, order states."""

from enum import StrEnum


class Side(StrEnum):
    """The direction of an order or a fill."""

    BUY = "buy"
    SELL = "sell"

    sign: int  # +1 for a buy, −1 for a sell; a plain attribute, because every order asks for it many times

    def __init__(self, word: str) -> None:
        self.sign = 1 if word == "buy" else -1

    @property
    def opposite(self) -> "Side":
        return Side.SELL if self is Side.BUY else Side.BUY


class PositionSide(StrEnum):
    """The direction of a holding."""

    LONG = "long"
    SHORT = "short"
    FLAT = "flat"


class OrderType(StrEnum):
    """How an order meets the market."""

    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"
    STOP_LIMIT = "stop_limit"
    TRAILING_STOP = "trailing_stop"


class TimeInForce(StrEnum):
    """How long an order works."""

    DAY = "day"
    GTC = "gtc"
    IOC = "ioc"
    EXTENDED = "extended"


class OrderIntent(StrEnum):
    """What an order does to the position it belongs to."""

    ENTRY = "entry"
    EXIT = "exit"
    REVERSAL = "reversal"  # closes and opens the other way, as one net order
    ADJUST = "adjust"  # changes the size, keeps the side


class OrderState(StrEnum):
    """Where an order is in its life. `unknown` is resolved by a query only, never by sending again."""

    APPROVED = "approved"  # journalled, not yet sent
    SUBMITTED = "submitted"
    ACCEPTED = "accepted"
    WORKING = "working"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    EXPIRED = "expired"
    UNKNOWN = "unknown"

    @property
    def is_final(self) -> bool:
        return self in FINAL_STATES


FINAL_STATES = frozenset({OrderState.FILLED, OrderState.CANCELLED, OrderState.REJECTED, OrderState.EXPIRED})
