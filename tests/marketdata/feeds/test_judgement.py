"""What a feed believes: the venue's clock, whether a line lives, whether a symbol's data may be traded on."""

import time
from datetime import UTC, datetime
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from engine.instruments.catalog import market_hours
from engine.instruments.sessions import Session
from engine.model.market import Bar, FeedGap, Tick
from engine.model.time import NS_PER_HOUR, NS_PER_MINUTE, NS_PER_MS, NS_PER_S, from_datetime
from marketdata.feeds.clock import VenueClock
from marketdata.feeds.crosscheck import CrossCheck
from marketdata.feeds.dxlink.liveness import Liveness
from marketdata.feeds.dxlink.options import DXLinkOptions
from marketdata.feeds.dxlink.translate import SymbolState
from marketdata.feeds.judge import Judge
from marketdata.feeds.movers import MoverWatch
from marketdata.feeds.report import Counts
from marketdata.feeds.symbols import streamer_symbol
from marketdata.feeds.truth import Receipts, TruthGate, TruthOptions

T = 1_763_700_000 * NS_PER_S


def test_the_venues_clock_follows_the_fastest_print_and_stands_while_nothing_comes():
    clock = VenueClock()
    assert clock.now is None
    for delay_ms in (40, 25, 90):
        clock.saw(T, T + delay_ms * NS_PER_MS)
    clock.received(T + 100 * NS_PER_MS)
    assert clock.now == T + 75 * NS_PER_MS
    assert clock.now == T + 75 * NS_PER_MS  # asking later changes nothing


def test_a_stamp_from_the_future_does_not_move_the_clock():
    clock = VenueClock()
    clock.saw(T, T)
    clock.saw(T + 3_600 * NS_PER_S, T + 1)
    clock.received(T + 2)
    assert clock.now == T + 2


def test_a_clock_that_ran_ahead_once_recovers():
    clock = VenueClock()
    clock.saw(T + 2 * NS_PER_S, T)
    for second in range(200):
        clock.saw(T + second * NS_PER_S, T + second * NS_PER_S)
        clock.received(T + second * NS_PER_S)
    assert clock.now == T + 199 * NS_PER_S


def test_a_simulated_venue_may_run_faster():
    clock = VenueClock(speed=10.0)
    clock.saw(T, 1_000 * NS_PER_S)
    clock.received(1_006 * NS_PER_S)
    assert clock.now == T + 60 * NS_PER_S


def verdict(gate: TruthGate, now: int, recv: int, *, connected: bool = True):
    return gate.judge("SPY", now=now, ts=now, last_recv=recv, is_connected=connected, line_error="cut")


def test_a_symbol_is_fresh_only_while_something_comes():
    gate = TruthGate(stale_after_s=15)
    assert verdict(gate, T, 0).state == "stale"
    assert verdict(gate, T, T).state == "fresh"
    assert verdict(gate, T + 15 * NS_PER_S, T) is None
    changed = verdict(gate, T + 16 * NS_PER_S, T)
    assert (changed.state, changed.reason) == ("stale", "nothing was received for 16 s")
    assert verdict(gate, T + 17 * NS_PER_S, T) is None
    assert verdict(gate, T + 18 * NS_PER_S, T, connected=False) is None
    assert verdict(gate, T + 18 * NS_PER_S, T + 18 * NS_PER_S).state == "fresh"


def test_a_gap_lasts_until_a_whole_bar_that_began_after_it():
    gate = TruthGate()
    gate.lost("SPY", "cut", T)
    assert verdict(gate, T, T).state == "gapped"
    gate.whole_bar("SPY", T - 1)
    assert verdict(gate, T, T) is None
    gate.whole_bar("SPY", T)
    assert verdict(gate, T, T).state == "fresh"


