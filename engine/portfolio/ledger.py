"""The ledger: fills in, positions and closed trades out; exits are linked to the entries they close."""

from collections.abc import Iterator, Mapping
from decimal import Decimal

import msgspec
from msgspec import UNSET

from engine.errors import InvariantBroken
from engine.instruments.instrument import Instrument
from engine.model.enums import PositionSide
from engine.model.event import Event
from engine.model.orders import Order, OrderFilled
from engine.model.positions import PositionChanged, TradeClosed
from engine.portfolio.lots import ZERO, Lot, on_grid

INF = float("inf")
LONG, SHORT = PositionSide.LONG, PositionSide.SHORT
Key = tuple[str, str, str]  # strategy, symbol, broker


class Position(msgspec.Struct):
    """What one strategy holds of one symbol at one broker. Owned by the ledger; others read."""

    strategy: str
    symbol: str
    broker: str
    multiplier: Decimal
    quantity: Decimal = ZERO  # signed
    lots: list[Lot] = msgspec.field(default_factory=list)
    realized: Decimal = ZERO  # cash, fees not deducted
    fees: Decimal = ZERO
    cash: Decimal = ZERO  # cash flow of all fills, fees deducted
    trades: int = 0
    # The same as floats, for marking at every price: open profit = held · price − paid.
    held: float = 0.0  # signed quantity · multiplier
    paid: float = 0.0  # signed cost · multiplier
    low: float = INF  # extremes since the lots changed last
    high: float = -INF
    contract: str = ""  # of a futures root: the one in which it was opened, as far as its orders said

    @property
    def average_price(self) -> Decimal:
        """Average entry price of what is held; 0 when flat."""
        if not self.lots:
            return ZERO
        if len(self.lots) == 1:
            return self.lots[0].price
        return on_grid(sum((lot.cost for lot in self.lots), ZERO) / abs(self.quantity))

    def unrealized(self, price: float) -> float:
        """Open profit in cash at an observed price."""
        return self.held * price - self.paid

    def see(self, low: float, high: float) -> None:
        """The range the market covered while this was held."""
        if low < self.low:
            self.low = low
        if high > self.high:
            self.high = high

    def fold(self) -> None:
        """Tell the lots what was seen since they changed last."""
        if self.high > -INF:
            for lot in self.lots:
                lot.see(self.low)
                lot.see(self.high)
            self.low, self.high = INF, -INF


