"""The venue's process: the tastytrade simulator, and on standard input and output what it really did, without a fault
in between."""

import asyncio
import json
import sys
from decimal import Decimal
from typing import Any

import uvloop

from simulators.brokerage.account import AccountSetup
from simulators.brokerage.brokerage import Brokerage
from simulators.brokerage.faults import OrderFaultScript
from simulators.market import MarketConfig
from simulators.serve import Simulator, SimulatorConfig, serve
from simulators.tastytrade.venue import TastytradeSetup

SYMBOLS = ("SPY", "/MES")

# How often each thing goes wrong, per request or event. Everything at once, all the time.
STORM = (
    OrderFaultScript("drop_request", share=0.05),
    OrderFaultScript("drop_answer", share=0.10),
    OrderFaultScript("server_error", share=0.03),
    OrderFaultScript("server_error_after", share=0.05),
    OrderFaultScript("late_answer", share=0.15, delay_s=0.3),
    OrderFaultScript("throttle", share=0.02),
    OrderFaultScript("reject:chaos", share=0.03),
    OrderFaultScript("reject_late:chaos", share=0.03),
    OrderFaultScript("partial_fills", share=0.40),
    OrderFaultScript("late_fill", share=0.15, delay_s=0.15),
    OrderFaultScript("duplicate_fill", share=0.20),
    OrderFaultScript("duplicate_events", share=0.20),
    OrderFaultScript("reorder_events", share=0.15),
    OrderFaultScript("drop_events", share=0.10),
)


def market_config(seed: int) -> MarketConfig:
    return MarketConfig(seed=seed, symbols=SYMBOLS, tick_rate=60.0, always_open=True)


def number_of(run: int) -> str:
    """The account of one run."""
    return f"5WT{run:05d}"


async def main(accounts: int, seed: int) -> None:
    """Serve until standard input ends."""
    setup = TastytradeSetup(
        accounts=tuple(AccountSetup(number_of(run), cash=Decimal(1_000_000)) for run in range(accounts)),
        streamer_port=0,
        faults=STORM,
    )
    async with await serve(
        SimulatorConfig(market=market_config(seed), feed_port=0, broker=setup, poll_s=0.01)
    ) as simulator:
        _say({"url": simulator.rest_url, "stream": simulator.account_stream_url})
        loop = asyncio.get_running_loop()
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            _say(_answer(simulator, json.loads(line)))


def _answer(simulator: Simulator, asked: dict[str, Any]) -> dict[str, Any]:
    if asked["what"] == "cut":
        simulator.broker.faults.add(OrderFaultScript("cut_stream", for_s=asked["for_s"], times=1))
        return {}
    return truth(simulator.broker.brokerage, asked["account"])


def truth(brokerage: Brokerage, number: str) -> dict[str, Any]:
    """Every order, execution and position of an account, as the venue itself has them."""
    return {
        "orders": [
            {
                "id": str(order.id),
                "client_id": order.ticket.tag,
                "state": str(order.state),
                "filled": str(order.filled),
                "replaces": str(order.replaces or ""),
            }
            for order in brokerage.orders(number)
        ],
        "executions": [
            {
                "order": str(each.order_id),
                "symbol": each.symbol,
                "signed": str(each.quantity * each.side.sign),
                "price": str(each.price),
            }
            for each in brokerage.executions(number)
        ],
        "positions": {symbol: str(held.quantity) for symbol, held in brokerage.account(number).holdings.items()},
    }


def _say(document: dict[str, Any]) -> None:
    print(json.dumps(document), flush=True)


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), int(sys.argv[2])))
