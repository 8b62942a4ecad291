"""The kinds of feeds, by name; each file in this package registers its own."""

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from engine.ports import MarketFeed
from engine.registry import Registry


class FeedSetup(NamedTuple):
    """What a feed is made of: its configuration, its secret, how our symbols are called there."""

    name: str
    api_url: str
    token: str
    options: dict[str, Any]
    resolve: Callable[[str], str]


class FeedKind(NamedTuple):
    """A kind of feed: how it is made, which options it takes, and what the admin says about it."""

    make: Callable[[FeedSetup], MarketFeed]
    options_type: type[msgspec.Struct]
    summary: str


FEEDS: Registry[FeedKind] = Registry("feed")
