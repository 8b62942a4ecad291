"""The vendor's own client against the simulator: what it understands is how the real thing speaks."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import databento
import databento_dbn as dbn
import pytest
from databento.common.error import BentoError, BentoWarning

from engine.model.time import NS_PER_HOUR, NS_PER_MINUTE, NS_PER_S
from simulators.databento.serve import KEY, DatabentoConfig, DatabentoSimulator, serve
from simulators.faults import FaultScript
from simulators.market import MarketConfig
from tests.simulators.waiting import refusing

START = "2026-11-20T15:00:20+00:00"
GLBX = "GLBX.MDP3"


@pytest.fixture
async def simulator() -> AsyncIterator[DatabentoSimulator]:
    market = MarketConfig(seed=5, symbols=("SPY", "/ESZ26:XCME", "/NQZ26:XCME"), tick_rate=20.0, always_open=True)
    async with await serve(DatabentoConfig(market=market, start=START, speed=5.0)) as running:
        yield running


class Streamed:
    """The SDK's live client, with everything it hands out."""

    def __init__(self, simulator: DatabentoSimulator, *, key: str = KEY, **options: Any) -> None:
        self.client = databento.Live(key, gateway="127.0.0.1", port=simulator.gateway_port, **options)
        self.records: list[Any] = []
        self.client.add_callback(self.records.append)

    async def subscribe(self, **wanted: Any) -> None:
        await asyncio.to_thread(lambda: self.client.subscribe(**{"dataset": GLBX, **wanted}))

    async def start(self) -> None:
        await asyncio.to_thread(self.client.start)

    def of(self, kind: type) -> list[Any]:
        return [record for record in self.records if isinstance(record, kind)]

    async def until(self, condition: Any) -> None:
        async with asyncio.timeout(60):
            while not condition():
                await asyncio.sleep(0.01)

    async def end(self) -> None:
        self.client.stop()
        await asyncio.to_thread(self.client.block_for_close, 5)


def printed(simulator: DatabentoSimulator, name: str, first: int, last: int) -> list[tuple[int, float, float]]:
    return [(tick.ts, tick.price, tick.size) for tick in simulator.market.ticks(name, start=first - 1, end=last)]


async def test_it_streams_every_print_and_maps_the_numbers_to_symbols(simulator):
    got = Streamed(simulator)
    await got.subscribe(schema="trades", symbols=["ESZ6", "NQZ6"])
    await got.start()
    await got.until(lambda: len(got.of(dbn.TradeMsg)) > 60)
    names = {**got.client.symbology_map}
    await got.end()
    assert set(names.values()) == {"ESZ6", "NQZ6"}
    trades = [each for each in got.of(dbn.TradeMsg) if names[each.instrument_id] == "ESZ6"]
    found = [(each.ts_event, each.pretty_price, float(each.size)) for each in trades]
    assert found == printed(simulator, "/ESZ26:XCME", found[0][0], found[-1][0])


@pytest.mark.parametrize(
    ("stype", "symbol", "expected"),
    [("continuous", "ES.v.0", {"ESZ6"}), ("continuous", "ES.n.1", {"ESH7"}), ("parent", "ES.FUT", {"ESZ6", "ESH7"})],
)
async def test_continuous_and_parent_symbols_are_mapped(simulator, stype, symbol, expected):
    got = Streamed(simulator)
    await got.subscribe(schema="trades", symbols=symbol, stype_in=stype)
    await got.start()
    await got.until(lambda: got.of(dbn.TradeMsg))
    await got.end()
    mapped = got.of(dbn.SymbolMappingMsg)
    assert {each.stype_in_symbol for each in mapped} == {symbol}
    assert {each.stype_out_symbol for each in mapped} == expected


