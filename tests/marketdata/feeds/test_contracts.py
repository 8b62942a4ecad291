"""What pages are interested in is followed, written with a time to live, and dropped when nobody renews it."""

import asyncio
import time

import msgspec

from engine.instruments.options import parse_option
from engine.options.chain import ChainEntry, Greeks
from infra.cancelling import cancel
from infra.redis import keys
from infra.redis.client import aclose_clients, async_client
from marketdata.feeds import contracts
from marketdata.feeds.contracts import QUOTE_TTL_S, ContractWatch
from tests.marketdata.feeds.conftest import until

CALL, PUT = "SPXW  261127C06000000", "SPXW  261127P06000000"


class FakeFeed:
    """A feed, and its lines."""

    def __init__(self) -> None:
        self.contracts: FakeFeed = self
        self.is_connected = True
        self.followed: set[str] = set()
        self.changed: list[ChainEntry] = []
        self.known: list[ChainEntry] = []

    async def follow(self, symbols) -> None:
        self.followed = set(symbols)

    def take(self) -> list[ChainEntry]:
        changed, self.changed = self.changed, []
        return changed

    def quoted(self) -> list[ChainEntry]:
        return self.known


async def written(client) -> None:
    deadline = time.monotonic() + 60
    while not await client.exists(keys.option_quote(CALL)):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


async def test_an_interest_is_followed_until_it_ends_and_its_quotes_can_be_read(redis_url, monkeypatch):
    monkeypatch.setattr(contracts, "RENEW_S", 0.02)
    client, lines = async_client(redis_url), FakeFeed()
    watch = asyncio.create_task(ContractWatch(client, lines, look_s=0.01).run())
    now_ms = time.time_ns() // 1_000_000
    await client.zadd(keys.option_interest(), {CALL: now_ms + 60_000, PUT: now_ms + 400})
    await until(lambda: lines.followed == {CALL, PUT})
    told = ChainEntry(parse_option(CALL), 1.2, 1.3, ts=5, greeks=Greeks(delta=0.5))
    lines.changed = [told]
    await until(lambda: not lines.changed)
    await until(lambda: lines.followed == {CALL}, what="the interest that nobody renewed ends")
    stored = await client.get(keys.option_quote(CALL))
    assert stored is not None
    assert msgspec.json.decode(stored, type=ChainEntry).greeks == told.greeks
    assert 0 < await client.ttl(keys.option_quote(CALL)) <= QUOTE_TTL_S

    # What did not change is written again while the line is up, and only then.
    lines.known = [told]
    await client.delete(keys.option_quote(CALL))
    await written(client)
    lines.is_connected = False
    await asyncio.sleep(0.05)
    await client.delete(keys.option_quote(CALL))
    lines.changed = [msgspec.structs.replace(told, contract=parse_option(PUT))]
    await until(lambda: not lines.changed)
    assert not await client.exists(keys.option_quote(CALL))
    await cancel(watch)
    await aclose_clients()
