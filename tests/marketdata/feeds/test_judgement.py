"""What a feed believes: the venue's clock, whether a line lives, whether a symbol's data may be traded on."""

from itertools import pairwise

from engine.model.time import NS_PER_MS, NS_PER_S
from marketdata.feeds.clock import VenueClock
from marketdata.feeds.dxlink.liveness import Liveness
from marketdata.feeds.dxlink.options import DXLinkOptions
from marketdata.feeds.dxlink.translate import SymbolState
from marketdata.feeds.symbols import streamer_symbol
from marketdata.feeds.truth import TruthGate

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


def test_a_silent_symbol_is_woken_again_after_longer_and_longer_pauses():
    alive = Liveness(DXLinkOptions(symbol_mute_after_s=100))
    state = SymbolState("SPY")
    assert alive.silent(0.0, T, [("SPY", state)]) == []  # it never spoke: an illiquid symbol is no fault
    state.last_recv = T
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
