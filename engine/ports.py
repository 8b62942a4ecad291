"""What the engine's surroundings must offer: the seams that adapters fill."""

from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import date
from typing import Protocol

from engine.model.event import Event
from engine.model.market import Bar, MarketEvent, Quote, Tick
from engine.model.orders import ApprovedOrder, CancelRequested
from engine.options.chain import OptionChain


class MarketFeed(Protocol):
    """A source of market events. `subscribe` and `unsubscribe` state what is wanted; the feed keeps it so
    through every reconnect."""

    name: str

    async def subscribe(self, symbols: Iterable[str]) -> None: ...

    async def unsubscribe(self, symbols: Iterable[str]) -> None: ...

    def frames(self) -> AsyncIterator[Sequence[MarketEvent]]:
        """Market events, one batch per frame of the venue, in the venue's order."""
        ...

    async def history(self, symbol: str, timeframe: str, *, start: int, end: int) -> list[Bar]:
        """Closed bars with start < ts ≤ end, oldest first."""
        ...

    async def close(self) -> None: ...


class BarStore(Protocol):
    """Stored history, whatever keeps it."""

    def bars(self, symbol: str, timeframe: str, *, start: int, end: int) -> list[Bar]: ...

    def ticks(self, symbol: str, *, start: int, end: int) -> Iterable[Tick]: ...


class ChainSource(Protocol):
    """Where listed options and their quotes come from."""

    async def chain(self, underlying: str, expiry: date) -> OptionChain:
        """Every contract on `underlying` that expires on `expiry`, quoted as of the chain's `ts`."""
        ...

    async def quotes(self, symbols: Sequence[str]) -> list[Quote]:
        """The present quotes of those contracts (our symbols); one that nobody quotes is left out."""
        ...

    async def close(self) -> None: ...


class Journal(Protocol):
    """The durable record. `append` returns when the outputs are committed; an old fencing token is refused."""

    async def append(self, outputs: Sequence[Event], *, cursors: dict[str, str], snapshot: bytes | None) -> None: ...


class Broker(Protocol):
    """A venue that takes orders. A refusal is an event (`OrderRejected`), an unknown outcome an exception."""

    async def submit(self, approved: ApprovedOrder) -> None: ...

    async def cancel(self, request: CancelRequested) -> None: ...

    def updates(self) -> AsyncIterator[Event]: ...
