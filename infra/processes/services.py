"""The process table: every service of the product, the command that runs it and the queues it works on."""

import sys
from dataclasses import dataclass, field
from enum import IntEnum

# Every queue has one service that works on it; the settings route tasks to these names.
FEED_QUEUES = ("feeds",)
TRADER_QUEUES = ("traders",)
SHORT_QUEUES = ("default", "finalize")
BACKTEST_QUEUES = ("backtests", "discovery")  # of their own: long sweeps and searches must never make supervision wait

PYTHON = (sys.executable, "-m")
CELERY = (*PYTHON, "celery", "--quiet", "--app", "celery_app")


class StopPhase(IntEnum):
    """Who is asked to stop when: a phase begins when the one before has ended."""

    FIRST = 0  # works on the market and the database
    MARKET = 1  # what the feeds were connected to
    LAST = 2  # what everybody needs while saving


@dataclass(frozen=True)
class Service:
    """One process with its children. `queues` is what a Celery worker consumes; one that `runs_ahead` gets real-time
    priority where that is permitted, its children do not."""

    name: str
    command: tuple[str, ...]
    queues: tuple[str, ...] = ()
    stop_phase: StopPhase = StopPhase.FIRST
    is_one_shot: bool = False
    runs_ahead: bool = False
    environment: dict[str, str] = field(default_factory=dict)


def worker(name: str, queues: tuple[str, ...], *, processes: int) -> Service:
    """A Celery worker that forks `processes` children and takes only as many tasks."""
    command = (
        *CELERY, "worker", "--queues", ",".join(queues), "--hostname", f"{name}@%h", "--concurrency", str(processes),
        "--loglevel", "INFO", "--without-gossip", "--without-mingle",
    )  # fmt: skip
    return Service(name=name, command=command, queues=queues)


def web(*, host: str, port: int) -> Service:
    """HTTP and WebSockets."""
    options = ("--verbosity", "0", "--bind", host, "--port", str(port))
    return Service(name="web", command=(*PYTHON, "daphne", *options, "fortified.asgi:application"))


def beat() -> Service:
    """The clock of everything periodic: one process, never two."""
    return Service(name="beat", command=(*CELERY, "beat", "--loglevel", "WARNING", "--pidfile="))


def simulators(*, port: int, speed: float, seed: int) -> Service:
    """The synthetic market with the venue's own protocol in front: stands in for the vendor in the demo."""
    command = (
        *PYTHON,
        "simulators",
        "--port",
        str(port),
        "--speed",
        f"{speed:g}",
        "--seed",
        str(seed),
        "--always-open",
    )
    return Service(name="market", command=command, stop_phase=StopPhase.MARKET)


def setup(*arguments: str) -> Service:
    """Migrations and first records; the services that need the database start when it has ended well."""
    return Service(name="setup", command=(sys.executable, "manage.py", "bootstrap", *arguments), is_one_shot=True)


def rehearsal(*, port: int) -> dict[str, str]:
    """What makes the simulator of `port` our broker: addresses, a login that it accepts, and that pages say so."""
    return {
        "REHEARSAL": "true",
        "TASTY_API_URL": f"http://127.0.0.1:{port}",
        "TASTY_STREAM_URL": f"ws://127.0.0.1:{port + 2}/streamer",
        "TASTY_CLIENT_ID": "rehearsal",
        "TASTY_CLIENT_SECRET": "rehearsal",
    }


def product(*, host: str, port: int) -> list[Service]:
    """What runs wherever the product runs, in development as in production."""
    return [
        web(host=host, port=port),
        worker("feeds", FEED_QUEUES, processes=2),
        worker("traders", TRADER_QUEUES, processes=2),
        worker("worker", SHORT_QUEUES, processes=2),
        worker("backtests", BACKTEST_QUEUES, processes=2),
        beat(),
    ]