async def test_each_schema_has_its_records(simulator):
    got = Streamed(simulator)
    for schema in ("tbbo", "mbp-1", "ohlcv-1s", "definition", "statistics", "status"):
        await got.subscribe(schema=schema, symbols="ESZ6")
    await got.start()
    await got.until(lambda: len(got.of(dbn.OHLCVMsg)) > 2 and got.of(dbn.MBP1Msg))
    await got.end()
    top = got.of(dbn.MBP1Msg)[0].levels[0]
    assert top.bid_px < top.ask_px
    assert got.of(dbn.InstrumentDefMsg)[0].raw_symbol == "ESZ6"
    assert got.of(dbn.InstrumentDefMsg)[0].pretty_min_price_increment == 0.25
    assert {each.stat_type for each in got.of(dbn.StatMsg)} >= {dbn.StatType.OPEN_INTEREST}
    assert got.of(dbn.StatusMsg)[0].action == dbn.StatusAction.TRADING
    bar = got.of(dbn.OHLCVMsg)[0]
    inside = printed(simulator, "/ESZ26:XCME", bar.ts_event, bar.ts_event + NS_PER_S - 1)
    prices = [price for _, price, _ in inside]
    assert (bar.pretty_open, bar.pretty_high, bar.pretty_low, bar.pretty_close) == (
        *(prices[0], max(prices), min(prices), prices[-1]),
    )


async def test_a_start_in_the_past_is_replayed_and_then_joins_the_present(simulator):
    since = simulator.clock.now() - 30 * NS_PER_S
    got = Streamed(simulator)
    await got.subscribe(schema="trades", symbols="ESZ6", start=since)
    await got.start()
    await got.until(lambda: got.of(dbn.TradeMsg) and got.of(dbn.TradeMsg)[-1].ts_event > since + 40 * NS_PER_S)
    await got.end()
    codes = [each.code for each in got.of(dbn.SystemMsg)]
    assert codes[:2] == [dbn.SystemCode.SUBSCRIPTION_ACK, dbn.SystemCode.REPLAY_COMPLETED]
    found = [(each.ts_event, each.pretty_price, float(each.size)) for each in got.of(dbn.TradeMsg)]
    assert found == printed(simulator, "/ESZ26:XCME", since, found[-1][0])


async def test_a_wrong_key_is_refused(simulator):
    got = Streamed(simulator, key="db-" + "x" * 29)
    with pytest.raises(BentoError, match="authentication failed"):
        await got.subscribe(schema="trades", symbols="ESZ6")


async def test_an_unknown_symbol_ends_the_session_with_its_reason(simulator):
    got = Streamed(simulator)
    await got.subscribe(schema="trades", symbols="NONE")
    await got.start()
    await got.until(lambda: got.of(dbn.ErrorMsg))
    assert got.of(dbn.ErrorMsg)[0].code == dbn.ErrorCode.SYMBOL_RESOLUTION_FAILED
    with pytest.raises(BentoError, match="NONE"):
        await asyncio.to_thread(got.client.block_for_close, 5)


async def test_heartbeats_come_where_nothing_else_does(simulator):
    simulator.faults.add(FaultScript("half_day"))
    got = Streamed(simulator, heartbeat_interval_s=5)
    await got.subscribe(schema="trades", symbols="ESZ6")
    for session in simulator.gateway.clients:
        session._heartbeat_s = 0.1  # five seconds are the protocol's least
    await got.start()
    await got.until(lambda: sum(each.is_heartbeat() for each in got.of(dbn.SystemMsg)) > 2)
    await got.end()


def historical(simulator: DatabentoSimulator, key: str = KEY) -> databento.Historical:
    """The SDK insists on https; everything else is its own."""
    client = databento.Historical(key)
    for part in ("timeseries", "metadata", "symbology"):
        getattr(client, part)._base_url = f"{simulator.rest_url}/v0/{part}"
    return client


