"""Logins at brokers: kept sealed, refreshed ahead of their end by one process at a time, loud when that fails."""

import asyncio
import logging
import time
from datetime import datetime, timedelta

from asgiref.sync import async_to_sync
from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from brokers.dialects import DIALECTS
from brokers.models import BrokerToken
from brokers.notices import notify
from brokers.oauth import (
    Client,
    Dialect,
    GrantRefused,
    TokenReply,
    TokenRequest,
    TokenUnavailable,
    ask,
    keep_out_of_logs,
)
from brokers.venue import NotAuthorized
from engine.errors import FortifiedError
from infra.logging import scrub
from infra.orm import in_database
from infra.sealed import SealBroken, seal, unseal

logger = logging.getLogger(__name__)

CLAIM_S = 30.0  # longer than a token request may take
WAIT_S = 0.05
WARN_HOURS = (48, 24, 4)  # before a consent ends
State = BrokerToken.State


def client_of(broker: str) -> Client:
    """Our registration at `broker`, from the settings."""
    found = settings.VENUES[broker]
    return Client(
        client_id=found["client_id"],
        client_secret=found["client_secret"],
        redirect_uri=found["redirect_uri"],
        api_url=found["api_url"],
        authorize_url=found.get("authorize_url", ""),
    )


class TokenSource:
    """Access tokens of one login, for an adapter: call it before each request. Safe to share between tasks.

    Kept in memory until shortly before its end, so that a call costs nothing; `refused` says that the venue did not
    take one, and the next call gets another.
    """

    def __init__(self, broker: str, login: str = "main") -> None:
        self.broker = DIALECTS.canonical(broker)
        self.login = login
        self._dialect = DIALECTS[broker]
        self._token = self._refused = ""
        self._until = 0.0
        self._lock = asyncio.Lock()

    async def __call__(self) -> str:
        if time.time() < self._until:
            return self._token
        async with self._lock:
            if time.time() >= self._until:
                self._token, expires = await access_token(self.broker, self.login, refused=self._refused)
                self._until = expires - _margin_s(self._dialect)
            return self._token

    async def refused(self, token: str) -> None:
        """The venue did not accept `token`: it is not given out again."""
        if token == self._token:
            self._refused, self._until = token, 0.0


async def access_token(broker: str, login: str = "main", *, refused: str = "") -> tuple[str, float]:
    """A good access token and when it ends (seconds since the epoch), refreshed first if it has to be.

    `refused` is one that the venue did not take although it should be good. `NotAuthorized` where a person must
    connect, `TokenUnavailable` where the venue does not answer.
    """
    dialect = DIALECTS[broker]
    deadline = time.monotonic() + CLAIM_S
    while True:
        token = await in_database(_load)(dialect, login)
        found = _usable(token, dialect, refused)
        if found is not None:
            return found
        if await in_database(_claim)(token):
            return await _refresh(token, dialect)
        if time.monotonic() > deadline:
            raise TokenUnavailable(f"{broker}: another process has been refreshing the login for {CLAIM_S:.0f} s")
        await asyncio.sleep(WAIT_S)


async def refresh(broker: str, login: str = "main") -> None:
    """A new access token now, whatever the old one is worth."""
    dialect = DIALECTS[broker]
    token = await in_database(_load)(dialect, login)
    if await in_database(_claim)(token):
        await _refresh(token, dialect)
    else:
        await access_token(broker, login)


refresh_now = async_to_sync(refresh)


def refresh_due() -> int:
    """Refresh every login whose access token ends soon; how many. Beat calls this often: a login that fails is
    tried again at the next call, and is loud."""
    done = 0
    for token in BrokerToken.objects.filter(state__in=(State.CONNECTED, State.FAILING)):
        dialect = DIALECTS[token.broker]
        ahead = timezone.now() + timedelta(seconds=dialect.refresh_ahead_s)
        if token.access_expires_at is not None and token.access_expires_at > ahead:
            continue
        try:
            refresh_now(token.broker, token.login)
            done += 1
        except FortifiedError as error:  # told and kept by `_failed`
            logger.info("%s (%s) was not refreshed: %s", token.broker, token.login, error.detail)
    return done


def warn_of_endings(now: datetime | None = None) -> None:
    """Tell people 48, 24 and 4 hours before a consent ends, once each, and when it has ended."""
    now = now or timezone.now()
    for token in BrokerToken.objects.filter(state__in=(State.CONNECTED, State.FAILING)).exclude(
        refresh_expires_at=None
    ):
        if token.refresh_expires_at is None:
            continue
        left_h = (token.refresh_expires_at - now).total_seconds() / 3600
        if left_h <= 0:
            _die(token, "the login has reached the end of its life; connect the account again")
            continue
        due = min((hours for hours in WARN_HOURS if left_h <= hours), default=None)
        if due is not None and _claim_warning(token, due):
            level = "error" if due == WARN_HOURS[-1] else "warning"
            text = f"the login ends in {_span(left_h)}; connect the account again before that"
            notify(broker=token.broker, login=token.login, level=level, text=text)


