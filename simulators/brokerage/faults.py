"""Order fault scripts: what can go wrong between a client and its broker, by name, on time, and seeded."""

import random
from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

import msgspec

from engine.errors import InvalidInput
from engine.registry import Registry

PLACE, CANCEL, REPLACE, QUERY, LOGIN = "place", "cancel", "replace", "query", "login"
WRITES = frozenset({PLACE, CANCEL, REPLACE})
REQUESTS = WRITES | {QUERY}


class OrderFaultScript(msgspec.Struct, frozen=True):
    """When a fault acts and on what. `times` is how often it may hit, 0 for ever; `share` the probability per request
    or event; `actions` the requests it concerns (place, cancel, replace, query, login; none: those in its table);
    `symbols` ours, none: all; `delay_s` is read by what delays, in seconds by the wall.

    "reject:CODE" carries a venue's own code.
    """

    name: str
    after_s: float = 0.0
    for_s: float = 1e9
    times: int = 0
    share: float = 1.0
    actions: tuple[str, ...] = ()
    symbols: tuple[str, ...] = ()
    delay_s: float = 1.0

    @property
    def kind(self) -> str:
        return self.name.partition(":")[0]

    @property
    def code(self) -> str:
        return self.name.partition(":")[2]


class OrderFault(NamedTuple):
    """What a fault concerns if its script does not say, and a sentence about it."""

    actions: frozenset[str]
    summary: str


ORDER_FAULTS: Registry[OrderFault] = Registry("order fault")
for _name, _actions, _summary in (
    ("drop_request", WRITES, "the connection breaks before the request is read: nothing was done"),
    ("drop_answer", WRITES, "the request is done, then the connection breaks without an answer"),
    ("late_answer", WRITES, "answers come up to delay_s late, each by another time, so they overtake each other"),
    ("server_error", WRITES, "HTTP 503, nothing was done"),
    ("server_error_after", WRITES, "the request is done, then HTTP 500"),
    ("unauthorized", REQUESTS, "HTTP 401"),
    ("throttle", REQUESTS, "HTTP 429 with Retry-After, nothing was done"),
    ("reject", frozenset({PLACE}), "new orders are refused with the code after the colon"),
    ("reject_late", frozenset({PLACE}), "new orders are taken and rejected a moment later, with the code"),
    ("partial_fills", frozenset(), "fills come in several pieces"),
    ("no_fills", frozenset(), "nothing trades"),
    ("late_fill", frozenset(), "a fill is told delay_s late, even where the order was cancelled in between"),
    ("duplicate_fill", frozenset(), "the stream tells fills twice"),
    ("late_events", frozenset(), "the stream tells everything delay_s late, in order"),
    ("reorder_events", frozenset(), "some events of the stream are overtaken by later ones"),
    ("duplicate_events", frozenset(), "some events of the stream are told twice"),
    ("drop_events", frozenset(), "some events of the stream are never told"),
    ("cut_stream", frozenset(), "the stream breaks without a good-bye and is refused until the fault ends"),
    ("restart", REQUESTS | {LOGIN}, "the venue goes down, all connections break; its state is kept"),
    ("upstream_lost", frozenset(), "IB Gateway loses its line to the venue; the one to us stays (1100, then 1102)"),
    ("clock_skew", frozenset(), "the venue's clock is delay_s ahead"),
    ("half_day", frozenset(), "the exchange closes at 13:00 New York (at once where the market never closes)"),
):
    ORDER_FAULTS.add(_name, OrderFault(_actions, _summary))


class StreamControls(Protocol):
    """What a fault may do to a venue's connections."""

    def cut_connections(self) -> None: ...


class _Acting:
    """A script with its own random numbers and how often it hit."""

    def __init__(self, script: OrderFaultScript, *, start: float, rng: random.Random) -> None:
        self.script = script
        self.start = start
        self.end = start + script.for_s
        self.rng = rng
        self.hits = 0
        self.has_begun = False

    def is_active(self, now: float) -> bool:
        return self.start <= now < self.end and not (self.script.times and self.hits >= self.script.times)

    def concerns(self, action: str, symbol: str) -> bool:
        actions = self.script.actions or ORDER_FAULTS[self.script.kind].actions
        return (not action or action in actions) and not (
            symbol and self.script.symbols and symbol not in self.script.symbols
        )


class OrderFaults:
    """The order faults of one venue. `clock` is in seconds."""

    def __init__(self, *, seed: int, clock: Callable[[], float]) -> None:
        self._seed = seed
        self._clock = clock
        self._added = 0
        self._scripts: list[_Acting] = []

    def add(self, script: OrderFaultScript) -> None:
        """Schedule `script` from now; an unknown name or a wrong number is refused."""
        if script.kind not in ORDER_FAULTS:
            ORDER_FAULTS.canonical(script.kind)
        if script.after_s < 0 or script.for_s <= 0 or not 0 <= script.share <= 1 or script.times < 0:
            raise InvalidInput("after_s ≥ 0, for_s > 0, times ≥ 0 and 0 ≤ share ≤ 1 were expected", field="fault")
        self._added += 1
        rng = random.Random(f"{self._seed}/{self._added}/{script.name}")
        self._scripts.append(_Acting(script, start=self._clock() + script.after_s, rng=rng))

    def clear(self) -> None:
        self._scripts.clear()

    def names(self) -> dict[str, list[str]]:
        now = self._clock()
        return {
            "scheduled": [each.script.name for each in self._scripts if each.start > now],
            "active": [each.script.name for each in self._scripts if each.is_active(now)],
        }

    def hit(self, kind: str, *, action: str = "", symbol: str = "") -> OrderFaultScript | None:
        """The script of this kind that strikes now, counted; None where none does."""
        for each in self._active(kind):
            if each.concerns(action, symbol) and each.rng.random() < each.script.share:
                each.hits += 1
                return each.script
        return None

    def active(self, kind: str, *, symbol: str = "") -> OrderFaultScript | None:
        """The script of this kind that is on, not counted."""
        return next((each.script for each in self._active(kind) if each.concerns("", symbol)), None)

    def random(self, kind: str) -> float:
        """A number in [0, 1) of the acting script's own."""
        return next((each.rng.random() for each in self._scripts if each.script.kind == kind), 0.0)

    def advance(self, controls: StreamControls) -> None:
        """Break connections where a script that does so begins; forget those that are over."""
        now = self._clock()
        for each in self._scripts:
            if not each.has_begun and each.start <= now:
                each.has_begun = True
                if each.script.kind in ("restart", "cut_stream"):
                    controls.cut_connections()
        if self._scripts:
            self._scripts = [each for each in self._scripts if now < each.end]

    def _active(self, kind: str) -> Iterator[_Acting]:
        if self._scripts:
            now = self._clock()
            yield from [each for each in self._scripts if each.script.kind == kind and each.is_active(now)]
