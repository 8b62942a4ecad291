"""Telling people what happened to a login: kept, logged, and shown on open pages."""

import logging

from django.contrib.auth import get_user_model
from django.db import transaction

from brokers.models import BrokerNotice
from infra.broadcast import broadcast
from infra.logging import scrub
from infra.redis import keys

logger = logging.getLogger(__name__)

_LOG_LEVEL = {"info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def notify(*, broker: str, login: str, level: str, text: str) -> BrokerNotice:
    """Keep and tell a sentence about a login. Never holds a token: what looks like one is redacted."""
    text = scrub(text)
    notice = BrokerNotice.objects.create(broker=broker, login=login, level=level, text=text)
    logger.log(_LOG_LEVEL[level], "%s (%s): %s", broker, login, text)
    transaction.on_commit(lambda: _broadcast(notice))
    return notice


def _broadcast(notice: BrokerNotice) -> None:
    payload = {"broker": notice.broker, "login": notice.login, "level": notice.level, "text": notice.text}
    for pk in get_user_model().objects.filter(is_active=True).values_list("pk", flat=True):
        broadcast(keys.user_group(pk), "BrokerNotice", payload)
