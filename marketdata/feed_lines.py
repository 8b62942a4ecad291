"""What feeds are configured to log in with, and how many streams of one login that opens at a time."""

from collections.abc import Mapping

import msgspec
from django.conf import settings

from engine.errors import InvalidInput
from infra.sealed import SealBroken, unseal
from marketdata.feeds.limits import FeedLimits
from marketdata.feeds.registry import FEEDS
from marketdata.feeds.truth import TRUTH
from marketdata.models import FeedSource


def token_of(source: FeedSource) -> str:
    """The secret of a feed: its own, or the installation's for its kind; `SealBroken` where it cannot be read here."""
    return unseal(source.sealed_token) if source.sealed_token else str(settings.FEED_TOKENS.get(source.kind, ""))


def limits_of(source: FeedSource) -> FeedLimits:
    """What its vendor allows it; none where its stored options cannot be read: it does not run then either."""
    kind = FEEDS[source.kind]
    own = {name: value for name, value in source.options.items() if name != TRUTH}
    try:
        return kind.limits(msgspec.convert(own, type=kind.options_type))
    except msgspec.ValidationError:
        return FeedLimits()


def check_streams(source: FeedSource) -> None:
    """`InvalidInput` where what is enabled would, with `source` as it is here, open more streams of one login than its
    vendor allows. A feed that listens to another one for comparison opens a stream of that one's login too."""
    if not source.is_enabled:
        return
    feeds = {each.name: each for each in FeedSource.objects.all()} | {source.name: source}
    for concerned in (source, feeds.get(_second(source))):
        most = limits_of(concerned).connections if concerned else None
        if concerned is None or most is None:
            continue
        found = _streams(concerned, feeds)
        if len(found) > most:
            raise InvalidInput(
                f"{concerned.kind} allows {most} stream{'s' if most > 1 else ''} of one login at a time, and "
                f"{len(found)} would be open: {'; '.join(found)}. Disable one, or give it a login of its own.",
                field="is_enabled",
            )


def _streams(concerned: FeedSource, feeds: Mapping[str, FeedSource]) -> list[str]:
    """What is open of the login of `concerned` when all that is enabled runs."""
    login = _login(concerned)
    found = []
    for each in feeds.values():
        second = feeds.get(_second(each))
        if each.is_enabled and _login(each) == login:
            found.append(each.name)
        if each.is_enabled and second is not None and _login(second) == login:
            found.append(f"{second.name}, for comparison with {each.name}")
    return found


def _second(source: FeedSource) -> str:
    return str(source.options.get(TRUTH, {}).get("check_against", ""))


def _login(source: FeedSource) -> tuple[str, str, str]:
    """What two feeds have in common that log in as one."""
    try:
        secret = token_of(source)
    except SealBroken:  # nobody logs in with it
        secret = source.sealed_token
    return source.kind, limits_of(source).line, secret or f"login {source.options.get('login', '')}"
