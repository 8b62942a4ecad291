"""What a fill costs at Schwab is looked up and told with it."""

import time
from decimal import Decimal as D
from typing import Any

from brokers.schwab.documents import TransactionDoc, TransferDoc
from brokers.schwab.fees import charged_unit_fees
from engine.model.enums import OrderIntent, Side
from tests.contracts.venues.base import at_desk, known
from tests.contracts.venues.schwab import ENTRY


def option(desk) -> str:
    day = time.strftime("%y%m%d", time.gmtime(time.time() + 3 * 86_400))
    return f"SPXW  {day}C{int(desk.price('SPY')) * 10 // 5 * 5 * 1000:08d}"


async def test_fees_come_with_the_fills_on_the_stream_and_in_the_list():
    async with at_desk(ENTRY) as desk:
        await desk.watch()
        symbol, since = option(desk), time.time_ns()
        await desk.place_filled(desk.order(Side.BUY, 2, symbol))
        await desk.until(lambda: bool(desk.fills), "the fill")
        assert sum(fill.fee for fill in desk.fills) == 2 * D("1.13")
        assert sum(fill.fee for fill in known(await desk.venue.fills(since=since))) == 2 * D("1.13")
        await desk.place_filled(desk.order(Side.SELL, 2, symbol, intent=OrderIntent.EXIT))
        assert sum(fill.fee for fill in known(await desk.venue.fills(since=since))) == 4 * D("1.13")


async def test_a_list_of_transactions_that_is_away_keeps_no_fill_back():
    async with at_desk(ENTRY) as desk:
        venue: Any = desk.venue
        send = venue._client.send

        async def broken(method, path, **what):
            if "transactions" in path:
                desk.fault("server_error", times=1, actions=("query",))
            return await send(method, path, **what)

        venue._client.send = broken
        since = time.time_ns()
        await desk.place_filled(desk.order(Side.BUY, 1, option(desk)))
        (fill,) = known(await desk.venue.fills(since=since))
        assert (fill.quantity, fill.fee) == (1, 0)


def test_fees_of_several_kinds_and_executions_are_added_up_by_order():
    parts = [TransferDoc(D("0.65"), D("-0.65"), "COMMISSION"), TransferDoc(D("0.01"), D("-0.01"), "OPT_REG_FEE")]
    trade = TransactionDoc(7, [*parts, TransferDoc(D(1), D(-250))])
    assert charged_unit_fees([trade, trade, TransactionDoc(0, parts), TransactionDoc(8, parts)]) == {7: D("0.66")}