def test_a_halted_symbol_is_suspect():
    gate = TruthGate()
    gate.halted("SPY", "the venue says that trading is halted")
    assert verdict(gate, T, T).state == "suspect"
    gate.halted("SPY", None)
    assert verdict(gate, T, T).state == "fresh"
    gate.forget(["SPY"])
    assert gate.verdicts == {}


def test_a_mute_line_is_given_up_ever_more_rarely_until_data_comes():
    alive = Liveness(DXLinkOptions(mute_after_s=20, keepalive_s=60))
    limits = []
    now = 0.0
    for _ in range(3):
        alive.connected(now)
        begun = now
        while not (said := alive.verdict(now, last_frame=now, expects_data=True)):
            now += 1.0
        assert "mute" in said
        limits.append(now - begun)
    assert limits == [21.0, 41.0, 81.0]
    alive.data_came(now, has_print=True)
    assert alive.verdict(now + 21, last_frame=now + 21, expects_data=True)


def test_last_values_repeated_after_a_subscription_do_not_make_a_closed_market_look_alive():
    alive = Liveness(DXLinkOptions(mute_after_s=20))
    alive.connected(0.0)
    assert alive.verdict(21.0, last_frame=21.0, expects_data=True)
    alive.connected(22.0)
    alive.data_came(23.0, has_print=False)
    assert not alive.verdict(62.0, last_frame=62.0, expects_data=True)
    alive.data_came(63.0, has_print=False)  # a quote by itself, long after we asked
    assert alive.verdict(84.0, last_frame=84.0, expects_data=True)


def test_a_line_without_a_sign_is_dead_even_if_nothing_is_expected():
    alive = Liveness(DXLinkOptions(keepalive_s=60))
    alive.connected(0.0)
    assert not alive.verdict(80.0, last_frame=0.0, expects_data=False)
    assert "nothing at all" in alive.verdict(91.0, last_frame=0.0, expects_data=False)


@pytest.mark.parametrize("spoke_at", [T, 0])
def test_a_silent_symbol_is_woken_again_after_longer_and_longer_pauses(spoke_at):
    """Also one that never spoke: what asked for it may have been lost."""
    alive = Liveness(DXLinkOptions(symbol_mute_after_s=100))
    state = SymbolState("SPY")
    state.last_recv = spoke_at
    woken = [at for at in range(1_000) if alive.silent(float(at), T + at * NS_PER_S, [("SPY", state)])]
    assert woken[0] == 100
    pauses = [later - earlier for earlier, later in pairwise(woken)]
    assert pauses == sorted(pauses)
    assert len(woken) < 7


def test_our_symbols_have_dxfeeds_spelling():
    assert streamer_symbol("SPY") == "SPY"
    assert streamer_symbol("BRK.B") == "BRK/B"
    assert streamer_symbol("SPX") == "SPX"
    assert streamer_symbol("/NQZ26") == "/NQZ26:XCME"
    assert streamer_symbol("/GC").startswith("/GC")
    assert streamer_symbol("/GC").endswith(":XCEC")
    assert streamer_symbol("SPXW  261120C06000000") == ".SPXW261120C6000"


def hours(ts: int) -> Session:
    """Open for the first hour of each UTC day of this test."""
    day = ts - ts % (24 * NS_PER_HOUR)
    return Session(day, day + NS_PER_HOUR) if ts < day + NS_PER_HOUR else Session(day + 24 * NS_PER_HOUR, day + 10**15)


def state(gate: TruthGate, now: int, receipts: Receipts) -> tuple[str, str]:
    gate.judge("SPY", now=now, ts=now, last_recv=receipts, is_connected=True)
    return gate.verdicts["SPY"][:2]


