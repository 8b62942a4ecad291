"""A root rolls between two sessions, at one moment for everything that asks."""

from datetime import UTC, date, datetime

from hypothesis import given
from hypothesis import strategies as st

from engine.instruments.futures import ROOTS, Contract, RollRules, active_contract
from engine.instruments.rolls import contract_at, contract_of, futures_day, is_root, last_session_ends, rolls_at
from engine.instruments.sessions import calendar
from engine.model.time import from_datetime

FRIDAY = from_datetime(datetime(2026, 12, 11, 22, 0, tzinfo=UTC))  # 17:00 in New York, the session's end
CHRISTMAS_EVE = from_datetime(datetime(2026, 12, 24, 18, 15, tzinfo=UTC))


def test_the_whole_session_after_a_roll_is_of_the_next_contract():
    assert contract_at("/ES", FRIDAY - 1).symbol == "/ESZ26"
    assert contract_at("/ES", FRIDAY).symbol == "/ESH27"
    assert rolls_at(Contract("ES", 2026, 12)) == FRIDAY
    assert futures_day(FRIDAY) == date(2026, 12, 14)


@given(st.sampled_from(sorted(ROOTS)), st.integers(0, 5_000))
def test_a_contract_is_active_until_the_moment_of_its_roll_and_not_longer(root, hours):
    ts = from_datetime(datetime(2026, 1, 2, tzinfo=UTC)) + hours * 3_600_000_000_000
    contract = contract_at(f"/{root}", ts)
    ends = rolls_at(contract)
    assert ts < ends
    assert contract_at(f"/{root}", ends - 1) == contract < contract_at(f"/{root}", ends)
    assert last_session_ends(contract) <= ends
    assert calendar(contract.product.calendar).session_on(futures_day(ends - 1)) is not None


def test_rules_that_are_given_count_and_not_those_of_the_process():
    rules = RollRules({"ES": 9})
    assert contract_at("/ES", FRIDAY - 1, rules=rules) == active_contract("ES", date(2026, 12, 11), rules=rules)
    assert contract_at("/ES", FRIDAY - 1, rules=rules).symbol == "/ESH27"


def test_a_product_that_closes_early_is_left_before_that():
    rules = RollRules(decided={"/GCZ26": date(2026, 12, 28)})
    contract = Contract("GC", 2026, 12)
    assert last_session_ends(contract, rules=rules) == rolls_at(contract, rules=rules) == CHRISTMAS_EVE


def test_a_name_of_a_contract_is_that_contract_whatever_is_active():
    assert contract_of("/ESH27", FRIDAY - 1) == contract_of("/ES", FRIDAY) == Contract("ES", 2027, 3)
    assert [is_root(name) for name in ("/ES", "/ESZ26", "ES", "SPY")] == [True, False, False, False]
