"""Today's SPXW chain from Schwab, and the choice made from it."""

import math
from datetime import date
from decimal import Decimal as D

import pytest

from brokers.schwab.chains import SchwabChains, read_chain, read_quotes
from brokers.schwab.client import SchwabClient
from brokers.venue import NotUnderstood
from engine.model.time import NS_PER_S
from engine.options.atm import choose_atm
from engine.ports import ChainSource
from simulators.market import MarketConfig
from simulators.schwab.serve import SchwabConfig, serve
from tests.contracts.venues.schwab import Running

DAY = date(2026, 11, 20)


@pytest.fixture
async def source():
    config = SchwabConfig(market=MarketConfig(seed=5, symbols=("SPX",)), start="2026-11-20T15:00:20+00:00")
    async with await serve(config) as simulator:
        setup = Running(simulator).setup({})
        client = SchwabClient(api_url=setup.api_url, access_token=setup.access_token, token_refused=setup.token_refused)
        yield SchwabChains(client, strikes=20)
        await client.close()


async def test_todays_chain_is_enough_to_choose_the_option_at_the_money(source):
    port: ChainSource = source
    chain = await port.chain("SPX", DAY)
    assert {entry.contract.root for entry in chain.entries} == {"SPXW"}
    assert len(chain.entries) == 40
    assert all(entry.bid < entry.ask or math.isnan(entry.bid) for entry in chain.entries)
    strikes = sorted({entry.contract.strike for entry in chain.entries})
    spot = float(strikes[10]) + 1.0
    choice = choose_atm(chain, spot=spot, target=1)
    assert (choice.contract.right, choice.contract.strike) == ("C", strikes[10])
    assert abs(chain.spot - spot) < 10
    assert {entry.ts for entry in chain.entries} == {chain.ts}
    near = [entry.greeks for entry in chain.near(chain.spot, 1) if entry.greeks is not None]
    assert [0 < greeks.delta < 1 for greeks in near] == [True, False], "a call's and a put's"
    assert all(0.01 < greeks.volatility < 2 and greeks.theta < 0 for greeks in near), "a fraction, not percent"


def test_what_schwab_cannot_work_out_is_not_known():
    content = b"""{"status":"SUCCESS","underlyingPrice":null,"callExpDateMap":{"2026-11-20:0":{"6000.0":[
        {"symbol":"SPXW  261120C06000000","delta":"NaN","gamma":-999.0,"volatility":12.5,"last":0.0}]}}}"""
    chain = read_chain(content, "SPX", DAY, asked=5)
    (entry,) = chain.entries
    assert (math.isnan(chain.spot), math.isnan(entry.last)) == (True, True)
    assert entry.greeks is not None
    assert (math.isnan(entry.greeks.delta), math.isnan(entry.greeks.gamma)) == (True, True)
    assert entry.greeks.volatility == 0.125


async def test_quotes_are_those_of_the_chain_and_what_is_unknown_is_left_out(source):
    chain = await source.chain("SPX", DAY)
    known = [entry for entry in chain.entries if entry.bid == entry.bid][:2]
    quotes = await source.quotes([*(entry.contract.symbol for entry in known), "XYZW  261120C06000000"])
    assert [quote.symbol for quote in quotes] == [entry.contract.symbol for entry in known]
    assert all(0 < quote.bid < quote.ask and quote.ts > chain.ts - NS_PER_S for quote in quotes), "whole seconds"


def test_an_answer_that_tells_no_quotes_is_not_understood():
    with pytest.raises(NotUnderstood, match="quotes were expected"):
        read_quotes(b'["no"]', ["SPXW  261120C06000000"], asked=5)
    [quote] = read_quotes(
        b'{"SPXW  261120C06000000":{"quote":{"bidPrice":0.0,"askPrice":0.05}},"errors":{"invalidSymbols":["X"]}}',
        ["SPXW  261120C06000000", "X"],
        asked=5,
    )
    assert (quote.ts, math.isnan(quote.bid), quote.ask) == (5, True, 0.05)


async def test_a_day_without_expiry_is_an_empty_chain(source):
    chain = await source.chain("SPX", date(2026, 11, 26))
    assert chain.entries == ()
    assert chain.ts > 0


def test_a_side_that_nobody_quotes_is_none_and_other_days_are_left_out():
    content = b"""{"status":"SUCCESS","callExpDateMap":{"2026-11-20:0":{"6000.0":[
        {"putCall":"CALL","symbol":"SPXW  261120C06000000","bid":0.0,"ask":0.05,"quoteTimeInLong":1700}]}},
        "putExpDateMap":{"2026-11-23:3":{"6000.0":[{"symbol":"SPXW  261123P06000000","bid":1.0,"ask":1.2}]}}}"""
    chain = read_chain(content, "SPX", DAY, asked=5)
    (entry,) = chain.entries
    assert entry.contract.strike == D(6000)
    assert math.isnan(entry.bid)
    assert (entry.ask, chain.ts, chain.source) == (0.05, 1_700_000_000, "schwab")


@pytest.mark.parametrize(
    "content", [b"<html>", b'{"callExpDateMap":5}', b'{"callExpDateMap":{"a":{"b":[{"symbol":"?"}]}}}']
)
def test_what_is_no_chain_is_not_understood(content):
    with pytest.raises(NotUnderstood):
        read_chain(content, "SPX", DAY, asked=5)
