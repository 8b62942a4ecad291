"""Compares what should run with who holds a live lease, and dispatches the difference."""

import logging
from typing import Any

from celery import current_app
from django.conf import settings

from engine.errors import FortifiedError
from engine.model.enums import FINAL_STATES
from infra.redis.client import sync_client
from infra.redis.leases import holder
from marketdata.models import FeedSource
from marketdata.services import set_wanted
from marketdata.universe.carried import streamed_pairs
from strategies.models import Ticker
from strategies.registry import timeframes_of
from trading.models import Book, Order, Position, Run
from trading.runtime.compose import documents_of

logger = logging.getLogger(__name__)

DISPATCH_EXPIRES_S = 5  # a start that waited longer is stale: the next look decides again


def supervise() -> list[str]:
    """Start what should run and does not; "feed:dxlink", "trader:paper", … of what was dispatched."""
    tell_feeds()
    return [*_start_feeds(), *_start_books()]


def tell_feeds() -> None:
    """Write what each feed must carry: every configured ticker, so that charts are there before trading starts, and
    what its stream has room for of its universe."""
    wanted = traded_pairs()
    for feed, pairs in streamed_pairs(wanted).items():
        wanted[feed] = wanted.get(feed, set()) | pairs
    for feed, pairs in wanted.items():
        if feed:
            set_wanted(feed=feed, pairs=pairs)


def traded_pairs() -> dict[str, set[tuple[str, str]]]:
    """Symbols and timeframes of tickers, of running strategies and of what is still held, by the feed that carries
    them."""
    default = default_feed()
    wanted: dict[str, set[tuple[str, str]]] = {name: set() for name in _enabled_feeds()}
    for ticker in Ticker.objects.all():
        feed, slot = ticker.feed or default, (ticker.strategy, ticker.symbol, ticker.timeframe, ticker.params)
        wanted.setdefault(feed, set()).update(_read_by(*slot))
    for book in books_to_run():
        for found in traded_slots(book):
            read = _read_by(found["strategy"], found["symbol"], found["timeframe"], found["params"])
            wanted.setdefault(default, set()).update(read)
    return wanted


def traded_slots(book: Book) -> list[dict[str, Any]]:
    """The slots for which the book needs prices: of its running strategies, and of stopped ones what they hold. One
    that nobody knows any more keeps the running ones from nothing."""
    found: list[dict[str, Any]] = []
    try:
        found.extend(document for _, document in documents_of(book))
    except FortifiedError as error:
        logger.warning("book %s: %s", book.name, error.detail)
    return found


def _read_by(strategy: str, symbol: str, timeframe: str, params: dict[str, Any]) -> set[tuple[str, str]]:
    """What a slot reads. One whose strategy is gone or refuses its parameters keeps nobody else from being fed."""
    try:
        return {(symbol, each) for each in timeframes_of(strategy, params, own=timeframe)}
    except FortifiedError as error:
        logger.warning("%s on %s: %s", strategy, symbol, error.detail)
        return {(symbol, timeframe)}


def default_feed() -> str:
    """The feed of tickers that name none; empty where no feed is enabled."""
    feed = FeedSource.objects.filter(is_enabled=True).order_by("-is_default", "name").first()
    return feed.name if feed else ""


def books_to_run() -> list[Book]:
    """Books with a running strategy, an open position, or an order that may still be filled."""
    ids = set(Run.objects.filter(state=Run.State.RUNNING).values_list("book_id", flat=True))
    ids |= set(Position.objects.exclude(quantity=0).values_list("book_id", flat=True))
    ids |= set(Order.objects.exclude(state__in=FINAL_STATES).values_list("book_id", flat=True))
    return list(Book.objects.filter(pk__in=ids))


def _enabled_feeds() -> list[str]:
    return list(FeedSource.objects.filter(is_enabled=True).values_list("name", flat=True))


def _start_feeds() -> list[str]:
    return [_dispatch("marketdata.tasks.run_feed", "feed", name) for name in _enabled_feeds() if _is_free("feed", name)]


def _start_books() -> list[str]:
    return [
        _dispatch("trading.tasks.run_trader", "trader", book.name)
        for book in books_to_run()
        if _is_free("trader", book.name)
    ]


def _is_free(kind: str, name: str) -> bool:
    return holder(sync_client(settings.REDIS_URL), kind, name) is None


def _dispatch(task: str, kind: str, name: str) -> str:
    current_app.send_task(task, args=[name], expires=DISPATCH_EXPIRES_S)
    logger.info("%s %s holds no lease: started", kind, name)
    return f"{kind}:{name}"
