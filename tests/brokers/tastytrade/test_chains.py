"""Today's SPXW chain from tastytrade, and the choice made from it."""

import math
from datetime import date, timedelta
from decimal import Decimal as D

import pytest

from brokers.tastytrade.chains import TastytradeChains
from brokers.tastytrade.client import Client
from brokers.venue import NotUnderstood
from engine.model.enums import Side
from engine.options.atm import choose_atm
from engine.ports import ChainSource
from simulators.brokerage.orders import Ticket
from simulators.http_server import HttpRequest, HttpResponse
from simulators.market import MarketConfig
from simulators.serve import SimulatorConfig, serve
from tests.brokers.tastytrade.test_client import answering
from tests.contracts.venues.tastytrade import Running

DAY = date(2026, 11, 20)


@pytest.fixture
async def running():
    market = MarketConfig(seed=5, symbols=("SPX", "SPY"))
    async with await serve(SimulatorConfig(market=market, start="2026-11-20T15:00:20+00:00")) as simulator:
        yield Running(simulator)


@pytest.fixture
async def source(running):
    client = Client(running.setup({}))
    yield TastytradeChains(client, strikes=60)
    await client.close()


async def test_todays_chain_is_enough_to_choose_the_option_at_the_money(source, running):
    port: ChainSource = source
    chain = await port.chain("SPX", DAY)
    assert {entry.contract.root for entry in chain.entries} == {"SPXW"}
    assert {entry.contract.expiry for entry in chain.entries} == {DAY}
    assert len(chain.entries) == 120, "more than the venue answers at once"
    assert all(entry.bid < entry.ask or math.isnan(entry.bid) for entry in chain.entries)
    last = running.simulator.market.find("SPX").last(running.simulator.clock.now())
    spot = float(last.prints.price[last.first]) / 100
    choice = choose_atm(chain, spot=spot, target=1)
    assert choice.contract.right == "C"
    assert abs(float(choice.contract.strike) - spot) <= 5
    assert chain.spot == pytest.approx(spot, abs=2)
    assert all(entry.ts <= chain.ts and entry.last > 0 for entry in chain.near(spot, 3))
    running.brokerage.place("5WT00001", Ticket(symbol=choice.contract.symbol, side=Side.BUY, quantity=D(1)))


async def test_quotes_are_those_of_the_chain_and_what_is_unknown_is_left_out(source):
    chain = await source.chain("SPX", DAY)
    known = [entry for entry in chain.entries if entry.bid == entry.bid][:2]
    quotes = await source.quotes([*(entry.contract.symbol for entry in known), "XYZW  261120C06000000"])
    assert [quote.symbol for quote in quotes] == [entry.contract.symbol for entry in known]
    assert all(0 < quote.bid < quote.ask and quote.ts >= chain.ts for quote in quotes)


async def test_a_day_without_expiry_is_an_empty_chain(source):
    chain = await source.chain("SPX", DAY + timedelta(days=1))
    assert chain.entries == ()


@pytest.mark.parametrize(
    "items",
    [
        [{"root-symbol": "SPXW"}],
        [
            {
                "root-symbol": "SPXW",
                "expirations": [{"expiration-date": "2026-11-20", "strikes": [{"strike-price": "x"}]}],
            }
        ],
        [
            {
                "root-symbol": "SPXW",
                "expirations": [
                    {"expiration-date": "2026-11-20", "strikes": [{"strike-price": "1", "call": "?", "put": "?"}]}
                ],
            }
        ],
    ],
)
async def test_what_is_no_chain_is_not_understood(items):
    def handle(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, {"data": {"items": items}})

    async with answering(handle) as caller:
        with pytest.raises(NotUnderstood):
            await TastytradeChains(caller.client).chain("SPX", DAY)
