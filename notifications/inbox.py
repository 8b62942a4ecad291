"""What each person has not dealt with yet: kept in Redis for a week, so that a page that was away catches up."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, cast

from django.conf import settings
from django.utils import timezone

from infra.redis import keys
from infra.redis.client import sync_client
from notifications.models import Notice

KEPT = timedelta(days=7)
MOST = 200  # notices of one person; older ones go
SHOWN = 50


def put(users: Iterable[int], notice: Notice) -> None:
    """Into everybody's inbox; the same thing told again moves up and is unread again."""
    at = notice.last_at.timestamp()
    with sync_client(settings.REDIS_URL).pipeline(transaction=False) as pipe:
        for user in users:
            key = keys.notifications(str(user))
            pipe.zadd(key, {str(notice.pk): at})
            pipe.zremrangebyscore(key, "-inf", (timezone.now() - KEPT).timestamp())
            pipe.zremrangebyrank(key, 0, -MOST - 1)
            pipe.expire(key, KEPT)
        pipe.execute()


def listed(user: int) -> dict[str, Any]:
    """The newest notices of a person and how many are unread."""
    client = sync_client(settings.REDIS_URL)
    found = cast("list[tuple[str, float]]", client.zrevrange(keys.notifications(str(user)), 0, MOST, withscores=True))
    read_until = float(cast("str | None", client.get(keys.notifications_read(str(user)))) or 0)
    rows = Notice.objects.in_bulk([int(pk) for pk, _ in found[:SHOWN]])
    items = [document(rows[int(pk)], is_read=at <= read_until) for pk, at in found if int(pk) in rows]
    return {"unread": sum(at > read_until for _, at in found), "items": items}


def mark_read(user: int) -> None:
    """Everything that is there now has been seen."""
    client = sync_client(settings.REDIS_URL)
    newest = cast("list[tuple[str, float]]", client.zrevrange(keys.notifications(str(user)), 0, 0, withscores=True))
    if newest:
        client.set(keys.notifications_read(str(user)), repr(newest[0][1]), ex=KEPT)


def dismiss(user: int, notice: int) -> bool:
    """Take one away; False where it was not there."""
    return bool(sync_client(settings.REDIS_URL).zrem(keys.notifications(str(user)), str(notice)))


def document(notice: Notice, *, is_read: bool = False) -> dict[str, Any]:
    """A notice for pages."""
    return {
        "id": notice.pk,
        "notice": notice.kind,
        "level": notice.level,
        "about": notice.about,
        "text": notice.text,
        "times": notice.times,
        "at": notice.last_at.isoformat(),
        "is_over": notice.over_at is not None,
        "is_read": is_read,
    }
