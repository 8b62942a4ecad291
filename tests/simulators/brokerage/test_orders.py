"""Orders meet the synthetic market as they would meet a real one."""

from decimal import Decimal as D

import pytest

from engine.model.enums import OrderType, Side, TimeInForce
from simulators.brokerage.orders import Refusal, State, Ticket
from simulators.brokerage.updates import Kind

BUY, SELL = Side.BUY, Side.SELL


def ticket(side=BUY, quantity=10, symbol="SPY", **values):
    return Ticket(symbol=symbol, side=side, quantity=D(str(quantity)), **values)


def touch(desk, symbol="SPY"):
    return desk.brokerage.listed(symbol).touch(desk.time)


def test_a_market_order_pays_the_far_side_of_the_quote(desk):
    placed = desk.brokerage.place("A1", ticket())
    assert placed.state is State.RECEIVED
    assert not placed.fills
    expected = touch(desk).ask
    desk.brokerage.advance()
    order = desk.brokerage.order("A1", placed.id)
    assert (order.state, order.average_price, order.filled) == (State.FILLED, expected, D(10))
    assert desk.told(placed.id) == ["order:received", "order:working", "fill:filled"]
    assert desk.brokerage.account("A1").quantity("SPY") == 10


def test_a_resting_limit_order_trades_at_its_own_price_when_the_market_comes(desk):
    limit = touch(desk).bid - D("0.05")
    placed = desk.brokerage.place("A1", ticket(type=OrderType.LIMIT, limit_price=limit))
    desk.brokerage.advance()
    assert desk.brokerage.order("A1", placed.id).state is State.WORKING
    start = desk.time
    desk.pass_s(300)
    order = desk.brokerage.order("A1", placed.id)
    asks = [t.ask for t in desk.brokerage.listed("SPY").touches(start, desk.time)]
    assert (order.state is State.FILLED) == (min(asks) <= limit)
    assert order.state is not State.FILLED or order.average_price == limit
    assert order.state is State.FILLED, "the seed was chosen so that the price comes back"


def test_a_limit_order_that_crosses_on_arrival_gets_the_better_price(desk):
    quote = touch(desk)
    placed = desk.brokerage.place("A1", ticket(type=OrderType.LIMIT, limit_price=quote.ask + 1))
    desk.brokerage.advance()
    assert desk.brokerage.order("A1", placed.id).average_price == quote.ask


def test_a_stop_waits_for_its_price_and_then_takes_the_market(desk):
    desk.brokerage.place("A1", ticket())
    desk.brokerage.advance()
    stop = touch(desk).price - D("0.10")
    placed = desk.brokerage.place("A1", ticket(SELL, type=OrderType.STOP, stop_price=stop))
    start = desk.time
    for _ in range(2000):
        desk.pass_s(0.5)
        if desk.brokerage.order("A1", placed.id).state is State.FILLED:
            break
    reached = next(t for t in desk.brokerage.listed("SPY").touches(start, desk.time) if t.price <= stop)
    assert desk.brokerage.order("A1", placed.id).average_price == reached.bid


def test_a_trailing_stop_follows_the_best_price_and_never_goes_back(desk):
    desk.brokerage.place("A1", ticket())
    placed = desk.brokerage.place("A1", ticket(SELL, type=OrderType.TRAILING_STOP, trail=D("0.60")))
    levels = []
    for _ in range(3000):
        desk.pass_s(0.5)
        order = desk.brokerage.order("A1", placed.id)
        levels.append(order.stop_price)
        if order.state is State.FILLED:
            break
    assert levels == sorted(levels)
    assert order.state is State.FILLED
    assert order.average_price <= levels[-1]


def test_the_two_orders_of_an_oco_never_both_trade(desk):
    desk.brokerage.place("A1", ticket())
    desk.brokerage.advance()
    now = touch(desk).price
    target, stop = desk.brokerage.place_oco(
        "A1",
        [
            ticket(SELL, type=OrderType.LIMIT, limit_price=now + D("0.20")),
            ticket(SELL, type=OrderType.STOP, stop_price=now - D("0.20")),
        ],
    )
    desk.pass_s(900)
    states = {desk.brokerage.order("A1", order.id).state for order in (target, stop)}
    assert states == {State.FILLED, State.CANCELLED}
    assert desk.brokerage.account("A1").quantity("SPY") == 0


