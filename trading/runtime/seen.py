"""The bars that a loop saw last: what an order was decided on, and what its execution fell into."""

from collections.abc import Mapping, Sequence

from engine.instruments.options import underlying_of
from engine.model.event import Event
from engine.model.market import Bar, PartialBar
from engine.model.orders import ApprovedOrder, OrderFilled


def slot_key(strategy: str, symbol: str) -> str:
    """Under which the last closed bar of a slot goes to the journal."""
    return f"{strategy}|{symbol}"


def fill_key(fill_id: str) -> str:
    """Under which the bar of an execution goes to the journal."""
    return f"fill|{fill_id}"


class SeenBars:
    """Bars by slot; of an option those of its underlying. `timeframes` maps (strategy, symbol) to the slot's own."""

    def __init__(self, timeframes: Mapping[tuple[str, str], str]) -> None:
        self._timeframes = timeframes
        self._closed: dict[tuple[str, str], Bar] = {}
        self._forming: dict[tuple[str, str], PartialBar] = {}
        self._of_fills: dict[str, Bar] = {}  # executions that were not committed yet

    def see(self, event: Event) -> None:
        """Something came from the market."""
        if isinstance(event, Bar):
            self._closed[event.symbol, event.timeframe] = event
        elif isinstance(event, PartialBar):
            self._forming[event.symbol, event.timeframe] = event

    def note(self, outputs: Sequence[Event]) -> None:
        """Executions fell into the bars as they stand now."""
        for out in outputs:
            if isinstance(out, OrderFilled):
                bar = self._now(out.strategy, out.symbol)
                if bar is not None:
                    self._of_fills[fill_key(out.fill_id)] = bar

    def take(self, outputs: Sequence[Event]) -> dict[str, Bar]:
        """For the journal: the last closed bar of every slot with an order in `outputs`, and the bars of executions."""
        found, self._of_fills = self._of_fills, {}
        for out in outputs:
            if isinstance(out, ApprovedOrder):
                bar = self._closed.get(self._watched(out.order.strategy, out.order.symbol))
                if bar is not None:
                    found[slot_key(out.order.strategy, out.order.symbol)] = bar
        return found

    def _now(self, strategy: str, symbol: str) -> Bar | None:
        key = self._watched(strategy, symbol)
        closed, forming = self._closed.get(key), self._forming.get(key)
        if forming is None or (closed is not None and forming.ts_open < closed.ts):
            return closed
        return _as_bar(forming)

    def _watched(self, strategy: str, symbol: str) -> tuple[str, str]:
        watched = underlying_of(symbol)
        return watched, self._timeframes.get((strategy, watched), "")


def _as_bar(forming: PartialBar) -> Bar:
    """A bar that is not complete, as it stood then."""
    return Bar(
        forming.ts,
        forming.symbol,
        forming.timeframe,
        forming.ts_open,
        forming.open,
        forming.high,
        forming.low,
        forming.close,
        forming.volume,
        forming.trade_count,
        is_complete=False,
        source="forming",
        ts_recv=forming.ts_recv,
        seq=forming.seq,
    )
