"""Records for the book: strategies on so many symbols, started in one book or dealt out to two, with some history."""

import asyncio
import random
import sys
import time

import django

django.setup()

from django.conf import settings  # noqa: E402  needs the setup above
from django.db import transaction  # noqa: E402

from benchmarks.book import EXITS, SLOTS, Slot, books_of, pairs  # noqa: E402
from benchmarks.pipeline import names  # noqa: E402
from engine.bars.timeframe import parse_timeframe  # noqa: E402
from engine.model.market import Bar  # noqa: E402
from engine.model.time import NS_PER_S  # noqa: E402
from infra.redis.client import aclose_clients, async_client  # noqa: E402
from marketdata.history import join_history  # noqa: E402
from strategies.models import Ticker  # noqa: E402
from strategies.services import create_ticker  # noqa: E402
from trading.models import Book, Run  # noqa: E402
from trading.services import slot_document  # noqa: E402

PAST = 80  # bars of each symbol and timeframe: more than any of the strategies waits for
TICK_BAR_S = 7  # about as long as 144 prints take


def main(symbols: int, books: int) -> None:
    """In books of their own: nothing is continued. The tickers of other measurements stay."""
    with transaction.atomic():
        for slot in SLOTS:
            start(slot, names(symbols)[:: slot.every], books_of(symbols, books))
    asyncio.run(remember(pairs(symbols)))


def start(slot: Slot, symbols: list[str], books: tuple[str, ...]) -> None:
    """One run of the strategy in each book, with its share of the symbols."""
    known = set(Ticker.objects.filter(strategy=slot.strategy).values_list("symbol", flat=True))
    for symbol in symbols:
        if symbol not in known:
            create_ticker(
                user=None, strategy=slot.strategy, symbol=symbol, timeframe=slot.timeframe,
                quantities={"paper": "10"}, exits=EXITS,
            )  # fmt: skip
    for number, name in enumerate(books):
        tickers = Ticker.objects.filter(strategy=slot.strategy, symbol__in=symbols[number :: len(books)])
        Run.objects.create(
            book=Book.objects.get_or_create(name=name)[0],
            strategy=slot.strategy,
            slots=[slot_document(each) for each in tickers],
        )


async def remember(carried: list[tuple[str, str]]) -> None:
    """Bars of the last minutes or hours, so that every slot is warm with the first bar of its own."""
    client = async_client(settings.REDIS_URL)
    for symbol, timeframe in carried:
        await join_history(client, symbol, timeframe, past(symbol, timeframe))
    await aclose_clients()


def past(symbol: str, timeframe: str) -> list[Bar]:
    """A price that wandered to 100, where the market begins."""
    step = parse_timeframe(timeframe).duration_ns or TICK_BAR_S * NS_PER_S
    end, chance = time.time_ns() // step * step, random.Random(symbol)
    found, price = [], 100.0
    for ago in range(PAST):
        before, ts = price + chance.uniform(-0.1, 0.1), end - ago * step
        high, low = max(before, price), min(before, price)
        found.append(Bar(ts, symbol, timeframe, ts - step, before, high, low, price, 500.0, 144, source="vendor:bench"))
        price = before
    return found[::-1]


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
