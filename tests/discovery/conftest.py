"""Searches of markets with something planted in them, or a leak, or nothing: pure ones, and as jobs on record."""

import pytest

from discovery import jobs, services
from discovery.bars_read import bars_read
from discovery.mining.asked import ExitGrid, MiningSpec
from discovery.mining.mine import mine
from discovery.requested import parse_request
from engine.rules.conditions import Clock, Compare, NewExtreme, Slope, Streak, Weekdays
from marketdata.files.build import write_bars
from tests.discovery import world
from tests.sent import Sent

BURST = Compare("relative_volume(20)", ">", 2.0)
CONDITIONS = (
    BURST,
    Compare("relative_volume(20)", "<", 0.8),
    Compare("close", ">", "ema(close,20)"),
    Compare("close", "<", "ema(close,20)"),
    Compare("rsi(close,14)", "<", 30.0),
    Compare("rsi(close,14)", ">", 70.0),
    Clock("09:30", "10:30"),
    Clock("12:00", "14:00"),
    Weekdays(("mon", "tue")),
    NewExtreme("high", 20),
    NewExtreme("low", 20),
    Slope("close", "up", 5),
    Slope("volume", "down", 5),
    Streak("close", "up", 3),
    Streak("close", "down", 3),
)
SPEC = MiningSpec(
    depth=2, beam=4, screened=8, patterns=6, gaps=((1, 3),), least_trades=15, keep=4,
    grid=ExitGrid(stop=(2.0, 4.0), target=(None, 3.0), trail=(None,), hold=(5, 10)),
)  # fmt: skip


@pytest.fixture(scope="session")
def planted():
    """Bars with a planted pattern: two bursts of volume, then a rise."""
    return world.planted(80, seed=5)


@pytest.fixture(scope="session")
def found(planted):
    return mine(planted, SPEC, conditions=CONDITIONS)


@pytest.fixture(scope="session")
def leaked():
    """The same search where the volume knows the next bar."""
    return mine(world.leaking(40, seed=3), SPEC, conditions=CONDITIONS)


# What a search is asked for so that it finds what is planted, in a third of a second.
ASKED = {
    "categories": ["price"], "depth": 1, "patterns": 8, "gaps": [[1, 3]], "least_trades": 15, "keep": 4,
    "sides": ["long"], "grid": {"stop": [4.0], "target": [None, 3.0], "trail": [None], "hold": [10]},
}  # fmt: skip


@pytest.fixture(scope="session")
def planted_file(planted, tmp_path_factory):
    """The bars with the planted pattern, as a file."""
    return written(planted, tmp_path_factory)


@pytest.fixture(scope="session")
def noise_file(tmp_path_factory):
    """Bars in which there is nothing to find, as a file."""
    return written(world.noise(60, seed=9), tmp_path_factory)


def written(bars, tmp_path_factory):
    path = tmp_path_factory.mktemp("bars") / "bars.parquet"
    write_bars(bars, path)
    return path


def searched(path, **changes):
    """What a search of that file finds: (asked, bars, found)."""
    asked = parse_request({"symbol": "SPY", "timeframe": "5", "data": str(path), "search": ASKED, **changes})
    bars = bars_read(asked)
    return asked, bars, mine(bars.columns, asked.search)


def kept(searched):
    """That search on record."""
    asked, bars, found = searched
    return services.keep_run(asked, bars, found, seconds=0.0)


@pytest.fixture(scope="session")
def two_bursts(planted_file):
    return searched(planted_file, name="two bursts")


@pytest.fixture(scope="session")
def nothing(noise_file):
    return searched(noise_file)


@pytest.fixture
def sent(monkeypatch, redis_url):
    """What would go to workers."""
    found = Sent()
    monkeypatch.setattr(jobs, "current_app", found)
    return found


@pytest.fixture(autouse=True)
def calm(monkeypatch):
    """A test's transaction holds the database: the thread that keeps a claim could only wait for its end. So a claim
    must last as long as the slowest machine needs."""
    monkeypatch.setattr(jobs, "BEAT_S", 3_600.0)
    monkeypatch.setattr(jobs, "CLAIM_S", 3_600.0)


@pytest.fixture
def start(sent, django_capture_on_commit_callbacks):
    """Start a search as a request does, and let its message go out."""

    def go(path, *, user=None, name="", **changes):
        document = {"symbol": "SPY", "timeframe": "5", "data": str(path), "name": name, "search": {**ASKED, **changes}}
        with django_capture_on_commit_callbacks(execute=True):
            return services.create_run(user=user, document=document)

    return go


@pytest.fixture
def played(start, sent):
    """Start a search and work on it at once."""

    def go(path, **changes):
        run = start(path, **changes)
        sent.play()
        run.refresh_from_db()
        return run

    return go
