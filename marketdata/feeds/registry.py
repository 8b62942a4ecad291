"""The kinds of feeds, by name; each file in this package registers its own."""

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec

from engine.model.event import Event
from engine.model.market import Bar
from engine.registry import Registry
from marketdata.feeds.facts import SymbolFacts
from marketdata.feeds.limits import FeedLimits

# What came together. Gaps and facts stand in front of the prints and quotes that came with them: a frame that begins
# and ends with those holds nothing else, and is not looked through.
Frame = Sequence[Event | SymbolFacts]


class Feed(Protocol):
    """A source of market data. `subscribe` and `unsubscribe` state what is wanted; the feed keeps it so through
    every reconnect. Prints that may be lost are told as `FeedGap` in `frames`, before the next print.

    A feed that `is_resumable` begins where `resume` says and tells with `position` how far its frames have come.
    One whose `history` needs no connected stream says so with an attribute `has_own_history`, and with `request_ns`
    how much time one request of a long backfill should cover.

    Seven more attributes only some feeds have: `quality`, the label of bars made of its prints where these are but
    samples; `native_timeframes(symbol)`, those of which the venue sends bars of its own; `not_priced`, the conditions
    (a mask of `Tick.conditions`) of prints that set no price; `refused`, our symbols that it does not get, with why;
    `doubts`, those for whose prints nobody vouches, with why; `contracts`, the `ContractLines` of a feed that streams
    options; `has_contracts` where it knows a root as today's contract, so that the past must be asked for contract by
    contract.
    """

    name: str
    is_resumable: bool
    is_connected: bool
    last_error: str

    @property
    def symbols(self) -> dict[str, str]:
        """Our symbols and what the venue calls them."""
        ...

    @property
    def position(self) -> str | None: ...

    @property
    def speed(self) -> float:
        """Market seconds that pass in one second; 1 but for simulations and recordings."""
        ...

    def resume(self, position: str) -> None: ...

    def last_received(self, symbol: str) -> int:
        """When something last came for `symbol` (UTC ns by our clock); 0 if nothing has."""
        ...

    async def subscribe(self, symbols: Iterable[str]) -> None: ...

    async def unsubscribe(self, symbols: Iterable[str]) -> None: ...

    def frames(self) -> AsyncIterator[Frame]: ...

    async def history(self, symbol: str, timeframe: str, *, start: int, end: int) -> list[Bar]: ...

    async def close(self) -> None: ...


class FeedSetup(NamedTuple):
    """What a feed is made of: its configuration, its secret, how our symbols are called there."""

    name: str
    api_url: str
    token: str
    options: dict[str, Any]
    resolve: Callable[[str], str]


def no_limits(options: Any) -> FeedLimits:
    """Of a feed that no vendor stands behind."""
    return FeedLimits()


class FeedKind(NamedTuple):
    """A kind of feed: how it is made, which options it takes, what the admin says about it, and what its vendor allows
    with such options."""

    make: Callable[[FeedSetup], Feed]
    options_type: type[msgspec.Struct]
    summary: str
    limits: Callable[[Any], FeedLimits] = no_limits


FEEDS: Registry[FeedKind] = Registry("feed")
