"""What the suite must know of a feed and of its venue, and how it watches them."""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, NamedTuple, Protocol

from engine.model.market import FeedGap, Quote, Tick
from infra.cancelling import cancel
from marketdata.feeds.facts import SymbolFacts
from marketdata.feeds.registry import Feed
from simulators.clock import MarketClock
from simulators.faults import FaultBoard, FaultScript
from simulators.market import Market

DEADLINE_S = 60.0
MANY = tuple(f"SYM{number:03d}" for number in range(600))


class Print(NamedTuple):
    """A print as the venue's protocol can tell it."""

    ts: int
    price: float
    size: float


class Policy(NamedTuple):
    """How patient the feed is to be, in seconds. An entry passes it on in its feed's own options."""

    reconnect_base_s: float = 0.02
    reconnect_cap_s: float = 0.1
    mute_after_s: float = 8.0
    answer_timeout_s: float = 2.0


class Simulated(Protocol):
    """What every simulator offers. `attempts`: how often a client came, granted or refused."""

    market: Market
    clock: MarketClock
    faults: FaultBoard

    @property
    def attempts(self) -> int: ...


def exactly(tick: Tick) -> Print:
    """A print that loses nothing on the wire; an index has no size."""
    return Print(tick.ts, tick.price, tick.size if tick.size == tick.size else 0.0)


class Venue:
    """A running simulated venue. `names`: our symbol → the simulated market's, where they differ."""

    def __init__(
        self,
        simulator: Any,
        *,
        names: Mapping[str, str] | None = None,
        print_of: Callable[[Tick], Print] = exactly,
    ) -> None:
        self.simulator = simulator
        self._names = names or {}
        self._print_of = print_of

    @property
    def attempts(self) -> int:
        return int(self.simulator.attempts)

    def now(self) -> int:
        """The venue's time, UTC ns."""
        return int(self.simulator.clock.now())

    def fail(self, name: str, *, symbols: tuple[str, ...] = (), **settings: Any) -> None:
        """Add a fault; `symbols` are ours."""
        names = tuple(self._names.get(symbol, symbol) for symbol in symbols)
        self.simulator.faults.add(FaultScript(name, symbols=names, **settings))

    def heal(self) -> None:
        """End every fault: what is waited for meanwhile takes as long as this machine needs."""
        self.simulator.faults.clear()

    def ticks(self, symbol: str, *, start: int, end: int) -> Iterator[Tick]:
        """What is printed with start < ts ≤ end, under our symbol's name."""
        return iter(self.simulator.market.ticks(self._names.get(symbol, symbol), start=start, end=end))

    def received(self, tick: Tick) -> Print:
        """A print of ours as it compares with those that were sent."""
        return Print(tick.ts, tick.price, tick.size)

    def sent(self, symbol: str, first: int, last: int) -> list[Print]:
        """What is printed with first ≤ ts ≤ last, oldest first."""
        slack = 1_000_000_000  # a venue may cut the stamps
        found = [self._print_of(tick) for tick in self.ticks(symbol, start=first - slack, end=last + slack)]
        return [each for each in found if first <= each.ts <= last]


Start = Callable[[], AbstractAsyncContextManager[Venue]]


class Make(Protocol):
    """Makes the feed, with a login that the venue grants or refuses; `options` are the feed's own."""

    def __call__(self, venue: Venue, policy: Policy, *, is_welcome: bool = True, **options: Any) -> Feed: ...


class FeedUnderTest(NamedTuple):
    """One feed and its venue.

    `symbols`: two of ours that the venue lists, `unknown` one that it does not; `alias`: another name of ours for the
    first, where the kind of feed can have such. `faults`: those that its protocol can suffer. `steps`: how often a
    client comes to the venue for one connection. `has_every_print`: false where the venue sends last values only.
    `hang_ups`: the ways in which the venue ends a connection, given the simulator. `history`: timeframes that the
    venue has bars of. `many`: symbols of the kind that the venue has, listed or not; none where it cannot bear so
    many.
    """

    name: str
    start: Start
    make: Make
    symbols: tuple[str, str] = ("SPY", "QQQ")
    unknown: str = "NONE"
    alias: str = ""
    faults: frozenset[str] = frozenset()
    steps: int = 1
    has_socket: bool = True
    has_every_print: bool = True
    has_login: bool = True
    tells_lost_prints: bool = False
    replays_missed: bool = False
    stamps_receipt: bool = True
    hang_ups: Mapping[str, Callable[[Any], None]] = {}
    history: tuple[str, ...] = ()
    many: tuple[str, ...] = MANY


def is_well_ordered(frame: Sequence[Any]) -> bool:
    """Gaps and facts stand in front (or at the end): a frame of prints at both ends is not looked through."""
    if not frame or type(frame[0]) not in (Tick, Quote) or type(frame[-1]) is not Tick:
        return True
    return not any(isinstance(event, FeedGap | SymbolFacts) for event in frame)


def _is_print(event: Any, symbol: str) -> bool:
    return isinstance(event, Tick) and event.symbol == symbol


class Watched:
    """A feed that is read in the background, and all that came."""

    def __init__(self, feed: Any, venue: Venue) -> None:
        self.feed = feed
        self.venue = venue
        self.events: list[Any] = []
        self.error: BaseException | None = None
        self.task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for frame in self.feed.frames():
            assert is_well_ordered(frame), f"a gap or a fact is hidden between prints: {frame}"
            self.events += frame

    def ticks(self, symbol: str, *, since: int = 0) -> list[Tick]:
        """Prints of `symbol` among the events from number `since` on."""
        return [event for event in self.events[since:] if _is_print(event, symbol)]

    def prints(self, symbol: str, *, since: int = 0) -> list[Print]:
        return [self.venue.received(tick) for tick in self.ticks(symbol, since=since)]

    def gaps(self, symbol: str, *, since: int = 0) -> list[FeedGap]:
        return [event for event in self.events[since:] if isinstance(event, FeedGap) and event.symbol == symbol]

    async def until(self, condition: Callable[[], Any], what: str = "") -> None:
        """Wait for it; fail at the deadline, or with what ended the feed."""
        deadline = time.monotonic() + DEADLINE_S
        while not condition():
            if self.task.done():
                self.task.result()
                raise AssertionError("the feed ended by itself")
            assert time.monotonic() < deadline, f"not in time: {what or condition}; last error: {self.feed.last_error}"
            await asyncio.sleep(0.01)

    async def until_prints(self, symbol: str, count: int = 20, *, since: int | None = None) -> None:
        """So many more prints of `symbol`, counted from event number `since` (from now on if None)."""
        mark = len(self.events) if since is None else since
        await self.until(lambda: len(self.ticks(symbol, since=mark)) >= count, f"{count} prints of {symbol}")

    async def until_prints_without(self, gone: str, stays: str, count: int = 20) -> None:
        """So many more prints of `stays` in a row, none of `gone` among them: what was under way has come before."""
        mark = len(self.events)

        def last_of_gone() -> int:
            return max((at for at, event in enumerate(self.events) if _is_print(event, gone)), default=0)

        await self.until(lambda: len(self.ticks(stays, since=max(mark, last_of_gone()))) >= count, f"the end of {gone}")

    async def close(self) -> None:
        await cancel(self.task)
        await self.feed.close()
