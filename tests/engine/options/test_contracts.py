"""From a wish to an option: one contract for it, chosen from a fresh chain, or a reason in words."""

from decimal import Decimal as D

import msgspec
import pytest

from engine.decision.sizing import FixedFraction
from engine.exits.config import ExitConfig
from engine.instruments.options import OptionContract, parse_option
from engine.model.accounts import AccountChecked, AccountState
from engine.model.commands import CommandHandled, Flatten, Halt, StopSlot
from engine.model.enums import OrderIntent, PositionSide, Side
from engine.model.market import FeedStateChanged, Quote, Settled, TimeAdvanced
from engine.model.orders import ApprovedOrder, OrderDenied, OrderFilled
from engine.model.positions import ExitArmed, TradeClosed
from engine.options.chain import ChainEntry, OptionChain
from engine.options.events import ChainReceived, ContractChosen, ContractRefused, ContractWanted
from engine.risk.config import RiskConfig
from infra import codec
from tests.engine.options.world import HALF_DAY, MINUTE, WHOLE_DAY, OptionWorld, S, session

CALL, PUT = "SPXW  261127C06000000", "SPXW  261127P06000000"


def orders(world):
    return [event.order for event in world.of(ApprovedOrder)]


def refusal(world):
    return world.of(ContractRefused)[-1]


def test_a_wish_asks_for_a_chain_and_the_chain_gives_one_order_for_the_contract_at_the_money():
    world = OptionWorld()
    world.wish(1)
    [wanted] = world.of(ContractWanted)
    assert (wanted.strategy, wanted.symbol, wanted.target, wanted.deadline) == (
        "zero_dte",
        "SPX",
        1,
        world.now + 20 * S,
    )
    assert orders(world) == []
    world.answer()
    [order] = orders(world)
    assert (order.symbol, order.side, order.quantity, order.intent) == (CALL, Side.BUY, 1, OrderIntent.ENTRY)
    [chosen] = world.of(ContractChosen)
    assert chosen.contract == CALL
    assert chosen.chain == world.chain()
    assert "strike nearest to 6000" in chosen.reason
    world.quote()
    assert world.held == {CALL: 1}
    [fill] = world.of(OrderFilled)
    assert fill.price == D(repr(chosen.ask)), "what the chain offered is what the next quote sells at"


def test_a_put_is_bought_too_and_its_slot_is_short():
    world = OptionWorld()
    world.bought(-1)
    assert world.held == {PUT: 1}
    assert world.target == -1
    assert {order.side for order in orders(world)} == {Side.BUY}


def test_the_multiplier_is_a_hundred():
    world = OptionWorld(quantity=2)
    world.bought(1)
    world.wish(0)
    world.quote(6010.0)
    [trade] = world.of(TradeClosed)
    assert trade.side is PositionSide.LONG
    assert trade.pnl == (trade.exit_price - trade.entry_price) * 2 * 100
    assert trade.pnl > 500
    assert world.held == {}


def test_a_wish_that_repeats_while_it_waits_buys_once():
    world = OptionWorld()
    for _ in range(3):
        world.wish(1)
        world.after(1)
    assert len(world.of(ContractWanted)) == 1
    world.answer()
    world.wish(1)
    world.quote()
    world.wish(1)
    assert len(orders(world)) == 1
    assert world.held == {CALL: 1}


def test_a_wish_that_turns_while_it_waits_cancels_the_first():
    world = OptionWorld()
    world.wish(1)
    first = world.of(ContractWanted)[-1]
    world.wish(-1)
    assert refusal(world).rule == "replaced"
    world.send(ChainReceived(world.now, first.wanted_id, world.chain()))
    assert orders(world) == [], "the chain for the first wish comes too late"
    world.answer()
    world.quote()
    assert world.held == {PUT: 1}


def test_a_wish_to_be_flat_while_it_waits_buys_nothing():
    world = OptionWorld()
    world.wish(1)
    world.wish(0)
    world.answer()
    world.quote()
    assert (orders(world), world.held, world.target) == ([], {}, 0)


def am_settled(chain: OptionChain) -> OptionChain:
    entries = [
        msgspec.structs.replace(each, contract=msgspec.structs.replace(each.contract, root="SPX"))
        for each in chain.entries
    ]
    return msgspec.structs.replace(chain, entries=tuple(entries))


def unoffered(chain: OptionChain) -> OptionChain:
    return msgspec.structs.replace(chain, entries=tuple(ChainEntry(each.contract, each.bid) for each in chain.entries))