class Ledger:
    """All positions of a run. `apply` is the only way in; each fill is applied once, by the order book's care."""

    def __init__(self, instruments: Mapping[str, Instrument]) -> None:
        self._instruments = instruments
        self._positions: dict[Key, Position] = {}
        self.flows: dict[str, Decimal] = {}  # by broker: what all fills did to its cash, fees deducted

    def position(self, strategy: str, symbol: str, broker: str) -> Position:
        """The position under that key; an empty one is made when there is none."""
        key = (strategy, symbol, broker)
        found = self._positions.get(key)
        if found is None:
            multiplier = self._instruments[symbol].multiplier
            found = self._positions[key] = Position(strategy, symbol, broker, multiplier)
        return found

    def __iter__(self) -> Iterator[Position]:
        return iter(self._positions.values())

    def apply(self, fill: OrderFilled, order: Order) -> list[Event]:
        """Book one fill: the trades it closed, then the position it left."""
        position = self.position(order.strategy, order.symbol, order.broker)
        sign, observed = order.side.sign, float(fill.price)
        signed = fill.quantity if sign > 0 else -fill.quantity
        outputs: list[Event] = []
        left, fee = fill.quantity, fill.fee
        position.fold()
        if position.lots and position.lots[0].sign != sign:
            left, fee = self._close(position, fill, order, observed, outputs)
        if left:
            _open(position, fill, order, observed, quantity=left, fee=fee)
        position.quantity += signed
        position.fees += fill.fee
        spent = signed * fill.price * position.multiplier + fill.fee
        position.cash -= spent
        self.flows[position.broker] = self.flows.get(position.broker, ZERO) - spent
        _refresh(position)
        outputs.append(position_changed(position, fill.ts))
        return outputs

    def note_flow(self, fill: OrderFilled, multiplier: Decimal) -> None:
        """A fill of what is not traded any more: nothing but what it did to the cash."""
        spent = fill.side.sign * fill.quantity * fill.price * multiplier + fill.fee
        self.flows[fill.broker] = self.flows.get(fill.broker, ZERO) - spent

    def forget(self, key: Key) -> None:
        """A flat position of what cannot be traded any more."""
        if self._positions[key].quantity:
            raise InvariantBroken(f"{key} is not flat and cannot be forgotten")
        del self._positions[key]

    def split(self, symbol: str, ratio: Decimal, ts: int) -> list[Event]:
        """A share split: `ratio` new shares for each old one. Cost stays, so prices follow by themselves."""
        if ratio <= 0:
            raise InvariantBroken(f"a split ratio above 0 was expected, found {ratio} for {symbol}")
        outputs: list[Event] = []
        for position in self._positions.values():
            if position.symbol == symbol and position.quantity:
                position.fold()
                for lot in position.lots:
                    lot.quantity *= ratio
                    lot.price = on_grid(lot.cost / lot.quantity)
                    lot.low, lot.high = lot.low / float(ratio), lot.high / float(ratio)
                position.quantity *= ratio
                _refresh(position)
                outputs.append(position_changed(position, ts))
        return outputs

    def state(self) -> list[Position]:
        """For a snapshot."""
        return list(self._positions.values())

    def load(self, positions: list[Position]) -> None:
        """From a snapshot."""
        self._positions = {(p.strategy, p.symbol, p.broker): p for p in positions}

    def _close(
        self, position: Position, fill: OrderFilled, order: Order, observed: float, outputs: list[Event]
    ) -> tuple[Decimal, Decimal]:
        """Close lots with the fill, the linked one first; the quantity and the fee that are left to open with."""
        left, fee, lots = fill.quantity, fill.fee, position.lots
        while left and lots:
            lot = _linked(lots, order.parent) if len(lots) > 1 else lots[0]
            lot.see(observed)
            if left < lot.quantity:
                closed, exit_fee = left, fee
            else:
                closed = lot.quantity
                exit_fee = fee if closed == left or not fee else on_grid(fee * closed / left)
                lots.remove(lot)
            outputs.append(self._trade(position, lot, fill, order, closed, exit_fee))
            left -= closed
            fee -= exit_fee
        return left, fee

    def _trade(
        self, position: Position, lot: Lot, fill: OrderFilled, order: Order, quantity: Decimal, exit_fee: Decimal
    ) -> TradeClosed:
        """Take `quantity` out of `lot`, book its profit, and tell it as a round trip."""
        size = quantity * position.multiplier
        cost, entry_fees = lot.take(quantity)
        gross = (quantity * fill.price - cost) * position.multiplier
        if lot.sign < 0:
            gross = -gross
        fees = entry_fees + exit_fee
        position.realized += gross
        position.trades += 1
        worst, best = _excursions(lot, size, self._instruments[position.symbol])
        return TradeClosed(
            fill.ts,
            f"{lot.order}>{fill.fill_id}",
            position.strategy,
            position.symbol,
            position.broker,
            LONG if lot.sign > 0 else SHORT,
            quantity,
            lot.ts,
            lot.price,
            fill.ts,
            fill.price,
            gross - fees,
            fees,
            lot.order,
            order.client_id,
            lot.reason,
            order.reason,
            lot.bar_ts,
            order.bar_ts,
            fill.is_ambiguous,
            worst,
            best,
        )


def _linked(lots: list[Lot], parent: str) -> Lot:
    """The lot an exit belongs to: the one its order names, else the oldest."""
    if parent:
        for lot in lots:
            if lot.order == parent:
                return lot
    return lots[0]


def _open(
    position: Position, fill: OrderFilled, order: Order, observed: float, *, quantity: Decimal, fee: Decimal
) -> None:
    if not position.lots:
        position.contract = "" if order.contract is UNSET else order.contract
    for lot in position.lots:
        if lot.order == order.client_id:
            lot.add(quantity=quantity, price=fill.price, fee=fee)
            return
    price = fill.price
    position.lots.append(
        Lot(
            order.client_id,
            order.side.sign,
            quantity,
            quantity * price,
            price,
            fee,
            fill.ts,
            order.bar_ts,
            order.reason,
            observed,
            observed,
        )
    )


def _refresh(position: Position) -> None:
    lots = position.lots
    if not lots:
        position.held = position.paid = 0.0
        position.contract = ""
        return
    cost = lots[0].cost if len(lots) == 1 else sum((lot.cost for lot in lots), ZERO)
    point = float(position.multiplier)
    position.held = float(position.quantity) * point
    position.paid = (float(cost) if lots[0].sign > 0 else -float(cost)) * point


def position_changed(position: Position, ts: int) -> PositionChanged:
    """The position as a fact."""
    return PositionChanged(
        ts,
        position.strategy,
        position.symbol,
        position.broker,
        position.quantity,
        position.average_price,
        position.realized,
        position.fees,
        position.contract or UNSET,
    )


def _excursions(lot: Lot, size: Decimal, instrument: Instrument) -> tuple[Decimal, Decimal]:
    """Worst open loss and best open profit in cash, both ≥ 0."""
    entry = lot.price
    low, high = instrument.price(lot.low), instrument.price(lot.high)
    down = (entry - low) * size if low < entry else ZERO
    up = (high - entry) * size if high > entry else ZERO
    return (down, up) if lot.sign > 0 else (up, down)