def test_the_children_of_a_bracket_begin_when_it_is_filled(desk):
    now = touch(desk).price
    trigger, target, stop = desk.brokerage.place_bracket(
        "A1",
        ticket(),
        [
            ticket(SELL, type=OrderType.LIMIT, limit_price=now + 50),
            ticket(SELL, type=OrderType.STOP, stop_price=now - 50),
        ],
    )
    assert {target.state, stop.state} == {State.CONTINGENT}
    desk.pass_s(1)
    states = [desk.brokerage.order("A1", order.id).state for order in (trigger, target, stop)]
    assert states == [State.FILLED, State.WORKING, State.WORKING]
    desk.brokerage.cancel("A1", stop.id)
    desk.pass_s(1)
    assert desk.brokerage.order("A1", target.id).state is State.CANCELLED


def test_a_cancelled_bracket_takes_its_children_along(desk):
    now = touch(desk).price
    trigger, child = desk.brokerage.place_bracket(
        "A1",
        ticket(type=OrderType.LIMIT, limit_price=now - 50),
        [ticket(SELL, type=OrderType.LIMIT, limit_price=now + 50)],
    )
    desk.pass_s(1)
    desk.brokerage.cancel("A1", trigger.id)
    desk.pass_s(1)
    assert desk.brokerage.order("A1", child.id).state is State.CANCELLED


def test_a_cancel_is_done_a_moment_after_it_was_asked_for(desk):
    placed = desk.brokerage.place("A1", ticket(type=OrderType.LIMIT, limit_price=touch(desk).bid - 50))
    desk.pass_s(1)
    assert desk.brokerage.cancel("A1", placed.id).is_cancelling
    assert desk.brokerage.order("A1", placed.id).state is State.WORKING
    desk.pass_s(0.5)
    assert desk.brokerage.order("A1", placed.id).state is State.CANCELLED
    with pytest.raises(Refusal, match="cancelled"):
        desk.brokerage.cancel("A1", placed.id)


def test_a_replacement_begins_when_the_old_order_has_ended(desk):
    far = touch(desk).bid - 50
    old = desk.brokerage.place("A1", ticket(type=OrderType.LIMIT, limit_price=far))
    desk.pass_s(1)
    new = desk.brokerage.replace("A1", old.id, ticket(type=OrderType.LIMIT, limit_price=far - 1, quantity=7))
    assert (new.state, new.replaces) == (State.CONTINGENT, old.id)
    with pytest.raises(Refusal, match="cannot be replaced"):
        desk.brokerage.replace("A1", old.id, ticket(type=OrderType.LIMIT, limit_price=far))
    desk.pass_s(1)
    assert desk.brokerage.order("A1", old.id).state is State.REPLACED
    assert desk.brokerage.order("A1", new.id).state is State.WORKING


def test_a_replacement_is_refused_when_the_old_order_trades_first(desk):
    old = desk.brokerage.place("A1", ticket(type=OrderType.LIMIT, limit_price=touch(desk).ask + 1))
    new = desk.brokerage.replace("A1", old.id, ticket(type=OrderType.LIMIT, limit_price=touch(desk).bid - 50))
    desk.brokerage.advance()
    desk.brokerage.advance()
    assert desk.brokerage.order("A1", old.id).state is State.FILLED
    assert desk.brokerage.order("A1", new.id).state is State.REJECTED
    assert desk.brokerage.account("A1").quantity("SPY") == 10


def test_a_future_reverses_with_one_order_and_cash_moves_by_what_was_earned(desk):
    desk.brokerage.place("A1", ticket(quantity=1, symbol="/MES"))
    desk.pass_s(1)
    account = desk.brokerage.account("A1")
    (held,) = account.holdings.values()
    assert (held.symbol, held.quantity) == ("/MESZ26", D(1))
    entry = held.average_price
    assert account.cash == D(100_000) - D("1.17")
    desk.pass_s(60)
    desk.brokerage.place("A1", ticket(SELL, quantity=2, symbol="/MESZ6"))
    desk.pass_s(1)
    exit_price = account.executions[-1].price
    assert (held.quantity, held.average_price) == (D(-1), exit_price)
    assert account.cash == D(100_000) - 3 * D("1.17") + (exit_price - entry) * 5


