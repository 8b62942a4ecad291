"""A recorded day against a simulation over stored history: which decisions and prices differ, and because of what."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeGuard

import msgspec

from engine.core import EngineConfig
from engine.instruments.options import is_option
from engine.model.commands import Command
from engine.model.event import Event
from engine.model.market import Bar, FeedGap, Quote
from engine.model.orders import ApprovedOrder, OrderDenied, OrderFilled
from engine.model.signals import Signal, SignalSuppressed
from engine.model.time import NS_PER_S, iso
from engine.options.events import ChainReceived
from trading.runtime.recording import Input, Opened, Rewarmed, Warmed

LATE_NS = 5 * NS_PER_S  # a fill later than that after its bar is told as latency
ZERO = Decimal(0)
SlotBar = tuple[str, str, int]  # strategy, symbol, close of the bar that was decided on


class Cause(StrEnum):
    """Why the two sides differ."""

    DATA = "data revision"  # a bar that was seen is not the one that is stored
    GAP = "gap"  # events were lost while it ran
    CONFIGURATION = "configuration"  # a person, a limit or another configuration decided otherwise
    LATENCY = "latency"  # filled long after the decision
    FILL = "fill"  # filled at once, at another price
    UNEXPLAINED = "unexplained"


class Row(msgspec.Struct, frozen=True):
    """One difference. `cash` is what it cost us, where it is one of price."""

    cause: Cause
    strategy: str
    symbol: str
    bar: str
    recorded: str
    simulated: str
    detail: str = ""
    cash: Decimal = ZERO


class Side(msgspec.Struct):
    """What one side decided and traded, by the bar it decided on."""

    signals: dict[SlotBar, Signal] = {}
    refused: dict[SlotBar, str] = {}
    orders: dict[str, SlotBar] = {}
    fills: dict[SlotBar, list[OrderFilled]] = {}

    def take(self, outputs: Iterable[Event]) -> None:
        """Keep what is compared. Decisions inside a bar have no bar and are left out."""
        for out in outputs:
            match out:
                case Signal() if out.bar_ts:
                    self.signals[out.strategy, out.symbol, out.bar_ts] = out
                case SignalSuppressed() if out.signal.bar_ts:
                    key = (out.signal.strategy, out.signal.symbol, out.signal.bar_ts)
                    self.refused[key] = f"{out.rule}: {out.reason}"
                case OrderDenied() if out.order.bar_ts:
                    self.refused[out.order.strategy, out.order.symbol, out.order.bar_ts] = f"{out.rule}: {out.reason}"
                case ApprovedOrder() if out.order.bar_ts:
                    self.orders[out.order.client_id] = (out.order.strategy, out.order.symbol, out.order.bar_ts)
                case OrderFilled() if out.client_id in self.orders:
                    self.fills.setdefault(self.orders[out.client_id], []).append(out)
                case _:
                    pass


class Seen(msgspec.Struct):
    """What the loop was given in the day."""

    bars: dict[tuple[str, str], dict[int, Bar]] = {}
    gaps: list[FeedGap] = []
    commands: list[Command] = []
    openings: list[Opened] = []
    # What a simulation repeats: with stored bars for those that were seen, and the options as they were quoted.
    script: list[Bar | Warmed | Rewarmed | ChainReceived | Quote] = []

    def take(self, inputs: Iterable[Input]) -> None:
        """Keep what is compared, and what explains."""
        for each in inputs:
            if isinstance(each, Bar | Warmed | Rewarmed | ChainReceived) or _is_of_option(each):
                self.script.append(each)
            match each:
                case Bar() if each.is_complete:
                    self.bars.setdefault((each.symbol, each.timeframe), {})[each.ts] = each
                case FeedGap():
                    self.gaps.append(each)
                case Command():
                    self.commands.append(each)
                case Opened():
                    self.openings.append(each)
                case _:
                    pass

    @property
    def span(self) -> tuple[int, int] | None:
        """Closes of the first and the last bar; None where none was seen."""
        ts = [moment for bars in self.bars.values() for moment in (min(bars), max(bars))]
        return (min(ts), max(ts)) if ts else None


def _is_of_option(each: Input) -> TypeGuard[Quote]:
    return isinstance(each, Quote) and is_option(each.symbol)


def compare(
    recorded: Side, simulated: Side, seen: Seen, stored: Mapping[tuple[str, str], Mapping[int, Bar]],
    config: EngineConfig,
) -> list[Row]:  # fmt: skip
    """Every difference, in the order of time."""
    why = Causes(seen, stored, config)
    keys = sorted(recorded.signals.keys() | simulated.signals.keys(), key=lambda key: (key[2], key[0], key[1]))
    return [row for key in keys for row in _differences(key, recorded, simulated, why)]


def _differences(key: SlotBar, recorded: Side, simulated: Side, why: "Causes") -> Iterator[Row]:
    strategy, symbol, bar_ts = key
    place = (strategy, symbol, iso(bar_ts))
    then, now = recorded.signals.get(key), simulated.signals.get(key)
    if then is None or now is None or then.target != now.target:
        cause, detail = why.of(key)
        yield Row(cause, *place, _wish(then), _wish(now), detail)
        return
    ours, theirs = recorded.fills.get(key), simulated.fills.get(key)
    if ours is None or theirs is None:
        refusals = (recorded.refused.get(key), simulated.refused.get(key))
        if ours is not theirs or refusals[0] != refusals[1]:
            cause, detail = why.of_trade(key, refusals)
            yield Row(cause, *place, _traded(ours, refusals[0]), _traded(theirs, refusals[1]), detail)
        return
    if size_of(ours) != size_of(theirs):
        cause, detail = why.of(key)
        yield Row(cause, *place, _traded(ours), _traded(theirs), detail)
        return
    cost = why.cost(symbol, ours, theirs)
    if cost:
        late = ours[0].ts - bar_ts
        cause = Cause.LATENCY if late > LATE_NS else Cause.FILL
        yield Row(cause, *place, _traded(ours), _traded(theirs), f"filled {late / NS_PER_S:.1f} s after the bar", cost)


class Causes:
    """Finds why, from what was seen, what is stored and what was configured."""

    def __init__(self, seen: Seen, stored: Mapping[tuple[str, str], Mapping[int, Bar]], config: EngineConfig) -> None:
        self._seen = seen
        self._config = config
        self._timeframes = {slot.key: slot.timeframe for slot in config.slots}
        self.revised = {
            key: revised(seen.bars.get(key, {}), stored.get(key, {})) for key in seen.bars.keys() | stored.keys()
        }

    def of(self, key: SlotBar) -> tuple[Cause, str]:
        """Of a decision that only one side made."""
        strategy, symbol, bar_ts = key
        gap = next((gap for gap in self._seen.gaps if gap.symbol == symbol and gap.ts <= bar_ts), None)
        if gap is not None:
            return Cause.GAP, f"{gap.reason} at {iso(gap.ts)}"
        changed = self._changed(strategy, symbol)
        if changed:
            return Cause.CONFIGURATION, changed
        told = self._told(strategy, symbol, bar_ts)
        if told:
            return Cause.CONFIGURATION, told
        bars = [
            ts for ts in self.revised.get((symbol, self._timeframes.get((strategy, symbol), "")), ()) if ts <= bar_ts
        ]
        if bars:
            return Cause.DATA, f"{len(bars)} bars differ, the first at {iso(bars[0])}"
        return Cause.UNEXPLAINED, ""

    def of_trade(self, key: SlotBar, refusals: tuple[str | None, str | None]) -> tuple[Cause, str]:
        """Of an order that only one side filled."""
        if refusals[0] != refusals[1]:
            return Cause.CONFIGURATION, refusals[0] or refusals[1] or ""
        found = self.of(key)
        return (Cause.FILL, "one side found nobody to trade with") if found[0] is Cause.UNEXPLAINED else found

    def cost(self, symbol: str, ours: Sequence[OrderFilled], theirs: Sequence[OrderFilled]) -> Decimal:
        """What our price cost more than theirs, in cash, for what we traded."""
        worse = (average(ours) - average(theirs)) * ours[0].side.sign
        return (worse * size_of(ours) * self._config.instruments[symbol].multiplier).quantize(Decimal("0.01"))

    def _changed(self, strategy: str, symbol: str) -> str:
        slots = (
            slot for opened in self._seen.openings for slot in opened.config.slots if slot.key == (strategy, symbol)
        )
        # Started anew it is the same, where nothing but that changed.
        found = {msgspec.json.encode(msgspec.structs.replace(slot, run=0)) for slot in slots}
        return "the slot's configuration changed during the day" if len(found) > 1 else ""

    def _told(self, strategy: str, symbol: str, bar_ts: int) -> str:
        for command in reversed(self._seen.commands):
            mine = getattr(command, "strategy", "") in ("", strategy) and getattr(command, "symbol", "") in ("", symbol)
            if mine and command.ts <= bar_ts:
                return f"{type(command).__name__} by {command.by or 'the system'} at {iso(command.ts)}"
        return ""


def revised(seen: Mapping[int, Bar], stored: Mapping[int, Bar]) -> list[int]:
    """Closes of the bars that are not the same on both sides, within the time that was seen."""
    if not seen:
        return []
    first, last = min(seen), max(seen)
    moments = seen.keys() | {ts for ts in stored if first <= ts <= last}
    return sorted(ts for ts in moments if _prices(seen.get(ts)) != _prices(stored.get(ts)))


def _prices(bar: Bar | None) -> tuple[float, ...] | None:
    return None if bar is None else (bar.open, bar.high, bar.low, bar.close)


def size_of(fills: Sequence[OrderFilled]) -> Decimal:
    return sum((fill.quantity for fill in fills), ZERO)


def average(fills: Sequence[OrderFilled]) -> Decimal:
    return sum((fill.quantity * fill.price for fill in fills), ZERO) / size_of(fills)


def by_cause(rows: Iterable[Row]) -> dict[str, dict[str, Any]]:
    """How many and how much, by cause."""
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        each = found.setdefault(row.cause.value, {"count": 0, "cash": ZERO})
        each["count"] += 1
        each["cash"] += row.cash
    return found


def _wish(signal: Signal | None) -> str:
    return "no signal" if signal is None else f"{signal.target:+d} {signal.reason}"


def _traded(fills: Sequence[OrderFilled] | None, refusal: str | None = None) -> str:
    if not fills:
        return f"refused ({refusal})" if refusal else "no fill"
    return f"{fills[0].side.value} {size_of(fills).normalize():f} at {average(fills).normalize():f}"
