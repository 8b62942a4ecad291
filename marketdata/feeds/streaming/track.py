"""What a feed remembers of one symbol: its last quote and times, and the prints of the last moments."""

from engine.model.market import NAN

REMEMBERED = 4_096  # prints per symbol, for repetitions and corrections: they come soon or never


class SymbolTrack:
    """`name` is our symbol. Times are UTC ns, 0 before the first; `prints` are the newest by the venue's id."""

    __slots__ = ("ask", "bid", "last_recv", "last_ts", "name", "prints")

    def __init__(self, name: str) -> None:
        self.name = name
        self.bid = NAN
        self.ask = NAN
        self.last_ts = 0
        self.last_recv = 0
        self.prints: dict[object, int] = {}  # the venue's id → ts

    def is_new(self, key: object, ts: int) -> bool:
        """Whether a print of this id comes for the first time; remembers it."""
        prints = self.prints
        if key in prints:
            return False
        prints[key] = ts
        if len(prints) > REMEMBERED:
            del prints[next(iter(prints))]
        return True