def test_silence_outside_of_the_session_is_not_stale_and_counts_from_the_open():
    opened = T - T % (24 * NS_PER_HOUR) + 24 * NS_PER_HOUR
    gate = TruthGate(TruthOptions(stale_after_s=15), hours_of=lambda symbol: hours)
    yesterday = Receipts(opened - 10 * NS_PER_HOUR)
    assert state(gate, opened - 1, yesterday) == ("fresh", "")
    assert state(gate, opened + 15 * NS_PER_S, yesterday) == ("fresh", "")
    assert state(gate, opened + 16 * NS_PER_S, yesterday) == ("stale", "nothing was received for 16 s")
    assert state(gate, opened + NS_PER_HOUR, yesterday) == ("fresh", "")
    always = TruthGate(TruthOptions(stale_after_s=15, sessions="always"), hours_of=lambda symbol: hours)
    assert state(always, opened - 1, yesterday)[0] == "stale"


def test_a_symbol_that_the_feed_does_not_get_is_stale_with_the_reason_at_any_hour():
    gate = TruthGate(hours_of=lambda symbol: hours)
    refused = "the limit of 30 symbols a connection is reached"
    gate.judge("SPY", now=T, ts=T, last_recv=T, is_connected=True, refused=refused)
    assert gate.verdicts["SPY"][:2] == ("stale", refused)
    gate.judge("SPY", now=T, ts=T, last_recv=T, is_connected=True)
    assert gate.verdicts["SPY"][:2] == ("fresh", "")


def test_half_days_and_the_cme_break_are_known():
    friday = from_datetime(datetime(2026, 11, 27, 19, 0, tzinfo=UTC))  # 14:00 in New York: closed since 13:00
    thursday_break = from_datetime(datetime(2026, 11, 18, 22, 30, tzinfo=UTC))  # 17:30: the CME's daily break
    wednesday = from_datetime(datetime(2026, 11, 18, 15, 0, tzinfo=UTC))
    gate = TruthGate(hours_of=market_hours)
    closed, opened = {"SPY": friday, "/ES": thursday_break}, {"SPY": wednesday, "/ES": wednesday}
    cases = [(symbol, now, "fresh") for symbol, now in closed.items()]
    for symbol, now, expected in cases + [(symbol, now, "stale") for symbol, now in opened.items()]:
        gate.judge(symbol, now=now, ts=now, last_recv=Receipts(now - NS_PER_MINUTE), is_connected=True)
        assert gate.verdicts[symbol].state == expected, (symbol, expected)


def test_prints_and_quotes_have_limits_of_their_own_by_symbol():
    gate = TruthGate(TruthOptions(prints_after_s={"SPY": 5.0}, quotes_after_s={"*": 8.0}))
    assert state(gate, T, Receipts(T, T - 5 * NS_PER_S, T)) == ("fresh", "")
    assert state(gate, T, Receipts(T, T - 6 * NS_PER_S, T)) == ("stale", "no print was received for 6 s")
    assert state(gate, T, Receipts(T, T, T - 9 * NS_PER_S)) == ("stale", "no quote was received for 9 s")
    gate.judge("IBM", now=T, ts=T, last_recv=Receipts(T, T - 60 * NS_PER_S, T), is_connected=True)
    assert gate.verdicts["IBM"].state == "fresh"


def test_each_timeframe_is_gapped_until_it_has_a_whole_bar_of_its_own():
    gate = TruthGate()
    gate.lost("SPY", "cut", T, timeframes=["1", "1h"])
    assert state(gate, T, Receipts(T, T, T))[0] == "gapped"
    gate.whole_bar("SPY", T - 1, "1h")  # begun before prints were lost
    assert gate.by_timeframe("SPY", ["1h"]) == {"1h": ("gapped", "cut")}
    gate.whole_bar("SPY", T, "1")
    assert state(gate, T, Receipts(T, T, T))[0] == "fresh"
    assert gate.by_timeframe("SPY", ["1", "1h"]) == {"1": ("fresh", ""), "1h": ("gapped", "cut")}
    gate.judge("SPY", now=T, ts=T, last_recv=T, is_connected=False, line_error="gone")
    assert gate.by_timeframe("SPY", ["1h"]) == {"1h": ("stale", "not connected: gone")}