def store(dialect: Dialect, login: str, reply: TokenReply, *, is_consent: bool) -> BrokerToken:
    """Keep what the venue gave. A consent starts its life anew; a refresh does not prolong it."""
    now = timezone.now()
    values = {
        "state": State.CONNECTED,
        "sealed_access": seal(reply.access_token),
        "access_expires_at": now + timedelta(seconds=reply.expires_in_s or dialect.access_life_s),
        "refreshed_at": now,
        "failures": 0,
        "last_error": "",
        "claimed_until": None,
    }
    if reply.refresh_token:
        values["sealed_refresh"] = seal(reply.refresh_token)
    if reply.scope:
        values["scope"] = reply.scope
    if is_consent:
        life_s = dialect.refresh_life_s
        values |= {
            "authorized_at": now,
            "refresh_expires_at": None if life_s is None else now + timedelta(seconds=life_s),
            "warned_h": None,
        }
    token, _ = BrokerToken.objects.update_or_create(broker=dialect.broker, login=login, defaults=values)
    return token


# ---- refreshing --------------------------------------------------------------------------------------------


async def _refresh(token: BrokerToken, dialect: Dialect) -> tuple[str, float]:
    """With the claim in hand."""
    try:
        reply = await ask(_request(token, dialect), broker=dialect.broker)
    except (GrantRefused, SealBroken) as error:
        await in_database(_die)(token, error.detail)
        raise NotAuthorized(error.detail) from error
    except TokenUnavailable as error:
        await in_database(_failed)(token, error.detail)
        raise
    except BaseException:
        await in_database(_release)(token)
        raise
    stored = await in_database(_refreshed)(token, dialect, reply)
    if stored.access_expires_at is None:  # disconnected meanwhile
        raise NotAuthorized(f"{dialect.title} ({token.login}) is not connected; connect the account first")
    return unseal(stored.sealed_access), stored.access_expires_at.timestamp()


def _request(token: BrokerToken, dialect: Dialect) -> TokenRequest:
    client = client_of(dialect.broker)
    if not token.sealed_refresh and dialect.client_grant is not None:
        return dialect.client_grant(client)
    secret = unseal(token.sealed_refresh)
    keep_out_of_logs(secret)
    return dialect.refresh(client, secret)


def _load(dialect: Dialect, login: str) -> BrokerToken:
    token = BrokerToken.objects.filter(broker=dialect.broker, login=login).first()
    is_usable = token is not None and bool(token.sealed_refresh or dialect.client_grant)
    if token is None or token.state == State.DISCONNECTED or not is_usable:
        raise NotAuthorized(f"{dialect.title} ({login}) is not connected; connect the account first")
    if token.state == State.DEAD:
        raise NotAuthorized(f"{dialect.title} ({login}): {token.last_error}")
    return token


def _usable(token: BrokerToken, dialect: Dialect, refused: str) -> tuple[str, float] | None:
    if not token.sealed_access or token.access_expires_at is None:
        return None
    expires = token.access_expires_at.timestamp()
    if expires - _margin_s(dialect) <= time.time():
        return None
    try:
        secret = unseal(token.sealed_access)
    except SealBroken:
        return None  # the refresh that follows says so
    keep_out_of_logs(secret)
    return None if secret == refused else (secret, expires)


def _margin_s(dialect: Dialect) -> float:
    """How long before its end an access token is not given out any more: a request needs time to arrive."""
    return min(dialect.refresh_ahead_s, 60.0)


def _claim(token: BrokerToken) -> bool:
    """Whether this process may refresh: one at a time, over all processes, whatever the database."""
    now = timezone.now()
    free = Q(claimed_until=None) | Q(claimed_until__lt=now)
    same = BrokerToken.objects.filter(free, pk=token.pk, refreshed_at=token.refreshed_at)
    return same.update(claimed_until=now + timedelta(seconds=CLAIM_S)) == 1


def _release(token: BrokerToken) -> None:
    BrokerToken.objects.filter(pk=token.pk).update(claimed_until=None)


def _refreshed(token: BrokerToken, dialect: Dialect, reply: TokenReply) -> BrokerToken:
    """Nothing is stored where a person connected anew while the request was under way: the new consent counts."""
    with transaction.atomic():
        current = BrokerToken.objects.select_for_update().get(pk=token.pk)
        if current.sealed_refresh != token.sealed_refresh or current.state == State.DISCONNECTED:
            return current
        stored = store(dialect, token.login, reply, is_consent=False)
        if current.state == State.FAILING:
            notify(broker=token.broker, login=token.login, level="info", text="refreshing the login works again")
    return stored


def _failed(token: BrokerToken, why: str) -> None:
    """The first failure of a series is told; the state says it all the while."""
    with transaction.atomic():
        same = BrokerToken.objects.filter(pk=token.pk, sealed_refresh=token.sealed_refresh)
        same.update(failures=F("failures") + 1, last_error=scrub(why), claimed_until=None, updated_at=timezone.now())
        if same.filter(state=State.CONNECTED).update(state=State.FAILING):
            notify(broker=token.broker, login=token.login, level="error", text=f"refreshing the login fails: {why}")


def _die(token: BrokerToken, why: str) -> None:
    with transaction.atomic():
        same = BrokerToken.objects.filter(pk=token.pk, sealed_refresh=token.sealed_refresh)
        changed = same.filter(state__in=(State.CONNECTED, State.FAILING)).update(
            state=State.DEAD, sealed_access="", last_error=scrub(why), claimed_until=None, updated_at=timezone.now()
        )
        if changed:
            notify(broker=token.broker, login=token.login, level="error", text=why)


def _claim_warning(token: BrokerToken, hours: int) -> bool:
    untold = BrokerToken.objects.filter(pk=token.pk).filter(Q(warned_h=None) | Q(warned_h__gt=hours))
    return untold.update(warned_h=hours) == 1


def _span(hours: float) -> str:
    return f"{hours:.0f} hours" if hours >= 1.5 else f"{hours * 60:.0f} minutes"
