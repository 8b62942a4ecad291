"""What one subscription of a streamer connection sends: changed fields of a symbol, or its minutes."""

from collections.abc import Callable, Sequence
from typing import Any

from engine.instruments.instrument import AssetClass
from engine.model.time import NS_PER_DAY, NS_PER_MINUTE, NS_PER_MS, NS_PER_S
from simulators.candles import Candle, CandleSpec, history
from simulators.faults import FaultBoard, Tap
from simulators.market import SymbolMarket
from simulators.schwab.level_one import Source, numbered

CHART_EQUITY, CHART_FUTURES = "CHART_EQUITY", "CHART_FUTURES"
_ASSET_MAIN_TYPE = {AssetClass.INDEX: "INDEX", AssetClass.FUTURE: "FUTURE", AssetClass.OPTION: "OPTION"}
_MINUTE = CandleSpec(1, "m")
_MINUTE_MS = NS_PER_MINUTE // NS_PER_MS
_PRE_MARKET_MINUTES = 7 * 60  # of New York, roughly: the venue counts a day's minutes from there

Content = dict[str, Any]
Send = Callable[[str, Sequence[Content]], None]


class Lane:
    """One key of one service. What happens goes through the acting faults, and what is left of it to `send`."""

    def __init__(self, service: str, key: str, symbol: str, faults: FaultBoard, send: Send) -> None:
        self.service = service
        self.key = key
        self._send = send
        self._tap = Tap(symbol, faults, self._tell)

    def tick(self, now: int) -> None:
        """Say what is new at market time `now`."""

    def view(self, fields: frozenset[str]) -> None:
        """The fields that are wanted from now on."""

    def close(self) -> None:
        self._tap.close()

    def _tell(self, contents: Sequence[Content]) -> None:
        self._send(self.service, contents)


class LevelOneLane(Lane):
    """Delivery type Change: of a symbol's fields only those that differ from what was sent last, conflated.

    A fault strikes before the difference is made: what is lost or overtaken was lost or overtaken inside the venue,
    and the connection still tells one consistent story.
    """

    def __init__(
        self, service: str, key: str, symbol: str, faults: FaultBoard, send: Send, *, source: Source, fields: set[str]
    ) -> None:
        super().__init__(service, key, symbol, faults, send)
        self._source = source
        self._fields = frozenset(fields)
        self._seen: Content = {}
        self._sent: Content = {}
        self._last: tuple[Content, Content] = ({}, {})  # the values told last, and how

    def tick(self, now: int) -> None:
        values = numbered(self.service, self._source.values(now))
        if values != self._seen:
            self._seen = values
            self._tap.deliver([values])

    def view(self, fields: frozenset[str]) -> None:
        self._fields = fields
        self._sent = {field: value for field, value in self._sent.items() if field in fields}

    def _tell(self, contents: Sequence[Content]) -> None:
        for values in contents:
            told = self._last[1] if values is self._last[0] else self._change(values)
            self._last = (values, told)
            if told:
                self._send(self.service, [told])

    def _change(self, values: Content) -> Content:
        changed = {
            field: value for field, value in values.items() if field in self._fields and self._sent.get(field) != value
        }
        if not changed:
            return {}
        head: Content = {"key": self.key}
        if not self._sent:
            kind = _ASSET_MAIN_TYPE.get(self._source.asset_class, "EQUITY")
            head |= {"delayed": False, "assetMainType": kind}
        self._sent |= changed
        return head | changed


class ChartLane(Lane):
    """Delivery type All Sequence: each minute that had a print, once, `delay_s` of market time after its end."""

    def __init__(
        self, service: str, key: str, symbol: str, faults: FaultBoard, send: Send, *, market: SymbolMarket, now: int,
        delay_s: float,
    ) -> None:  # fmt: skip
        super().__init__(service, key, symbol, faults, send)
        self._market = market
        self._delay = int(delay_s * NS_PER_S)
        self._due_minute = now // NS_PER_MINUTE  # the next one to tell
        self._sequence = 0

    def tick(self, now: int) -> None:
        over = (now - self._delay) // NS_PER_MINUTE  # the first minute that cannot be told yet
        if over <= self._due_minute:
            return
        first, last = (minute * _MINUTE_MS for minute in (self._due_minute, over - 1))
        self._due_minute = over
        for candle in history(self._market, _MINUTE, start_ms=first, now=now)[0]:
            if candle.time <= last:
                self._sequence += 1
                self._tap.deliver([self._content(candle)])

    def _content(self, candle: Candle) -> Content:
        price = self._market.listing.price
        prices = [price(candle.open), price(candle.high), price(candle.low), price(candle.close), candle.volume]
        head = {"seq": self._sequence, "key": self.key}
        if self.service == CHART_FUTURES:
            return head | {"1": candle.time, **{str(at): value for at, value in enumerate(prices, start=2)}}
        day, minute = divmod(candle.time * NS_PER_MS, NS_PER_DAY)
        number = int(minute // NS_PER_MINUTE) - _PRE_MARKET_MINUTES
        values = {"1": number, **{str(at): value for at, value in enumerate(prices, start=2)}}
        return head | values | {"7": candle.time, "8": day}
