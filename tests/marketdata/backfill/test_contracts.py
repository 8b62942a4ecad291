"""The past of a futures root: each time's own contract is asked for, joined without a double or a hole."""

from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest

from engine.instruments.futures import active_contract
from engine.instruments.rolls import futures_day
from engine.model.market import Bar
from engine.model.time import NS_PER_DAY, NS_PER_HOUR, from_datetime, to_datetime
from infra.redis.client import sync_client
from marketdata import services as feeds
from marketdata.backfill import services
from marketdata.backfill.contracts import same_contract_since, stretches
from marketdata.backfill.sources import FeedHistory
from marketdata.feeds.databento.feed import DatabentoFeed
from marketdata.feeds.databento.options import DatabentoOptions
from marketdata.feeds.dxlink.feed import DXLinkFeed
from marketdata.feeds.massive.feed import MassiveFeed
from marketdata.history import recent_bars_now

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_url")]
NOW = from_datetime(datetime(2026, 11, 20, 15, tzinfo=UTC))
A_YEAR_AGO = NOW - 365 * NS_PER_DAY
LEVELS = {"/NQU25": 1.0, "/NQZ25": 2.0, "/NQH26": 3.0, "/NQM26": 4.0, "/NQU26": 5.0, "/NQZ26": 6.0}


class Vendor:
    """Hourly bars around the clock of every contract, each at a level of its own; with `fails` it breaks once there."""

    name = "main"
    has_own_history = True
    has_contracts = True

    def __init__(self, *, request_ns: int | None = None, fails: str = "") -> None:
        self.request_ns = request_ns
        self.asked: list[tuple[str, int, int]] = []
        self._fails = fails

    async def history(self, symbol: str, timeframe: str, *, start: int, end: int) -> list[Bar]:
        self.asked.append((symbol, start, end))
        if symbol == self._fails:
            self._fails = ""
            raise KeyboardInterrupt
        first = start - start % NS_PER_HOUR
        return [self._bar(symbol, opened) for opened in range(first, end, NS_PER_HOUR)]

    async def close(self) -> None:
        """Nothing is open."""

    def _bar(self, symbol: str, opened: int) -> Bar:
        price = LEVELS.get(symbol, 9.0)
        return Bar(
            opened + NS_PER_HOUR, symbol, "1h", opened, price, price, price, price, 1.0, source="vendor:main",
            quality="vendor",
        )  # fmt: skip


def history_of(feed: Any) -> FeedHistory:
    return FeedHistory(feed)


def job() -> Any:
    feeds.save_feed(name="main", kind="dxlink", api_url="http://127.0.0.1:1", is_default=True)
    return services.create_job(symbols=["/NQ"], timeframe="1h", start=to_datetime(A_YEAR_AGO), end=to_datetime(NOW))


def test_a_year_is_cut_where_the_root_rolled():
    found = list(stretches("/NQ", A_YEAR_AGO, NOW))
    assert [each.contract.symbol for each in found] == ["/NQZ25", "/NQH26", "/NQM26", "/NQU26", "/NQZ26"]
    assert (found[0].start, found[-1].end) == (A_YEAR_AGO, NOW)
    assert all(one.end == other.start for one, other in pairwise(found))
    for one, other in pairwise(found):
        assert one.contract == active_contract("NQ", futures_day(one.end - 1))
        assert other.contract == active_contract("NQ", futures_day(one.end))
    assert same_contract_since("/NQ", NOW) == found[-1].start
    assert same_contract_since("/NQZ26", NOW) == same_contract_since("SPY", NOW) == 0


def test_each_bar_is_of_the_contract_of_its_time_which_its_source_names(archive):
    vendor, wanted = Vendor(request_ns=100 * NS_PER_DAY), job()
    assert services.run_job(job_id=wanted.pk, source=history_of(vendor)).state == "done"
    bars = archive.bars("/NQ", "1h")
    assert len(bars) == 365 * 24
    assert all(one.ts == other.ts_open for one, other in pairwise(bars))
    for bar in bars:
        contract = active_contract("NQ", futures_day(bar.ts - 1)).symbol
        assert (bar.symbol, bar.source, bar.close) == ("/NQ", f"vendor:main:{contract}", LEVELS[contract])


def test_who_warms_up_sees_the_present_contract_only(archive, redis_url, time_machine):
    time_machine.move_to(to_datetime(NOW), tick=False)
    services.run_job(job_id=job().pk, source=history_of(Vendor()))
    recent = recent_bars_now(sync_client(redis_url), "/NQ", "1h", 2_000)
    assert {bar.source for bar in recent} == {"vendor:main:/NQZ26"}
    assert recent[0].ts_open >= same_contract_since("/NQ", NOW)


def test_whoever_is_killed_between_two_contracts_goes_on_there(archive):
    wanted = job()
    with pytest.raises(KeyboardInterrupt):
        services.run_job(job_id=wanted.pk, source=history_of(Vendor(request_ns=30 * NS_PER_DAY, fails="/NQU26")))
    vendor = Vendor(request_ns=30 * NS_PER_DAY)
    assert services.run_job(job_id=wanted.pk, source=history_of(vendor)).state == "done"
    assert {symbol for symbol, *_ in vendor.asked} == {"/NQM26", "/NQU26", "/NQZ26"}
    assert len(archive.bars("/NQ", "1h")) == 365 * 24


async def test_a_contract_by_its_own_name_and_a_vendor_that_joins_them_are_asked_as_they_are_called():
    vendor = Vendor()
    bars = await history_of(vendor).bars("/NQZ26", "1h", start=A_YEAR_AGO, end=A_YEAR_AGO + NS_PER_DAY)
    assert {bar.source for bar in bars} == {"vendor:main"}
    vendor.has_contracts = False
    await history_of(vendor).bars("/NQ", "1h", start=A_YEAR_AGO, end=NOW)
    assert [symbol for symbol, *_ in vendor.asked] == ["/NQZ26", "/NQ"]


def test_which_feeds_know_contracts():
    assert DXLinkFeed.has_contracts
    assert MassiveFeed.has_contracts
    key = "db-" + "x" * 29
    assert DatabentoFeed("db", key).has_contracts
    assert not DatabentoFeed("db", key, options=DatabentoOptions(contract="v")).has_contracts
