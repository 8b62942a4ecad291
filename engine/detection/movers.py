"""Movers: symbols whose price runs away within moments, and quiet ones in which trading suddenly picks up."""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from engine.detection.window import PriceWindow
from engine.model.event import Event
from engine.model.market import NAN, Bar, Tick
from engine.model.signals import MoverDetected
from engine.model.time import NS_PER_S

Seconds = Annotated[float, Meta(gt=0, le=86_400)]
Count = Annotated[int, Meta(ge=1, le=1_000)]
MoverFilter = Literal["any", "fast", "slow", "both"]
NEVER = -(1 << 62)


class MoverConfig(msgspec.Struct, frozen=True):
    """What counts as a mover. Ratios are fractions: 0.01 is one percent.

    *Fast*: within the last `window_s` seconds the price has gone at least `change` from the lowest price (up) or the
    highest (down). *Slow*: the mean volume of the last `recent` periods of `period_s` seconds is at least
    `volume_ratio` times that of the `usual` periods before, and each of them is above it, so that one block is no
    regime; before, the price stayed within `quiet_range`, and there were trades in at least the share `traded` of the
    periods (a silent one counts as no volume). A pause longer than `pause_s`, as overnight, begins the periods anew.

    A symbol is told again after `again_s` (a fast one at once when it turns), and counts as a mover for `hold_s` after
    it was found.
    """

    window_s: Seconds = 60.0
    change: Annotated[float, Meta(gt=0, le=10)] = 0.01
    period_s: Seconds = 60.0
    recent: Count = 3
    usual: Count = 30
    volume_ratio: Annotated[float, Meta(ge=1)] = 3.0
    quiet_range: Annotated[float, Meta(gt=0, le=10)] = 0.01
    traded: Annotated[float, Meta(ge=0, le=1)] = 0.5
    pause_s: Seconds = 1_800.0
    again_s: Seconds = 60.0
    hold_s: Seconds = 300.0


DEFAULTS = MoverConfig()


