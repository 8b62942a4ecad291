"""Fault scripts: what can go wrong with a market data line, by name, on time, and seeded.

Nothing here knows a venue's wire. A venue's simulator
  - sends every event through an outlet: a `Tap`, or a class of its own that calls `FaultBoard.events`;
  - sends every data frame through `FaultBoard.frame`, and tells the board how its frames break (`damages`);
  - calls `FaultBoard.advance(self)` at each turn of its loop, and is the `Controls` that this needs;
  - asks `drops_line`, `refuses_connections`, `refuses_requests` and `frame_interval_s` where it sends and answers.
Symbols are those of the simulated market ("SPY", "/ESZ26:XCME"), however the venue spells them.
"""

import random
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec

from engine.errors import InvalidInput
from engine.model.time import to_datetime
from engine.registry import Registry
from simulators.sessions import NEW_YORK


class FaultScript(msgspec.Struct, frozen=True):
    """When a fault acts and on what; no symbols means all. `share` is the probability per event or frame and
    `delay_s` how late `late` is; a fault reads what concerns it."""

    name: str
    after_s: float = 0.0
    for_s: float = 1e9
    symbols: tuple[str, ...] = ()
    share: float | None = None
    delay_s: float = 2.0


class MarketView(NamedTuple):
    """What a fault may know of the market: its time in UTC ns, and whether it ever closes."""

    now: Callable[[], int]
    always_open: bool


class Outlet(Protocol):
    """Where events go on to: all subscribers of one symbol's one event type. `fragments` are single events in
    whatever form the venue sends them; `key` is the outlet's own and comes back unchanged."""

    symbol: str

    def fan_out(self, key: object, fragments: Sequence[Any]) -> None: ...


class Controls(Protocol):
    """What a fault may do to the server as a whole."""

    def cut_connections(self) -> None:
        """Break every connection without a good-bye."""

    def expire_tokens(self) -> None:
        """Every token is worthless; whoever used one is told in the venue's words and hung up on."""


# One way in which a venue's frame breaks: what arrives in its place.
Damage = Callable[[bytes, random.Random], bytes]


def cut_short(frame: bytes, rng: random.Random) -> bytes:
    """The frame ends in the middle."""
    return frame[: rng.randrange(1, max(len(frame), 2))]


def garble(frame: bytes, rng: random.Random) -> bytes:
    """Some bytes are others, the length stays."""
    damaged = bytearray(frame)
    for _ in range(min(len(frame), 8)):
        damaged[rng.randrange(len(frame))] ^= rng.randrange(1, 256)
    return bytes(damaged)


ANY_WIRE: tuple[Damage, ...] = (cut_short, garble)


class Fault:
    """One fault from its beginning to its end. The base does nothing anywhere."""

    default_share = 1.0
    drops_line = False  # nothing is sent at all, not even keepalives
    refuses_connections = False
    refuses_requests = False  # HTTP 429 with Retry-After
    frame_interval_s = 0.0  # at most one frame in so many seconds

    def __init__(self, script: FaultScript, rng: random.Random, market: MarketView) -> None:
        self.script = script
        self.rng = rng
        self.market = market
        self.share = self.default_share if script.share is None else script.share

    def concerns(self, symbol: str) -> bool:
        return not self.script.symbols or symbol in self.script.symbols

    def hits(self) -> bool:
        return self.rng.random() < self.share

    def begin(self, controls: Controls) -> None:
        """Once, when it starts to act."""

    def events(self, outlet: Outlet, key: object, fragments: Sequence[Any], now: float) -> Sequence[Any]:
        """What becomes of one symbol's events. `now` is the server's clock in seconds."""
        return fragments

    def release(self, now: float, *, ended: bool) -> None:
        """Let go of what was held back and is due; all of it when the fault has ended."""

    def frame(self, frame: bytes, damages: Sequence[Damage]) -> bytes:
        """What becomes of one data frame."""
        return frame


FAULTS: Registry[type[Fault]] = Registry("fault")


