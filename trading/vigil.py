"""Looks after what should be alive: traders, the prices they trade on, the machine; and tells people."""

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, cast

from django.conf import settings
from django.utils import timezone

from engine.instruments.catalog import instrument_for
from engine.instruments.sessions import is_open
from engine.model.time import NS_PER_S
from infra.doctor import machine, running, stores
from infra.doctor.findings import Check, Finding, State, examine
from infra.notices import Level, Notice, tell
from infra.redis import keys
from infra.redis.client import sync_client
from marketdata import selectors
from trading import rolls
from trading.models import Book, Run
from trading.runtime.supervisor import books_to_run, traded_slots

STARTING = timedelta(seconds=45)  # a book that was started later may still be on its way
CHECKS: dict[str, Check] = {
    "disk": machine.disk,
    "memory": machine.memory,
    "redis": stores.redis_server,
    "database": stores.database,
    "feed readers": running.feed_readers,
}
LOOK_EVERY_S = 15.0  # as beat does
OPEN_FOR_S = 60  # a session that began later has not brought its first prices yet


def watch_over() -> int:
    """Look once; how many things are not well."""
    found = [*traders(), *feeds(), *of_machine(), *movers(), *rolls.told()]
    for notice in found:
        tell(notice)
    return sum(not notice.is_over for notice in found if notice.level is not Level.INFO)


def traders() -> Iterator[Notice]:
    """Books that should trade and whose process shows no sign of life. A heartbeat lasts fifteen seconds."""
    client = sync_client(settings.REDIS_URL)
    for book in books_to_run():
        key = f"trader|{book.name}"
        if client.exists(keys.heartbeat(f"trader:{book.name}")):
            yield Notice("trader", Level.INFO, f"The process of book {book.name} is alive again.", book.name, key, True)
        elif not _is_starting(book):
            text = f"No process trades book {book.name}: nothing watches its positions. See ./run doctor."
            yield Notice("trader", Level.CRITICAL, text, book.name, key)


def _is_starting(book: Book) -> bool:
    newest = Run.objects.filter(book=book, state=Run.State.RUNNING).order_by("-started_at").first()
    return newest is not None and newest.started_at > timezone.now() - STARTING


def feeds() -> Iterator[Notice]:
    """Symbols that are traded or held whose prices cannot be traded on while their exchange is open."""
    client, now_ns = sync_client(settings.REDIS_URL), time.time_ns()
    for symbol in sorted(_traded_symbols()):
        calendar = instrument_for(symbol).calendar
        if not (is_open(calendar, now_ns) and is_open(calendar, now_ns - OPEN_FOR_S * NS_PER_S)):
            continue
        told = cast("dict[str, Any]", client.hgetall(keys.feed_state(symbol)))
        state, key = str(told.get("state", "")), f"feed|{symbol}"
        if state == "fresh":
            yield Notice("feed", Level.INFO, f"Prices of {symbol} are fresh again.", symbol, key, is_over=True)
        else:
            why = f"{state or 'no feed tells of them'} {told.get('reason', '')}".strip()
            exits = "Stops hold." if state == "gapped" else "Exits by price wait."
            text = f"Prices of {symbol} cannot be traded on: {why}. {exits}"
            yield Notice("feed", Level.WARNING, text, symbol, key)


def _traded_symbols() -> set[str]:
    return {slot["symbol"] for book in books_to_run() for slot in traded_slots(book)}


def movers() -> Iterator[Notice]:
    """Symbols that began to move since the last look; what was told of one before stays told."""
    for found, _ in selectors.movers(since_s=2 * LOOK_EVERY_S):
        text = f"{found.symbol} is a {found.mover} mover: {found.change:+.1%} at {found.price:g}."
        yield Notice("mover", Level.INFO, text, found.symbol, f"mover|{found.symbol}|{found.mover}")


def of_machine() -> Iterator[Notice]:
    """Disk, memory, Redis and database, as the doctor finds them."""
    for finding in examine(CHECKS):
        yield _notice(finding)


def _notice(finding: Finding) -> Notice:
    key = f"machine|{finding.name}"
    if finding.state is not State.FAILED:
        text = f"{finding.name} is well again: {finding.detail}"
        return Notice("machine", Level.INFO, text, finding.name, key, is_over=True)
    text = f"{finding.name}: {finding.detail}. {finding.remedy}".rstrip(". ") + "."
    return Notice("machine", Level.CRITICAL, text, finding.name, key)
