"""What a book's loop was given, in the order in which it was taken: enough to repeat its decisions exactly."""

import struct
import time
import zlib
from collections.abc import Iterable, Sequence
from decimal import Decimal
from types import GenericAlias
from typing import Any

import msgspec

from engine.core import EngineConfig
from engine.errors import SnapshotIncompatible
from engine.exits.plan import Levels
from engine.model.event import Event
from engine.model.market import Bar
from engine.model.orders import Order, OrderFilled
from engine.model.signals import SlotStateChanged, WarmupProgressed
from engine.orders.lifecycle import OrderRecord
from infra import codec
from trading.runtime.fills import SimulatedFills
from trading.runtime.warmup import Warmable

VERSION = 1
CHECKPOINT_S = 6 * 3600.0


class Entry(msgspec.Struct, frozen=True, tag=True, tag_field="event"):
    """Something besides an event that changes what the engine knows."""


class Opened(Entry, frozen=True):
    """The loop began: what it runs, and where from. Without a state it took over the ledger's fills."""

    mode: str
    generation: int
    config: EngineConfig
    state: bytes | None = None
    fills: tuple[tuple[Order, OrderFilled], ...] = ()
    versions: dict[str, str] = {}  # strategy → digest of its code
    began_ts: int = 0  # with real accounts: when, which they are not known since
    orders: tuple[OrderRecord, ...] = ()  # what was open, where there was no state
    external: dict[str, dict[str, Decimal]] = {}  # what is known to be others', where there was no state
    is_checkpoint: bool = False  # the same loop goes on: from here on, too, it can be repeated
    simulated: SimulatedFills = SimulatedFills()  # how a book without real accounts is filled
    levels: tuple[tuple[tuple[str, str, str], Levels], ...] = ()  # exits that persons gave, where there was no state
    dialects: dict[str, str] = {}  # without real accounts: the venues whose rules they follow
    allow_short: bool = True  # likewise: shares may be sold short


class Warmed(Entry, frozen=True):
    """A bar of the past was shown to the engine."""

    bar: Bar


class Rewarmed(Entry, frozen=True):
    """The engine forgot what it had seen of `symbol`; the bars of the past come next."""

    symbol: str


Input = Event | Entry

_ANY: Any = codec.UNION | Opened | Warmed | Rewarmed
_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(GenericAlias(list, _ANY))
# What nearly every row repeats: compresses rows of a second's events to half of what they would need without it.
_WORDS = _encoder.encode(
    [
        {"event": "TimeAdvanced", "ts": 1_795_000_000_000_000_000},
        {"event": "Tick", "ts": 1_795_000_000_000_000_000, "symbol": "/NQ", "price": 0.0, "size": 0.0, "bid": 0.0,
         "ask": 0.0, "conditions": 0, "ts_recv": 1_795_000_000_000_000_000, "seq": 1},
        {"event": "Bar", "ts": 1, "symbol": "/ES", "timeframe": "144t", "ts_open": 1, "open": 0.0, "high": 0.0,
         "low": 0.0, "close": 0.0, "volume": 0.0, "trade_count": 144, "vwap": 0.0, "is_complete": True,
         "source": "dxlink", "quality": "built", "ts_recv": 1, "seq": 1},
        {"event": "PartialBar", "ts": 1_795_000_000_000_000_000, "symbol": "/MES", "timeframe": "1",
         "ts_open": 1_795_000_000_000_000_000, "open": 0.0, "high": 0.0, "low": 0.0, "close": 0.0, "volume": 0.0,
         "trade_count": 1, "high_since": 0.0, "low_since": 0.0, "fill": 0.0, "bid": 0.0, "ask": 0.0,
         "ts_recv": 1_795_000_000_000_000_000, "seq": 1},
    ]
)  # fmt: skip


class Recorder:
    """Keeps inputs in their order until a commit takes them.

    Every `checkpoint_s` the state of a commit is recorded as well, so that a day can be repeated without the weeks
    before it, and what is older can be removed.
    """

    def __init__(self, *, checkpoint_s: float = CHECKPOINT_S) -> None:
        self._inputs: list[Input] = []
        self._checkpoint_s = checkpoint_s
        self._opened: Opened | None = None
        self._kept_s = time.monotonic()
        self.take = self._inputs.append  # called for every event

    def drain(self, state: bytes = b"") -> tuple[Input, ...]:
        """What came since the last commit; `state` is what it leads to."""
        inputs = tuple(self._inputs)
        self._inputs.clear()
        if inputs and isinstance(inputs[0], Opened):
            self._opened = inputs[0]
        if self._opened is not None and time.monotonic() - self._kept_s >= self._checkpoint_s:
            self._kept_s = time.monotonic()
            self._inputs.append(
                msgspec.structs.replace(self._opened, state=state, fills=(), orders=(), is_checkpoint=True)
            )
        return inputs


class RecordedWarmth:
    """An engine for whoever warms it up: what it is shown is recorded."""

    def __init__(self, engine: Warmable, recorder: Recorder) -> None:
        self._engine = engine
        self._recorder = recorder

    def warm(self, bar: Bar) -> None:
        self._recorder.take(Warmed(bar))
        self._engine.warm(bar)

    def begin_rewarm(self, symbol: str) -> None:
        self._recorder.take(Rewarmed(symbol))
        self._engine.begin_rewarm(symbol)

    def slot_states(self) -> Sequence[SlotStateChanged | WarmupProgressed]:
        return self._engine.slot_states()


def pack(inputs: Iterable[Input]) -> bytes:
    """Versioned, compressed bytes of `inputs`; `unpack` gives them back."""
    compressor = zlib.compressobj(level=6, zdict=_WORDS)
    return struct.pack("<B", VERSION) + compressor.compress(_encoder.encode(list(inputs))) + compressor.flush()


def unpack(data: bytes) -> list[Input]:
    """The inputs; `SnapshotIncompatible` where another version wrote them, or they are damaged."""
    if not data or data[0] != VERSION:
        found = data[0] if data else "nothing"
        raise SnapshotIncompatible(f"recorded inputs of version {VERSION} were expected, found {found}")
    try:
        found_inputs: list[Input] = _decoder.decode(zlib.decompressobj(zdict=_WORDS).decompress(data[1:]))
    except (zlib.error, msgspec.MsgspecError) as error:
        raise SnapshotIncompatible(f"the recorded inputs cannot be read: {error}") from error
    return found_inputs
