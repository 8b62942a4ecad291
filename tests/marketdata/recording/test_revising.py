"""Corrections that come long after a bar was given out: archived prints and bars are as if they had come at once."""

import random
from typing import Any

import msgspec
import pytest

from engine.bars.expand import Expander
from engine.model.conditions import NOT_PRICED, Condition
from engine.model.market import NAN, Bar, Tick, TickCorrected
from engine.model.time import NS_PER_MS, NS_PER_S
from infra.redis import keys
from infra.redis.client import aclose_clients, async_client, sync_client
from marketdata.archive.store import Archive
from marketdata.feeds.past import Past
from marketdata.history import Joined
from marketdata.publisher import Publisher
from marketdata.recording.archiving import Archived, archive_recordings, folder_of
from marketdata.recording.records import SEALED, Received, Record, frame
from marketdata.revisions import AT_ONCE, hand_over, take_over

FEED = "f"
START = 1_763_735_400 * NS_PER_S  # 14:30 UTC on a Friday: New York's stocks begin
TIMEFRAMES = ["1s", "30s", "1", "5", "7t", "40v"]
HOUR = 3600 * NS_PER_S


def day(seed: int, *, count: int = 900, late: float = 0.03) -> list[Tick]:
    """Prints about every half second, in the order in which they came; some of them came late, some make no price."""
    rng = random.Random(seed)
    ts, price, made = START, 100.0, []
    for _ in range(count):
        ts += rng.randint(1, 999) * NS_PER_MS
        price = round(price + rng.choice((-0.02, -0.01, 0.0, 0.01, 0.02)), 2)
        received = ts + (rng.randint(1, 40) * NS_PER_S if rng.random() < late else NS_PER_MS)
        conditions = int(rng.choice((0, 0, 0, 0, Condition.ODD_LOT, Condition.SWEEP)))
        made.append(Tick(ts, "SPY", price, float(rng.randint(1, 9)), 99.0, 101.0, conditions, received))
    return sorted(made, key=lambda tick: tick.ts_recv)


def segment(archive: Archive, number: int, *events: Any) -> None:
    """One sealed segment of the feed's recording."""
    folder = folder_of(archive.root, FEED)
    folder.mkdir(parents=True, exist_ok=True)
    record: Record = Received(list(events))
    (folder / f"{number:015d}{SEALED}").write_bytes(frame(number, record))


def final(bars: list[Bar]) -> dict[tuple[str, int, int], Bar]:
    """The last word on each bar."""
    return {(bar.timeframe, bar.ts_open, bar.ts): bar for bar in bars}


def archived(archive: Archive, ticks: list[Tick], *, revises_late: bool = True) -> dict[tuple[str, int, int], Bar]:
    """The prints and their bars in the archive, as a feed and the archiver leave them."""
    maker = Expander(
        "SPY", TIMEFRAMES, exclude=int(NOT_PRICED), source=FEED, revises_late=revises_late
    )  # fmt: skip
    given = final([bar for tick in ticks for bar in maker.on_tick(tick)])
    for timeframe in maker.timeframes:
        archive.append("SPY", timeframe, [bar for bar in given.values() if bar.timeframe == timeframe])
    segment(archive, 1, *ticks)
    archive_recordings(archive)
    return given


def stored(archive: Archive) -> dict[tuple[str, int, int], Bar]:
    return final([bar for timeframe in archive.timeframes("SPY") for bar in archive.bars("SPY", timeframe)])


def correction(original: Tick, *, price: float | None = None, size: float = 30.0) -> TickCorrected:
    """Two hours later: another price and size, or none at all."""
    now = None if price is None else Tick(original.ts, "SPY", price, size)
    return TickCorrected(original.ts + 2 * HOUR, "SPY", original, now)


def in_the_middle(ticks: list[Tick]) -> list[Tick]:
    """Prints that came in time and make prices, in bars that are whole."""
    return [tick for tick in ticks[150:600] if not tick.conditions and tick.ts_recv == tick.ts + NS_PER_MS]


def run(archive: Archive, *events: Any, number: int = 2) -> tuple[Archived, list[Bar]]:
    """What comes of one more segment with these events."""
    told: list[Bar] = []
    segment(archive, number, *events)
    return archive_recordings(archive, on_revised=lambda feed, bars: told.extend(bars)), told


def figures(bar: Bar) -> tuple[Any, ...]:
    return bar.open, bar.high, bar.low, bar.close, bar.volume, bar.trade_count, pytest.approx(bar.vwap, nan_ok=True)


