"""Fee schedules, against invoices worked out by hand."""

from decimal import Decimal

import pytest

from engine.instruments.catalog import instrument_for
from engine.instruments.instrument import AssetClass, Instrument
from engine.model.enums import OrderIntent, Side
from engine.model.orders import Order
from engine.venue.fees import TieredFees, alpaca, ibkr_fixed, ibkr_tiered, schwab, tastytrade

D = Decimal
SHARE = Instrument("SPY", AssetClass.EQUITY)
FUTURE = Instrument("/ES", AssetClass.FUTURE, tick_size=D("0.25"), multiplier=D(50))
PAIR = instrument_for("EUR/USD")
MICRO = Instrument("/MES", AssetClass.FUTURE, tick_size=D("0.25"), multiplier=D(5))
OPTION = Instrument("SPXW  261120C06000000", AssetClass.OPTION, tick_size=D("0.05"), multiplier=D(100))
OPEN, CLOSE = OrderIntent.ENTRY, OrderIntent.EXIT


def charged(fees, instrument, side, quantity, price, *, intent=OPEN, before=0):
    order = Order("o", "s", instrument.symbol, "sim", side, D(quantity), intent=intent)
    return fees.fee(instrument=instrument, order=order, quantity=D(quantity), price=D(price), before=D(before))


@pytest.mark.parametrize(
    ("fees", "instrument", "side", "quantity", "price", "intent", "expected"),
    [
        (schwab(), SHARE, Side.BUY, 100, "500", OPEN, "0"),
        (schwab(), SHARE, Side.SELL, 100, "500", CLOSE, "0.02"),
        (schwab(), OPTION, Side.BUY, 3, "10", OPEN, "1.95"),
        (schwab(), FUTURE, Side.BUY, 2, "5000", OPEN, "4.50"),
        (tastytrade(), OPTION, Side.BUY, 3, "10", OPEN, "3.30"),
        (tastytrade(), OPTION, Side.BUY, 30, "10", OPEN, "13.00"),
        (tastytrade(), OPTION, Side.SELL, 3, "10", CLOSE, "0.30"),
        (tastytrade(exchange=D("1.40")), FUTURE, Side.BUY, 1, "5000", OPEN, "2.65"),
        (tastytrade(), MICRO, Side.SELL, 4, "5000", CLOSE, "3.40"),
        (alpaca(), SHARE, Side.SELL, 100_000, "5", CLOSE, "8.30"),
        (ibkr_tiered(), SHARE, Side.BUY, 50, "100", OPEN, "0.35"),
        (ibkr_tiered(), SHARE, Side.BUY, 1000, "100", OPEN, "3.5000"),
        (ibkr_tiered(), SHARE, Side.BUY, 10, "0.50", OPEN, "0.05"),
        (ibkr_tiered(exchange=D("1.38")), FUTURE, Side.BUY, 2, "5000", OPEN, "4.46"),
        (ibkr_tiered(), PAIR, Side.BUY, 20_000, "1.15", OPEN, "2.00"),
        (ibkr_tiered(), PAIR, Side.SELL, 200_000, "1.15", OPEN, "4.60"),
        (ibkr_fixed(), SHARE, Side.BUY, 100, "100", OPEN, "1.00"),
        (ibkr_fixed(), SHARE, Side.BUY, 1000, "100", OPEN, "5.000"),
        (ibkr_fixed(), OPTION, Side.BUY, 1, "10", OPEN, "1.00"),
    ],
)
def test_a_fill_costs_what_the_schedule_says(fees, instrument, side, quantity, price, intent, expected):
    assert charged(fees, instrument, side, quantity, price, intent=intent) == D(expected)


def test_volume_of_the_month_moves_through_the_tiers():
    fees = TieredFees(((D(100), D("0.10")), (D(200), D("0.05")), (None, D("0.01"))))
    assert charged(fees, SHARE, Side.BUY, 150, "10") == D("12.50")
    assert charged(fees, SHARE, Side.BUY, 100, "10") == D("3.00")
    assert charged(fees, SHARE, Side.BUY, 100, "10") == D("1.00")


def test_a_minimum_is_paid_once_by_an_order_in_parts():
    parts = [charged(ibkr_tiered(), PAIR, Side.BUY, 50_000, "1.2", before=50_000 * n) for n in range(3)]
    assert parts == [D("2.00"), D("0.40"), D("1.20")]
    assert sum(parts) == charged(ibkr_tiered(), PAIR, Side.BUY, 150_000, "1.2")


def test_an_order_in_parts_costs_what_it_costs_at_once():
    at_once = charged(ibkr_fixed(), SHARE, Side.BUY, 500, "100")
    parts = [charged(ibkr_fixed(), SHARE, Side.BUY, 100, "100", before=100 * n) for n in range(5)]
    assert sum(parts) == at_once == D("2.500")
