"""Telling people what happened to a login: kept, logged, and shown on open pages."""

from django.contrib.auth import get_user_model
from django.db import transaction

from brokers.models import BrokerNotice
from infra.broadcast import broadcast
from infra.logging import scrub
from infra.notices import Level, Notice, tell
from infra.redis import keys

LEVELS = {"info": Level.INFO, "warning": Level.WARNING, "error": Level.CRITICAL}


def notify(*, broker: str, login: str, level: str, text: str) -> BrokerNotice:
    """Keep and tell a sentence about a login. Never holds a token: what looks like one is redacted."""
    text = scrub(text)
    notice = BrokerNotice.objects.create(broker=broker, login=login, level=level, text=text)
    transaction.on_commit(lambda: _broadcast(notice))
    said = Notice("login", LEVELS[level], f"{broker} ({login}): {text}", broker)
    transaction.on_commit(lambda: tell(said))
    return notice


def _broadcast(notice: BrokerNotice) -> None:
    payload = {"broker": notice.broker, "login": notice.login, "level": notice.level, "text": notice.text}
    for pk in get_user_model().objects.filter(is_active=True).values_list("pk", flat=True):
        broadcast(keys.user_group(pk), "BrokerNotice", payload)