@pytest.mark.parametrize(
    ("answer", "rule", "words"),
    [
        (lambda w: {"chain": msgspec.structs.replace(w.chain(), entries=())}, "no_chain", "is empty"),
        (lambda w: {"reason": "the venue did not answer"}, "no_chain", "the venue did not answer"),
        (lambda w: {"chain": w.chain(age_s=31)}, "stale_chain", "31 s away, at most 30 s"),
        (lambda w: {"chain": am_settled(w.chain())}, "no_contract", "is settled on opening prices (AM)"),
        (lambda w: {"chain": unoffered(w.chain())}, "no_offer", f"nobody offers {CALL}"),
    ],
)
def test_without_a_chain_to_choose_from_nothing_is_bought_and_the_reason_is_told(answer, rule, words):
    world = OptionWorld()
    world.wish(1)
    world.answer(**answer(world))
    assert refusal(world).rule == rule
    assert words in refusal(world).reason
    world.quote()
    assert (orders(world), world.target) == ([], 0)
    world.bought(1)
    assert world.held == {CALL: 1}, "the next wish is followed"


def test_a_chain_that_does_not_come_in_time_buys_nothing_even_when_it_comes():
    world = OptionWorld(chain_wait_s=5)
    world.wish(1)
    world.after(4.9)
    assert world.target == 1
    world.after(0.1)
    assert (refusal(world).rule, refusal(world).reason) == ("too_late", "no chain of options came within 5 s")
    assert world.target == 0
    world.answer()
    assert orders(world) == []


def test_nothing_is_chosen_while_the_feed_of_the_index_is_in_doubt():
    world = OptionWorld()
    world.wish(1)
    world.send(FeedStateChanged(world.now, "SPX", "stale", "no print for 9 s"))
    world.answer()
    assert (refusal(world).rule, refusal(world).reason) == ("stale_feed", "the feed is stale: no print for 9 s")


def test_outside_the_session_and_after_the_cut_off_nothing_is_asked_for():
    opens, closes = session()
    world = OptionWorld(start=opens - 10 * MINUTE)
    world.wish(1)
    assert refusal(world).rule == "no_session"
    world = OptionWorld(start=closes - 15 * MINUTE)
    world.wish(1)
    assert refusal(world).rule == "cut_off"
    assert world.of(ContractWanted) == []
    assert world.of(CommandHandled)[-1].accepted is False


def test_a_chain_that_comes_after_the_cut_off_buys_nothing():
    world = OptionWorld(start=session()[1] - 15 * MINUTE - 5 * S)
    world.wish(1)
    assert world.of(ContractWanted) != []
    world.after(10)
    world.answer()
    assert (refusal(world).rule, orders(world)) == ("cut_off", [])


def test_a_slot_that_is_switched_off_while_it_waits_buys_nothing():
    world = OptionWorld()
    world.wish(1)
    [slot] = world.config.slots
    off = msgspec.structs.replace(slot, trade_enabled=False)
    world.config = msgspec.structs.replace(world.config, slots=(off,))
    world.restart()
    world.answer()
    assert (refusal(world).rule, orders(world)) == ("trade_enabled", [])


def test_a_turn_sells_the_call_and_then_buys_the_put_as_a_linked_pair():
    world = OptionWorld()
    world.bought(1)
    world.after(60)
    world.move(5990.0)
    world.wish(-1)
    assert [order.symbol for order in orders(world)] == [CALL, CALL]
    assert len(world.of(ContractWanted)) == 1, "no chain is asked for before the call is gone"
    world.quote()
    assert world.held == {}
    world.answer()
    world.quote()
    put = "SPXW  261127P05990000"
    assert world.held == {put: 1}
    _, leave, turned = orders(world)
    assert (leave.intent, leave.side) == (OrderIntent.EXIT, Side.SELL)
    assert turned.parent == leave.client_id
    assert world.target == -1


def test_what_cannot_be_sold_in_time_is_not_turned():
    world = OptionWorld(chain_wait_s=5)
    world.bought(1)
    world.wish(-1)
    world.after(5)
    assert (refusal(world).rule, refusal(world).reason) == ("too_late", "what was held could not be closed within 5 s")
    world.quote()
    assert world.held == {}
    assert len(world.of(ContractWanted)) == 1


@pytest.mark.parametrize("day", [HALF_DAY, WHOLE_DAY])
def test_what_is_held_is_closed_before_the_cut_off_by_the_clock_alone(day):
    _, closes = session(day)
    world = OptionWorld(start=closes - 40 * MINUTE)
    world.bought(1)
    [symbol] = world.held
    assert parse_option(symbol).last_trade == closes
    world.send(TimeAdvanced(closes - 15 * MINUTE - 1))
    assert len(orders(world)) == 1
    world.send(TimeAdvanced(closes - 15 * MINUTE))
    [_, leave] = orders(world)
    assert (leave.reason, leave.intent) == ("session_close", OrderIntent.EXIT)
    world.now = closes - 15 * MINUTE + S
    world.quote()
    assert (world.held, world.target) == ({}, 0)


