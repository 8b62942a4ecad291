"""Fault scripts: each does what its name says, begins and ends on time, and is told about."""

import asyncio
import json
import random

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from engine.errors import FortifiedError, InvalidInput
from simulators.dxlink.damage import DAMAGES
from simulators.faults import ANY_WIRE, FAULTS, FaultBoard, FaultScript, MarketView, Tap
from tests.simulators.link import connected, quote_token

ALL = ("bad_frame", "cut", "duplicate", "gap", "half_day", "late", "mute", "reorder", "throttle", "token_expiry")


class Bench:
    """A board with a clock to turn by hand, and an outlet that remembers."""

    def __init__(self, *, always_open: bool = True, market_now: int = 0, damages=ANY_WIRE) -> None:
        self.now = 0.0
        self.symbol = "SPY"
        self.out: list[bytes] = []
        self.done: list[str] = []
        view = MarketView(lambda: market_now, always_open)
        self.board = FaultBoard(seed=1, clock=lambda: self.now, market=view, damages=damages)

    def fan_out(self, key, fragments):
        self.out += fragments

    def cut_connections(self):
        self.done.append("cut")

    def expire_tokens(self):
        self.done.append("expired")

    def at(self, now: float) -> None:
        self.now = now
        self.board.advance(self)

    def send(self, *numbers: int) -> None:
        self.out += self.board.events(self, self.symbol, [b"%d" % number for number in numbers])


def test_there_are_these_ten_faults():
    assert tuple(FAULTS) == ALL


def test_a_fault_acts_only_between_its_times():
    bench = Bench()
    bench.board.add(FaultScript("mute", after_s=10, for_s=5))
    for now in (9.9, 10.0, 14.9, 15.0):
        bench.at(now)
        bench.send(int(now * 10))
    assert bench.out == [b"99", b"150"]
    assert not bench.board.active


def test_a_fault_leaves_other_symbols_alone():
    bench = Bench()
    bench.board.add(FaultScript("mute", symbols=("QQQ",)))
    bench.at(0)
    bench.send(1)
    bench.symbol = "QQQ"
    bench.send(2)
    assert bench.out == [b"1"]
    assert not bench.board.drops_line


def test_gap_loses_a_share_and_duplicate_doubles_one():
    for name, low, high in (("gap", 600, 800), ("duplicate", 1_200, 1_400)):
        bench = Bench()
        bench.board.add(FaultScript(name))
        bench.at(0)
        bench.send(*range(1_000))
        assert low < len(bench.out) < high
        assert [int(found) for found in bench.out] == sorted(int(found) for found in bench.out)


def test_reorder_changes_the_order_and_loses_nothing():
    bench = Bench()
    bench.board.add(FaultScript("reorder", for_s=5))
    for step in range(100):
        bench.at(step / 10)
        bench.send(step)
    numbers = [int(found) for found in bench.out]
    assert numbers != sorted(numbers)
    assert sorted(numbers) == list(range(100))
    assert numbers[60:] == list(range(60, 100))


def test_late_delays_everything_in_order():
    bench = Bench()
    bench.board.add(FaultScript("late", delay_s=2.0, for_s=10))
    for step in range(5):
        bench.at(step)
        bench.send(step)
    assert bench.out == [b"0", b"1", b"2"]
    bench.at(10)
    assert bench.out == [b"0", b"1", b"2", b"3", b"4"]


def test_half_day_closes_at_13_in_new_york():
    noon, half_past_one = 1_795_194_000_000_000_000, 1_795_199_400_000_000_000  # 12:00 and 13:30 on 2026-11-20
    for market_now, sent in ((noon, [b"1"]), (half_past_one, [])):
        bench = Bench(always_open=False, market_now=market_now)
        bench.board.add(FaultScript("half_day"))
        bench.at(0)
        bench.send(1)
        assert bench.out == sent


