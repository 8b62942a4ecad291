"""Every symbol's last print and quote, and how often they are written: for people and pages, who cannot read faster."""

import time
from collections.abc import Callable, Mapping

from engine.model.market import Quote, Tick

EVERY_S = 0.25


class LastValues:
    """Remembers the last values, and says whose go with a batch: each symbol's at most once in `every_s`, and the last
    ones within twice that. Whoever needs every change reads the streams."""

    def __init__(self, *, every_s: float = EVERY_S, now: Callable[[], float] = time.monotonic) -> None:
        self.ticks: dict[str, Tick] = {}  # as of the last batch
        self.quotes: dict[str, Quote] = {}
        self._every_s = every_s
        self._now = now
        self._written: dict[str, float] = {}
        self._later: dict[str, float] = {}  # in the order in which they are due

    @property
    def is_due(self) -> bool:
        return bool(self._later) and next(iter(self._later.values())) <= self._now()

    def take(self, ticks: Mapping[str, Tick], quotes: Mapping[str, Quote], *, everything: bool = False) -> list[str]:
        """The symbols to be written with the next batch, in which these are new."""
        self.ticks.update(ticks)
        self.quotes.update(quotes)
        now, written, later = self._now(), self._written, self._later
        long_ago = now - self._every_s
        due: list[str] = []
        for symbol in ticks.keys() | quotes.keys():
            if written.get(symbol, long_ago) <= long_ago:
                due.append(symbol)
                later.pop(symbol, None)
            else:
                later.setdefault(symbol, now + self._every_s)
        while later:
            symbol, at = next(iter(later.items()))
            if at > now and not everything:
                break
            del later[symbol]
            due.append(symbol)
        written.update(dict.fromkeys(due, now))
        return due

    def forget(self, symbol: str) -> None:
        self.ticks.pop(symbol, None)
        self.quotes.pop(symbol, None)
        self._written.pop(symbol, None)
        self._later.pop(symbol, None)
