"""Twenty-five books: traders are killed while the venue drops what it should say; `./run chaos orders` runs more."""

from decimal import Decimal

import pytest
from django.utils import timezone

from tests.chaos import orders
from tests.chaos.__main__ import names
from tests.chaos.orders import verdict
from tests.trading.people import book, order
from trading.models import Fill, Position


def test_it_is_a_program_of_chaos():
    assert "orders" in names()


@pytest.mark.slow
@pytest.mark.timeout(700)
def test_no_order_is_doubled_or_lost_and_no_position_wrong_whatever_is_killed_and_dropped():
    found = orders.run(runs=25, seed=7)
    assert found["failures"] == []
    assert found["passed"]
    assert found["kills"] >= 25
    assert found["venue_orders"] > 0, found
    assert found["unknown"] > 0, found


@pytest.mark.django_db
class TestVerdict:
    """The judge must be able to say no."""

    def story(self, **changes):
        """One filled order, the same here and there."""
        row = order(1, book=book("live"), client_id="live0-ema-SPY-000001", venue_id="7", quantity=Decimal(6),
                    filled_quantity=Decimal(6), timeline=[{"state": "submitted"}])  # fmt: skip
        Fill.objects.create(
            order=row, fill_id="f1", broker="x", symbol="SPY", side="buy", quantity=6, price=100, ts=1,
            at=timezone.now(),
        )  # fmt: skip
        Position.objects.create(
            book=book("live"), strategy="ema", symbol="SPY", broker="x", quantity=6, updated_at=timezone.now()
        )
        told = {"id": "7", "client_id": row.client_id, "state": "filled", "filled": "6", "replaces": ""}
        truth = {
            "orders": [told],
            "executions": [{"order": "7", "symbol": "SPY", "signed": "6", "price": "100"}],
            "positions": {"SPY": "6"},
        }
        return {**truth, **changes}

    def failures(self, truth) -> str:
        return " ".join(verdict.judge("live", truth, unit=6).failures)

    def test_the_same_story_is_right(self):
        assert self.failures(self.story()) == ""

    def test_an_order_that_is_there_twice(self):
        truth = self.story()
        truth["orders"].append({**truth["orders"][0], "id": "8"})
        assert "duplicate" in self.failures(truth)

    def test_an_order_that_is_not_there(self):
        assert "lost" in self.failures(self.story(orders=[], executions=[], positions={}))

    def test_an_order_nobody_knows_here(self):
        truth = self.story()
        truth["orders"].append({"id": "9", "client_id": "stranger", "state": "working", "filled": "0", "replaces": ""})
        assert "do not know it" in self.failures(truth)

    def test_an_execution_that_was_not_booked(self):
        truth = self.story(positions={"SPY": "7"})
        truth["executions"].append({"order": "7", "symbol": "SPY", "signed": "1", "price": "101"})
        found = self.failures(truth)
        assert "was filled" in found
        assert "position" in found
        assert "were held" in found

    def test_an_order_that_works_there_and_is_over_here(self):
        truth = self.story()
        truth["orders"][0]["state"] = "working"
        assert "works at the venue" in self.failures(truth)
