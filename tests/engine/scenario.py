"""A small world for engine tests: bars from a list of prices, a strategy that follows a script, one call to run it."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from engine.core import Engine, EngineConfig
from engine.exits.config import ExitConfig
from engine.instruments.instrument import AssetClass, Instrument
from engine.model.event import Event
from engine.model.market import Bar, Tick
from engine.model.orders import OrderFilled
from engine.registry import Registry
from engine.simulation import step
from engine.strategy.base import Strategy, Wish
from engine.strategy.context import Context
from engine.strategy.slot import SlotConfig
from engine.venue.matching import SimulatedVenue

T = TypeVar("T")
MINUTE = 60_000_000_000
SPY = Instrument("SPY", AssetClass.EQUITY)
ES = Instrument("/ES", AssetClass.FUTURE, tick_size=Decimal("0.25"), multiplier=Decimal(50))
EURUSD = Instrument("EUR/USD", AssetClass.FOREX, tick_size=Decimal("0.00005"), calendar="FOREX")
INSTRUMENTS = {"SPY": SPY, "/ES": ES, "EUR/USD": EURUSD}


class Scripted(Strategy):
    """Wishes by the number of the closed bar: {"3": 1, "7": -1}; ticks by their price."""

    class Params(msgspec.Struct, frozen=True):
        targets: dict[str, int] = {}
        raises_at: int = 0
        priority: int = 0

    def __init__(self, params: Params) -> None:
        super().__init__(params)
        self.seen = 0

    def on_bar(self, ctx: Context) -> Wish | None:
        self.seen += 1
        if self.seen == self.params.raises_at:
            raise ZeroDivisionError("planted")
        target = self.params.targets.get(str(self.seen))
        return None if target is None else Wish(target, f"script_{self.seen}", priority=self.params.priority)

    def snapshot(self) -> dict[str, Any]:
        return {"seen": self.seen}

    def restore(self, state: dict[str, Any]) -> None:
        self.seen = state["seen"]


class OnTicks(Strategy):
    """Long above 101, short below 99, decided on every tick."""

    def on_tick(self, ctx: Context) -> Wish | None:
        if ctx.price > 101:
            return Wish(1, "above")
        return Wish(-1, "below") if ctx.price < 99 else None


STRATEGIES: Registry[type[Strategy]] = Registry("strategy")
STRATEGIES.add("scripted", Scripted)
STRATEGIES.add("on_ticks", OnTicks)


def bar(
    number: int,
    close: float,
    *,
    symbol: str = "SPY",
    open_: float | None = None,
    high: float | None = None,
    low: float | None = None,
    volume: float = 1000.0,
    timeframe: str = "1",
) -> Bar:
    """The bar that closes at minute `number`; flat at `close` where nothing else is said."""
    close = float(close)
    first = close if open_ is None else float(open_)
    return Bar(
        number * MINUTE,
        symbol,
        timeframe,
        (number - 1) * MINUTE,
        first,
        max(first, close) if high is None else high,
        min(first, close) if low is None else low,
        close,
        volume,
    )


def bars(closes: Iterable[float], *, symbol: str = "SPY", start: int = 1) -> list[Bar]:
    """Bars that open at the close before."""
    found: list[Bar] = []
    before: float | None = None
    for number, close in enumerate(closes, start=start):
        found.append(bar(number, close, symbol=symbol, open_=before))
        before = close
    return found


def tick(ts: int, price: float, *, symbol: str = "SPY", **fields: Any) -> Tick:
    return Tick(ts, symbol, price, fields.pop("size", 100.0), **fields)


def slot(
    targets: dict[int, int] | None = None,
    *,
    strategy: str = "scripted",
    symbol: str = "SPY",
    quantity: int | dict[str, int] = 10,
    exits: ExitConfig | None = None,
    kind: str = "",
    **params: Any,
) -> SlotConfig:
    quantities = quantity if isinstance(quantity, dict) else {"sim": quantity}
    if targets is not None:
        params["targets"] = {str(number): target for number, target in targets.items()}
    return SlotConfig(
        strategy=strategy,
        symbol=symbol,
        timeframe="1",
        params=params,
        quantities={broker: Decimal(units) for broker, units in quantities.items()},
        exits=exits,
        kind=kind,
    )


class World:
    """An engine and a venue, moved together; `out` keeps everything that came out."""

    def __init__(self, *slots: SlotConfig, venue: SimulatedVenue | None = None, **config: Any) -> None:
        self.config = EngineConfig(run="r1", slots=slots, instruments=INSTRUMENTS, **config)
        self.engine = Engine(self.config, strategies=STRATEGIES)
        self.venue = venue or SimulatedVenue(instruments=INSTRUMENTS)
        self.out: list[Event] = []

    def run(self, events: Iterable[Event]) -> "World":
        for event in events:
            self.out += step(self.engine, self.venue, event)
        return self

    def send(self, event: Event) -> Sequence[Event]:
        found = list(step(self.engine, self.venue, event))
        self.out += found
        return found

    def of(self, kind: type[T]) -> list[T]:
        return [event for event in self.out if type(event) is kind]

    def of_fills(self) -> list[OrderFilled]:
        return self.of(OrderFilled)
