"""The synthetic market: prints, quotes and minutes of any listed symbol at any time, from one seed."""

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from datetime import date
from typing import NamedTuple

import msgspec
import numpy as np

from engine.model.market import Tick
from engine.model.time import NS_PER_DAY, NS_PER_MINUTE
from simulators.listing import Listing, default_symbols, listing_of, listings
from simulators.path import DayPath, PathGenerator
from simulators.prints import Prints, generate_prints
from simulators.sessions import MINUTES_PER_DAY, Sessions


class MarketConfig(msgspec.Struct, frozen=True):
    """What determines the market. The same configuration gives the same prints, byte for byte, in any process.

    `tick_rate` is the mean number of prints a second of market time in regular hours; `tick_rates` overrides it by
    symbol. `symbols` empty means the defaults with the contracts active on `today`.
    """

    seed: int = 1
    symbols: tuple[str, ...] = ()
    extra_symbols: int = 0  # SYM001, SYM002, … for load
    tick_rate: float = 4.0
    tick_rates: dict[str, float] = {}
    always_open: bool = False


class Slice(NamedTuple):
    """A run of prints inside one minute: rows `first` up to `last` of `prints`."""

    prints: Prints
    first: int
    last: int


class SymbolMarket:
    """One symbol's prints by time. Minutes are generated whole and kept for a while, so neither the order nor the
    size of the requests can change anything."""

    def __init__(self, listing: Listing, config: MarketConfig) -> None:
        self.listing = listing
        self.sessions = Sessions(listing.asset_class, always_open=config.always_open)
        rate = config.tick_rates.get(listing.symbol, config.tick_rate)
        self._seed = config.seed
        self._path = PathGenerator(listing, seed=config.seed, tick_rate=rate, sessions=self.sessions)
        self._minutes: OrderedDict[int, Prints] = OrderedDict()

    def day(self, day: int) -> DayPath:
        """The 1,440 minutes of UTC day number `day`."""
        return self._path.day(day)

    def minute(self, minute: int) -> Prints:
        """The prints of UTC minute number `minute`."""
        found = self._minutes.get(minute)
        if found is None:
            path = self._path.day(minute // MINUTES_PER_DAY)
            found = self._minutes[minute] = generate_prints(self.listing, path, minute, seed=self._seed)
            if len(self._minutes) > 3:  # the one served, the next, one asked for: a busy minute is 200 kB
                self._minutes.popitem(last=False)
        return found

    def slices(self, start: int, end: int) -> Iterator[Slice]:
        """Prints with start < ts ≤ end, oldest first, one slice a minute that has any."""
        if end <= start:
            return
        for minute in range((start + 1) // NS_PER_MINUTE, end // NS_PER_MINUTE + 1):
            prints = self.minute(minute)
            first, last = np.searchsorted(prints.ts, (start, end), side="right").tolist()
            if last > first:
                yield Slice(prints, first, last)

    def last(self, ts: int, *, regular: bool | None = None) -> Slice | None:
        """The last print at or before `ts` (inside regular hours, outside, or either), as a slice of one; None if
        there was none for ten days."""
        minute = ts // NS_PER_MINUTE
        found = self._last_in(minute, ts, regular)
        if found is None:
            earlier = self._minute_with_prints_before(minute, regular)
            found = self._last_in(earlier, ts, regular) if earlier is not None else None
        return found

    def _last_in(self, minute: int, ts: int, regular: bool | None) -> Slice | None:
        prints = self.minute(minute)
        last = int(np.searchsorted(prints.ts, ts, side="right"))
        return Slice(prints, last - 1, last) if last and regular in (None, prints.is_regular) else None

    def _minute_with_prints_before(self, minute: int, regular: bool | None) -> int | None:
        day = minute // MINUTES_PER_DAY
        for back in range(11):
            path = self.day(day - back)
            rows = np.flatnonzero((path.trade_count > 0) & (True if regular is None else path.regular == regular))
            rows = rows[rows < minute - (day - back) * MINUTES_PER_DAY]
            if len(rows):
                return (day - back) * MINUTES_PER_DAY + int(rows[-1])
        return None

    def before(self, ts: int, trading_day: int, *, regular_only: bool = False) -> tuple[int, int]:
        """(prints, volume) of `trading_day`, or of its regular hours, before the UTC minute that holds `ts`."""
        start = self.sessions.day_start(trading_day)
        count = volume = 0
        for day in range(start // NS_PER_DAY, ts // NS_PER_DAY + 1):
            path = self.day(day)
            first = max(start - day * NS_PER_DAY, 0) // NS_PER_MINUTE
            last = min(ts - day * NS_PER_DAY, NS_PER_DAY) // NS_PER_MINUTE
            counted = path.regular[first:last] if regular_only else slice(None)
            count += int(path.trade_count[first:last][counted].sum())
            volume += int(path.volume[first:last][counted].sum())
        return count, volume


class Market:
    """All symbols. `config.symbols` and the extra ones are listed; anything else is unknown (None)."""

    def __init__(self, config: MarketConfig, *, today: date) -> None:
        self.config = config
        extra = tuple(f"SYM{number:03d}" for number in range(1, config.extra_symbols + 1))
        self.listings = listings((*(config.symbols or default_symbols(today)), *extra))
        self._markets: dict[str, SymbolMarket] = {}

    def find(self, symbol: str) -> SymbolMarket | None:
        """The market of a listed symbol or of another contract of a listed root (`/ES:XCME`, `/ESH27:XCME`)."""
        if symbol not in self._markets:
            if symbol not in self.listings and not self._is_sibling_contract(symbol):
                return None
            self._markets[symbol] = SymbolMarket(listing_of(symbol), self.config)
        return self._markets[symbol]

    def _is_sibling_contract(self, symbol: str) -> bool:
        found = listing_of(symbol)
        return symbol.startswith("/") and any(
            listing.symbol.startswith("/") and listing.description == found.description
            for listing in self.listings.values()
        )

    def ticks(self, symbol: str, *, start: int, end: int) -> Iterable[Tick]:
        """Prints with start < ts ≤ end as our own events, oldest first; nothing for an unknown symbol."""
        market = self.find(symbol)
        for prints, first, last in market.slices(start, end) if market else ():
            price = market.listing.price if market else float
            for row in range(first, last):
                yield Tick(
                    ts=int(prints.ts[row]),
                    symbol=symbol,
                    price=price(int(prints.price[row])),
                    size=float(prints.size[row]),
                    bid=price(int(prints.bid[row])),
                    ask=price(int(prints.ask[row])),
                )
