"""A person connects a broker, or ends that: consent pages, codes, pasted tokens."""

import secrets
from typing import Any

import msgspec
from asgiref.sync import async_to_sync
from django.core.cache import cache

from brokers.dialects import DIALECTS
from brokers.models import BrokerAccount, BrokerNotice, BrokerToken
from brokers.notices import notify
from brokers.oauth import Dialect, TokenReply, ask, code_of, keep_out_of_logs, state_of
from brokers.tokens import access_token, client_of, refresh_now, store
from engine.errors import Conflict, InvalidInput
from infra.web.actor import Actor

PENDING_S = 600  # a person has ten minutes on the broker's page
_PREFIX = "broker-login:"
_ask = async_to_sync(ask)


class Pending(msgspec.Struct, frozen=True):
    """A login that somebody began. Its name in the cache is the `state` of the redirect; it is good for one use."""

    broker: str
    login: str
    user_id: int


def begin(*, user: Actor | None, broker: str, login: str = "main") -> str:
    """The address of the consent page, for `user` alone; None is somebody at this machine's command line."""
    dialect = DIALECTS[broker]
    client = client_of(dialect.broker)
    if not client.client_id:
        name = f"{dialect.broker.upper().replace('TASTYTRADE', 'TASTY')}_CLIENT_ID"
        raise Conflict(f"{dialect.title}: {name} is not set; register an application there first", field=name)
    state = secrets.token_urlsafe(24)
    pending = Pending(dialect.broker, login, _number(user))
    cache.set(_PREFIX + state, msgspec.json.encode(pending), PENDING_S)
    return dialect.authorize(client, state)


def finish(*, state: str, code: str, broker: str, user_id: int | None = None) -> BrokerToken:
    """The broker sent somebody back. The state says who began; another person's or an old one is refused."""
    pending = _take(state)
    if pending is None or pending.broker != DIALECTS.canonical(broker) or user_id not in (None, pending.user_id):
        raise InvalidInput("state: this login was not begun here, or more than ten minutes ago", field="state")
    return _exchange(DIALECTS[pending.broker], pending.login, code)


def connect(*, user: Actor | None, broker: str, pasted: str, login: str = "main") -> BrokerToken:
    """What a person pasted: the whole redirect URL (its state must be one of theirs) or the code alone."""
    dialect = DIALECTS[broker]
    state = state_of(pasted)
    code = code_of(pasted, expected_state=None)
    if state:
        return finish(state=state, code=code, user_id=_number(user), broker=dialect.broker)
    return _exchange(dialect, login, code)


def connect_with_grant(*, broker: str, refresh_token: str, login: str = "main") -> BrokerToken:
    """A refresh token that a person made on the broker's own page; tried at once, kept only if it works."""
    dialect = DIALECTS[broker]
    secret = refresh_token.strip()
    if not secret:
        raise InvalidInput("refresh_token: a refresh token was expected, found nothing", field="refresh_token")
    keep_out_of_logs(secret)
    reply = _ask(dialect.refresh(client_of(dialect.broker), secret), broker=dialect.broker)
    return _consented(dialect, login, msgspec.structs.replace(reply, refresh_token=reply.refresh_token or secret))


def connect_as_client(*, broker: str, login: str = "main") -> BrokerToken:
    """A login by the application's own secret, where the broker has that."""
    dialect = DIALECTS[broker]
    if dialect.client_grant is None:
        raise Conflict(f"{dialect.title} has no login by client credentials alone. {dialect.help}")
    return _consented(dialect, login, _ask(dialect.client_grant(client_of(dialect.broker)), broker=dialect.broker))


def refresh(*, broker: str, login: str = "main") -> BrokerToken:
    """A new access token now."""
    dialect = DIALECTS[broker]
    refresh_now(dialect.broker, login)
    return BrokerToken.objects.get(broker=dialect.broker, login=login)


def disconnect(*, broker: str, login: str = "main") -> BrokerToken | None:
    """Forget the login here; the consent itself is withdrawn on the broker's page."""
    dialect = DIALECTS[broker]
    token = BrokerToken.objects.filter(broker=dialect.broker, login=login).first()
    if token is not None:
        token.state = BrokerToken.State.DISCONNECTED
        token.sealed_access = token.sealed_refresh = token.last_error = ""
        token.access_expires_at = token.refresh_expires_at = token.claimed_until = None
        token.save()
        notify(broker=dialect.broker, login=login, level="warning", text="the login was removed")
    return token


def accounts(*, broker: str, login: str = "main") -> list[dict[str, Any]]:
    """The accounts behind a login, asked of the venue, and under which name we have each."""
    dialect = DIALECTS[broker]
    if dialect.accounts is None:
        raise Conflict(f"{dialect.title} does not tell which accounts a login has")
    token, _ = async_to_sync(access_token)(dialect.broker, login)
    found = async_to_sync(dialect.accounts)(client_of(dialect.broker).api_url, token)
    ours = {
        each.account_number: each.name
        for each in BrokerAccount.objects.filter(broker=dialect.broker).exclude(account_number="")
    }
    return [{**msgspec.to_builtins(each), "name": ours.get(each.number, "")} for each in found]


def notices(*, broker: str, login: str = "main", limit: int = 20) -> list[BrokerNotice]:
    return list(BrokerNotice.objects.filter(broker=DIALECTS.canonical(broker), login=login)[:limit])


def _exchange(dialect: Dialect, login: str, code: str) -> BrokerToken:
    if not code:
        raise InvalidInput("code: the redirect URL or the code in it was expected, found nothing", field="code")
    reply = _ask(dialect.exchange(client_of(dialect.broker), code), broker=dialect.broker)
    if not reply.refresh_token:
        raise Conflict(f"{dialect.title} gave no refresh token: the login would end within the hour")
    return _consented(dialect, login, reply)


def _consented(dialect: Dialect, login: str, reply: TokenReply) -> BrokerToken:
    token = store(dialect, login, reply, is_consent=True)
    notify(broker=dialect.broker, login=login, level="info", text="the login works")
    return token


def _number(user: Actor | None) -> int:
    return int(user.pk) if user is not None else 0


def _take(state: str) -> Pending | None:
    """Once only: what is taken is gone."""
    key = _PREFIX + state
    found = cache.get(key) if state else None
    if found is None or not cache.delete(key):
        return None
    return msgspec.json.decode(found, type=Pending)