class Mover:
    """One symbol, watched print by print or bar by bar; its memory is bounded by the configuration alone."""

    def __init__(self, symbol: str, config: MoverConfig = DEFAULTS) -> None:
        self.symbol = symbol
        self.config = config
        self._prices = PriceWindow(int(config.window_s * NS_PER_S))
        self._period_ns = int(config.period_s * NS_PER_S)
        self._periods: deque[tuple[float, float, float]] = deque(maxlen=config.recent + config.usual)
        self._at = NEVER  # number of the period that is forming
        self._volume, self._low, self._high = 0.0, NAN, NAN
        self._last_ts = NEVER
        self._last_price = NAN
        self._fast_ts, self._fast_side, self._slow_ts = NEVER, 0, NEVER

    def see_tick(self, ts: int, price: float, size: float) -> list[MoverDetected]:
        """A print. One that is older than the last event is ignored."""
        return self._see(ts, price, price, price, size, ends=False)

    def see_bar(self, ts: int, low: float, high: float, close: float, volume: float) -> list[MoverDetected]:
        """A bar that closed at `ts`."""
        return self._see(ts, low, high, close, volume, ends=ts % self._period_ns == 0)

    def is_mover(self, kind: str, ts: int) -> bool:
        """Whether it is a mover of that kind at `ts`: fast, slow, or both: either of them. `any` asks for nothing."""
        reach = ts - int(self.config.hold_s * NS_PER_S)
        fast, slow = self._fast_ts >= reach, self._slow_ts >= reach
        return {"any": True, "fast": fast, "slow": slow, "both": fast or slow}[kind]

    def _see(self, ts: int, low: float, high: float, close: float, volume: float, *, ends: bool) -> list[MoverDetected]:
        if ts < self._last_ts or close <= 0.0:
            return []
        found: list[MoverDetected | None] = []
        found.append(self._move_to((ts - 1) // self._period_ns, ts))
        self._add(low, high, volume)
        self._prices.see(ts, low, high)
        self._last_ts, self._last_price = ts, close
        found.append(self._fast(ts, close))
        if ends:
            found.append(self._end_period(ts))
            self._at += 1
        return [each for each in found if each is not None]

    def _fast(self, ts: int, price: float) -> MoverDetected | None:
        up, down = price / self._prices.low - 1.0, price / self._prices.high - 1.0
        change = up if up >= -down else down
        if abs(change) < self.config.change:
            return None
        side = 1 if change > 0 else -1
        again = int(self.config.again_s * NS_PER_S)
        if side == self._fast_side and ts < self._fast_ts + again:
            return None
        self._fast_ts, self._fast_side = ts, side
        return MoverDetected(ts, self.symbol, "fast", side, price, change)

    def _add(self, low: float, high: float, volume: float) -> None:
        self._volume += volume
        self._low = low if self._low != self._low else min(self._low, low)
        self._high = high if self._high != self._high else max(self._high, high)

    def _move_to(self, period: int, ts: int) -> MoverDetected | None:
        """Close the period that is forming, and the silent ones up to `period`; the fact is of the first of them."""
        if self._at == NEVER or ts - self._last_ts > int(self.config.pause_s * NS_PER_S):
            self._periods.clear()
            self._volume, self._low, self._high = 0.0, NAN, NAN
            self._at = period
            return None
        found: MoverDetected | None = None
        while self._at < period:
            ended = self._end_period((self._at + 1) * self._period_ns)
            found = found or ended
            self._at += 1
        return found

    def _end_period(self, ts: int) -> MoverDetected | None:
        price = self._last_price
        low, high = (price, price) if self._low != self._low else (self._low, self._high)
        self._periods.append((self._volume, low, high))
        self._volume, self._low, self._high = 0.0, NAN, NAN
        return self._slow(ts)

    def _slow(self, ts: int) -> MoverDetected | None:
        config = self.config
        if len(self._periods) < config.recent + config.usual:
            return None
        periods = list(self._periods)
        before, recent = periods[: config.usual], periods[config.usual :]
        usual = sum(volume for volume, _, _ in before) / config.usual
        silent = sum(volume <= 0.0 for volume, _, _ in before)
        if usual <= 0.0 or config.usual - silent < config.traded * config.usual:
            return None
        if min(volume for volume, _, _ in recent) <= usual:
            return None
        ratio = sum(volume for volume, _, _ in recent) / config.recent / usual
        spread = max(high for _, _, high in before) / min(low for _, low, _ in before) - 1.0
        again = int(config.again_s * NS_PER_S)
        if ratio < config.volume_ratio or spread > config.quiet_range or ts < self._slow_ts + again:
            return None
        self._slow_ts = ts
        change = self._last_price / before[-1][1] - 1.0
        side = (change > 0) - (change < 0)
        return MoverDetected(ts, self.symbol, "slow", side, self._last_price, change, volume_ratio=ratio)

    def snapshot(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "prices": self._prices.snapshot(),
            "periods": [list(each) for each in self._periods],
            "forming": [self._at, self._volume, self._low, self._high],
            "last": [self._last_ts, self._last_price],
            "found": [self._fast_ts, self._fast_side, self._slow_ts],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from `snapshot` of the same configuration."""
        self._prices.restore(state["prices"])
        self._periods.clear()
        self._periods.extend((volume, low, high) for volume, low, high in state["periods"])
        self._at, self._volume, self._low, self._high = state["forming"]
        self._last_ts, self._last_price = state["last"]
        self._fast_ts, self._fast_side, self._slow_ts = state["found"]


class MoverDetector:
    """Watches every symbol it is shown. Prints and bars may both come: bars count only of `timeframe` (a symbol with
    prints needs no bars; leave it empty then)."""

    def __init__(self, config: MoverConfig = DEFAULTS, *, timeframe: str = "") -> None:
        self.config = config
        self.timeframe = timeframe
        self._movers: dict[str, Mover] = {}
        self._handlers: dict[type[Event], Callable[[Any], Sequence[MoverDetected]]] = {
            Tick: self._on_tick,
            Bar: self._on_bar,
        }

    def see(self, event: Event) -> Sequence[MoverDetected]:
        """What this event makes known; anything but prints and complete bars is ignored."""
        handler = self._handlers.get(type(event))
        return () if handler is None else handler(event)

    def is_mover(self, symbol: str, kind: str, ts: int) -> bool:
        """Whether the symbol is a mover of that kind at `ts` (see `Mover.is_mover`)."""
        return kind == "any" or (symbol in self._movers and self._movers[symbol].is_mover(kind, ts))

    def forget(self, symbol: str) -> None:
        """The symbol is not watched any more, or its data had a gap."""
        self._movers.pop(symbol, None)

    def snapshot(self) -> dict[str, Any]:
        """Plain values, by symbol."""
        return {symbol: mover.snapshot() for symbol, mover in self._movers.items()}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from `snapshot` of the same configuration."""
        self._movers = {}
        for symbol, saved in state.items():
            self._mover(symbol).restore(saved)

    def _on_tick(self, tick: Tick) -> Sequence[MoverDetected]:
        return self._mover(tick.symbol).see_tick(tick.ts, tick.price, tick.size)

    def _on_bar(self, bar: Bar) -> Sequence[MoverDetected]:
        if bar.timeframe != self.timeframe or not bar.is_complete:
            return ()
        return self._mover(bar.symbol).see_bar(bar.ts, bar.low, bar.high, bar.close, bar.volume)

    def _mover(self, symbol: str) -> Mover:
        found = self._movers.get(symbol)
        if found is None:
            found = self._movers[symbol] = Mover(symbol, self.config)
        return found


class MoverGate:
    """Lets entries of one slot pass while its symbol is a mover of the kind asked for.

    It judges by the slot's own bars: meant for bars up to a minute or so. Longer ones count as one busy period.
    """

    def __init__(self, kind: str, config: MoverConfig = DEFAULTS) -> None:
        self.kind = kind
        self._mover = Mover("", config)

    def see_bar(self, bar: Bar) -> bool:
        """The bar closed; whether entries may pass at its close."""
        return self.see(bar.ts, bar.high, bar.low, bar.close, bar.volume)

    def see(self, ts: int, high: float, low: float, close: float, volume: float) -> bool:
        """The same from values."""
        self._mover.see_bar(ts, low, high, close, volume)
        return self._mover.is_mover(self.kind, ts)

    def snapshot(self) -> dict[str, Any]:
        return self._mover.snapshot()

    def restore(self, state: dict[str, Any]) -> None:
        self._mover.restore(state)
