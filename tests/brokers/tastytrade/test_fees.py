"""What a fill costs is told with it, by the process that placed the order and by one that did not."""

import asyncio
from decimal import Decimal as D

import pytest

from brokers.tastytrade.translate import charged_unit_fees, expected_unit_fee
from brokers.venue import FillReported, StreamRestored
from engine.instruments.catalog import instrument_for
from tests.contracts.venues.base import at_desk, known, make_venue
from tests.contracts.venues.tastytrade import ENTRY
from tests.waiting import DEADLINE_S


async def test_fees_come_with_the_fills_on_the_stream_and_in_the_list():
    async with at_desk(ENTRY) as desk:
        await desk.watch()
        desk.fault("partial_fills", times=1)
        placed = await desk.place_filled(desk.order(quantity=3, symbol="/MES"))
        await desk.until(lambda: sum(fill.quantity for fill in desk.fills) == 3, "fills")
        assert {fill.fee / fill.quantity for fill in desk.fills} == {D("1.17")}
        listed = known(await desk.venue.fills(since=placed.placed_ts - 10**9))
        assert sum(fill.fee for fill in listed) == 3 * D("1.17")


async def test_a_process_that_did_not_place_the_order_looks_its_fees_up():
    async with at_desk(ENTRY) as desk:
        successor = make_venue(ENTRY, desk.simulated, {})
        told: list[FillReported] = []
        is_up = asyncio.Event()

        async def watch() -> None:
            async for update in successor.updates():
                if isinstance(update, StreamRestored):
                    is_up.set()
                if isinstance(update, FillReported):
                    told.append(update)
                    return

        task = asyncio.create_task(watch())
        await is_up.wait()
        await desk.venue.place(desk.order(quantity=2, symbol="/MES"), instrument_for("/MES"))
        await asyncio.wait_for(task, DEADLINE_S)
        assert [update.fill.fee for update in told] == [2 * D("1.17")]
        await successor.close()


def test_the_parts_of_a_fee_are_added_up_by_order():
    trade = {"order-id": 7, "quantity": "2.0", "commission": "2.5", "clearing-fees": "0.6", "regulatory-fees": "-0.04"}
    assert charged_unit_fees([trade, {**trade, "quantity": "1.0"}, {"order-id": None}, {"quantity": "1"}]) == {
        7: D("6.28") / 3
    }


@pytest.mark.parametrize(
    "answer",
    [None, {}, {"fee-calculation": None, "order": {}}, {"fee-calculation": {"total-fees": "x"}, "order": {"size": 1}}],
)
def test_an_answer_without_fees_tells_none(answer):
    assert expected_unit_fee(answer) is None