@pytest.mark.parametrize("damages", [DAMAGES, ANY_WIRE])
def test_the_same_seed_makes_the_same_damage(damages):
    damaged = []
    for _ in range(2):
        bench = Bench(damages=damages)
        bench.board.add(FaultScript("bad_frame", share=0.5))
        bench.at(0)
        damaged.append([bench.board.frame(b'{"data":["Quote",["SPY",1.0,2.0]]}') for _ in range(50)])
    assert damaged[0] == damaged[1]
    assert 10 < sum(frame != b'{"data":["Quote",["SPY",1.0,2.0]]}' for frame in damaged[0]) < 40


def test_any_wire_can_be_damaged_binary_and_short_ones_too():
    bench = Bench()
    bench.board.add(FaultScript("bad_frame", share=1.0))
    bench.at(0)
    for frame in (b"\x00", b"\x01\x02", bytes(range(256)) * 4):
        damaged = [bench.board.frame(frame) for _ in range(60)]
        assert all(damaged)
        assert any(each != frame for each in damaged)
    assert {len(each) == len(frame) for each in damaged} == {True, False}


def test_events_of_any_kind_pass_a_tap_and_what_is_held_back_comes_later():
    bench = Bench()
    got: list[object] = []
    tap = Tap("SPY", bench.board, got.extend)
    tap.deliver([{"price": 1.0}])
    bench.board.add(FaultScript("late", delay_s=2.0, for_s=10))
    bench.at(0)
    tap.deliver([{"price": 2.0}])
    assert got == [{"price": 1.0}]
    bench.at(2)
    assert got == [{"price": 1.0}, {"price": 2.0}]


def test_a_closed_tap_gets_nothing_that_was_held_back():
    bench = Bench()
    got: list[object] = []
    bench.board.add(FaultScript("late", delay_s=2.0, for_s=10))
    bench.at(0)
    tap = Tap("SPY", bench.board, got.extend)
    tap.deliver([1])
    tap.close()
    bench.at(20)
    assert got == []


def test_clearing_ends_every_fault_and_lets_go_of_what_was_held():
    bench = Bench()
    bench.board.add(FaultScript("late", delay_s=100))
    bench.board.add(FaultScript("mute", after_s=100))
    bench.at(0)
    bench.send(1)
    bench.board.clear()
    assert bench.out == [b"1"]
    assert bench.board.names() == {"scheduled": [], "active": []}


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        (FaultScript("muted"), FortifiedError),
        (FaultScript("mute", after_s=-1), InvalidInput),
        (FaultScript("mute", for_s=0), InvalidInput),
        (FaultScript("gap", share=1.5), InvalidInput),
    ],
)
def test_a_script_that_makes_no_sense_is_refused(script, kind):
    with pytest.raises(kind):
        Bench().board.add(script)


async def control(simulator, **script) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as http:
        return await http.post(f"{simulator.rest_url}/faults", json=script)


async def silence(link, seconds: float) -> bool:
    """Whether nothing at all arrives for so long."""
    try:
        async with asyncio.timeout(seconds):
            await link.socket.recv()
    except TimeoutError:
        return True
    return False


async def drained(link, seconds: float = 0.15) -> None:
    async with asyncio.timeout(60):
        while not await silence(link, seconds):
            pass


async def test_mute_leaves_a_connected_socket_that_says_nothing_not_even_keepalive(start):
    async with start(speed=5) as simulator, connected(simulator, authorized=False) as link:
        await link.say("SETUP", version="0.1-test/1", keepaliveTimeout=0.2)
        await link.say("AUTH", token=await quote_token(simulator))
        await link.open(1)
        await link.subscribe(1, "Trade", "SPY")
        await link.frame()
        reply = await control(simulator, name="mute")
        assert reply.status_code == 201
        await drained(link)
        assert await silence(link, 0.5)
        simulator.faults.clear()
        assert (await link.hear("FEED_DATA"))["data"][0] == "Trade"


async def test_cut_breaks_the_line_and_refuses_new_ones_until_it_is_over(start):
    async with start() as simulator, connected(simulator) as link:
        await control(simulator, name="cut")
        with pytest.raises(ConnectionClosed) as closed:
            await link.hear("never")
        assert closed.value.rcvd is None  # no close frame
        with pytest.raises(InvalidStatus):
            async with connected(simulator):
                pass
        simulator.faults.clear()
        async with connected(simulator) as again:
            await again.open(1)


