"""What an order on paper is refused for: what its venue would not take, and what its account cannot pay."""

from collections.abc import Mapping
from decimal import Decimal

from brokers.venue import Venue
from engine.core import Engine
from engine.model.orders import ApprovedOrder, Order
from engine.risk.gate import adds_exposure
from engine.venue.margin import MarginAccount, MarginRates
from engine.venue.refusal import Refusal
from trading.runtime import preflight

ZERO = Decimal(0)


class HouseRules:
    """Asks what a gateway asks before it sends, of what the engine knows.

    `venues` are the adapters by account; an account without one follows no venue's rules. Without `rates` nothing is
    too dear; else entries are, at accounts whose cash is stated (`EngineConfig.capital`).
    """

    def __init__(
        self, engine: Engine, *, venues: Mapping[str, Venue], rates: MarginRates | None, allow_short: bool
    ) -> None:
        self._engine = engine
        self._venues = venues
        self._rates = rates
        self._allow_short = allow_short

    def refusal(self, approved: ApprovedOrder) -> Refusal | None:
        """The first rule that says no. Nothing is looked at but the engine and the order: repeated, it is the same."""
        return self._not_taken(approved) or self._not_paid(approved.order)

    def left(self, broker: str) -> Decimal | None:
        """What the account has to buy with; None where nothing is too dear there."""
        config = self._engine.config
        if self._rates is None or not config.capital.get(broker):
            return None
        return self._account(broker, self._rates).left(config.instruments, self._price)

    def _not_taken(self, approved: ApprovedOrder) -> Refusal | None:
        order, venue = approved.order, self._venues.get(approved.order.broker)
        if venue is None:
            return None
        instrument = self._engine.config.instruments[order.symbol]
        situation = preflight.Situation(
            instrument=instrument,
            features=venue.features,
            now=approved.ts,
            position=self._engine.ledger.position(order.strategy, order.symbol, order.broker).quantity,
            in_account=None,
            last_price=self._engine.price_of(order.symbol),
            buying_power=None,  # no venue tells it: `_not_paid` works it out
            allow_short=self._allow_short,
            is_always_open=True,  # an order waits for the next price
        )
        return preflight.refusal(order, situation) or preflight.not_taken(lambda: venue.request_for(order, instrument))

    def _not_paid(self, order: Order) -> Refusal | None:
        if self._rates is None or not adds_exposure(order) or not self._engine.config.capital.get(order.broker):
            return None
        account = self._account(order.broker, self._rates, besides=order.client_id)
        problem = account.problem(order, self._engine.config.instruments, self._price)
        return Refusal("buying_power", problem) if problem else None

    def _account(self, broker: str, rates: MarginRates, *, besides: str = "") -> MarginAccount:
        """What the account holds; entries that wait (`besides` one) bind their money as if they were filled."""
        engine = self._engine
        account = MarginAccount(engine.config.capital[broker] + engine.ledger.flows.get(broker, ZERO), rates)
        for position in engine.ledger:
            if position.broker == broker and position.quantity:
                account.held[position.symbol] = account.held.get(position.symbol, ZERO) + position.quantity
        for record in engine.desk.orders:
            waiting, price = record.order, self._price(record.order.symbol)
            is_other = waiting.broker == broker and waiting.client_id != besides
            if is_other and adds_exposure(waiting) and price is not None:
                account.apply(engine.config.instruments[waiting.symbol], record.signed_remaining, price, ZERO)
        return account

    def _price(self, symbol: str) -> Decimal | None:
        price = self._engine.price_of(symbol)
        return self._engine.config.instruments[symbol].price(price) if price == price else None
