"""Lanes: one symbol's one event type in one shape, encoded once for however many channels want it."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from simulators.candles import Candle, CandleBuilder, CandleSpec
from simulators.dxlink.events import MinuteColumns, candle_values, encode_event
from simulators.faults import FaultBoard
from simulators.market import SymbolMarket


class Sink(Protocol):
    """A channel as a lane sees it. `key` says what a fragment replaces where the channel conflates."""

    def push(self, event: str, key: object, fragments: Sequence[bytes]) -> None: ...


class Shape(NamedTuple):
    """How a channel wants an event type: which fields, COMPACT or FULL."""

    event: str
    fields: tuple[str, ...]
    compact: bool


class Lane:
    """Passes events through the acting faults to its sinks."""

    def __init__(self, symbol: str, shape: Shape, faults: FaultBoard) -> None:
        self.symbol = symbol
        self.shape = shape
        self.sinks: list[Sink] = []
        self._faults = faults

    def deliver(self, key: object, fragments: Sequence[bytes]) -> None:
        if self._faults.active:
            fragments = self._faults.events(self, key, fragments)
        if fragments:
            self.fan_out(key, fragments)

    def fan_out(self, key: object, fragments: Sequence[bytes]) -> None:
        for sink in self.sinks:
            sink.push(self.shape.event, key, fragments)

    def encode(self, values: dict[str, Any]) -> bytes:
        return encode_event(self.shape.event, values, self.shape.fields, compact=self.shape.compact)


class PrintLane(Lane):
    """Quote, Trade, TradeETH or TimeAndSale: one event a print."""

    def prints(self, columns: MinuteColumns, first: int, last: int) -> None:
        event, fields, compact = self.shape
        if columns.has(event):
            self.deliver(self.symbol, columns.encoded(event, fields, first, last, compact=compact))

    def warm(self, columns: MinuteColumns) -> None:
        """Make the columns ahead of time, so that a new minute does not begin with a pause."""
        for name in self.shape.fields:
            columns.column(self.shape.event, name)


class CandleLane(Lane):
    """The forming candle of one canonical candle symbol, as it stands after each batch of prints."""

    def __init__(
        self, name: str, shape: Shape, faults: FaultBoard, *, spec: CandleSpec, market: SymbolMarket, now: int
    ) -> None:
        super().__init__(market.listing.symbol, shape, faults)
        self.spec = spec
        self.market = market
        self.name = name
        self._builder = CandleBuilder(market, spec, now=now)

    def prints(self, columns: MinuteColumns, first: int, last: int) -> None:
        if self.spec.regular_only and not columns.prints.is_regular:
            return
        touched: list[Candle] = []
        for row in range(first, last):
            candle, begins = self._builder.add(
                ts=columns.ts[row], price=columns.price[row], size=columns.size[row], is_buy=columns.is_buy[row]
            )
            if begins or not touched:
                touched.append(candle)
            else:
                touched[-1] = candle
        for candle in touched:
            self.deliver((self.name, candle.index), [self.fragment(candle)])

    def warm(self, columns: MinuteColumns) -> None:
        """Nothing: candles read what every minute has."""

    def fragment(self, candle: Candle, flags: int = 0) -> bytes:
        return self.encode(candle_values(self.market.listing, self.name, candle, flags=flags))


class SlowLane(Lane):
    """An event made on demand once a second, sent when it has changed."""

    def __init__(self, symbol: str, shape: Shape, faults: FaultBoard, *, make: Callable[[int], dict[str, Any]]) -> None:
        super().__init__(symbol, shape, faults)
        self._make = make
        self._sent = b""

    def fragment(self, now: int) -> bytes:
        return self.encode(self._make(now))

    def refresh(self, now: int) -> None:
        fragment = self.fragment(now)
        if fragment != self._sent:
            self._sent = fragment
            self.deliver(self.symbol, [fragment])
