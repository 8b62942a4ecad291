"""The simulated market data requests: quotes, history with the venue's oddities, chains, hours."""

from datetime import UTC, datetime

import pytest

from tests.simulators.schwab.client import access_token, http

PATH = "/marketdata/v1"


@pytest.fixture
async def simulator(start):
    async with start() as running:
        yield running


@pytest.fixture
async def client(simulator):
    async with http(simulator, await access_token(simulator)) as found:
        yield found


async def test_quotes_by_symbol_and_unknown_ones_apart(client):
    reply = (await client.get(f"{PATH}/quotes", params={"symbols": "SPY,$SPX,/ES,NONE"})).json()
    assert reply["errors"]["invalidSymbols"] == ["NONE"]
    assert reply["SPY"]["quote"]["bidPrice"] < reply["SPY"]["quote"]["askPrice"]
    assert "bidPrice" not in reply["$SPX"]["quote"]
    assert reply["/ES"]["assetMainType"] == "FUTURE"
    assert (await client.get(f"{PATH}/SPY/quotes")).json()["SPY"]["symbol"] == "SPY"


async def test_history_comes_in_whole_days_with_the_minute_that_still_forms(simulator, client):
    noon = int(datetime(2026, 11, 20, 14, 55, tzinfo=UTC).timestamp() * 1000)
    params = {"symbol": "SPY", "periodType": "day", "frequencyType": "minute", "frequency": 5, "startDate": noon}
    candles = (await client.get(f"{PATH}/pricehistory", params=params)).json()["candles"]
    assert candles[0]["datetime"] < noon - 3_600_000
    now_ms = simulator.clock.now() // 1_000_000
    assert now_ms - 300_000 < candles[-1]["datetime"] <= now_ms
    assert all(candle["low"] <= candle["open"] <= candle["high"] for candle in candles)


@pytest.mark.parametrize(
    "odd", [{"frequency": 3}, {"periodType": "day", "frequencyType": "daily"}, {"period": 6}, {"periodType": "hour"}]
)
async def test_combinations_that_the_venue_does_not_have(client, odd):
    params = {"symbol": "SPY", "periodType": "day", "frequencyType": "minute", "frequency": 1, **odd}
    assert (await client.get(f"{PATH}/pricehistory", params=params)).status_code == 400


async def test_futures_have_no_history(client):
    params = {"symbol": "/ES", "periodType": "day", "frequencyType": "minute", "frequency": 1}
    assert (await client.get(f"{PATH}/pricehistory", params=params)).json()["empty"] is True


async def test_todays_chain_of_the_index_around_the_spot(client):
    params = {"symbol": "$SPX", "strikeCount": 6, "fromDate": "2026-11-20", "toDate": "2026-11-20"}
    chain = (await client.get(f"{PATH}/chains", params=params)).json()
    (calls,) = chain["callExpDateMap"].values()
    assert list(chain["callExpDateMap"]) == ["2026-11-20:0"]
    strikes = sorted(map(float, calls))
    assert len(strikes) == 6
    assert strikes[0] < chain["underlyingPrice"] < strikes[-1]
    assert all(strike % 5 == 0 for strike in strikes)
    first = calls[f"{strikes[0]:.1f}"][0]
    assert first["symbol"] == f"SPXW  261120C{int(strikes[0] * 1000):08d}"
    assert first["bid"] < first["ask"]
    assert 0.5 < first["delta"] <= 1
    assert chain["numberOfContracts"] == 12


async def test_the_whole_index_is_too_much(client):
    reply = await client.get(f"{PATH}/chains", params={"symbol": "$SPX"})
    assert reply.json()["fault"]["detail"]["errorcode"] == "protocol.http.TooBigBody"


async def test_expiries_are_business_days(client):
    reply = (await client.get(f"{PATH}/expirationchain", params={"symbol": "$SPX"})).json()
    days = [each["expirationDate"] for each in reply["expirationList"]]
    assert days[:3] == ["2026-11-20", "2026-11-23", "2026-11-24"]
    assert "2026-11-26" not in days  # Thanksgiving


async def test_hours_of_a_weekend_and_of_a_working_day(client):
    closed = (await client.get(f"{PATH}/markets", params={"markets": "equity", "date": "2026-11-21"})).json()
    assert closed["equity"]["EQ"]["isOpen"] is False
    opened = (await client.get(f"{PATH}/markets", params={"markets": "equity", "date": "2026-11-20"})).json()
    assert opened["equity"]["EQ"]["sessionHours"]["regularMarket"][0]["start"] == "2026-11-20T09:30:00-05:00"
