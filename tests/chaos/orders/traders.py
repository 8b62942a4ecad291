"""Makes trader processes: everything is imported once, each trader is a fork that runs the real loop of one book."""

import ctypes
import importlib
import json
import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import django
import psycopg
from django.db import DatabaseError

from tests.chaos.orders.venue import SYMBOLS

LEASE_TTL_S = 4.0  # so that a starved trader keeps its lease
_PR_SET_PDEATHSIG = 1


def main(folder: Path) -> None:
    """Answers a line with one: {"start": BOOK} with its pid; {"signal": N, "pid": PID}, {"kill": PID} when done."""
    django.setup()
    from trading.runtime import host

    _import_everything()
    print("{}", flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        if "start" in asked:
            pid = os.fork()
            if pid == 0:
                trade(host.run_book, asked["start"], folder)
            print(json.dumps({"pid": pid}), flush=True)
        elif "signal" in asked:
            os.kill(asked["pid"], asked["signal"])
            print("{}", flush=True)
        else:
            os.kill(asked["kill"], signal.SIGKILL)
            os.waitpid(asked["kill"], 0)
            print("{}", flush=True)


def _import_everything() -> None:
    """What a trader loads when it needs it, so that a fork has it already."""
    for name in ("anyio._backends._asyncio", "httpcore", "httpx", "websockets.asyncio.client",
                 "cryptography.hazmat.primitives.kdf.hkdf"):  # fmt: skip
        importlib.import_module(name)
    from brokers.tastytrade import broker  # noqa: F401
    from brokers.tastytrade.names import Names
    from engine.instruments.catalog import instrument_for
    from engine.instruments.sessions import is_open

    for symbol in SYMBOLS:
        is_open(instrument_for(symbol).calendar, time.time_ns())
    Names().venue("/MES", date.today())  # noqa: DTZ011 - any day loads the calendar


def _run(run_book: Callable[..., str], book: str) -> str:
    """Why the loop ended. Where the database is made to go away, a trader ends by it and is started again, as the
    supervisor does."""
    try:
        return run_book(book, lease_ttl_s=LEASE_TTL_S)
    except (DatabaseError, psycopg.Error):  # Django lets what closing a cursor meets through as it is
        if not os.environ.get("CHAOS_DATABASE_AWAY"):
            raise
        logging.warning("the database is away from the trader of %s", book)
        time.sleep(0.2)
        return "away"


def trade(run_book: Callable[..., str], book: str, folder: Path) -> None:
    """The child: trade `book` for ever; another one may hold it for a moment yet. Never returns."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    log = os.open(folder / f"{book}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, force=True, format="%(asctime)s %(name)s %(message)s")
    try:
        while _run(run_book, book) in ("held", "reload", "lease_lost", "away"):
            time.sleep(0.02)
    except BaseException:
        logging.exception("the trader of %s ended", book)
    os._exit(3)  # nobody asked it to end


if __name__ == "__main__":
    main(Path(sys.argv[1]))
