"""Where a vendor's history meets our own bars: no double, no hole, the better bar stands."""

from hypothesis import given
from hypothesis import strategies as st

from engine.model.market import Bar
from engine.model.time import NS_PER_MINUTE, NS_PER_S
from infra import codec
from infra.redis import keys
from infra.redis.client import sync_client
from marketdata.history import MAX_BARS, Stored, join_history, plan_join, recent_bars, recent_bars_now, score

START = 1_763_700_000 * NS_PER_S // NS_PER_MINUTE * NS_PER_MINUTE


def minute(number: int, *, close: float = 1.0, complete: bool = True, quality: str = "built", seq: int = 0) -> Bar:
    opened = START + number * NS_PER_MINUTE
    return Bar(
        ts=opened + NS_PER_MINUTE,
        symbol="SPY",
        timeframe="1",
        ts_open=opened,
        open=1.0,
        high=2.0,
        low=0.5,
        close=close,
        volume=10.0,
        is_complete=complete,
        quality=quality,
        seq=seq,
    )


def vendor(number: int, *, close: float = 9.0) -> Bar:
    return minute(number, close=close, quality="vendor")


def stored(*bars: Bar) -> list[Stored]:
    return [Stored(bar, codec.encode(bar)) for bar in bars]


async def put(client, *bars: Bar) -> None:
    for bar in bars:
        await client.zadd(keys.bars(bar.symbol, bar.timeframe), {codec.encode(bar): score(bar)})


def test_history_fills_what_is_before_our_first_bar():
    removed, added = plan_join(stored(minute(3)), [vendor(n) for n in range(3)])
    assert removed == []
    assert added == [vendor(0), vendor(1), vendor(2)]


def test_a_bar_we_built_completely_stands_against_the_vendor():
    removed, added = plan_join(stored(minute(0), minute(1)), [vendor(0), vendor(1), vendor(2)])
    assert (removed, added) == ([], [vendor(2)])


def test_a_bar_begun_in_the_middle_or_gapped_gives_way():
    held = stored(minute(0, complete=False), minute(1, complete=False, quality="gapped"), minute(2))
    removed, added = plan_join(held, [vendor(0), vendor(1), vendor(2)])
    assert [each.bar.ts for each in removed] == [minute(0).ts, minute(1).ts]
    assert added == [vendor(0), vendor(1)]


def test_the_same_history_again_changes_nothing():
    history = [vendor(n) for n in range(5)]
    assert plan_join(stored(*history), history) == ([], [])


def test_a_revised_history_replaces_the_old():
    removed, added = plan_join(stored(vendor(0), vendor(1)), [vendor(0), vendor(1, close=7.0)])
    assert [each.bar for each in removed] == [vendor(1)]
    assert added == [vendor(1, close=7.0)]


@given(
    kinds=st.lists(st.sampled_from(["ours", "partial", "vendor", "none"]), max_size=12),
    covered=st.lists(st.booleans(), max_size=12),
)
def test_no_period_is_there_twice_and_none_that_the_vendor_has_is_missing(kinds, covered):
    made = {"ours": minute, "partial": lambda n: minute(n, complete=False), "vendor": vendor}
    held = stored(*[made[kind](n) for n, kind in enumerate(kinds) if kind != "none"])
    history = [vendor(n, close=8.0) for n, there in enumerate(covered) if there]
    removed, added = plan_join(held, history)
    left = [each.bar for each in held if each not in removed] + added
    periods = [bar.ts for bar in left]
    assert len(periods) == len(set(periods))
    assert {bar.ts for bar in history} <= set(periods)
    ours = {minute(n).ts for n, kind in enumerate(kinds) if kind == "ours"}
    assert {bar.ts for bar in left if bar.quality == "built" and bar.is_complete} == ours


def test_tick_bars_of_the_vendor_are_taken_only_where_ours_are_not():
    ours = Bar(1_000, "SPY", "144t", 900, 1.0, 1.0, 1.0, 1.0, 1.0)
    before = Bar(900, "SPY", "144t", 700, 1.0, 1.0, 1.0, 1.0, 1.0, quality="vendor")
    astride = Bar(950, "SPY", "144t", 900, 1.0, 1.0, 1.0, 1.0, 1.0, quality="vendor")
    assert plan_join(stored(ours), [before, astride]) == ([], [before])


async def test_recent_bars_are_the_last_ones_oldest_first(client, redis_url):
    await put(client, *[minute(n, close=float(n)) for n in range(30)])
    assert [bar.close for bar in await recent_bars(client, "SPY", "1", 3)] == [27.0, 28.0, 29.0]
    assert recent_bars_now(sync_client(redis_url), "SPY", "1", 2) == await recent_bars(client, "SPY", "1", 2)
    assert await recent_bars(client, "SPY", "1", 0) == []
    assert await recent_bars(client, "QQQ", "1", 5) == []


async def test_tick_bars_of_one_millisecond_keep_their_order(client):
    bars = [Bar(START + n // 3, "SPY", "2t", START, 1.0, 1.0, 1.0, float(n), 1.0, seq=n + 5) for n in range(12)]
    await put(client, *reversed(bars))
    assert [bar.close for bar in await recent_bars(client, "SPY", "2t", 100)] == [float(n) for n in range(12)]


async def test_of_two_bars_of_one_period_the_complete_one_of_ours_is_shown(client):
    await put(client, minute(0, seq=4), vendor(0), minute(1, complete=False, seq=6), vendor(1))
    shown = await recent_bars(client, "SPY", "1", 10)
    assert (shown[0].ts, shown[0].quality, shown[0].is_complete) == (minute(0).ts, "built", True)
    assert len(shown) == 2


async def test_joining_writes_the_plan_and_keeps_the_bound(client):
    await put(client, minute(5))
    assert await join_history(client, "SPY", "1", [vendor(n) for n in range(6)]) == 5
    assert [bar.quality for bar in await recent_bars(client, "SPY", "1", 9)] == ["vendor"] * 5 + ["built"]
    assert await join_history(client, "SPY", "1", [vendor(n - MAX_BARS) for n in range(MAX_BARS)]) == MAX_BARS
    assert await client.zcard(keys.bars("SPY", "1")) == MAX_BARS