def test_a_stop_goes_by_what_is_bid_for_the_option_itself():
    exits = msgspec.convert({"stop": {"value": 0.5}}, ExitConfig)
    world = OptionWorld(exits=exits)
    world.bought(1)
    armed = world.of(ExitArmed)[-1]
    paid = world.of(OrderFilled)[-1].price
    assert armed.symbol == CALL
    assert armed.stop_price is not None
    assert abs(armed.stop_price - paid / 2) <= D("0.05")
    world.move(5980.0)
    assert world.held == {CALL: 1}, "the index alone decides nothing"
    world.quote(5980.0)
    assert world.held == {}
    assert world.of(TradeClosed)[-1].exit_reason == "stop"


@pytest.mark.parametrize(("share", "spot"), [(0.5, 6000.0), (0.9, 6000.0), (0.3, 6002.5)])
def test_a_stop_lies_on_the_grid_that_the_venue_takes_at_that_price(share, spot):
    exits = msgspec.convert({"stop": {"value": share}, "targets": [{"distance": {"value": share}}]}, ExitConfig)
    world = OptionWorld(exits=exits)
    world.spot = spot
    world.bought(1)
    paid = world.of(OrderFilled)[-1].price
    contract = parse_option(world.of(OrderFilled)[-1].symbol)
    armed = world.of(ExitArmed)[-1]
    assert armed.stop_price is not None
    assert armed.target_price is not None
    for level, wanted in ((armed.stop_price, 1 - D(repr(share))), (armed.target_price, 1 + D(repr(share)))):
        assert level % contract.tick_size(level) == 0
        assert abs(level - paid * wanted) < contract.tick_size(level)


def test_an_earlier_close_of_the_slot_is_kept_and_a_later_one_is_not():
    _, closes = session()
    for configured, expected in ((3600.0, 60), (60.0, 15)):
        world = OptionWorld(exits=ExitConfig(before_close_s=configured), start=closes - 90 * MINUTE)
        world.bought(1)
        world.send(TimeAdvanced(closes - expected * MINUTE - 1))
        assert len(orders(world)) == 1
        world.send(TimeAdvanced(closes - expected * MINUTE))
        assert len(orders(world)) == 2


def test_without_a_bid_no_price_is_known_and_no_stop_is_decided():
    exits = msgspec.convert({"stop": {"value": 0.5}}, ExitConfig)
    world = OptionWorld(exits=exits)
    world.bought(1)
    before = world.engine.price_of(CALL)
    world.send(Quote(world.now, CALL, ask=0.05))
    assert world.engine.price_of(CALL) == before
    assert world.held == {CALL: 1}


@pytest.mark.parametrize("command", [Flatten, StopSlot, Halt])
def test_no_command_that_ends_entries_leaves_a_wish_waiting(command):
    world = OptionWorld()
    world.wish(1)
    world.send(command(world.now, "x", "ann"))
    assert refusal(world).rule == "cancelled"
    world.answer()
    assert orders(world) == []


def test_flatten_sells_what_is_held():
    world = OptionWorld()
    world.bought(1)
    world.send(Flatten(world.now, "x", "ann"))
    world.quote()
    assert (world.held, world.target) == ({}, 0)


STAGES = ("waits for its chain", "is chosen", "is bought", "is held", "is being sold", "is turned")


def play(restarts_at: str = "") -> OptionWorld:
    """A call, bought and turned into a put, with a kill at one stage."""
    world = OptionWorld()

    def stage(name: str) -> None:
        if name == restarts_at:
            world.restart()

    world.wish(1)
    stage(STAGES[0])
    world.answer()
    stage(STAGES[1])
    world.quote()
    stage(STAGES[2])
    world.after(1)
    stage(STAGES[3])
    world.wish(-1)
    stage(STAGES[4])
    world.quote()
    stage(STAGES[5])
    world.answer()
    world.quote()
    return world


@pytest.mark.parametrize("stage", STAGES)
def test_a_restart_at_any_stage_continues_without_a_second_order(stage):
    straight, broken = play(), play(stage)
    assert [codec.encode(out) for out in broken.out] == [codec.encode(out) for out in straight.out]
    assert broken.engine.snapshot() == straight.engine.snapshot()
    assert broken.held == {PUT: 1}


