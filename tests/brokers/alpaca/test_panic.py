"""The emergency path at Alpaca: orders cancelled, positions closed, by keys of its own."""

from decimal import Decimal as D

from brokers.panic.config import PanicAccount
from brokers.panic.run import run_all
from engine.model.enums import OrderState, Side
from tests.contracts.venues.alpaca import ENTRY, KEYS
from tests.contracts.venues.base import at_desk


async def test_everything_is_cancelled_and_closed_and_a_missing_key_holds_nobody_up():
    async with at_desk(ENTRY) as desk:
        await desk.place_filled(desk.order(quantity="2.5"))
        await desk.place_filled(desk.order(Side.SELL, 4, "QQQ"))
        resting = desk.far_order()
        await desk.place(resting)
        await desk.found(resting, OrderState.WORKING)
        url = desk.simulated.setup({}).api_url
        mine = PanicAccount(
            name="mine", broker="alpaca", api_url=url, options={"key": KEYS.key, "secret": KEYS.secret, "settle_s": 0.3}
        )
        nobody = PanicAccount(name="nobody", broker="alpaca", api_url=url)
        flat, unknown = await run_all([mine, nobody], say=lambda text: None, within_s=10.0)
        assert flat.is_flat, flat.problems
        assert len(flat.cancelled) == 1
        assert len(flat.closed) == 2
        assert (desk.held("SPY"), desk.held("QQQ")) == (D(0), D(0))
        assert not unknown.is_flat
        assert "ALPACA_KEY" in unknown.problems[0]
