"""What a running book uses of each limit, as its process told it last."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, cast

import msgspec
from django.conf import settings
from redis import RedisError

from engine.core.usage import Usage
from infra.redis import keys
from infra.redis.client import sync_client

NOBODY = "No process trades this book: what is used is not known."


class BookUsage(msgspec.Struct, frozen=True):
    """The figures and when they were taken; `at` None where nobody tells them."""

    at: datetime | None = None
    figures: tuple[Usage, ...] = ()


def book_usage(book: str) -> BookUsage:
    """What the process of `book` said within the last seconds. Raises `RedisError` where Redis does not answer."""
    told = cast("str | None", sync_client(settings.REDIS_URL).get(keys.usage(book)))
    if told is None:
        return BookUsage()
    document = json.loads(told)
    figures = msgspec.convert(document["figures"], tuple[Usage, ...], strict=False)
    return BookUsage(datetime.fromtimestamp(document["at"], UTC), figures)


def usage_lines(book: str) -> tuple[list[tuple[str, str, str]], str]:
    """(of, limit, "320 of 500") for people, and a sentence about where the figures come from."""
    try:
        found = book_usage(book)
    except RedisError as error:
        return [], f"Redis does not answer: what is used is not known ({error})."
    if found.at is None:
        return [], NOBODY
    rows = [(each.of, each.name.replace("_", " "), words(each)) for each in found.figures]
    return rows, f"As of {found.at:%H:%M:%S} UTC."


def words(usage: Usage) -> str:
    """ "320 of 500, 180 left", or "320, not limited"."""
    if usage.limit is None:
        return f"{_plain(usage.used)}, not limited"
    left = max(usage.limit - Decimal(str(usage.used)), Decimal(0))
    return f"{_plain(usage.used)} of {_plain(float(usage.limit))}, {_plain(float(left))} left"


def document(book: str) -> dict[str, Any]:
    """The same for programs; limits are exact text."""
    found = book_usage(book)
    figures = [
        {"of": each.of, "name": each.name, "used": each.used, "limit": None if each.limit is None else str(each.limit)}
        for each in found.figures
    ]
    return {"book": book, "at": found.at, "figures": figures}


def _plain(value: float) -> str:
    return f"{value:,.2f}".removesuffix(".00")