def expected(made: Bar, ticks: list[Tick], gone: Tick, now: Tick | None) -> tuple[Any, ...]:
    """The bar made by hand of the prints that are in it: those on time make open and close."""
    in_time = made.timeframe.endswith(("t", "v"))
    end = made.ts
    if in_time:
        first = next(at for at, tick in enumerate(ticks) if tick.ts == made.ts_open)
        held, behind = ticks[first : first + made.trade_count], len(ticks)
    else:
        held = [tick for tick in ticks if made.ts_open <= tick.ts < end]
        behind = next(at for at, tick in enumerate(ticks) if tick.ts >= end)
    place = {id(tick): at for at, tick in enumerate(ticks)}
    rows = [(tick, place[id(tick)] > behind) for tick in held if tick is not gone or now is not None]
    prints = [(now if tick is gone and now is not None else tick, is_late) for tick, is_late in rows]
    priced = [(tick, is_late) for tick, is_late in prints if not tick.conditions & NOT_PRICED]
    ends = [tick.price for tick, is_late in priced if not is_late] or [tick.price for tick, _ in priced]
    prices, volume = [tick.price for tick, _ in priced], sum(tick.size for tick, _ in priced)
    return (
        ends[0], max(prices), min(prices), ends[-1], sum(tick.size for tick, _ in prints), len(prints),
        pytest.approx(sum(tick.price * tick.size for tick, _ in priced) / volume),
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(8))
def test_every_bar_of_a_print_that_was_corrected_late_is_that_of_the_prints_as_they_are_now(tmp_path, seed):
    archive, ticks, rng = Archive(tmp_path), day(seed), random.Random(seed)
    given = archived(archive, ticks)
    gone = rng.choice([tick for tick in ticks[150:600] if not tick.conditions])
    corrected = correction(gone, price=rng.choice((gone.price, 250.0, 1.0)) if seed % 2 else None)
    now = corrected.replacement
    done, told = run(archive, corrected)
    assert (done.corrected, done.unknown, done.revised) == (1, 0, len(told))
    changed = final(told)
    is_late = gone.ts_recv > gone.ts + NS_PER_MS  # then the bar of N prints that took it may have no length
    assert {"30s", "1", *(() if is_late else ("7t", "40v"))} <= {timeframe for timeframe, *_ in changed}
    for key, bar in stored(archive).items():
        if key not in changed:
            assert figures(bar) == figures(given[key])
        elif bar.is_complete:
            assert bar.quality == "revised"
            assert figures(bar) == expected(given[key], ticks, gone, now)
            assert changed[key].close == bar.close
    prints = [(tick.ts, tick.price, tick.size) for tick in archive.ticks("SPY")]
    kept = [(tick.ts, tick.price, tick.size) for tick in [*ticks, now] if tick is not None and tick is not gone]
    assert sorted(prints) == sorted(kept)


def test_a_storm_of_corrections_makes_each_bar_again_once(tmp_path):
    archive, ticks = Archive(tmp_path), day(3)
    given = archived(archive, ticks)
    hit = in_the_middle(ticks)[:120]
    done, told = run(archive, *[correction(tick, price=250.0) for tick in hit])
    assert done.corrected == len(hit)
    assert len(final(told)) == len(told) == done.revised
    for key, bar in final(told).items():
        if key[0] in ("30s", "1"):
            inside = [tick for tick in hit if bar.ts_open <= tick.ts < bar.ts]
            assert bar.high == 250.0
            assert bar.volume - given[key].volume == sum(30.0 - tick.size for tick in inside)


def test_what_was_corrected_is_corrected_again_and_taken_back(tmp_path):
    archive, ticks = Archive(tmp_path), day(4)
    given = archived(archive, ticks)
    gone = in_the_middle(ticks)[0]
    first = correction(gone, price=250.0)
    assert first.replacement is not None
    run(archive, first)
    second = correction(first.replacement, price=251.0)
    assert second.replacement is not None
    run(archive, second, number=3)
    done, told = run(archive, correction(second.replacement, price=gone.price, size=gone.size), number=4)
    assert (done.corrected, done.unknown) == (1, 0)
    assert {key: figures(bar) for key, bar in stored(archive).items()} == {
        key: figures(bar) for key, bar in given.items()
    }
    assert {bar.quality for bar in told} == {"revised"}


def test_a_print_that_the_venue_names_by_price_and_size_alone_is_found_if_it_is_the_only_one(tmp_path):
    archive, ticks = Archive(tmp_path), day(5)
    odd = msgspec.structs.replace(in_the_middle(ticks)[0], size=77.0)
    ticks[ticks.index(in_the_middle(ticks)[0])] = odd
    given = archived(archive, ticks)
    common = in_the_middle(ticks)[5]

    def unnamed(tick: Tick) -> TickCorrected:
        return TickCorrected(odd.ts + HOUR, "SPY", Tick(0, "SPY", tick.price, tick.size), None, is_known=False)

    assert sum((each.price, each.size) == (common.price, common.size) for each in ticks) > 1
    done, told = run(archive, unnamed(common), unnamed(Tick(0, "SPY", 12.34, 5.0)))
    assert (done.corrected, done.unknown, told) == (0, 2, [])
    done, told = run(archive, unnamed(odd), number=3)
    assert (done.corrected, done.unknown) == (1, 0)
    minute = next(bar for bar in told if bar.timeframe == "1")
    assert minute.volume == given["1", minute.ts_open, minute.ts].volume - 77.0