async def test_token_expiry_ends_connections_and_tokens_and_new_ones_work(start):
    async with start() as simulator, connected(simulator) as link:
        old = await quote_token(simulator)
        await control(simulator, name="token_expiry", for_s=0.1)
        assert (await link.hear("AUTH_STATE"))["state"] == "UNAUTHORIZED"
        with pytest.raises(ConnectionClosed):
            await link.hear("never")
        assert not simulator.tokens.quote_token_is_valid(old)
        async with connected(simulator) as again:
            await again.open(1)


async def test_throttle_answers_429_and_sends_in_bursts(start):
    async with start(speed=5) as simulator, connected(simulator) as link:
        await link.open(1)
        await link.subscribe(1, "TimeAndSale", "SPY")
        await control(simulator, name="throttle")
        await link.frame()
        async with httpx.AsyncClient(trust_env=False) as http:
            reply = await http.get(f"{simulator.rest_url}/api-quote-tokens")
        assert (reply.status_code, reply.headers["retry-after"]) == (429, "1")
        sizes = [len(await link.frame()) for _ in range(3)]
        assert sizes[-1] > 30


async def test_bad_frames_are_broken_in_more_than_one_way(start):
    async with start(speed=10) as simulator, connected(simulator) as link:
        await link.open(1)
        await link.subscribe(1, "Quote", "SPY")
        await link.frame()
        await control(simulator, name="bad_frame", share=0.7)
        found: set[str] = set()
        async with asyncio.timeout(60):
            while len(found) < 3:
                found.add(broken(link, await link.socket.recv()))
                found.discard("fine")
        assert found == {"json", "stride", "values"}


def broken(link, raw) -> str:
    try:
        message = json.loads(raw)
    except ValueError:
        return "json"
    values = message["data"][1]
    if any(isinstance(value, dict) for value in values):
        return "values"
    return "stride" if len(values) % len(link.fields["Quote"]) else "fine"


async def test_duplicates_reach_a_conflating_channel_too(start):
    async with start(speed=5) as simulator, connected(simulator) as link:
        await link.open(1, period=0.1)
        await link.subscribe(1, "Trade", "SPY")
        await link.frame()
        await control(simulator, name="duplicate", share=1.0)
        await link.frame()
        await link.frame()
        frame = await link.frame()
        assert len(frame) == 2
        assert frame[0] == frame[1]


async def test_a_gap_shows_in_the_sequence(start):
    async with start(speed=5) as simulator, connected(simulator) as link:
        await link.open(1)
        await link.subscribe(1, "TimeAndSale", "SPY")
        await control(simulator, name="gap", share=0.5)
        events = await link.events(lambda found: len(found) > 100)
        sequence = [event["sequence"] for event in events]
        assert sequence == sorted(sequence)
        assert sequence[-1] - sequence[0] > 1.3 * len(sequence)


async def test_faults_can_be_set_at_the_start_listed_and_cleared(start):
    scripts = (FaultScript("gap"), FaultScript("mute", after_s=1_000))
    async with (
        start(faults=scripts) as simulator,
        httpx.AsyncClient(base_url=simulator.rest_url, trust_env=False) as http,
    ):
        async with asyncio.timeout(60):
            while (listed := (await http.get("/faults")).json())["active"] != ["gap"]:
                await asyncio.sleep(0.01)
        assert listed["scheduled"] == ["mute"]
        assert (await http.delete("/faults")).json() == {"active": [], "scheduled": []}
        refused = await http.post("/faults", json={"name": "mutee"})
        assert refused.status_code == 400
        assert "mute" in refused.json()["error"]["message"]


def test_random_is_not_shared_between_two_scripts():
    bench = Bench()
    for _ in range(2):
        bench.board.add(FaultScript("gap", share=0.5))
    bench.at(0)
    first, second = (fault.rng for fault in bench.board.active)
    assert isinstance(first, random.Random)
    assert first.random() != second.random()
