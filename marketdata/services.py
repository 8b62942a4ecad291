"""Writes the configuration of feeds and tells running ones what to carry."""

from collections.abc import Iterable
from typing import Any, cast

import msgspec
from django.conf import settings
from django.db import transaction

from engine.bars.timeframe import canonical
from engine.errors import InvalidInput, NotFound
from infra.redis import keys
from infra.redis.client import sync_client
from infra.sealed import seal
from marketdata.feed_lines import check_streams
from marketdata.feeds.registry import FEEDS
from marketdata.feeds.truth import TRUTH, TruthOptions
from marketdata.models import FeedSource

_SEPARATOR = "|"


def save_feed(
    *,
    name: str,
    kind: str,
    api_url: str = "",
    token: str | None = None,
    options: dict[str, Any] | None = None,
    is_enabled: bool = True,
    is_default: bool = False,
    universe: str | None = None,
    universe_timeframe: str | None = None,
) -> FeedSource:
    """Create or change the feed `name`. `token` is stored sealed; None leaves it, or the universe, as it is.
    `InvalidInput` where its vendor allows no more streams of its login."""
    found = FEEDS.canonical(kind)
    values: dict[str, Any] = {
        "kind": found,
        "api_url": api_url,
        "options": parse_options(found, options or {}),
        "is_enabled": is_enabled,
        "is_default": is_default,
    }
    if universe is not None:
        values["universe"] = universe
    if universe_timeframe is not None:
        values["universe_timeframe"] = canonical(universe_timeframe)
    if token is not None:
        values["sealed_token"] = seal(token) if token else ""
    with transaction.atomic():
        if is_default:
            FeedSource.objects.exclude(name=name).filter(is_default=True).update(is_default=False)
        feed, _ = FeedSource.objects.update_or_create(name=name, defaults=values)
        feed.full_clean()
        check_streams(feed)
    return feed


def switch_feed(*, name: str, is_enabled: bool) -> FeedSource:
    """Let the feed run, or not; `InvalidInput` where its vendor allows no more streams of its login."""
    feed = FeedSource.objects.filter(name=name).first()
    if feed is None:
        known = ", ".join(FeedSource.objects.values_list("name", flat=True)) or "none yet"
        raise NotFound(f"There is no feed named {name!r}. Known: {known}.", field="name")
    feed.is_enabled = is_enabled
    check_streams(feed)
    feed.save(update_fields=["is_enabled", "updated_at"])
    return feed


def parse_options(kind: str, options: dict[str, Any]) -> dict[str, Any]:
    """`options` checked by the kind's own declaration and completed with its defaults; what is under "truth" is for
    the truth gate, which all kinds have."""
    own = {name: value for name, value in options.items() if name != TRUTH}
    parsed = cast("dict[str, Any]", msgspec.to_builtins(_checked(kind, own, FEEDS[kind].options_type)))
    if TRUTH in options:
        parsed[TRUTH] = msgspec.to_builtins(_checked(kind, options[TRUTH], TruthOptions))
    return parsed


def _checked(kind: str, options: Any, declared: type[msgspec.Struct]) -> msgspec.Struct:
    try:
        return msgspec.convert(options, type=declared)
    except msgspec.ValidationError as error:
        raise InvalidInput(f"options of a {kind} feed: {error}", field="options") from error


def set_wanted(*, feed: str, pairs: Iterable[tuple[str, str]]) -> None:
    """What `feed` must carry from now on: symbols and timeframes. A running feed follows within a second."""
    wanted = {f"{symbol}{_SEPARATOR}{timeframe}" for symbol, timeframe in pairs}
    client = sync_client(settings.REDIS_URL)
    key = keys.wanted(feed)
    present = cast("set[str]", client.smembers(key))
    if wanted == present:
        return
    with client.pipeline(transaction=True) as pipe:
        if present - wanted:
            pipe.srem(key, *(present - wanted))
        if wanted - present:
            pipe.sadd(key, *(wanted - present))
        pipe.execute()
