"""A position in futures over the roll: the real loop, gateway, comparison, adapters and sockets."""

from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import pytest

from engine.core.config import RollPolicy
from engine.exits.config import Distance, ExitConfig
from engine.model.accounts import AccountChecked, AccountState, Policy
from engine.model.commands import ManualSignal
from engine.model.enums import OrderType, Side
from engine.model.market import Bar
from engine.model.orders import ApprovedOrder, OrderDenied
from engine.model.positions import TradeClosed
from engine.model.time import from_datetime
from tests.brokers.at_venue import POLICY, There, book_at
from tests.engine.scenario import MINUTE, slot
from tests.trading.runtime.live_stage import Stage

ENDS = from_datetime(datetime(2026, 12, 11, 22, 0, tzinfo=UTC))  # the last session of /ESZ26 as the active contract
PATIENT = msgspec.structs.replace(POLICY, sessions="always", check_every_s=60.0)


class Trader:
    """A person at a book that trades /ES, and the venue's clock."""

    def __init__(self, stage: Stage, there: There) -> None:
        self.stage, self.there = stage, there
        self._wishes = 0

    @property
    def held(self) -> Decimal:
        return self.stage.held("/ES")

    @property
    def sent(self) -> list[tuple[str, str]]:
        """Contract and type of every order that the venue got."""
        return [(order.symbol, order.ticket.type.value) for order in self.there.orders]

    def jump(self, ts: int) -> None:
        clock = self.there.simulated.clock  # type: ignore[attr-defined]
        clock.start += max(ts - clock.now(), 0)

    async def bar(self) -> None:
        now, price = self.stage.now_ns(), self.there.price("/ES")
        await self.stage.give(Bar(now, "/ES", "1", now - MINUTE, price, price, price, price, 1.0))
        await self.stage.until(lambda: self.stage.engine.price_of("/ES") == price, "the bar is seen")

    async def wish(self, target: int) -> None:
        self._wishes += 1
        await self.bar()
        await self.stage.give(
            ManualSignal(self.stage.now_ns(), f"wish-{self._wishes}", "ann", "scripted", "/ES", target)
        )

    async def becomes(self, quantity: int) -> None:
        await self.stage.until(
            lambda: self.held == quantity and not self.stage.engine.open_orders, f"{quantity} is held"
        )

    async def compared(self) -> None:
        """The account is compared again from here on, and agrees."""
        before = len(self.stage.of(AccountChecked))
        self.stage.reconciler.request("person")
        await self.stage.until(lambda: len(self.stage.of(AccountChecked)) > before, "it is compared")
        assert self.stage.last_check().state is AccountState.GREEN, self.stage.last_check()


@pytest.mark.parametrize(("venue", "restarts"), [("tastytrade", False), ("tastytrade", True), ("ibkr", False)])
async def test_what_was_opened_before_the_roll_is_compared_and_closed_in_its_contract(monkeypatch, venue, restarts):
    made = slot({}, symbol="/ES", quantity=1, exits=ExitConfig(stop=Distance(0.2)))
    hold = RollPolicy(close_before_s=None)
    async with book_at(
        venue, made, monkeypatch=monkeypatch, policy=PATIENT, start=ENDS - 2 * MINUTE, rolls=hold
    ) as found:
        trader = Trader(*found)
        stage = trader.stage
        await trader.wish(1)
        await stage.until(lambda: len(trader.sent) == 2 and stage.gateway.is_settled, "its stop waits")
        assert trader.sent == [("/ESZ26", "market"), ("/ESZ26", "stop")]
        if restarts:
            await stage.kill()
        trader.jump(ENDS + MINUTE)
        if restarts:
            await stage.start(reconciles=True)
            await stage.until_checked(AccountState.GREEN)
        await trader.compared()
        await trader.wish(0)
        await trader.becomes(0)
        assert trader.sent[2:] == [("/ESZ26", "market")]
        assert trader.there.held("/ESZ26") == 0
        await trader.compared()
        await trader.wish(1)
        await stage.until(lambda: trader.held == 1, "the next contract is entered")
        assert trader.sent[3] == ("/ESH27", "market")
        await trader.compared()
        assert [each.order.contract for each in stage.of(ApprovedOrder)][:4] == ["/ESZ26"] * 3 + ["/ESH27"]
        assert not stage.of(OrderDenied)
        assert not [what for what, _ in stage.alerts if what in ("exit_refused", "account_red")]


async def test_it_is_closed_before_the_roll_by_the_clock_alone_and_its_stop_is_withdrawn_first(monkeypatch):
    made = slot({}, symbol="/ES", quantity=1, exits=ExitConfig(stop=Distance(0.2)))
    close = RollPolicy(close_before_s=600.0)
    async with book_at(
        "tastytrade", made, monkeypatch=monkeypatch, policy=PATIENT, start=ENDS - 12 * MINUTE, rolls=close
    ) as found:
        trader = Trader(*found)
        await trader.wish(1)
        await trader.stage.until(lambda: len(trader.sent) == 2 and trader.stage.gateway.is_settled, "its stop waits")
        trader.jump(ENDS - 10 * MINUTE)
        await trader.stage.until(lambda: trader.stage.of(TradeClosed), "it is closed")
        [trade] = trader.stage.of(TradeClosed)
        assert trade.exit_reason == "roll"
        assert trader.there.exposure == 1
        assert trader.sent == [("/ESZ26", "market"), ("/ESZ26", "stop"), ("/ESZ26", "market")]
        assert [each.order.type for each in trader.stage.of(ApprovedOrder)][-1] is OrderType.MARKET
        await trader.compared()


async def test_what_somebody_else_holds_stays_his_when_the_root_rolls(monkeypatch):
    hold = RollPolicy(close_before_s=None)
    policy = msgspec.structs.replace(PATIENT, external_trades=Policy.IGNORE)
    async with book_at(
        "tastytrade", slot({}, symbol="/ES", quantity=1), monkeypatch=monkeypatch, policy=policy,
        start=ENDS - 2 * MINUTE, rolls=hold,
    ) as found:  # fmt: skip
        trader = Trader(*found)
        trader.there.trade_by_hand(Side.BUY, 3, "/ES")
        await trader.stage.until(lambda: trader.stage.engine.external.get("sim"), "it is found")
        assert trader.stage.engine.external["sim"]["/ESZ26"] == 3
        trader.jump(ENDS + MINUTE)
        await trader.compared()
        assert not trader.stage.last_check().differences
