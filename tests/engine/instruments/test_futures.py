"""Contracts in every spelling, their expiry, and the active one."""

from datetime import date
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InvalidInput, NotFound
from engine.instruments.futures import (
    MONTH_CODES,
    ROOTS,
    Contract,
    active_contract,
    is_future,
    parse_contract,
    roll_by_volume,
    roll_schedule,
    root_of,
    same_contract,
)

NQ = Contract("NQ", 2026, 12)


def test_a_contract_in_the_spelling_of_each_venue():
    assert (NQ.symbol, NQ.schwab, NQ.tastytrade) == ("/NQZ26", "/NQZ26", "/NQZ6")
    assert (NQ.streamer, NQ.databento) == ("/NQZ26:XCME", "NQZ6")
    assert Contract("GC", 2026, 12).streamer == "/GCZ26:XCEC"
    assert Contract("CL", 2027, 1).streamer == "/CLF27:XNYM"
    assert Contract("MYM", 2026, 12).streamer == "/MYMZ26:XCBT"
    assert NQ.ibkr["lastTradeDateOrContractMonth"] == "202612"
    assert (NQ.ibkr["exchange"], NQ.ibkr["localSymbol"]) == ("CME", "NQZ6")
    assert Contract("GC", 2026, 12).ibkr["exchange"] == "COMEX"


@given(st.sampled_from(sorted(ROOTS)), st.integers(2010, 2034), st.integers(1, 12))
def test_every_spelling_leads_back_to_its_contract(root, year, month):
    contract = Contract(root, year, month)
    as_of = date(year, 1, 1)
    for text in (contract.symbol, contract.streamer, contract.tastytrade, contract.databento):
        assert parse_contract(text, as_of=as_of) == contract
        assert root_of(text) is ROOTS[root]


@pytest.mark.parametrize(
    ("contract", "expected"),
    [
        (Contract("GC", 2026, 12), date(2026, 11, 27)),  # first notice is on Monday, 30 November
        (Contract("MGC", 2027, 2), date(2027, 1, 28)),
        (Contract("ES", 2026, 12), date(2026, 12, 18)),  # settled in cash: its last day
    ],
)
def test_what_is_delivered_can_be_held_until_the_day_before_first_notice(contract, expected):
    assert contract.last_safe_day == expected


def test_one_digit_of_a_year_needs_a_date():
    with pytest.raises(InvalidInput, match="one digit"):
        parse_contract("/NQZ6")
    assert parse_contract("/NQH6", as_of=date(2027, 1, 1)).year == 2036
    assert parse_contract("/NQH7", as_of=date(2026, 11, 20)).year == 2027


@pytest.mark.parametrize("text", ["/NQ", "SPY", "/XXZ26", "/NQA26", "NQZ", "/NQZ266"])
def test_what_is_no_contract_is_refused(text):
    with pytest.raises(InvalidInput, match="contract"):
        parse_contract(text, as_of=date(2026, 1, 1))


def test_an_unknown_root_is_refused_with_the_known_ones():
    with pytest.raises(NotFound, match="MNQ"):
        root_of("/ZZ")


def test_roots_and_contracts_are_told_from_stocks():
    assert all(map(is_future, ["ES", "/ES", "NQ.c.0", "M2KZ6", "/M2KH27", "/NQZ26:XCME"]))
    assert not any(map(is_future, ["SPY", "AAPL", "F", "X", "H6", "BRK.B"]))


@pytest.mark.parametrize(
    ("contract", "expiry"),
    [
        ("/ESZ26", date(2026, 12, 18)),
        ("/ESH27", date(2027, 3, 19)),
        ("/ESM26", date(2026, 6, 18)),  # the third Friday is Juneteenth
        ("/ESM27", date(2027, 6, 17)),  # Juneteenth observed
        ("/ESM18", date(2018, 6, 15)),
        ("/GCZ13", date(2013, 12, 27)),
        ("/GCZ26", date(2026, 12, 29)),
        ("/CLF27", date(2026, 12, 21)),  # the 25th is Christmas
        ("/MCLF27", date(2026, 12, 18)),
    ],
)
def test_the_last_trading_day(contract, expiry):
    assert parse_contract(contract).expiry == expiry


@pytest.mark.parametrize(
    ("root", "day", "expected"),
    [
        ("ES", date(2026, 11, 20), "/ESZ26"),
        ("ES", date(2026, 12, 11), "/ESZ26"),
        ("ES", date(2026, 12, 14), "/ESH27"),  # four business days before the expiry
        ("/ES", date(2018, 5, 7), "/ESM18"),
        ("ES", date(2023, 12, 25), "/ESH24"),
        ("GC", date(2013, 10, 7), "/GCZ13"),
        ("GC", date(2026, 11, 25), "/GCG27"),  # before the first notice of December
        ("CL", date(2026, 11, 20), "/CLF27"),
    ],
)
def test_the_active_contract(root, day, expected):
    assert active_contract(root, day).symbol == expected


def test_the_roll_rule_can_be_chosen():
    assert active_contract("ES", date(2026, 12, 9), days_before=8).symbol == "/ESH27"
    assert active_contract("ES", date(2026, 12, 17), days_before=0).symbol == "/ESZ26"


def test_a_schedule_covers_every_day_once():
    spans = list(roll_schedule("ES", date(2026, 1, 1), date(2027, 12, 31)))
    assert [contract.symbol for contract, *_ in spans][:4] == ["/ESH26", "/ESM26", "/ESU26", "/ESZ26"]
    assert spans[0][1] == date(2026, 1, 1)
    assert spans[-1][2] == date(2028, 1, 1)
    assert all(before[2] == after[1] for before, after in pairwise(spans))


def test_volume_rolls_forward_only():
    h, m, z = Contract("ES", 2027, 3), Contract("ES", 2027, 6), Contract("ES", 2026, 12)
    assert roll_by_volume(z, {z: 100.0, h: 99.0, m: 5.0}) == z
    assert roll_by_volume(z, {z: 100.0, h: 101.0, m: 5.0}) == h
    assert roll_by_volume(h, {z: 500.0, h: 101.0}) == h
    assert roll_by_volume(h, {}) == h


def test_spellings_of_one_contract_meet_whatever_their_digits():
    assert same_contract("/GCZ3", "GCZ13")
    assert same_contract("/GCZ13:XCEC", "GCZ13")
    assert not same_contract("GCZ3", "GCZ14")
    assert not same_contract("GCZ13", "GCG13")
    assert not same_contract("SPY", "SPY")


def test_listed_months_only():
    contract = Contract("GC", 2026, 12).following
    assert (contract.year, contract.code) == (2027, "G")
    assert all(code in MONTH_CODES for product in ROOTS.values() for code in product.months)