async def test_the_sdk_downloads_prints_and_bars(simulator):
    client, end = historical(simulator), simulator.clock.now()
    start = end - 3 * NS_PER_MINUTE
    asked: dict[str, Any] = {"dataset": GLBX, "symbols": "ES.v.0", "stype_in": "continuous", "start": start, "end": end}
    store: Any = await asyncio.to_thread(lambda: client.timeseries.get_range(schema="trades", **asked))
    found = [(each.ts_event, each.pretty_price, float(each.size)) for each in store]
    assert found == printed(simulator, "/ESZ26:XCME", start, end - 1)
    frame = await asyncio.to_thread(lambda: client.timeseries.get_range(schema="ohlcv-1m", **asked).to_df())
    assert len(frame) in (2, 3)
    assert set(frame["symbol"]) == {"ES.v.0"}


async def test_the_sdk_asks_what_there_is_what_it_costs_and_what_symbols_mean(simulator):
    client, now = historical(simulator), simulator.clock.now()
    asked: dict[str, Any] = {"dataset": GLBX, "symbols": "ESZ6", "schema": "ohlcv-1m"}
    span: dict[str, Any] = {"start": now - NS_PER_HOUR, "end": now}
    assert "trades" in await asyncio.to_thread(client.metadata.list_schemas, GLBX)
    assert "end" in await asyncio.to_thread(client.metadata.get_dataset_range, GLBX)
    count = await asyncio.to_thread(lambda: client.metadata.get_record_count(**asked, **span))
    assert 58 <= count <= 60
    assert 0 < await asyncio.to_thread(lambda: client.metadata.get_cost(**asked, **span)) < 0.01
    resolved = await asyncio.to_thread(
        lambda: client.symbology.resolve(GLBX, ["ES.c.0", "XX.c.0"], "continuous", "raw_symbol", "2026-11-20")
    )
    assert resolved["result"]["ES.c.0"][0]["s"] == "ESZ6"
    assert resolved["not_found"] == ["XX.c.0"]


@pytest.mark.parametrize(
    ("change", "status", "text"),
    [
        ({"symbols": "NONE"}, 422, "symbology_invalid_request"),
        ({"end": 2_000_000_000_000_000_000}, 422, "data_end_after_available_end"),
        ({"schema": "mbo"}, 422, "data_invalid_request"),
    ],
)
async def test_what_cannot_be_had_is_refused_in_the_vendors_form(simulator, change, status, text):
    client, now = historical(simulator), simulator.clock.now()
    asked: dict[str, Any] = {
        "dataset": GLBX,
        "symbols": "ESZ6",
        "schema": "trades",
        "start": now - NS_PER_MINUTE,
        "end": now,
        **change,
    }
    with pytest.raises(databento.BentoClientError) as refused:
        await asyncio.to_thread(lambda: client.timeseries.get_range(**asked))
    assert refused.value.http_status == status
    assert text in str(refused.value)


async def test_a_busy_venue_and_a_wrong_key_are_told(simulator):
    with pytest.raises(databento.BentoClientError) as refused:
        await asyncio.to_thread(historical(simulator, "db-" + "x" * 29).metadata.list_datasets)
    assert refused.value.http_status == 401
    simulator.faults.add(FaultScript("throttle"))
    await refusing(simulator)
    with pytest.raises(databento.BentoClientError) as busy:
        await asyncio.to_thread(historical(simulator).metadata.list_datasets)
    assert (busy.value.http_status, busy.value.headers["retry-after"]) == (429, "1")


async def test_what_is_missing_in_part_is_a_partial_answer_with_a_warning(simulator):
    client, now = historical(simulator), simulator.clock.now()
    asked: dict[str, Any] = {"dataset": GLBX, "symbols": ["ESZ6", "NONE"], "schema": "ohlcv-1m"}
    with pytest.warns(BentoWarning, match="NONE"):
        store = await asyncio.to_thread(
            lambda: client.timeseries.get_range(start=now - 5 * NS_PER_MINUTE, end=now, **asked)
        )
    assert store.metadata.not_found == ["NONE"]