def test_an_option_costs_its_premium_and_settles_in_cash(open_desk):
    desk = open_desk(start="2026-11-20T20:55:00+00:00", always_open=False)  # a Friday, five minutes to four
    spot = desk.market.find("SPX").last(desk.time)
    level = round(spot.prints.price[spot.first] / 100 / 5) * 5 - 20
    symbol = f"SPXW  261120C{level * 1000:08d}"
    desk.brokerage.place("A1", ticket(quantity=1, symbol=symbol))
    desk.pass_s(2)
    account = desk.brokerage.account("A1")
    paid = account.executions[0].price
    assert account.cash == D(100_000) - paid * 100 - D("1.13")
    desk.pass_s(330, step_s=5)
    assert account.quantity(symbol) == 0
    worth = desk.brokerage.listed(symbol).settlement(desk.time)
    assert worth > 0
    assert account.cash == D(100_000) - paid * 100 - D("1.13") + worth * 100
    with pytest.raises(Refusal, match="expired"):
        desk.brokerage.place("A1", ticket(quantity=1, symbol=symbol))


def test_an_order_of_a_day_ends_with_the_day_and_one_until_cancelled_does_not(open_desk):
    desk = open_desk(start="2026-11-20T20:59:30+00:00", always_open=False)
    far = touch(desk).bid - 50
    day = desk.brokerage.place("A1", ticket(type=OrderType.LIMIT, limit_price=far))
    gtc = desk.brokerage.place("A1", ticket(type=OrderType.LIMIT, limit_price=far, tif=TimeInForce.GTC))
    extended = desk.brokerage.place("A1", ticket(type=OrderType.LIMIT, limit_price=far, tif=TimeInForce.EXTENDED))
    desk.pass_s(60)
    states = [desk.brokerage.order("A1", order.id).state for order in (day, gtc, extended)]
    assert states == [State.EXPIRED, State.WORKING, State.WORKING]


def test_an_order_placed_while_the_market_is_closed_waits_for_the_opening(open_desk):
    desk = open_desk(start="2026-11-20T14:29:40+00:00", always_open=False)
    placed = desk.brokerage.place("A1", ticket())
    desk.pass_s(10)
    assert desk.brokerage.order("A1", placed.id).state is State.RECEIVED
    desk.pass_s(20)
    assert desk.brokerage.order("A1", placed.id).state is State.FILLED


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"symbol": "NOSUCHCO"}, None),
        ({"quantity": 0}, "bad_quantity"),
        ({"quantity": "0.5", "symbol": "/MES"}, "bad_quantity"),
        ({"type": OrderType.LIMIT}, "bad_price"),
        ({"type": OrderType.LIMIT, "limit_price": D("600.001")}, "bad_price"),
        ({"type": OrderType.STOP}, "bad_price"),
        ({"type": OrderType.TRAILING_STOP}, "bad_price"),
        ({"quantity": 100_000}, "buying_power"),
        ({"symbol": "MSTR", "side": SELL}, "not_shortable"),
        ({"symbol": "SPX"}, "unknown_symbol"),
        ({"symbol": "/ZB"}, "unknown_symbol"),
    ],
)
def test_what_cannot_be_is_refused_with_a_reason_and_nothing_is_kept(desk, values, code):
    with pytest.raises(Refusal) as refused:
        desk.brokerage.place("A1", ticket(**values))
    assert refused.value.code == (code or "unknown_symbol")
    assert desk.brokerage.orders("A1") == []


def test_buying_power_counts_what_is_out_already(open_desk):
    desk = open_desk(cash=5_000)
    far = touch(desk).bid - 10
    desk.brokerage.place("A1", ticket(quantity=12, type=OrderType.LIMIT, limit_price=far))
    with pytest.raises(Refusal, match="buying power"):
        desk.brokerage.place("A1", ticket(quantity=12, type=OrderType.LIMIT, limit_price=far))


def test_a_cash_account_sells_only_what_it_has(open_desk):
    desk = open_desk(is_margin=False)
    with pytest.raises(Refusal, match="short"):
        desk.brokerage.place("A1", ticket(SELL))


def test_a_preview_leaves_nothing_behind(desk):
    assert desk.brokerage.preview("A1", ticket()).id == 0
    assert desk.brokerage.orders("A1") == []
    assert desk.updates == []


def test_the_stream_tells_positions_and_balances_after_a_fill(desk):
    desk.brokerage.place("A1", ticket())
    desk.brokerage.advance()
    assert [u.kind for u in desk.updates][-3:] == [Kind.FILL, Kind.POSITION, Kind.BALANCE]
    assert desk.updates[-2].holding.quantity == 10
