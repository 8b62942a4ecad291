"""What people may know of a login: its state and its countdown, never its tokens."""

from datetime import datetime
from typing import Any

import msgspec
from django.utils import timezone

from brokers.dialects import DIALECTS
from brokers.logins import notices
from brokers.models import BrokerToken

State = BrokerToken.State


class LoginStatus(msgspec.Struct, frozen=True):
    """One login. `refresh_left_s` is the countdown to the end of the consent; None: it does not end by itself."""

    broker: str
    login: str
    title: str
    state: str
    is_connected: bool
    needs_person: bool
    authorized_at: datetime | None
    refreshed_at: datetime | None
    access_expires_at: datetime | None
    refresh_expires_at: datetime | None
    refresh_left_s: int | None
    countdown: str
    failures: int
    last_error: str
    help: str


def login_status(broker: str, login: str = "main") -> LoginStatus:
    """The state of a login; one that nobody made is disconnected."""
    dialect = DIALECTS[broker]
    token = BrokerToken.objects.filter(broker=dialect.broker, login=login).first()
    return _status(token or BrokerToken(broker=dialect.broker, login=login))


def login_statuses() -> list[LoginStatus]:
    """Every login that was made, and the first one of every broker that has logins."""
    found = {(token.broker, token.login): token for token in BrokerToken.objects.all()}
    for broker in DIALECTS:
        found.setdefault((broker, "main"), BrokerToken(broker=broker, login="main"))
    return [_status(found[key]) for key in sorted(found)]


def login_document(status: LoginStatus) -> dict[str, Any]:
    """As the API tells it, with the last notices."""
    told = [
        {"level": each.level, "text": each.text, "at": each.created_at}
        for each in notices(broker=status.broker, login=status.login)
    ]
    return {**{name: getattr(status, name) for name in status.__struct_fields__}, "notices": told}


def countdown(left_s: float) -> str:
    """ "6 days 3 hours", "3 hours 20 minutes", "ended"."""
    if left_s <= 0:
        return "ended"
    minutes = int(left_s // 60)
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    parts = [(days, "day"), (hours, "hour"), (minutes, "minute")]
    shown = [(count, name) for count, name in parts if count][:2]
    return " ".join(f"{count} {name}{'' if count == 1 else 's'}" for count, name in shown) or "less than a minute"


def _status(token: BrokerToken) -> LoginStatus:
    dialect, ends = DIALECTS[token.broker], token.refresh_expires_at
    left_s = None if ends is None else int((ends - timezone.now()).total_seconds())
    is_connected = token.state in (State.CONNECTED, State.FAILING)
    return LoginStatus(
        broker=token.broker,
        login=token.login,
        title=dialect.title,
        state=str(token.state),
        is_connected=is_connected,
        needs_person=not is_connected,
        authorized_at=token.authorized_at,
        refreshed_at=token.refreshed_at,
        access_expires_at=token.access_expires_at,
        refresh_expires_at=ends,
        refresh_left_s=None if left_s is None else max(left_s, 0),
        countdown="" if left_s is None or not is_connected else countdown(left_s),
        failures=token.failures,
        last_error=token.last_error,
        help=dialect.help,
    )
