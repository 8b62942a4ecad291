"""The ledger: every fill is somewhere, exits belong to their entries, and the money adds up."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import InvariantBroken
from engine.model.enums import PositionSide, Side
from engine.model.orders import Order, OrderFilled
from engine.model.positions import PositionChanged, TradeClosed
from engine.portfolio.ledger import Ledger
from tests.engine.scenario import INSTRUMENTS

ZERO = Decimal(0)


def fill(ledger, number, side, quantity, price, *, symbol="SPY", fee="0", parent="", order="", ts=None):
    quantity, price = Decimal(str(quantity)), Decimal(str(price))
    name = order or f"o{number}"
    instruction = Order(name, "s", symbol, "sim", side, quantity, parent=parent, reason=f"because {name}")
    event = OrderFilled(ts or number, name, f"{name}/{number}", "s", symbol, "sim", side, quantity, price, Decimal(fee))
    return ledger.apply(event, instruction)


def trades(outputs):
    return [event for event in outputs if isinstance(event, TradeClosed)]


def test_a_round_trip_earns_the_difference_times_the_multiplier_less_fees():
    ledger = Ledger(INSTRUMENTS)
    fill(ledger, 1, Side.BUY, 2, "5000.25", symbol="/ES", fee="4.50")
    trade = trades(fill(ledger, 2, Side.SELL, 2, "5001.00", symbol="/ES", fee="4.50"))[0]
    assert (trade.pnl, trade.fees, trade.side) == (Decimal("66.00"), Decimal("9.00"), PositionSide.LONG)
    assert (trade.entry_reason, trade.exit_reason) == ("because o1", "because o2")


def test_a_reversal_closes_one_side_and_opens_the_other_with_its_share_of_the_fee():
    ledger = Ledger(INSTRUMENTS)
    fill(ledger, 1, Side.BUY, 10, 100, fee="1.00")
    outputs = fill(ledger, 2, Side.SELL, 30, 101, fee="3.00")
    assert trades(outputs)[0].fees == Decimal("2.00")
    assert isinstance(outputs[-1], PositionChanged)
    assert outputs[-1].quantity == Decimal(-20)
    assert outputs[-1].average_price == Decimal(101)
    closing = trades(fill(ledger, 3, Side.BUY, 20, 100, fee="0"))[0]
    assert (closing.pnl, closing.fees) == (Decimal("18.00"), Decimal("2.00"))


def test_an_exit_closes_the_entry_its_order_names_and_not_the_oldest():
    ledger = Ledger(INSTRUMENTS)
    fill(ledger, 1, Side.BUY, 10, 100)
    fill(ledger, 2, Side.BUY, 10, 110)
    second = trades(fill(ledger, 3, Side.SELL, 10, 111, parent="o2"))[0]
    first = trades(fill(ledger, 4, Side.SELL, 10, 111, parent="o1"))[0]
    assert (second.entry_order, second.pnl) == ("o2", Decimal(10))
    assert (first.entry_order, first.pnl) == ("o1", Decimal(110))


def test_partial_fills_of_one_entry_are_one_lot_at_the_average_price():
    ledger = Ledger(INSTRUMENTS)
    fill(ledger, 1, Side.BUY, 1, "100.00", order="entry")
    changed = fill(ledger, 2, Side.BUY, 2, "100.03", order="entry")[-1]
    assert changed.average_price == Decimal("100.02")
    assert len(trades(fill(ledger, 3, Side.SELL, 3, "101.00"))) == 1


def test_excursions_are_what_the_market_showed_while_it_was_held():
    ledger = Ledger(INSTRUMENTS)
    fill(ledger, 1, Side.SELL, 10, 100)
    ledger.position("s", "SPY", "sim").see(98.5, 101.25)
    trade = trades(fill(ledger, 2, Side.BUY, 10, 99))[0]
    assert (trade.mae, trade.mfe) == (Decimal("12.50"), Decimal("15.00"))


def test_a_split_changes_quantities_and_prices_but_no_money():
    ledger = Ledger(INSTRUMENTS)
    fill(ledger, 1, Side.BUY, 10, 400)
    changed = ledger.split("SPY", Decimal(4), ts=2)[0]
    assert isinstance(changed, PositionChanged)
    assert (changed.quantity, changed.average_price) == (Decimal(40), Decimal(100))
    assert trades(fill(ledger, 3, Side.SELL, 40, 101))[0].pnl == Decimal(40)
    with pytest.raises(InvariantBroken):
        ledger.split("SPY", ZERO, ts=4)


ORDERS = st.lists(
    st.tuples(
        st.sampled_from([Side.BUY, Side.SELL]),
        st.lists(st.tuples(st.integers(1, 7), st.integers(9_000, 11_000), st.integers(0, 300)), min_size=1, max_size=4),
        st.integers(0, 12),
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=200, deadline=None)
@given(orders=ORDERS, shuffle=st.randoms(use_true_random=False))
def test_in_any_order_of_fills_trades_and_what_is_open_equal_the_cash(orders, shuffle):
    """Cash paid out = −(profit of the trades) + cost of what is still held + its fees, to the last cent."""
    ledger, closed = Ledger(INSTRUMENTS), []
    executions = [
        (f"o{index}", side, f"o{parent}" if parent < index else "", part)
        for index, (side, parts, parent) in enumerate(orders)
        for part in parts
    ]
    shuffle.shuffle(executions)
    held = cash = fees = ZERO
    for number, (name, side, parent, (quantity, cents, fee)) in enumerate(executions, start=1):
        price, charged = Decimal(cents) / 4, Decimal(fee) / 100
        outputs = fill(ledger, number, side, quantity, price, symbol="/ES", fee=str(charged), parent=parent, order=name)
        closed += trades(outputs)
        held += side.sign * quantity
        cash -= side.sign * quantity * price * 50 + charged
        fees += charged
        assert isinstance(outputs[-1], PositionChanged)
        assert outputs[-1].quantity == held
    position = ledger.position("s", "/ES", "sim")
    open_cost = sum((lot.sign * lot.cost for lot in position.lots), ZERO) * 50
    open_fees = sum((lot.fees for lot in position.lots), ZERO)
    assert sum((lot.sign * lot.quantity for lot in position.lots), ZERO) == held
    assert position.cash == cash
    assert sum((trade.pnl for trade in closed), ZERO) - open_cost - open_fees == cash
    assert sum((trade.fees for trade in closed), ZERO) + open_fees == position.fees == fees
    assert position.realized == sum((trade.pnl + trade.fees for trade in closed), ZERO)
    assert position.unrealized(2600.0) == pytest.approx(float(held * 2600 * 50 - open_cost))
    assert all(trade.mae >= 0 and trade.mfe >= 0 for trade in closed)
    assert len({trade.trade_id for trade in closed}) == len(closed)
