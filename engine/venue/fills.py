"""At which observed price an order that may trade now is filled."""

from typing import Protocol

from engine.model.enums import Side
from engine.model.market import NAN


class Touch:
    """What a symbol's book last showed: the print and, where known, the best bid and ask (else nan)."""

    __slots__ = ("ask", "bid", "last")

    def __init__(self, last: float = NAN, bid: float = NAN, ask: float = NAN) -> None:
        self.last, self.bid, self.ask = last, bid, ask

    def side(self, side: Side) -> float:
        """What `side` would pay or get: ask for a buy, bid for a sell; nan where it is unknown."""
        return self.ask if side is Side.BUY else self.bid

    @property
    def spread(self) -> float:
        """Ask − bid; nan where a side is unknown."""
        return self.ask - self.bid


class FillModel(Protocol):
    """The price of an order that takes liquidity."""

    def price(self, side: Side, touch: Touch) -> float: ...


class LastFill:
    """The last print, whoever was on the other side."""

    def price(self, side: Side, touch: Touch) -> float:
        last = touch.last
        return last if last == last else touch.side(side)


class TouchFill:
    """The far side of the quote: ask for buys, bid for sells; the last print where no quote is known."""

    def price(self, side: Side, touch: Touch) -> float:
        price = touch.ask if side is Side.BUY else touch.bid
        return price if price == price else touch.last
