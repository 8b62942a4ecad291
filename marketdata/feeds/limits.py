"""What a vendor allows one feed, as data: kept to before the vendor would refuse, and shown."""

import logging
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import msgspec

from marketdata.depth import days_named

logger = logging.getLogger(__name__)

_NOT_STATED = "not stated"


class FeedLimits(msgspec.Struct, frozen=True, kw_only=True):
    """The limits of one feed as it is configured; None where the vendor states none.

    `symbols`: at most, on each `symbols_each`. `connections`: streams of one login at a time, counted for each `line`
    by itself. `symbols_a_message` and
    `message_bytes`: the largest request for subscriptions. `requests_per_minute`: for history. `history_days`: how far
    back the vendor keeps bars, by timeframe as in `marketdata.depth`, 0 for what it has none of; `history_since`: the
    day on which all of it begins (ISO 8601).
    """

    symbols: int | None = None
    symbols_each: str = "connection"
    connections: int | None = None
    line: str = ""
    symbols_a_message: int | None = None
    message_bytes: int | None = None
    requests_per_minute: int | None = None
    history_days: Mapping[str, int] = {}
    history_since: str = ""

    def kept_since(self, timeframe: str, now: datetime) -> datetime | None:
        """Where the vendor's history of `timeframe` begins: `now` where it has none; None where no bound is known."""
        days = days_named(timeframe, self.history_days)
        bounds = [] if days is None else [now - timedelta(days=days)]
        if self.history_since:
            bounds.append(datetime.fromisoformat(self.history_since).replace(tzinfo=UTC))
        return min(now, max(bounds)) if bounds else None

    def rows(self) -> list[tuple[str, str]]:
        """(limit, value) in words, for tables."""
        return [
            (f"symbols a {self.symbols_each}", _number(self.symbols)),
            (f"connections of one login{f' to {self.line}' if self.line else ''}", _number(self.connections)),
            ("symbols of one subscription message", _number(self.symbols_a_message)),
            ("bytes of one subscription message", _number(self.message_bytes)),
            ("requests a minute for history", _number(self.requests_per_minute)),
            ("history", self._history),
        ]

    @property
    def summary(self) -> str:
        """The limits that there are, in one line."""
        return "; ".join(f"{name}: {value}" for name, value in self.rows() if value != _NOT_STATED)

    @property
    def _history(self) -> str:
        kept = [f"{name}: {f'{days:,} days' if days else 'none'}" for name, days in self.history_days.items()]
        return "; ".join([*kept, *[f"since {self.history_since}"] * bool(self.history_since)]) or _NOT_STATED


class Room:
    """The places of one line: a venue's name takes one, however many of our symbols are called so there. Who finds
    none waits, in the order in which they came. `refused` says of each of our symbols that is not carried why."""

    def __init__(self, feed: str, limits: FeedLimits) -> None:
        self.refused: dict[str, str] = {}
        self._feed = feed
        self._limits = limits
        self._taken: dict[str, str] = {}  # the venue's name → the part of the line on which it has its place
        self._counts: Counter[str] = Counter()
        self._waiting: dict[str, None] = {}  # our symbols

    @property
    def waiting(self) -> list[str]:
        """Our symbols without a place."""
        return list(self._waiting)

    def has(self, venue_name: str) -> bool:
        return venue_name in self._taken

    def take(self, symbol: str, venue_name: str, *, part: str = "") -> bool:
        """A place for `symbol`, or it waits. `part`: the limit is counted for each of these by itself."""
        if venue_name not in self._taken:
            most = self._limits.symbols
            if most is not None and self._counts[part] >= most:
                self._waiting[symbol] = None
                self.refuse(symbol, f"the limit of {most} symbols a {self._limits.symbols_each} is reached")
                return False
            self._taken[venue_name] = part
            self._counts[part] += 1
        self.forget(symbol)
        return True

    def refuse(self, symbol: str, reason: str) -> None:
        """There is no data of `symbol`: said once."""
        if self.refused.get(symbol) != reason:
            self.refused[symbol] = reason
            logger.error("%s: no data of %s: %s", self._feed, symbol, reason)

    def rename(self, before: str, now: str) -> None:
        """The place of `before` is that of `now` from here on, if that has none yet."""
        if before in self._taken and now not in self._taken:
            self._taken[now] = self._taken.pop(before)

    def leave(self, venue_name: str) -> None:
        """Its place is free."""
        if venue_name in self._taken:
            self._counts[self._taken.pop(venue_name)] -= 1

    def forget(self, symbol: str) -> None:
        """It waits for nothing, and nothing is held against it."""
        self._waiting.pop(symbol, None)
        self.refused.pop(symbol, None)


def _number(value: int | None) -> str:
    return _NOT_STATED if value is None else f"{value:,}"
