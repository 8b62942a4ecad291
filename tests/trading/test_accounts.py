"""People see how accounts stand, settle differences, and look at a plan before anything is sent."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from asgiref.sync import async_to_sync
from django.core.management import call_command

from brokers.models import BrokerAccount
from engine.model.accounts import AccountChecked, AccountState, Difference, Policy, PositionAdjusted
from engine.model.enums import Side
from engine.model.orders import OrderFilled
from engine.model.positions import PositionChanged
from strategies.services import create_ticker
from tests.trading.people import book, client_of, order, person
from trading import preview
from trading.journal.writer import DatabaseJournal
from trading.models import AccountCheck, Adjustment, CommandRecord, Fill, Order, Position
from trading.runtime import accounts, compose
from users.roles import Role

pytestmark = pytest.mark.django_db(transaction=True)

NOW = 1_795_000_000_000_000_000
RED = AccountChecked(
    NOW, "tasty-1", "c1", AccountState.RED, "SPY differs", "start", (Difference("SPY", Decimal(0), Decimal(7)),),
    ("a problem",), cash=Decimal("12.5"), notes=("a note",),
)  # fmt: skip


def commit(*outputs: object) -> None:
    pk = book("live").pk

    async def write() -> None:
        journal = DatabaseJournal(book_id=pk, token=1)
        await journal.append(outputs=outputs, state=b"", cursors={}, bars={})  # type: ignore[arg-type]
        await journal.close()

    async_to_sync(write)()


def adjusted(policy: Policy, *, name: str = "c1/SPY/1", side: Side = Side.SELL) -> PositionAdjusted:
    is_ours = policy is Policy.ADOPT
    return PositionAdjusted(
        NOW, name, "tasty-1", "SPY", policy, side, Decimal(4), Decimal("101.5"), Decimal(10), Decimal(6),
        strategy="ema" if is_ours else "", client_id="live0-ema-SPY-000009" if is_ours else "", by="ann",
    )  # fmt: skip


def test_a_comparison_is_a_row_and_the_newest_of_an_account_counts(redis_url):
    commit(RED)
    commit(AccountChecked(NOW + 1, "tasty-1", "c2", AccountState.GREEN, trigger="periodic"))
    api = client_of(person(Role.VIEWER))
    [found] = api.get("/api/reconciliation").data
    assert (found["broker"], found["state"]) == ("tasty-1", "green")
    old = AccountCheck.objects.get(check_id="c1")
    assert (old.differences[0]["theirs"], old.problems, old.notes, old.cash) == (
        "7", ["a problem"], ["a note"], Decimal("12.5"),
    )  # fmt: skip


def test_an_adopted_adjustment_stands_among_fills_so_that_they_add_up_to_the_position(redis_url):
    bought = order(1, book=book("live"), broker="tasty-1", quantity=Decimal(10), client_id="live0-ema-SPY-000001")
    Fill.objects.create(
        order=bought, fill_id="f1", broker="tasty-1", symbol="SPY", side="buy", quantity=10, price=100, ts=1,
        at=datetime(2026, 11, 20, tzinfo=UTC),
    )  # fmt: skip
    changed = PositionChanged(NOW, "ema", "SPY", "tasty-1", Decimal(6), Decimal(100), Decimal(6), Decimal(0))
    commit(adjusted(Policy.ADOPT), changed)
    held = sum(fill.quantity * (1 if fill.side == "buy" else -1) for fill in Fill.objects.all())
    assert held == Position.objects.get().quantity == 6
    row = Adjustment.objects.get()
    assert row.order is not None
    assert (row.order.client_id, row.order.state, row.by) == ("live0-ema-SPY-000009", "filled", "ann")
    assert [value.client_id for value, _ in compose.fills_of(book("live").pk)][-1] == "live0-ema-SPY-000009"


def test_what_is_ignored_is_remembered_beyond_the_state_of_an_engine(redis_url):
    commit(adjusted(Policy.IGNORE), adjusted(Policy.IGNORE, name="c2/SPY", side=Side.BUY))
    commit(adjusted(Policy.IGNORE, name="c3/SPY"))
    assert accounts.ignored(book("live").pk) == {"tasty-1": {"SPY": Decimal(-4)}}
    assert not Order.objects.exists()


def test_open_orders_are_taken_over_with_what_they_filled():
    row = order(
        2, book=book("live"), state="partially_filled", quantity=Decimal(10), venue_id="v2", broker="tasty-1",
        filled_quantity=Decimal(4),
    )  # fmt: skip
    Fill.objects.create(
        order=row, fill_id="f7", broker="tasty-1", symbol="SPY", side="buy", quantity=4, price=100, ts=1,
        at=datetime(2026, 11, 20, tzinfo=UTC),
    )  # fmt: skip
    order(3, book=book("live"), state="filled")
    [record] = accounts.open_records(book("live").pk)
    assert (record.venue_id, record.filled, record.fill_ids, record.remaining) == ("v2", Decimal(4), ["f7"], Decimal(6))


def test_a_fill_that_raced_with_a_cancel_is_counted_and_the_order_stays_cancelled(redis_url):
    row = order(4, book=book("live"), state="cancelled", quantity=Decimal(10))
    late = OrderFilled(NOW, row.client_id, "f9", "ema", "SPY", "tasty-1", Side.BUY, Decimal(4), Decimal(100))
    commit(late)
    row.refresh_from_db()
    assert (row.state, row.filled_quantity) == ("cancelled", Decimal(4))


class TestAccepting:
    def post(self, role: Role, **body):
        wanted = {"book": "live", "broker": "tasty-1", "policy": "adopt", **body}
        return client_of(person(role)).post("/api/reconciliation/accept", wanted, format="json")

    def test_a_red_account_is_settled_by_a_command_to_its_book(self, redis_url):
        commit(RED)
        answer = self.post(Role.TRADER, symbol="spy")
        assert answer.status_code == 202, answer.data
        sent = CommandRecord.objects.get()
        assert (sent.kind, sent.payload["broker"], sent.payload["symbol"]) == ("AcceptDifferences", "tasty-1", "SPY")

    def test_a_viewer_may_not(self, redis_url):
        commit(RED)
        assert self.post(Role.VIEWER).status_code == 403
        assert not CommandRecord.objects.exists()

    @pytest.mark.parametrize("state", [AccountState.GREEN, AccountState.UNKNOWN])
    def test_an_account_that_does_not_differ_or_is_unknown_cannot_be_accepted(self, redis_url, state):
        commit(AccountChecked(NOW, "tasty-1", "c1", state))
        answer = self.post(Role.TRADER)
        assert (answer.status_code, answer.data["field"]) == (409, "broker")

    def test_pause_settles_nothing(self, redis_url):
        commit(RED)
        assert self.post(Role.TRADER, policy="pause").status_code == 400

    def test_the_command_line_shows_and_settles(self, redis_url, capsys):
        commit(RED)
        call_command("reconcile")
        assert "live tasty-1: red SPY differs" in capsys.readouterr().out
        call_command("reconcile", "--book", "live", "--broker", "tasty-1", "--accept", "ignore")
        assert CommandRecord.objects.get().payload["policy"] == "ignore"


class TestPreview:
    @pytest.fixture(autouse=True)
    def real(self, redis_url):
        for name, broker in (("tasty-1", "tastytrade"), ("schwab-1", "schwab")):
            BrokerAccount.objects.create(broker=broker, name=name, mode="live", account_number=name)

    def plan(self, symbol: str, action: str, at: str = "2026-11-18T15:00:00+00:00"):
        return preview.order_plan(strategy="ema", symbol=symbol, action=action, now=datetime.fromisoformat(at))

    def hold(self, symbol: str, broker: str, quantity: int) -> None:
        Position.objects.create(
            book=book("live"), strategy="ema", symbol=symbol, broker=broker, quantity=quantity,
            updated_at=datetime(2026, 11, 18, tzinfo=UTC),
        )  # fmt: skip

    def test_each_account_has_its_own_quantity(self):
        create_ticker(
            user=None, strategy="ema", symbol="SPY", timeframe="1", quantities={"schwab-1": "10", "tasty-1": "1"}
        )
        plan = self.plan("SPY", "long")
        assert [(p.account, [(leg.side, leg.quantity) for leg in p.legs]) for p in plan] == [
            ("schwab-1", [("buy", "10")]), ("tasty-1", [("buy", "1")]),
        ]  # fmt: skip

    def test_a_reversal_of_shares_is_a_linked_pair_and_of_a_future_one_order(self):
        create_ticker(user=None, strategy="ema", symbol="SPY", timeframe="1", quantities={"schwab-1": "10"})
        create_ticker(user=None, strategy="ema", symbol="/MES", timeframe="1", quantities={"tasty-1": "2"})
        self.hold("SPY", "schwab-1", 10)
        self.hold("/MES", "tasty-1", 2)
        [shares], [future] = self.plan("SPY", "short"), self.plan("/MES", "short")
        assert [(leg.intent, leg.quantity, leg.after) for leg in shares.legs] == [
            ("exit", "10", None),
            ("entry", "10", 0),
        ]
        assert [(leg.intent, leg.quantity) for leg in future.legs] == [("reversal", "4")]

    def test_a_closed_exchange_is_said_before_anything_is_sent(self):
        create_ticker(user=None, strategy="ema", symbol="SPY", timeframe="1", quantities={"schwab-1": "10"})
        [plan] = self.plan("SPY", "long", at="2026-11-21T15:00:00+00:00")
        assert (plan.legs[0].rule, plan.legs[0].problem) == ("session", "the exchange of SPY (XNYS) is closed now.")

    def test_over_http(self):
        create_ticker(user=None, strategy="ema", symbol="SPY", timeframe="1", quantities={"schwab-1": "10"})
        api = client_of(person(Role.VIEWER))
        answer = api.post("/api/orders/preview", {"strategy": "ema", "symbol": "SPY", "action": "long"}, format="json")
        assert answer.data["accounts"][0]["legs"][0]["quantity"] == "10"
        answer = api.post("/api/orders/preview", {"strategy": "ema", "symbol": "SPY", "action": "up"}, format="json")
        assert (answer.status_code, answer.data["field"]) == (400, "action")