def test_after_a_restart_the_question_that_waits_is_known():
    world = OptionWorld()
    world.wish(1)
    [before] = world.engine.contracts.wanted
    world.restart()
    assert world.engine.contracts.wanted == [before]
    world.answer()
    assert world.engine.contracts.wanted == []
    assert world.engine.contracts.held == [CALL]


def test_a_contract_that_nobody_bid_for_at_the_cut_off_is_worth_what_it_is_in_the_money():
    world = OptionWorld(start=session()[1] - 40 * MINUTE)
    world.bought(1)
    world.send(TimeAdvanced(session()[1] - 15 * MINUTE))
    assert orders(world)[-1].intent is OrderIntent.EXIT
    world.now = session()[1]
    world.move(6012.0)
    assert world.of(Settled)[-1].price == 12
    assert world.held == {}
    assert world.of(TradeClosed)[-1].exit_price == 12


def test_contracts_of_days_ago_are_forgotten():
    world = OptionWorld()
    world.bought(1)
    world.wish(0)
    world.quote()
    world.now = session(WHOLE_DAY)[0] + 30 * MINUTE
    world.move(6000.0)
    world.bought(1)
    assert {key[1] for key in world.engine.holdings} == {"SPX", "SPXW  261130C06000000"}
    world.restart()
    assert world.held == {"SPXW  261130C06000000": 1}


def test_two_accounts_buy_the_same_contract():
    world = OptionWorld(brokers=("one", "two"))
    world.bought(1)
    assert [(order.broker, order.symbol) for order in orders(world)] == [("one", CALL), ("two", CALL)]
    assert len(world.of(ContractChosen)) == 1


def test_a_share_of_the_equity_buys_as_many_contracts_as_it_pays_for():
    world = OptionWorld(sizing=FixedFraction(fraction=0.1), capital={"sim": D(100_000)})
    world.bought(1)
    [order] = orders(world)
    ask = D(repr(world.of(ContractChosen)[-1].ask))
    assert order.quantity == 10_000 // (ask * 100)
    assert order.quantity > 1


@pytest.mark.parametrize(
    ("risk", "rule"),
    [
        (RiskConfig(allowed_symbols=("SPY",)), "allowed_symbols"),
        (RiskConfig(blocked_symbols=("SPX",)), "blocked_symbols"),
        (RiskConfig(allowed_symbols=("SPX",)), ""),
        (RiskConfig(max_order_notional=D(100)), "max_order_notional"),
    ],
)
def test_limits_of_risk_concern_an_option_like_anything_else(risk, rule):
    world = OptionWorld(risk=risk)
    world.bought(1)
    assert [denial.rule for denial in world.of(OrderDenied)] == ([rule] if rule else [])
    assert world.target == (0 if rule else 1)


def test_what_pays_for_no_contract_buys_none():
    world = OptionWorld(sizing=FixedFraction(fraction=0.1), capital={"sim": D(1_000)})
    world.wish(1)
    world.answer()
    assert refusal(world).rule == "sizing"
    assert world.target == 0


def test_a_wish_waits_for_its_account_as_long_as_for_a_chain():
    world = OptionWorld(chain_wait_s=5)
    world.wish(1)
    world.send(AccountChecked(world.now, "sim", "one", AccountState.UNKNOWN, "no answer"))
    assert world.engine.contracts.wanted == [], "nobody is asked for what could not be bought"
    world.after(2)
    world.send(AccountChecked(world.now, "sim", "two", AccountState.GREEN))
    assert world.engine.contracts.wanted != []
    world.send(AccountChecked(world.now, "sim", "three", AccountState.UNKNOWN, "no answer"))
    world.after(3)
    assert (refusal(world).rule, refusal(world).reason) == ("too_late", "the account is unknown: no answer")


def test_what_was_chosen_survives_the_wire_with_its_chain():
    world = OptionWorld()
    world.wish(1)
    world.answer()
    [chosen] = world.of(ContractChosen)
    assert codec.encode(codec.decode(codec.encode(chosen))) == codec.encode(chosen)
    chain = world.chain()
    near = chain.near(6001.0, 3)
    strikes = [(e.contract.strike, e.contract.right) for e in near]
    assert strikes == [(D(n), right) for n in (5995, 6000, 6005) for right in "CP"]


def test_a_contract_knows_its_neighbours_only_as_far_as_they_are_listed():
    entry = ChainEntry(OptionContract("SPXW", HALF_DAY, "C", D(6000)), 1.0, 1.1)
    assert OptionChain("SPX", 1, (entry,)).near(5000.0, 5) == (entry,)
