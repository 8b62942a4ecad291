"""A half day of the index for engines that trade its options: prices, chains of a model, and one call to run it."""

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, TypeVar

from engine.core import Engine, EngineConfig
from engine.decision.sizing import AnySizing
from engine.exits.config import ExitConfig
from engine.instruments.catalog import instrument_for
from engine.instruments.sessions import calendar
from engine.model.commands import ManualSignal
from engine.model.event import Event
from engine.model.market import Bar, Quote, Tick, TimeAdvanced
from engine.options.chain import OptionChain
from engine.options.events import ChainReceived, ContractWanted
from engine.options.synthetic import SyntheticChains
from engine.risk.config import RiskConfig
from engine.simulation import step
from engine.strategy.slot import SlotConfig
from engine.venue.matching import SimulatedVenue
from strategies.registry import STRATEGIES

T = TypeVar("T")
S = 1_000_000_000
MINUTE = 60 * S
HALF_DAY, WHOLE_DAY = date(2026, 11, 27), date(2026, 11, 30)
SPX = instrument_for("SPX")
NEVER_TRADES = {"period_1": 499, "period_2": 500}  # averages that no test warms up: only people decide


def session(day: date = HALF_DAY) -> tuple[int, int]:
    found = calendar("XNYS").session_on(day)
    assert found is not None
    return found


def index_bar(ts: int, price: float) -> Bar:
    return Bar(ts, "SPX", "1", ts - MINUTE, price, price, price, price, 0.0)


class OptionWorld:
    """`call()` and `put()` are a person's wishes; `answer()` gives what waits its chain; `quote()` moves the market."""

    def __init__(
        self,
        *,
        exits: ExitConfig | None = None,
        quantity: int = 1,
        start: int = 0,
        brokers: Sequence[str] = ("sim",),
        sizing: AnySizing | None = None,
        capital: dict[str, Decimal] | None = None,
        risk: RiskConfig | None = None,
        **params: Any,
    ) -> None:
        quantities = {broker: Decimal(quantity) for broker in brokers}
        slot = SlotConfig("zero_dte", "SPX", "1", NEVER_TRADES | params, quantities, exits=exits, sizing=sizing)
        self.config = EngineConfig(
            run="z", slots=(slot,), instruments={"SPX": SPX}, capital=capital or {}, risk=risk or RiskConfig()
        )
        self.chains = SyntheticChains()
        self.now = start or session()[0] + 30 * MINUTE
        self.spot = 6000.0
        self.commands = 0
        self.out: list[Event] = []
        self.begin()
        self.move(6000.0)

    def begin(self) -> None:
        self.engine = Engine(self.config, strategies=STRATEGIES)
        self.venue = SimulatedVenue(instruments={"SPX": SPX})

    def restart(self) -> None:
        """Killed, and continued from the last state."""
        engine, venue = self.engine.snapshot(), self.venue.snapshot()
        self.begin()
        self.engine.restore(engine)
        self.venue.restore(venue)

    def send(self, *events: Event) -> list[Event]:
        found = [out for event in events for out in step(self.engine, self.venue, event)]
        self.out += found
        return found

    def after(self, seconds: float) -> list[Event]:
        self.now += int(seconds * S)
        return self.send(TimeAdvanced(self.now))

    def move(self, spot: float) -> list[Event]:
        self.spot = spot
        return self.send(Tick(self.now, "SPX", spot, 1.0))

    def wish(self, target: int) -> list[Event]:
        """In a bar of its own: one entry in a bar is all that is allowed."""
        self.commands += 1
        self.now += S
        return self.send(
            index_bar(self.now, self.spot),
            ManualSignal(self.now, f"c{self.commands}", "ann", "zero_dte", "SPX", target),
        )

    def chain(self, *, age_s: float = 0.0) -> OptionChain:
        return self.chains.chain("SPX", spot=self.spot, ts=self.now - int(age_s * S))

    def answer(self, chain: OptionChain | None = None, reason: str = "") -> list[Event]:
        """The chain for what is wanted last."""
        wanted = self.of(ContractWanted)[-1]
        found = chain if chain is not None or reason else self.chain()
        return self.send(ChainReceived(self.now, wanted.wanted_id, found, reason))

    def quote(self, spot: float | None = None) -> list[Event]:
        """What is held or on order is quoted, as a poll would."""
        self.spot = self.spot if spot is None else spot
        return self.send(*self.quotes())

    def quotes(self) -> Iterable[Quote]:
        return self.chains.quotes(self.engine.contracts.held, spot=self.spot, ts=self.now)

    def bought(self, target: int) -> list[Event]:
        """Wish, chain and fill."""
        return [*self.wish(target), *self.answer(), *self.quote()]

    def of(self, kind: type[T]) -> list[T]:
        return [event for event in self.out if type(event) is kind]

    @property
    def held(self) -> dict[str, Decimal]:
        return {p.symbol: p.quantity for p in self.engine.positions if p.quantity}

    @property
    def target(self) -> int:
        return self.engine.slots["zero_dte", "SPX"].target
