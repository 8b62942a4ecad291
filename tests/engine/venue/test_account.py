"""Buying power, cash settlement of options, and splits, through the whole engine."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from engine.core import Engine, EngineConfig
from engine.errors import InvalidInput
from engine.exits.config import Distance, DistanceKind, ExitConfig
from engine.instruments.instrument import AssetClass, Instrument
from engine.instruments.options import parse_option
from engine.model.market import Split, TimeAdvanced
from engine.model.orders import OrderFilled, OrderRejected
from engine.model.positions import PositionChanged, TradeClosed
from engine.model.signals import SignalSuppressed
from engine.model.time import from_datetime
from engine.simulation import step
from engine.venue.fees import ibkr_tiered
from engine.venue.margin import MarginAccount, MarginRates
from engine.venue.matching import SimulatedVenue
from tests.engine.scenario import INSTRUMENTS, MINUTE, STRATEGIES, World, bar, bars, slot, tick

D = Decimal


def with_cash(cash, *slots, **rates):
    accounts = {"sim": MarginAccount(D(cash), MarginRates(**rates))}
    world = World(*slots, venue=SimulatedVenue(instruments=INSTRUMENTS, margin=accounts))
    return world, accounts["sim"]


def test_an_order_beyond_the_buying_power_is_rejected_in_words():
    world, _ = with_cash(499, slot({1: 1}))
    world.run(bars([100, 100, 100]))
    (rejected,) = world.of(OrderRejected)
    assert rejected.code == "buying_power"
    assert rejected.reason == "not enough buying power: it costs about 500.00 of margin, and 499.00 is left."
    assert not world.engine.positions


def test_what_fits_is_taken_and_cash_follows_the_fills():
    world, account = with_cash(500, slot({1: 1, 3: 0}))
    world.run(bars([100, 100, 104, 104, 104]))
    assert len(world.of(OrderFilled)) == 2
    assert account.cash == D(540)


def test_futures_ask_for_margin_per_contract_and_losses_eat_it():
    world, account = with_cash(
        10_000, slot({1: 1, 3: 0, 4: 1}, symbol="/ES", quantity=1), per_contract={"/ES": D(9_000)}
    )
    world.run(bars([5000, 5000, 4970, 4970, 4970, 4970], symbol="/ES"))
    assert account.cash == D(8_500)
    assert len(world.of(OrderRejected)) == 1


def test_a_currency_pair_earns_dollars_by_its_base_and_binds_a_part_of_its_value():
    account = MarginAccount(D(1_150))
    venue = SimulatedVenue(instruments=INSTRUMENTS, margin={"sim": account}, fees={"sim": ibkr_tiered()})
    world = World(slot({1: 1, 3: -1, 5: 0}, symbol="EUR/USD", quantity=20_000), venue=venue)
    world.run(bars([1.15, 1.15, 1.16, 1.16, 1.155, 1.155], symbol="EUR/USD"))
    # Each of the three orders paid the least that there is; the reversal's share is split between its two trades.
    assert [(trade.pnl, trade.fees) for trade in world.of(TradeClosed)] == [(D(197), D(3)), (D(97), D(3))]
    assert account.cash == D(1_444)
    poor, _ = with_cash("1_149", slot({1: 1}, symbol="EUR/USD", quantity=20_000))
    poor.run(bars([1.15, 1.15, 1.15], symbol="EUR/USD"))
    assert poor.of(OrderRejected)[0].code == "buying_power"


def test_making_a_position_smaller_needs_no_buying_power():
    world, account = with_cash(500, slot({1: 1, 3: 0}))
    world.run(bars([100, 100, 20, 20, 20]))
    assert world.engine.positions[0].quantity == 0
    assert account.cash == D(-300)


CALL = "SPXW  261120C06000000"
OPTIONS = {
    CALL: Instrument(CALL, AssetClass.OPTION, tick_size=D("0.05"), multiplier=D(100)),
    "SPX": Instrument("SPX", AssetClass.INDEX),
}
NOON, CLOSE = (from_datetime(datetime(2026, 11, 20, hour, tzinfo=UTC)) for hour in (17, 21))


@pytest.mark.parametrize(("spot", "pnl"), [(6012.34, "234.00"), (5990.0, "-1000.00")])
def test_an_index_option_is_settled_in_cash_at_its_intrinsic_value(spot, pnl):
    config = EngineConfig("r1", (slot({1: 1}, symbol=CALL, quantity=1),), OPTIONS)
    engine = Engine(config, strategies=STRATEGIES)
    venue = SimulatedVenue(instruments=OPTIONS, options={CALL: parse_option(CALL)})
    events = [
        tick(NOON, 10.0, symbol=CALL),
        bar(NOON // MINUTE, 10, symbol=CALL),
        tick(NOON + 1, 10.0, symbol=CALL),
        tick(CLOSE - 1, spot, symbol="SPX"),
        TimeAdvanced(CLOSE),
        TimeAdvanced(CLOSE + 1),
    ]
    out = [event for item in events for event in step(engine, venue, item)]
    (trade,) = [event for event in out if isinstance(event, TradeClosed)]
    assert (trade.pnl, trade.exit_reason, trade.exit_ts) == (D(pnl), "cash_settlement", CLOSE)
    assert engine.positions[0].quantity == 0


def test_an_option_that_settles_on_opening_prices_is_refused():
    with pytest.raises(InvalidInput, match="opening prices"):
        SimulatedVenue(instruments=OPTIONS, options={"x": parse_option("SPX   261120C06000000")})


def test_a_split_keeps_money_and_moves_the_exits():
    exits = ExitConfig(stop=Distance(0.1), targets=())
    world = World(slot({1: 1, 4: 1}, exits=exits)).run([bar(1, 400), bar(2, 400)])
    out = world.send(Split(2 * MINUTE, "SPY", D(4)))
    (changed,) = [event for event in out if isinstance(event, PositionChanged)]
    assert (changed.quantity, changed.average_price) == (D(40), D(100))
    assert [(o.order.quantity, o.order.stop_price) for o in world.engine.open_orders] == [(D(40), D("90.00"))]
    world.run([bar(3, 100), bar(4, 89, open_=100)])
    assert [(t.pnl, t.quantity) for t in world.of(TradeClosed)] == [(D(-400), D(40))]


def test_after_a_split_the_slot_warms_up_before_it_enters_again():
    exits = ExitConfig(stop=Distance(2, DistanceKind.ATR), atr_period=5)
    world = World(slot({1: 1}, exits=exits)).run(bars([400] * 3))
    world.send(Split(3 * MINUTE, "SPY", D(4)))
    assert world.engine.slot_states()[0].state == "gapped"  # type: ignore[union-attr]
    world.run(bars([100] * 8, start=4))
    assert world.engine.slot_states()[0].state == "ready"  # type: ignore[union-attr]
    assert not world.of(SignalSuppressed)
