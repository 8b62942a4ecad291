"""The emergency path at Interactive Brokers: beside a program that trades, without its number."""

from decimal import Decimal as D

from brokers.panic.config import PanicAccount, read_config
from brokers.panic.run import run_all
from engine.model.enums import Side
from simulators.brokerage.faults import OrderFaultScript
from tests.contracts.venues import ibkr
from tests.contracts.venues.base import Desk, at_desk


def account(desk: Desk) -> PanicAccount:
    gateway = desk.simulated.setup({}).options["gateway"]
    options = {"gateway": gateway, "settle_s": 0.3, "timeout_s": 2.0}
    return PanicAccount(name="ib", broker="ibkr", account_number=desk.simulated.account, options=options)


async def test_everything_is_cancelled_and_closed_while_another_program_is_connected():
    async with at_desk(ibkr.ENTRY) as desk:
        await desk.place_filled(desk.order(quantity=30))
        await desk.place(desk.far_order())
        desk.trade_by_hand("QQQ", Side.SELL, 5)
        await desk.until(lambda: desk.held("QQQ") == D(-5), "the trade by hand")
        desk.simulated.order_faults.add(OrderFaultScript("drop_answer", times=1, actions=("place",)))
        [outcome] = await run_all([account(desk)], say=lambda text: None)
        assert outcome.is_flat, outcome
        assert len(outcome.cancelled) == 1
        assert sorted(outcome.closed) == ["long 30 SPY", "short 5 QQQ"]
        assert desk.held("SPY") == desk.held("QQQ") == D(0)
        [again] = await run_all([account(desk)], say=lambda text: None)
        assert (again.is_flat, again.closed) == (True, [])


async def test_a_gateway_that_is_not_there_is_unknown_and_not_flat():
    nowhere = PanicAccount(name="ib", broker="ibkr", account_number="U1", options={"gateway": "127.0.0.1:9"})
    [outcome] = await run_all([nowhere], say=lambda text: None)
    assert not outcome.is_flat
    assert "cannot be reached" in outcome.problems[0]


def test_the_file_of_credentials_holds_its_address_and_no_secret(tmp_path):
    path = tmp_path / "panic.toml"
    path.write_text('[[account]]\nname = "ib"\nbroker = "ib"\naccount_number = "U1"\noptions = { port = 4001 }\n')
    (found,) = read_config(path)
    assert (found.broker, found.options) == ("ibkr", {"port": 4001})
