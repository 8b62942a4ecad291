"""What a feed remembers of one symbol: its last quote and times, and the prints of the last moments."""

from engine.model.market import NAN
from marketdata.feeds.streaming.minutes import MinuteLedger

REMEMBERED = 2_048  # prints per symbol at least, for repetitions and corrections: they come soon or never


class SymbolTrack:
    """`name` is our symbol. Times are UTC ns, 0 before the first.

    Prints are remembered in two generations, because taking the oldest out of a dict one by one is slow.
    """

    __slots__ = ("_before", "_prints", "ask", "bid", "last_recv", "last_ts", "ledger", "name")

    def __init__(self, name: str, ledger: MinuteLedger | None = None) -> None:
        self.name = name
        self.ledger = ledger or MinuteLedger(grace_ns=0)
        self.bid = NAN
        self.ask = NAN
        self.last_ts = 0
        self.last_recv = 0
        self._prints: dict[object, int] = {}  # the venue's id → ts
        self._before: dict[object, int] = {}

    def is_new(self, key: object, ts: int) -> bool:
        """Whether a print of this id comes for the first time; remembers it."""
        if key in self._prints or key in self._before:
            return False
        if len(self._prints) >= REMEMBERED:
            self._before, self._prints = self._prints, {}
        self._prints[key] = ts
        return True

    def time_of(self, key: object) -> int | None:
        """When the print of this id was; None where it is not remembered."""
        found = self._prints.get(key)
        return self._before.get(key) if found is None else found
