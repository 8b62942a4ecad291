"""One FEED channel: its shapes and subscriptions, and the frames it batches or conflates."""

from collections.abc import Callable, Iterator, Sequence

from simulators.dxlink.events import FIELDS, HISTORY_EVENTS, STREAM_EVENTS
from simulators.dxlink.hub import Hub
from simulators.dxlink.lanes import Lane, Shape
from simulators.dxlink.messages import FeedSetup, Subscription
from simulators.dxlink.symbols import parse_candle_symbol

CONTRACTS = ("AUTO", "TICKER", "HISTORY", "STREAM")
EVENTS_PER_FRAME = 500
SNAPSHOT_EVENTS_PER_FRAME = 100
MAX_PENDING = 200_000  # events; a client that lets more pile up is hung up on


class FeedChannel:
    """A FEED channel between CHANNEL_OPENED and CHANNEL_CLOSED; without a FEED_SETUP it takes no subscription."""

    def __init__(self, number: int, contract: str, hub: Hub, send: Callable[[bytes], None]) -> None:
        self.number = number
        self.contract = contract
        self.is_set_up = False
        self.period = 0.0
        self.compact = True
        self._hub = hub
        self._send = send
        self._fields: dict[str, tuple[str, ...]] = {}
        self._announced: set[str] = set()
        self._lanes: dict[tuple[str, str], Lane] = {}
        self._every: dict[str, list[bytes]] = {}
        self._latest: dict[str, dict[object, bytes]] = {}
        self._due = 0.0

    def set_up(self, message: FeedSetup) -> None:
        self.is_set_up = True
        self.period = max(message.accept_aggregation_period, 0.0)
        self.compact = message.accept_data_format == "COMPACT"
        for event, fields in message.accept_event_fields.items():
            if self._fields.get(event) != tuple(fields):
                self._fields[event] = tuple(fields)
                self._announced.discard(event)

    def unannounced(self, events: Sequence[str]) -> dict[str, list[str]]:
        """Fields of those `events` whose order the client has not been told yet; now it counts as told."""
        told = {event: list(self._shape(event).fields) for event in events if event not in self._announced}
        self._announced.update(told)
        return told

    def add(self, wanted: Subscription) -> None:
        """Adding again replaces: a new snapshot, a new present value."""
        self.remove(wanted)
        shape, from_time = self._shape(wanted.type), int(wanted.from_time or 0)
        name = _canonical(wanted)
        lane = self._hub.attach(self, shape, name)
        if lane is not None:
            self._lanes[wanted.type, name] = lane
        if wanted.type in HISTORY_EVENTS:
            self._send_snapshot(shape, self._hub.snapshot(lane, shape, name, from_time=from_time))

    def remove(self, unwanted: Subscription) -> None:
        name = _canonical(unwanted)
        lane = self._lanes.pop((unwanted.type, name), None)
        if lane is None:
            return
        self._hub.detach(self, lane)
        pending = self._latest.get(unwanted.type, {})
        for key in [key for key in pending if key == name or (isinstance(key, tuple) and key[0] == name)]:
            del pending[key]

    def clear(self) -> None:
        for lane in self._lanes.values():
            self._hub.detach(self, lane)
        self._lanes.clear()
        self._every.clear()
        self._latest.clear()

    def push(self, event: str, key: object, fragments: Sequence[bytes]) -> None:
        if not self._conflates(event):
            self._every.setdefault(event, []).extend(fragments)
            return
        last = fragments[-1]
        repeated = len(fragments) > 1 and fragments[-2] is last  # a duplicate on purpose stays visible
        self._latest.setdefault(event, {})[key] = last + b"," + last if repeated else last

    @property
    def pending(self) -> int:
        return sum(len(found) for found in self._every.values())

    def flush(self, now: float, *, interval: float = 0.0) -> Iterator[bytes]:
        """The frames that are due at `now`, one event type each; at least `interval` seconds between two flushes."""
        if now < self._due or not (self._every or self._latest):
            return
        self._due = now + max(self.period, interval)
        waiting: dict[str, list[bytes]] = self._every
        for event, latest in self._latest.items():
            waiting.setdefault(event, []).extend(latest.values())
        self._every, self._latest = {}, {}
        for event, fragments in waiting.items():
            for first in range(0, len(fragments), EVENTS_PER_FRAME):
                yield self._frame(event, fragments[first : first + EVENTS_PER_FRAME])

    def _conflates(self, event: str) -> bool:
        """With a period of 0 every event goes out. Otherwise AUTO decides by type; STREAM never conflates."""
        if self.period <= 0 or self.contract == "STREAM":
            return False
        return self.contract != "AUTO" or event not in STREAM_EVENTS

    def _shape(self, event: str) -> Shape:
        return Shape(event, self._fields.get(event) or FIELDS[event], self.compact)

    def _send_snapshot(self, shape: Shape, fragments: list[bytes]) -> None:
        for first in range(0, len(fragments), SNAPSHOT_EVENTS_PER_FRAME):
            self._send(self._frame(shape.event, fragments[first : first + SNAPSHOT_EVENTS_PER_FRAME]))

    def _frame(self, event: str, fragments: Sequence[bytes]) -> bytes:
        head = b'{"type":"FEED_DATA","channel":%d,"data":[' % self.number
        if self.compact:
            return b'%b"%b",[%b]]}' % (head, event.encode(), b",".join(fragments))
        return b"%b%b]}" % (head, b",".join(fragments))


def _canonical(subscription: Subscription) -> str:
    parsed = parse_candle_symbol(subscription.symbol) if subscription.type == "Candle" else None
    return parsed.canonical if parsed else subscription.symbol
