"""How often last values are written, and that the last one always is."""

from hypothesis import given
from hypothesis import strategies as st

from engine.model.market import Quote, Tick
from engine.model.time import NS_PER_S
from infra.redis import keys
from marketdata.last_values import EVERY_S, LastValues
from marketdata.publisher import Publisher
from tests.marketdata.test_states import Clock

T = 1_763_735_400 * NS_PER_S


def tick(symbol: str, price: float) -> Tick:
    return Tick(T, symbol, price, 1.0)


def test_the_first_value_is_written_at_once_and_the_next_with_its_turn():
    clock = Clock()
    last = LastValues(now=clock)
    assert last.take({"SPY": tick("SPY", 1.0)}, {}) == ["SPY"]
    clock.now = 0.1
    assert last.take({"SPY": tick("SPY", 2.0)}, {}) == []
    assert not last.is_due
    clock.now = 0.1 + EVERY_S
    assert last.is_due
    assert last.take({}, {}) == ["SPY"]
    assert last.ticks["SPY"].price == 2.0
    assert not last.is_due


def test_a_quote_alone_is_a_value_too():
    last = LastValues(now=Clock())
    quote = Quote(T, "SPX", 1.0, 2.0)
    assert last.take({}, {"SPX": quote}) == ["SPX"]
    assert last.quotes == {"SPX": quote}


def test_who_asks_for_everything_gets_what_waits():
    last = LastValues(now=Clock())
    last.take({"SPY": tick("SPY", 1.0)}, {})
    assert last.take({"SPY": tick("SPY", 2.0)}, {}, everything=True) == ["SPY"]


def test_a_symbol_that_is_no_longer_carried_is_not_written():
    clock = Clock()
    last = LastValues(now=clock)
    last.take({"SPY": tick("SPY", 1.0)}, {})
    last.take({"SPY": tick("SPY", 2.0)}, {})
    last.forget("SPY")
    clock.now = 9.0
    assert last.take({}, {}) == []
    assert last.ticks == {}


@given(st.lists(st.tuples(st.sets(st.sampled_from("ABC")), st.floats(0.01, 0.2)), max_size=50))
def test_none_is_written_too_often_and_none_waits_long(batches: list[tuple[set[str], float]]):
    clock = Clock()
    last = LastValues(now=clock)
    written: dict[str, float] = {}
    waiting: dict[str, float] = {}
    for changed, passed in batches:
        clock.now += passed
        for symbol in changed:
            waiting.setdefault(symbol, clock.now)
        for symbol in last.take({symbol: tick(symbol, clock.now) for symbol in changed}, {}):
            assert clock.now - written.get(symbol, -9.0) >= EVERY_S - 1e-9
            written[symbol] = clock.now
            waiting.pop(symbol)
        assert all(clock.now - since <= EVERY_S + 0.2 for since in waiting.values())


async def test_what_waits_is_written_without_another_print(client):
    writer = Publisher(client, feed="test")
    clock = Clock()
    writer._last._now = clock
    await writer.carry([("SPY", "1")])
    for price in (1.0, 2.0):
        writer.ingest([tick("SPY", price)])
        await writer.flush()
    assert (await client.hgetall(keys.quote("SPY")))["last"] == "1.0"
    assert not writer.has_work
    clock.now = 1.0
    assert writer.has_work
    await writer.flush()
    assert (await client.hgetall(keys.quote("SPY")))["last"] == "2.0"
    assert not writer.has_work