def test_a_print_of_which_only_the_time_is_told_is_found(tmp_path):
    archive, ticks = Archive(tmp_path), day(6)
    archived(archive, ticks)
    gone = in_the_middle(ticks)[3]
    original, now = Tick(gone.ts, "SPY", NAN, NAN), Tick(gone.ts, "SPY", 250.0, 1.0)
    done, told = run(archive, TickCorrected(gone.ts + HOUR, "SPY", original, now, is_known=False))
    assert (done.corrected, done.unknown) == (1, 0)
    assert {bar.high for bar in told} == {250.0}


def test_a_bar_of_which_not_every_print_is_there_is_in_doubt(tmp_path):
    archive, ticks = Archive(tmp_path), day(7, late=0.0)
    given = archived(archive, ticks)
    gone = in_the_middle(ticks)[3]
    minute = next(bar for bar in given.values() if bar.timeframe == "1" and bar.ts_open <= gone.ts < bar.ts)
    other = msgspec.structs.replace(minute, volume=minute.volume + 100, trade_count=minute.trade_count + 1)
    archive.append("SPY", "1", [other])
    _, told = run(archive, correction(gone))
    (doubted,) = [bar for bar in told if bar.timeframe == "1"]
    assert (doubted.quality, doubted.is_complete, doubted.volume) == ("gapped", False, other.volume)
    assert not next(bar for bar in archive.bars("SPY", "1") if bar.ts == minute.ts).is_complete
    assert {bar.quality for bar in told if bar.timeframe == "30s"} == {"revised"}


def test_a_correction_that_cannot_be_dealt_with_holds_up_nothing(tmp_path, caplog):
    archive, ticks = Archive(tmp_path), day(1)[:5]
    unheard = Tick(START, "no such symbol", 1.0, 1.0, ts_recv=START)
    done, told = run(archive, *ticks, TickCorrected(START + HOUR, unheard.symbol, unheard, None))
    assert (done.prints, done.unknown, told) == (5, 1, [])
    assert "corrections of no such symbol are left out" in caplog.text
    assert archive_recordings(archive).segments == 0


@pytest.mark.parametrize("moment", ["before the prints are changed", "before the segment is packed"])
@pytest.mark.parametrize("price", [250.0, None])
def test_whoever_is_killed_in_between_leaves_what_the_next_run_ends(tmp_path, monkeypatch, moment, price):
    archive, ticks = Archive(tmp_path), day(2)
    archived(archive, ticks)
    gone = in_the_middle(ticks)[9]
    same = msgspec.structs.replace(gone, ts=gone.ts + HOUR, ts_recv=gone.ts_recv + HOUR)
    corrections = [correction(gone, price=price), correction(same, price=price)]
    what = "marketdata.recording.archiving._pack" if "packed" in moment else "marketdata.archive.store.change_ticks"
    with monkeypatch.context() as killed:
        killed.setattr(what, lambda *args: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            run(archive, same, *corrections)
    seen = stored(archive)
    archive_recordings(archive)
    assert {key: figures(bar) for key, bar in stored(archive).items()} == {k: figures(bar) for k, bar in seen.items()}
    instead = [each.replacement for each in corrections if each.replacement is not None]
    kept = [*(tick for tick in ticks if tick is not gone), *instead]
    assert sorted((tick.ts, tick.price, tick.size) for tick in archive.ticks("SPY")) == sorted(
        (tick.ts, tick.price, tick.size) for tick in kept
    )


async def test_a_running_feed_gives_them_out_as_revisions_and_the_recent_bars_hold_them(redis_url):
    client = async_client(redis_url)
    publisher = Publisher(client, feed=FEED)
    await publisher.carry([("SPY", "30s")])
    publisher.ingest(day(1))
    await publisher.flush()
    before = publisher.take_closed()
    old = before[3]
    new = msgspec.structs.replace(old, high=250.0, quality="revised")
    unwanted = msgspec.structs.replace(old, timeframe="5s")
    hand_over(sync_client(redis_url), FEED, [new, unwanted])
    repairs: list[Joined] = []
    past = Past(client, _Silent(), bars=10, now=lambda: 0, on_repair=repairs.append)  # type: ignore[arg-type]
    past.carry({("SPY", "30s")})
    assert await take_over(client, FEED, past._give) == 2
    (joined,) = repairs
    publisher.repaired(joined.repairs)
    await publisher.flush()
    (given,) = publisher.take_closed()
    assert (given.quality, given.ts, given.high) == ("revised", old.ts, 250.0)
    assert given.seq > before[-1].seq
    raws = await client.zrange(keys.bars("SPY", "30s"), 0, -1)
    assert len(raws) == len(before)
    assert await take_over(client, FEED, past._give) == 0
    hand_over(sync_client(redis_url), FEED, [new] * (AT_ONCE + 1))
    assert await take_over(client, FEED, lambda joined: None) == AT_ONCE
    assert await take_over(client, FEED, lambda joined: None) == 1
    await publisher.close()
    await aclose_clients()


class _Silent:
    name = FEED
    is_connected = False
