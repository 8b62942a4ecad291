"""What the gateway tells in any order, twice or late, ends as what is true."""

from decimal import Decimal as D

import pytest

from brokers.ibkr.documents import OrderDoc
from brokers.ibkr.ledger import Ledger
from tests.brokers.ibkr.test_translate import doc, executed


def order(status: str = "Submitted", **values) -> OrderDoc:
    return doc(status=status, client_id=1, order_id=4, **values)


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


def test_terms_come_with_the_order_and_its_standing_with_the_status(ledger):
    ledger.opened(order("PreSubmitted"))
    ledger.stands(7, "Submitted", filled=D(3), average=D(600), ts=5)
    after = ledger.opened(order("Submitted", limit=D(601)))
    assert (after.status, after.filled, after.limit) == ("Submitted", D(3), D(601))
    assert ledger.find(1, 4) == after


@pytest.mark.parametrize("final", ["Filled", "Cancelled", "ApiCancelled"])
def test_what_is_over_is_not_brought_back_by_what_comes_late(ledger, final):
    ledger.opened(order())
    ledger.stands(7, final, filled=D(10), average=D(600), ts=9)
    late = ledger.stands(7, "Submitted", filled=D(4), average=D(599), ts=10)
    assert late is not None
    assert (late.status, late.filled, late.average, late.changed_ts) == (final, D(10), D(600), 9)


def test_an_order_that_is_listed_as_open_works_whatever_was_said_of_it(ledger):
    ledger.opened(order())
    ledger.stands(7, "Cancelled", filled=D(0), average=D(0), ts=9)
    assert ledger.opened(order("Submitted")).status == "Cancelled"
    assert ledger.opened(order("Submitted"), is_listed=True).status == "Submitted"
    assert ledger.stands(7, "Submitted", filled=D(1), average=D(600), ts=10).filled == D(1)


def test_a_fill_after_the_cancel_counts(ledger):
    ledger.opened(order())
    ledger.stands(7, "Cancelled", filled=D(0), average=D(0), ts=9)
    assert ledger.stands(7, "Filled", filled=D(10), average=D(600), ts=10).status == "Filled"


def test_an_order_that_was_inactive_may_work_again(ledger):
    ledger.opened(order())
    ledger.stands(7, "Inactive", filled=D(0), average=D(0), ts=9)
    assert ledger.stands(7, "Submitted", filled=D(0), average=D(0), ts=10).status == "Submitted"


def test_the_list_of_what_is_over_does_not_take_an_orders_number_away(ledger):
    ledger.opened(order())
    ledger.noted(1, 4, 201, "no money")
    ended = ledger.ended(doc(status="Inactive", filled=D(0)))
    assert (ended.client_id, ended.order_id, ended.code, ended.reason) == (1, 4, "201", "no money")


def test_a_status_of_an_order_whose_terms_were_never_told_waits_for_them(ledger):
    assert ledger.stands(8, "Filled", filled=D(1), average=D(1), ts=1) is None
    assert ledger.orders == {}


def test_of_an_execution_the_last_correction_counts_whatever_comes_first(ledger):
    first, corrected = executed(10, "600"), executed(10, "601", execution_id="0000e0d5.1.01.02")
    ledger.executed(corrected)
    assert ledger.executed(first) == corrected
    assert [each.price for each in ledger.of_order(7)] == [D(601)]


def test_an_order_adds_up_when_all_it_counts_is_known_with_its_costs(ledger):
    ledger.opened(order())
    each = ledger.executed(executed(4, "600"))
    assert not ledger.is_told(ledger.orders[7]), "an execution may come before the status that counts it"
    standing = ledger.stands(7, "Submitted", filled=D(4), average=D(600), ts=9)
    assert not ledger.is_told(standing)
    assert ledger.charged(each.execution_id, D(1)) == each
    assert ledger.is_told(standing)
    assert not ledger.is_told(ledger.stands(7, "Filled", filled=D(10), average=D(600), ts=9))
    assert ledger.charged("0000e0d5.9.01.01", D(1)) is None


def test_costs_that_do_not_come_are_none(ledger):
    ledger.executed(executed(10, "600"))
    assert len(ledger.uncharged()) == len(ledger.uncharged(7)) == 1
    assert ledger.uncharged(8) == []
    ledger.assume_no_costs(ledger.uncharged())
    assert (ledger.uncharged(), set(ledger.fees.values())) == ([], {D(0)})