async def test_only_a_whole_bar_ends_a_gap_and_one_that_is_not_is_to_be_mended():
    mended: list[tuple[str, str]] = []
    closed: list[Bar] = []
    publisher: Any = SimpleNamespace(take_closed=closed.copy, timeframes={}, last_tick={}, last_quote={})
    past: Any = SimpleNamespace(mend=lambda *pair: mended.append(pair))
    feed: Any = SimpleNamespace(
        name="test", symbols={"SPY": "SPY"}, speed=1.0, is_resumable=False, is_connected=True, last_error="",
        last_received=lambda symbol: time.time_ns(),
    )  # fmt: skip
    truth = TruthGate()
    judge = Judge(
        feed, truth, publisher=publisher, clock=VenueClock(), check=None, counts=Counts(), movers=MoverWatch(),
        past=past, on_alert=lambda changed: None,
    )  # fmt: skip
    truth.lost("SPY", "cut", T, timeframes=["1"])
    whole = closing(T, 100.0)
    for bar, state in ((msgspec.structs.replace(whole, is_complete=False), "gapped"), (whole, "fresh")):
        closed[:] = [bar]
        await judge.look(venue_now=T)
        assert (truth.verdicts["SPY"].state, mended) == (state, [("SPY", "1")])


class Silent:
    """A second source whose prints the test tells."""

    name = "other"
    symbols: dict[str, str] = {}


def test_a_price_that_another_source_contradicts_is_a_doubt_after_a_while():
    check = CrossCheck(Silent(), tolerance=0.001, for_s=3.0)  # type: ignore[arg-type]
    ours = Tick(T, "SPY", 500.0, 1.0, ts_recv=T)
    check.saw(Tick(T, "SPY", 500.4, 1.0, ts_recv=T))
    assert check.doubt("SPY", ours, T) == ""
    check.saw(Tick(T, "SPY", 502.0, 1.0, ts_recv=T))
    assert check.doubt("SPY", ours, T) == ""
    assert check.doubt("SPY", ours, T + 3 * NS_PER_S) == "the last price is 500, other says 502"
    long_ago = Tick(T, "SPY", 500.0, 1.0, ts_recv=T - 10 * NS_PER_S)
    assert check.doubt("SPY", long_ago, T + 3 * NS_PER_S) == ""


def test_a_minute_that_another_source_closed_elsewhere_is_a_doubt_until_one_agrees():
    check = CrossCheck(Silent(), tolerance=0.001, for_s=3.0)  # type: ignore[arg-type]
    minute = T - T % NS_PER_MINUTE
    for number, price in enumerate((500.0, 500.0, 502.0, 500.0, 500.0)):
        check.saw(Tick(minute + number * NS_PER_MINUTE, "SPY", price, 1.0))
    said = []
    for number in (1, 2, 3):
        check.closed(closing(minute + number * NS_PER_MINUTE, 500.0))
        said.append(check.doubt("SPY", None, T))
    assert said == ["", "a minute closed at 500, other says 502", ""]


async def test_a_minute_of_which_the_other_source_lost_prints_is_no_doubt():
    minute = T - T % NS_PER_MINUTE

    class Broken(Silent):
        async def frames(self):
            yield [Tick(minute + at * NS_PER_MINUTE, "SPY", 500.0, 1.0) for at in (-1, 0)]
            yield [Tick(minute + 1, "SPY", 502.0, 1.0), FeedGap(minute + 2, "SPY", "cut")]
            yield [Tick(minute + NS_PER_MINUTE, "SPY", 500.0, 1.0)]

    check = CrossCheck(Broken(), tolerance=0.001, for_s=3.0)  # type: ignore[arg-type]
    await check.run()
    check.closed(closing(minute, 500.0))
    assert check.doubt("SPY", None, T) == ""


def closing(opened: int, close: float) -> Bar:
    return Bar(opened + NS_PER_MINUTE, "SPY", "1", opened, close, close, close, close, 1.0)
