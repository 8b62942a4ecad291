"""What is held of a root belongs to its contract until it is flat, and is closed before that contract rolls."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from engine.core import ExitPlacement
from engine.core.account_checks import expected
from engine.core.config import RollPolicy
from engine.exits.config import Distance, ExitConfig
from engine.instruments.futures import RollRules
from engine.model.accounts import AccountChecked, AccountState, Difference, Policy
from engine.model.commands import CommandHandled, ManualOrder, ManualSignal
from engine.model.enums import OrderIntent, OrderType, Side
from engine.model.event import Event
from engine.model.market import TimeAdvanced
from engine.model.orders import ApprovedOrder, CancelRequested, Order, OrderDenied
from engine.model.positions import ExitArmed, PositionChanged, TradeClosed
from engine.model.signals import SignalSuppressed
from engine.model.time import from_datetime
from tests.engine.scenario import MINUTE, World, bar, bars, slot, tick

ENDS = from_datetime(datetime(2026, 12, 11, 22, 0, tzinfo=UTC))  # /ESZ26's last session as the active one
START = ENDS - 60 * MINUTE
SUNDAY = from_datetime(datetime(2026, 12, 13, 23, 0, tzinfo=UTC))  # /ESH27's first session opens
CLOSES, HOLDS = RollPolicy(close_before_s=900), RollPolicy(close_before_s=None)


def at(event: Event, start: int = START) -> Event:
    moved = {"ts": event.ts + start}
    if hasattr(event, "ts_open"):
        moved["ts_open"] = event.ts_open + start
    return msgspec.structs.replace(event, **moved)


def es(closes: list[float], *, first: int = 1, start: int = START) -> list[Event]:
    return [at(each, start) for each in bars(closes, symbol="/ES", start=first)]


def world(targets: dict[int, int], rolls: RollPolicy | None = CLOSES, **values: Any) -> World:
    made = slot(targets, symbol="/ES", quantity=1, exits=values.pop("exits", None))
    return World(made, rolls=rolls, **values)


def orders(made: World) -> list[Order]:
    return [each.order for each in made.of(ApprovedOrder)]


def held(made: World) -> Decimal:
    return made.engine.ledger.position("scripted", "/ES", "sim").quantity


def command(made: World, ts: int, target: int) -> ManualSignal:
    return ManualSignal(ts, f"c{ts}", "ann", "scripted", "/ES", target)


def test_an_order_and_what_it_opens_tell_their_contract():
    made = world({1: 1})
    made.run(es([4000, 4000]))
    assert [each.contract for each in orders(made)] == ["/ESZ26"]
    assert [each.contract for each in made.of(PositionChanged)] == ["/ESZ26"]
    assert [each.contract for each in made.engine.positions] == ["/ESZ26"]


def test_without_a_policy_a_root_is_one_series_for_ever():
    made = world({1: 1, 3: 0}, None)
    made.run(es([4000, 4000, 4000, 4000]))
    made.send(TimeAdvanced(SUNDAY))
    assert [each.contract for each in orders(made)] == [msgspec.UNSET] * 2


def test_it_is_closed_before_the_last_session_ends_by_the_clock_alone():
    made = world({1: 1}, exits=ExitConfig(stop=Distance(0.05)))
    made.run(es([4000, 4000]))
    made.send(TimeAdvanced(ENDS - 15 * MINUTE - 1))
    assert held(made) == 1
    made.send(TimeAdvanced(ENDS - 15 * MINUTE))
    made.send(at(tick(46 * MINUTE, 4001.0, symbol="/ES")))
    [trade] = made.of(TradeClosed)
    assert (trade.exit_reason, trade.exit_ts) == ("roll", ENDS - 14 * MINUTE)
    assert {each.contract for each in orders(made)} == {"/ESZ26"}
    assert not made.engine.open_orders


def test_nothing_is_entered_in_a_contract_that_is_left_and_then_the_next_one_is():
    made = world({1: 1, 3: 1})
    made.run(es([4000, 4000], first=1, start=ENDS - 16 * MINUTE))
    [refused] = made.of(SignalSuppressed)
    assert refused.rule == "roll"
    assert "/ESZ26 is left before it rolls at 2026-12-11T22:00" in refused.reason
    made.run(es([4000, 4000], first=3, start=SUNDAY))
    assert [(each.contract, each.intent) for each in orders(made)] == [("/ESH27", OrderIntent.ENTRY)]


def test_a_person_enters_nothing_either_and_what_waits_to_enter_is_withdrawn():
    made = world({})
    made.run(es([4000]))
    limit: dict[str, Any] = {"type": OrderType.LIMIT, "limit_price": Decimal(3900)}
    made.send(ManualOrder(START + 2 * MINUTE, "c1", "ann", "scripted", "/ES", "sim", Side.BUY, Decimal(1), **limit))
    made.send(TimeAdvanced(ENDS - 15 * MINUTE))
    assert [each.reason for each in made.of(CancelRequested)] == ["/ESZ26 rolls"]
    late = ManualOrder(ENDS - MINUTE, "c2", "ann", "scripted", "/ES", "sim", Side.BUY, Decimal(1), **limit)
    [answer] = [each for each in made.send(late) if isinstance(each, CommandHandled)]
    assert not answer.accepted
    assert "is left before it rolls" in answer.detail


@pytest.mark.parametrize("restarts", [False, True])
def test_what_is_kept_over_the_roll_leaves_in_its_own_contract(restarts):
    made = world({1: 1}, HOLDS)
    made.run(es([4000, 4000]))
    if restarts:
        made, before = world({1: 1}, HOLDS), made
        made.engine.restore(before.engine.snapshot())
        made.venue = before.venue
    made.send(TimeAdvanced(SUNDAY))
    made.send(command(made, SUNDAY + MINUTE, 0))
    assert [(each.contract, each.intent) for each in orders(made)][-1] == ("/ESZ26", OrderIntent.EXIT)
    made.run([at(bar(2, 4000, symbol="/ES"), SUNDAY)])
    made.send(command(made, SUNDAY + 3 * MINUTE, 1))
    assert [(each.contract, each.intent) for each in orders(made)][-1] == ("/ESH27", OrderIntent.ENTRY)


def test_a_reversal_after_the_roll_closes_the_old_contract_and_then_opens_the_new_one():
    made = world({1: 1}, HOLDS)
    made.run(es([4000, 4000]))
    made.send(command(made, SUNDAY + MINUTE, -1))
    made.run([at(bar(number, 4000, symbol="/ES"), SUNDAY) for number in (2, 3)])
    assert [(each.contract, each.side, each.quantity) for each in orders(made)[1:]] == [
        ("/ESZ26", Side.SELL, Decimal(1)),
        ("/ESH27", Side.SELL, Decimal(1)),
    ]
    assert made.of(PositionChanged)[-1].contract == "/ESH27"
    assert held(made) == -1


def test_a_person_adds_nothing_to_what_is_held_behind_the_roll():
    made = world({1: 1}, HOLDS)
    made.run(es([4000, 4000]))
    more = ManualOrder(SUNDAY + MINUTE, "c1", "ann", "scripted", "/ES", "sim", Side.BUY, Decimal(1))
    [answer] = [each for each in made.send(more) if isinstance(each, CommandHandled)]
    assert not answer.accepted
    assert answer.detail == "/ESZ26 is held, and prices are of /ESH27: close it, and then enter"


def test_prices_of_the_next_contract_decide_no_exit_of_the_old_one():
    made = world({1: 1}, HOLDS, exits=ExitConfig(stop=Distance(0.01)), exit_placement={"sim": ExitPlacement.HELD})
    made.run(es([4000, 4000]))
    made.run([at(bar(1, 3900, symbol="/ES"), SUNDAY), at(bar(2, 3900, symbol="/ES"), SUNDAY)])
    assert held(made) == 1
    assert made.of(ExitArmed)[-1].reason == ("not watched by price: /ESZ26 is held, and prices are of /ESH27")


def test_one_that_was_missed_is_closed_with_the_next_opening_in_its_own_contract():
    """Nobody ran at the end of its last session."""
    made = world({1: 1}, HOLDS)
    made.run(es([4000, 4000]))
    late = world({1: 1}, CLOSES)
    late.engine.restore(made.engine.snapshot())
    late.send(TimeAdvanced(ENDS + MINUTE))
    assert orders(late)[-1:] == []
    late.send(TimeAdvanced(SUNDAY))
    assert [(each.contract, each.reason) for each in orders(late)] == [("/ESZ26", "roll")]


def test_a_position_of_before_contracts_were_kept_is_of_the_one_that_was_active_then():
    old = world({1: 1}, None)
    old.run(es([4000, 4000]))
    made = world({1: 1}, HOLDS)
    made.engine.restore(old.engine.snapshot())
    made.send(command(made, SUNDAY + MINUTE, 0))
    assert orders(made)[-1].contract == "/ESZ26"


def difference(symbol: str, ours: int, theirs: int, policy: Policy) -> AccountChecked:
    found = Difference(symbol, Decimal(ours), Decimal(theirs), policy, Decimal(4000))
    state = AccountState.RED if policy is Policy.PAUSE else AccountState.GREEN
    return AccountChecked(SUNDAY + MINUTE, "sim", "c1", state, "test", differences=(found,), blocks_all=False)


def test_a_difference_in_the_contract_that_is_held_is_booked_where_it_is_held():
    made = world({1: 1}, HOLDS)
    made.run(es([4000, 4000]))
    made.send(difference("/ESZ26", 1, 0, Policy.ADOPT))
    assert held(made) == 0
    assert expected(made.engine, "sim") == {}


def test_one_in_the_next_contract_is_somebody_elses_while_the_old_one_is_held():
    made = world({1: 1}, HOLDS)
    made.run(es([4000, 4000]))
    made.send(difference("/ES", 0, 2, Policy.ADOPT))
    assert held(made) == 1
    assert expected(made.engine, "sim") == {"/ESZ26": 1, "/ESH27": 2}


def test_a_dispute_about_the_old_contract_keeps_the_root_from_entries():
    made = world({1: 1}, HOLDS)
    made.run(es([4000, 4000]))
    made.send(difference("/ESZ26", 1, 0, Policy.PAUSE))
    made.send(command(made, SUNDAY + 2 * MINUTE, -1))
    made.run([at(bar(number, 4000, symbol="/ES"), SUNDAY) for number in (3, 4)])
    assert [(each.contract, each.intent) for each in orders(made)[1:]] == [("/ESZ26", OrderIntent.EXIT)]
    assert [each.rule for each in made.of(OrderDenied)] == ["reconciliation"]


def test_the_day_that_volume_decided_is_the_one_that_counts():
    decided = RollRules(decided={"/ESZ26": date(2026, 12, 8)})
    made = world({1: 1}, msgspec.structs.replace(CLOSES, rules=decided))
    made.run(es([4000]))
    assert [each.contract for each in orders(made)] == ["/ESH27"]