@FAULTS.register("mute")
class Mute(Fault):
    """The socket stays open and says nothing: no data, no keepalive. With symbols, only these fall silent."""

    def __init__(self, script: FaultScript, rng: random.Random, market: MarketView) -> None:
        super().__init__(script, rng, market)
        self.drops_line = not script.symbols

    def events(self, outlet: Outlet, key: object, fragments: Sequence[Any], now: float) -> Sequence[Any]:
        return ()


@FAULTS.register("cut")
class Cut(Fault):
    """Connections break without a close frame, and new ones are refused until the fault ends."""

    refuses_connections = True

    def begin(self, controls: Controls) -> None:
        controls.cut_connections()


@FAULTS.register("gap")
class Gap(Fault):
    """Some events are lost without a word; sequence and day volume jump."""

    default_share = 0.3

    def events(self, outlet: Outlet, key: object, fragments: Sequence[Any], now: float) -> Sequence[Any]:
        return [fragment for fragment in fragments if not self.hits()]


@FAULTS.register("duplicate")
class Duplicate(Fault):
    """Some events are sent twice."""

    default_share = 0.3

    def events(self, outlet: Outlet, key: object, fragments: Sequence[Any], now: float) -> Sequence[Any]:
        return [copy for fragment in fragments for copy in (fragment,) * (2 if self.hits() else 1)]


class _Holding(Fault):
    """Keeps events back: (due, outlet, key, fragments), in the order in which they fall due."""

    def __init__(self, script: FaultScript, rng: random.Random, market: MarketView) -> None:
        super().__init__(script, rng, market)
        self._held: deque[tuple[float, Outlet, object, Sequence[Any]]] = deque()

    def release(self, now: float, *, ended: bool) -> None:
        while self._held and (ended or self._held[0][0] <= now):
            _, outlet, key, fragments = self._held.popleft()
            outlet.fan_out(key, fragments)


@FAULTS.register("late")
class Late(_Holding):
    """Events come `delay_s` after their time, in order."""

    def events(self, outlet: Outlet, key: object, fragments: Sequence[Any], now: float) -> Sequence[Any]:
        self._held.append((now + self.script.delay_s, outlet, key, fragments))
        return ()


@FAULTS.register("reorder")
class Reorder(_Holding):
    """Some events are overtaken by the ones after them."""

    default_share = 0.3

    def events(self, outlet: Outlet, key: object, fragments: Sequence[Any], now: float) -> Sequence[Any]:
        passed = []
        for fragment in fragments:
            if self.hits():
                self._held.append((now + 0.2 + self.rng.random(), outlet, key, (fragment,)))
            else:
                passed.append(fragment)
        return passed


@FAULTS.register("token_expiry")
class TokenExpiry(Fault):
    """Every token is worthless from now on; connections are told so and closed. New tokens work."""

    def begin(self, controls: Controls) -> None:
        controls.expire_tokens()


@FAULTS.register("throttle")
class Throttle(Fault):
    """HTTP requests are answered 429, and data comes in at most one burst a second."""

    refuses_requests = True
    frame_interval_s = 1.0


@FAULTS.register("half_day")
class HalfDay(Fault):
    """The exchange closes at 13:00 in New York; where the market never closes it closes now. The socket stays."""

    def events(self, outlet: Outlet, key: object, fragments: Sequence[Any], now: float) -> Sequence[Any]:
        return () if self.market.always_open or self._is_after_close() else fragments

    def _is_after_close(self) -> bool:
        local = to_datetime(self.market.now()).astimezone(NEW_YORK)
        return 13 <= local.hour < 18


@FAULTS.register("bad_frame")
class BadFrame(Fault):
    """Some data frames arrive broken, in one of the ways in which the venue's frames can."""

    default_share = 0.2

    def frame(self, frame: bytes, damages: Sequence[Damage]) -> bytes:
        return self.rng.choice(damages)(frame, self.rng) if self.hits() else frame


