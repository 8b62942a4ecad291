"""ib_async, unchanged, as an independent client of the simulated gateway: it places, lists, cancels and listens."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import ib_async
import msgspec
import pytest
from ib_async import IB, Contract, Forex, Future, Index, LimitOrder, MarketOrder, Option, Stock, StopOrder, Trade, util

from engine.model.enums import Side
from simulators.brokerage.account import AccountSetup
from simulators.brokerage.faults import OrderFaultScript
from simulators.brokerage.orders import Ticket
from simulators.ibkr.serve import IbkrConfig, IbkrSimulator, serve
from simulators.market import MarketConfig

DEADLINE_S = 60.0
ACCOUNT = "DU1234567"
SPY = Stock("SPY", "SMART", "USD")
MARKET = MarketConfig(seed=5, always_open=True, tick_rate=20.0)


class Program:
    """A program that is connected to the gateway, and the errors it was told."""

    def __init__(self, simulator: IbkrSimulator) -> None:
        util.getLoop.cache_clear()  # it keeps the first event loop that it saw, and each test has its own
        self.simulator = simulator
        self.ib = IB()
        self.errors: list[tuple[int, int, str]] = []
        self.ib.errorEvent += self._note

    def _note(self, request: int, code: int, text: str, _contract: Contract | None) -> None:
        self.errors.append((request, code, text))

    async def connect(self, client_id: int = 1, **values: Any) -> None:
        await self.ib.connectAsync("127.0.0.1", self.simulator.gateway_port, clientId=client_id, **values)

    @property
    def codes(self) -> list[int]:
        return [code for _, code, _ in self.errors]

    async def until(self, is_met: Callable[[], bool]) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while not is_met():
                await asyncio.sleep(0.01)

    async def done(self, trade: Trade) -> Trade:
        await self.until(trade.isDone)
        return trade

    async def stands(self, trade: Trade, status: str) -> Trade:
        await self.until(lambda: trade.orderStatus.status == status)
        return trade

    def price(self, factor: float) -> float:
        found = self.simulator.brokerage.price_of("SPY")
        assert found is not None
        return float(round(float(found) * factor))

    def far(self, quantity: int = 10, **values: Any) -> Trade:
        return self.ib.placeOrder(SPY, LimitOrder("BUY", quantity, self.price(0.8), **values))

    def buy(self, quantity: int = 10, contract: Contract = SPY, **values: Any) -> Trade:
        return self.ib.placeOrder(contract, MarketOrder("BUY", quantity, **values))

    def fault(self, name: str, **values: Any) -> None:
        self.simulator.order_faults.add(OrderFaultScript(name, **values))


@asynccontextmanager
async def connected(*, client_id: int = 1, **settings: Any) -> AsyncIterator[Program]:
    async with await serve(IbkrConfig(**{"market": MARKET, **settings})) as simulator:
        program = Program(simulator)
        await program.connect(client_id)
        try:
            yield program
        finally:
            program.ib.disconnect()


@pytest.fixture
async def program() -> AsyncIterator[Program]:
    async with connected() as found:
        yield found


async def test_it_connects_and_learns_its_accounts_and_their_money(program):
    assert program.ib.managedAccounts() == [ACCOUNT]
    values = {each.tag: each.value for each in program.ib.accountValues(ACCOUNT)}
    assert values["NetLiquidation"] == values["TotalCashValue"] == "100000.00"
    summary = {each.tag: each.value for each in await program.ib.accountSummaryAsync()}
    assert summary["BuyingPower"] == "100000.00"
    assert program.codes[:2] == [2104, 2158]
    assert abs((await program.ib.reqCurrentTimeAsync()).timestamp() - program.simulator.clock.now() / 1e9) < 2


async def test_a_market_order_is_filled_with_its_execution_its_commission_and_its_position(program):
    trade = await program.done(program.buy(10, orderRef="ours-1"))
    assert trade.orderStatus.status == "Filled"
    assert trade.orderStatus.permId >= 1_000_000_000
    await program.until(lambda: bool(trade.fills) and bool(trade.fills[0].commissionReport.execId))
    (fill,) = trade.fills
    truth = program.simulator.brokerage.executions(ACCOUNT)[0]
    assert (fill.execution.shares, fill.execution.price) == (10, float(truth.price))
    assert (fill.execution.side, fill.execution.orderRef) == ("BOT", "ours-1")
    assert abs(fill.execution.time.timestamp() - truth.ts / 1e9) < 1
    await program.until(lambda: bool(program.ib.positions()))
    (position,) = program.ib.positions()
    assert (position.position, position.avgCost) == (10, float(truth.price))
    (item,) = program.ib.portfolio()
    assert item.position == 10


async def test_partial_fills_come_one_by_one(program):
    program.fault("partial_fills", times=2)
    trade = await program.done(program.buy(30))
    assert len(trade.fills) == 3
    assert sum(fill.execution.shares for fill in trade.fills) == 30
    assert [fill.execution.cumQty for fill in trade.fills][-1] == 30


@pytest.mark.parametrize(
    ("asked", "local", "multiplier"),
    [
        (Future("MES", "202612", "CME"), "MESZ6", "5"),
        (Future("MES", "20261218", "CME"), "MESZ6", "5"),
        (Future(localSymbol="NQZ6", exchange="CME"), "NQZ6", "20"),
        (Future("CL", "202701", "NYMEX"), "CLF7", "1000"),
        (Option("SPX", "20261124", 6600, "C", "SMART", tradingClass="SPXW"), "SPXW  261124C06600000", "100"),
        (Option("SPY", "20261124", 650, "P", "SMART"), "SPY   261124P00650000", "100"),
        (Stock("SPY", "SMART", "USD"), "SPY", ""),
        (Index("SPX", "CBOE"), "SPX", ""),
    ],
)
async def test_contracts_are_found(asked, local, multiplier):
    async with connected(start="2026-11-20T15:00:20+00:00") as program:
        (found,) = await program.ib.qualifyContractsAsync(asked)
        assert isinstance(found, Contract)
        assert (found.localSymbol, found.multiplier) == (local, multiplier)
        (again,) = await program.ib.qualifyContractsAsync(Contract(conId=found.conId))
        assert isinstance(again, Contract)
        assert again.localSymbol == local


async def test_a_root_has_several_months_and_what_does_not_exist_is_told(program):
    months = await program.ib.reqContractDetailsAsync(Future("MES", exchange="CME"))
    assert len({each.contract.localSymbol for each in months}) == 4
    assert await program.ib.qualifyContractsAsync(Stock("NO WAY", "SMART", "USD"), Future("ZZ", "202612", "CME")) == [
        None,
        None,
    ]
    assert program.codes[-2:] == [200, 200]


async def test_a_future_is_bought_and_turned_by_one_order(program):
    contract = Future("MES", "202612", "CME")
    await program.done(program.buy(2, contract))
    sale = program.ib.placeOrder(contract, MarketOrder("SELL", 4))
    assert (await program.done(sale)).orderStatus.status == "Filled"
    (position,) = await program.ib.reqPositionsAsync()
    assert (position.contract.localSymbol, position.position) == ("MESZ6", -2)
    truth = program.simulator.brokerage.executions(ACCOUNT)[-1]
    assert position.avgCost == float(truth.price * 5)


async def test_a_currency_pair_is_found_bought_and_turned():
    async with connected(market=msgspec.structs.replace(MARKET, symbols=("EUR/USD",))) as program:
        (found,) = await program.ib.qualifyContractsAsync(Forex("EURUSD"))
        assert isinstance(found, Contract)
        assert (found.localSymbol, found.tradingClass) == ("EUR.USD", "EUR.USD")
        assert await program.ib.qualifyContractsAsync(Forex("USDJPY")) == [None]
        await program.done(program.buy(20_000, Forex("EURUSD")))
        await program.done(program.ib.placeOrder(found, MarketOrder("SELL", 50_000)))
        (position,) = await program.ib.reqPositionsAsync()
        assert (position.contract.localSymbol, position.position) == ("EUR.USD", -30_000)
        assert position.avgCost == float(program.simulator.brokerage.executions(ACCOUNT)[-1].price)


async def test_a_changed_order_stays_the_same_order(program):
    trade = await program.stands(program.far(orderRef="ours"), "Submitted")
    trade.order.lmtPrice = program.price(0.75)
    program.ib.placeOrder(SPY, trade.order)
    seen: list[Trade] = []

    async with asyncio.timeout(DEADLINE_S):
        while not seen or seen[0].order.lmtPrice != program.price(0.75):
            seen[:] = await program.ib.reqAllOpenOrdersAsync()
    assert {(each.order.permId, each.order.orderRef) for each in seen} == {(trade.order.permId, "ours")}
    program.ib.cancelOrder(trade.order)
    await program.stands(trade, "Cancelled")
    assert program.errors[-1][:2] == (trade.order.orderId, 202)
    assert "Filled" not in {entry.status for entry in trade.log}


async def test_a_partly_filled_order_is_changed_by_its_whole_quantity(program):
    program.fault("partial_fills", times=1)
    trade = program.ib.placeOrder(SPY, LimitOrder("BUY", 30, program.price(1.1)))
    await program.until(lambda: bool(trade.fills))
    program.fault("no_fills")
    if trade.orderStatus.remaining:
        done = trade.orderStatus.filled
        trade.order.totalQuantity = 40
        program.ib.placeOrder(SPY, trade.order)
        await program.until(lambda: trade.orderStatus.remaining == 40 - done)
        assert trade.orderStatus.filled == done


async def test_orders_that_are_over_are_listed_with_their_end(program):
    await program.done(program.buy(1, orderRef="first"))
    cancelled = await program.stands(program.far(orderRef="second"), "Submitted")
    program.ib.cancelOrder(cancelled.order)
    await program.done(cancelled)
    program.fault("reject_late:bad_luck", times=1)
    await program.done(program.buy(1, orderRef="third"))
    found = {each.order.orderRef: each for each in await program.ib.reqCompletedOrdersAsync(False)}
    assert {name: each.orderStatus.status for name, each in found.items()} == {
        "first": "Filled", "second": "Cancelled", "third": "Inactive",
    }  # fmt: skip
    assert found["first"].order.filledQuantity == 1
    fills = await program.ib.reqExecutionsAsync()
    assert [fill.execution.orderRef for fill in fills] == ["first"]


async def test_a_bracket_works_leg_by_leg_and_one_leg_ends_the_other(program):
    parent, profit, loss = program.ib.bracketOrder("BUY", 2, program.price(1.1), program.price(1.5), program.price(0.5))
    trades = [program.ib.placeOrder(SPY, order) for order in (parent, profit, loss)]
    await program.done(trades[0])
    await program.stands(trades[1], "Submitted")
    assert trades[2].orderStatus.status == "PreSubmitted"  # a stop waits for its trigger
    profit.lmtPrice = program.price(0.9)
    program.ib.placeOrder(SPY, profit)
    await program.done(trades[1])
    assert (await program.done(trades[2])).orderStatus.status == "Cancelled"
    assert program.simulator.brokerage.account(ACCOUNT).quantity("SPY") == 0


async def test_a_bracket_that_is_not_let_go_does_nothing(program):
    parent, *_ = program.ib.bracketOrder("BUY", 2, program.price(1.1), program.price(1.5), program.price(0.5))
    trade = program.ib.placeOrder(SPY, parent)
    await program.done(program.buy(1))
    assert [order.quantity for order in program.simulator.brokerage.orders(ACCOUNT)] == [1]
    assert trade.orderStatus.status == "PendingSubmit"


async def test_one_order_of_a_group_ends_the_others(program):
    await program.done(program.buy(4))
    legs = [LimitOrder("SELL", 4, program.price(1.5)), StopOrder("SELL", 4, program.price(0.5))]
    ib_async.IB.oneCancelsAll(legs, "exit-1", 1)
    profit, loss = (program.ib.placeOrder(SPY, leg) for leg in legs)
    await program.stands(profit, "Submitted")
    profit.order.lmtPrice = program.price(0.9)
    program.ib.placeOrder(SPY, profit.order)
    assert (await program.done(profit)).orderStatus.status == "Filled"
    assert (await program.done(loss)).orderStatus.status == "Cancelled"
    assert program.simulator.brokerage.account(ACCOUNT).quantity("SPY") == 0


@pytest.mark.parametrize(("oca_type", "left"), [(1, 0), (2, 3), (3, 3)])
async def test_a_part_of_one_ends_the_others_or_makes_them_smaller_as_the_type_says(program, oca_type, left):
    await program.done(program.buy(4))
    legs = [LimitOrder("SELL", 4, program.price(0.9)), StopOrder("SELL", 4, program.price(0.5))]
    ib_async.IB.oneCancelsAll(legs, "exit-1", oca_type)
    program.simulator.order_faults.random = lambda kind: 0.0  # the smallest part: one share
    program.fault("partial_fills", times=1)
    program.simulator.brokerage.listen(lambda update: update.execution and program.fault("no_fills"))
    profit, loss = (program.ib.placeOrder(SPY, leg) for leg in legs)
    await program.until(lambda: loss.orderStatus.remaining == left if left else loss.isDone())
    assert (profit.orderStatus.filled, profit.isDone()) == (1, False)


async def test_the_name_of_a_group_is_taken_once_and_an_order_stays_in_its_group(program):
    await program.done(program.buy(4))
    legs = [LimitOrder("SELL", 4, program.price(1.5)), StopOrder("SELL", 4, program.price(0.5))]
    ib_async.IB.oneCancelsAll(legs, "exit-1", 2)
    profit, loss = (program.ib.placeOrder(SPY, leg) for leg in legs)
    await program.stands(profit, "Submitted")
    other = ib_async.Order(**{**ib_async.util.dataclassNonDefaults(profit.order), "ocaGroup": ""})
    program.ib.client.placeOrder(profit.order.orderId, SPY, other)
    await program.until(lambda: 10326 in program.codes)
    program.ib.cancelOrder(profit.order)
    await program.done(loss)
    again = StopOrder("SELL", 4, program.price(0.5), ocaGroup="exit-1", ocaType=2)
    program.ib.placeOrder(SPY, again)
    await program.until(lambda: 201 in program.codes)


async def test_a_trailing_stop_follows_the_market(program):
    await program.done(program.buy(1))
    trail = ib_async.Order(action="SELL", totalQuantity=1, orderType="TRAIL", auxPrice=90.0)
    trade = await program.stands(program.ib.placeOrder(SPY, trail), "PreSubmitted")
    await program.until(lambda: bool(program.simulator.brokerage.orders(ACCOUNT)[-1].stop_price))
    found = await program.ib.reqAllOpenOrdersAsync()  # one that is told unasked meanwhile is in it twice
    (listed,) = {each.order.permId: each for each in found}.values()
    assert (listed.order.orderType, listed.order.auxPrice) == ("TRAIL", 90.0)
    assert not trade.isDone()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"totalQuantity": 90_000}, 201),
        ({"totalQuantity": 1.5}, 10243),
        ({"lmtPrice": 500.001}, 110),
        ({"orderType": "MIDPRICE"}, 387),
        ({"tif": "FOK"}, 391),
        ({"account": "DU999"}, 435),
    ],
)
async def test_what_cannot_be_is_refused_with_the_gateways_code(program, change, code):
    order = LimitOrder("BUY", 1, program.price(1.0))
    for name, value in change.items():
        setattr(order, name, value)
    program.ib.placeOrder(SPY, order)
    await program.until(lambda: code in program.codes)
    assert program.simulator.brokerage.orders(ACCOUNT) == []


async def test_an_unknown_contract_an_unknown_order_and_one_that_is_over_are_refused(program):
    program.buy(1, Stock("NO WAY", "SMART", "USD"))
    await program.until(lambda: 200 in program.codes)
    program.ib.client.cancelOrder(4711)
    await program.until(lambda: 10147 in program.codes)
    trade = await program.done(program.buy(1))
    program.ib.client.cancelOrder(trade.order.orderId)
    await program.until(lambda: 10148 in program.codes)
    program.ib.client.placeOrder(trade.order.orderId, SPY, trade.order)
    await program.until(lambda: 104 in program.codes)


async def test_a_client_id_is_for_one_program_at_a_time(program):
    other = Program(program.simulator)
    with pytest.raises((ConnectionError, TimeoutError)):
        await other.connect(1, timeout=1)
    assert other.codes == [326]
    await other.connect(2)
    other.ib.disconnect()


async def test_another_program_sees_the_order_and_cannot_cancel_it_alone(program):
    trade = await program.stands(program.far(), "Submitted")
    other = Program(program.simulator)
    await other.connect(2)
    (seen,) = await other.ib.reqAllOpenOrdersAsync()
    assert (seen.order.permId, seen.order.clientId) == (trade.order.permId, 1)
    assert await other.ib.reqOpenOrdersAsync() == []
    other.ib.client.cancelOrder(trade.order.orderId)
    await other.until(lambda: 10147 in other.codes)
    other.ib.reqGlobalCancel()
    await program.done(trade)
    other.ib.disconnect()


async def test_the_master_hears_of_what_a_person_does_and_others_do_not(program):
    other = Program(program.simulator)
    await other.connect(2)
    ticket = Ticket(symbol="SPY", side=Side.BUY, quantity=Decimal(7), payload={})
    program.simulator.brokerage.place(ACCOUNT, ticket)
    await program.until(lambda: bool(program.ib.fills()))
    assert program.ib.fills()[0].execution.orderRef == ""
    assert other.ib.fills() == []
    (fill,) = await other.ib.reqExecutionsAsync()
    assert fill.execution.shares == 7
    other.ib.disconnect()


async def test_after_a_restart_everything_is_as_it_was(program):
    trade = await program.stands(program.far(orderRef="ours"), "Submitted")
    await program.done(program.buy(3))
    program.fault("restart", for_s=0.3)
    await program.until(lambda: not program.ib.isConnected())
    async with asyncio.timeout(DEADLINE_S):
        while not program.ib.isConnected():
            try:
                await program.connect(timeout=1)
            except (ConnectionError, TimeoutError):
                await asyncio.sleep(0.05)
    (open_order,) = program.ib.openTrades()
    assert (open_order.order.permId, open_order.order.orderRef) == (trade.order.permId, "ours")
    assert program.ib.positions()[0].position == 3
    program.ib.cancelOrder(open_order.order)
    await program.done(open_order)


async def test_a_line_that_is_lost_behind_the_gateway_is_told_and_what_happened_is_told_later(program):
    trade = await program.stands(program.far(), "Submitted")
    program.fault("upstream_lost", for_s=0.4)
    await program.until(lambda: 1100 in program.codes)
    program.simulator.brokerage.cancel(ACCOUNT, program.simulator.brokerage.orders(ACCOUNT)[0].id)
    await program.until(lambda: 1102 in program.codes)
    await program.done(trade)


async def test_a_program_that_is_too_fast_is_warned_and_then_cut_off(program):
    program.ib.client.MaxRequests = 0
    for _ in range(60):
        program.ib.client.reqCurrentTime()
    await program.until(lambda: not program.ib.isConnected())
    assert 100 in program.codes


async def test_several_accounts_must_be_named():
    accounts = (AccountSetup("DU1"), AccountSetup("DU2"))
    async with connected(accounts=accounts) as program:
        assert program.ib.managedAccounts() == ["DU1", "DU2"]
        program.buy(1)
        await program.until(lambda: 435 in program.codes)
        await program.done(program.buy(1, account="DU2"))
        assert program.simulator.brokerage.account("DU2").quantity("SPY") == 1


@pytest.mark.parametrize("sent", [b"GET / HTTP/1.1\r\n\r\n", b"API\0\0\0\0\x05v9..9", b"API\0\xff\xff\xff\xff"])
async def test_who_does_not_speak_the_protocol_is_hung_up_on(program, sent):
    reader, writer = await asyncio.open_connection("127.0.0.1", program.simulator.gateway_port)
    writer.write(sent)
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        async with asyncio.timeout(DEADLINE_S):
            await reader.readexactly(1)
    writer.close()
    assert program.ib.isConnected()