class FaultBoard:
    """The faults of one server: scheduled, acting, over. `clock` is in seconds; `damages` are the ways in which this
    venue's data frames break."""

    retry_after_s = 1  # what a refused request is told

    def __init__(
        self, *, seed: int, clock: Callable[[], float], market: MarketView, damages: Sequence[Damage] = ANY_WIRE
    ) -> None:
        self._seed = seed
        self._damages = tuple(damages)
        self._clock = clock
        self._market = market
        self._added = 0
        self._scheduled: list[tuple[float, Fault]] = []
        self._acting: list[tuple[float, Fault]] = []
        self._set_active()

    def add(self, script: FaultScript) -> None:
        """Schedule `script` from now; an unknown name or a wrong number is refused."""
        if script.after_s < 0 or script.for_s <= 0 or not 0 <= (script.share or 0) <= 1:
            raise InvalidInput("after_s ≥ 0, for_s > 0 and 0 ≤ share ≤ 1 were expected", field="fault")
        self._added += 1
        rng = random.Random(f"{self._seed}/{self._added}/{script.name}")
        fault = FAULTS[script.name](script, rng, self._market)
        self._scheduled.append((self._clock() + script.after_s, fault))

    def clear(self) -> None:
        """End everything now."""
        self._scheduled.clear()
        for _, fault in self._acting:
            fault.release(self._clock(), ended=True)
        self._acting.clear()
        self._set_active()

    def names(self) -> dict[str, list[str]]:
        return {
            "scheduled": [fault.script.name for _, fault in self._scheduled],
            "active": [fault.script.name for _, fault in self._acting],
        }

    def advance(self, controls: Controls) -> None:
        """Begin and end what is due, and release what was held back."""
        if not self._scheduled and not self._acting:
            return
        now = self._clock()
        for due, fault in [item for item in self._scheduled if item[0] <= now]:
            self._scheduled.remove((due, fault))
            self._acting.append((due + fault.script.for_s, fault))
            self._set_active()
            fault.begin(controls)
        for _, fault in self._acting:
            fault.release(now, ended=False)
        for end, fault in [item for item in self._acting if item[0] <= now]:
            fault.release(now, ended=True)
            self._acting.remove((end, fault))
        self._set_active()

    def _set_active(self) -> None:
        faults = [fault for _, fault in self._acting]
        self.active = tuple(faults)  # empty almost always: the hot path asks only this
        self.drops_line = any(fault.drops_line for fault in faults)
        self.refuses_connections = any(fault.refuses_connections for fault in faults)
        self.refuses_requests = any(fault.refuses_requests for fault in faults)
        self.frame_interval_s = max((fault.frame_interval_s for fault in faults), default=0.0)

    def events(self, outlet: Outlet, key: object, fragments: Sequence[Any]) -> Sequence[Any]:
        """What goes on to `outlet` now; what is held back comes by its `fan_out` later."""
        now = self._clock()
        for fault in self.active:
            if fragments and fault.concerns(outlet.symbol):
                fragments = fault.events(outlet, key, fragments, now)
        return fragments

    def frame(self, frame: bytes) -> bytes:
        """What arrives of one data frame; handshakes and keepalives are left alone."""
        for fault in self.active:
            frame = fault.frame(frame, self._damages)
        return frame


class Tap:
    """One symbol's events on their way to one receiver, through whatever fault acts."""

    def __init__(self, symbol: str, board: FaultBoard, send: Callable[[Sequence[Any]], None]) -> None:
        self.symbol = symbol
        self._board = board
        self._send = send

    def deliver(self, fragments: Sequence[Any]) -> None:
        if self._board.active:
            fragments = self._board.events(self, None, fragments)
        if fragments:
            self._send(fragments)

    def fan_out(self, key: object, fragments: Sequence[Any]) -> None:
        """What was held back and is due; after `close` nobody wants it."""
        self._send(fragments)

    def close(self) -> None:
        self._send = lambda fragments: None
