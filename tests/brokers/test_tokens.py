"""A login stays good by itself, in one process or in many, and says so when it does not."""

import asyncio
import io
import logging
import threading
from datetime import timedelta

import msgspec
import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.core.management import CommandError, call_command
from django.db import connections
from django.utils import timezone

from brokers import logins, tokens
from brokers.dialects import DIALECTS
from brokers.models import BrokerNotice, BrokerToken
from brokers.oauth import GrantRefused, TokenReply, TokenUnavailable
from brokers.tasks import refresh_tokens
from brokers.tokens import TokenSource, access_token
from brokers.venue import NotAuthorized
from infra.sealed import unseal

pytestmark = pytest.mark.django_db(transaction=True)
WEEKLY = msgspec.structs.replace(DIALECTS["tastytrade"], broker="schwab", title="Schwab", refresh_life_s=7 * 86_400.0)


@pytest.fixture
def login(endpoint) -> BrokerToken:
    token = logins.connect_with_grant(broker="tastytrade", refresh_token="personal-grant-1")
    endpoint.seen.clear()
    return token


def age(**values) -> None:
    BrokerToken.objects.update(**values)


def expire() -> None:
    age(access_expires_at=timezone.now() - timedelta(seconds=1))


def get(**values) -> tuple[str, float]:
    return async_to_sync(access_token)("tastytrade", **values)


def levels() -> list[tuple[str, str]]:
    return [(notice.level, notice.text) for notice in BrokerNotice.objects.order_by("id")]


def test_tokens_are_sealed_in_the_database(login):
    row = BrokerToken.objects.values().get()
    assert "access-token-1" not in str(row)
    assert "personal-grant-1" not in str(row)
    assert (unseal(row["sealed_access"]), unseal(row["sealed_refresh"])) == ("access-token-1", "personal-grant-1")


def test_a_good_token_is_given_without_asking_the_venue(login, endpoint):
    assert get()[0] == "access-token-1"
    assert endpoint.seen == []


def test_a_token_near_its_end_is_replaced_and_the_consent_stays(login, endpoint):
    age(access_expires_at=timezone.now() + timedelta(seconds=30))
    assert get()[0] == "access-token-2"
    assert [request["refresh_token"] for request in endpoint.seen] == ["personal-grant-1"]


def test_a_token_that_the_venue_refuses_is_replaced_although_it_should_be_good(login, endpoint):
    assert get(refused="access-token-1")[0] == "access-token-2"
    assert get(refused="access-token-1")[0] == "access-token-2"
    assert len(endpoint.seen) == 1


def test_many_processes_at_once_refresh_once(login, endpoint):
    expire()
    endpoint.delay_s = 0.3
    found: list[str] = []

    def work() -> None:
        try:
            found.append(get()[0])
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert found == ["access-token-2"] * 5
    assert len(endpoint.seen) == 1


def test_the_claim_of_a_process_that_died_is_taken_over(login, endpoint):
    expire()
    age(claimed_until=timezone.now() - timedelta(seconds=1))
    assert get()[0] == "access-token-2"


async def test_a_source_keeps_its_token_and_asks_once_for_many_tasks(endpoint):
    await sync_to_async(logins.connect_with_grant)(broker="tastytrade", refresh_token="personal-grant-1")
    source = TokenSource("tasty")
    assert await asyncio.gather(*(source() for _ in range(10))) == ["access-token-1"] * 10
    await source.refused("access-token-1")
    assert await asyncio.gather(*(source() for _ in range(10))) == ["access-token-2"] * 10
    await source.refused("access-token-1")  # an old one's refusal, told late
    assert await source() == "access-token-2"
    assert len(endpoint.seen) == 2


def test_a_refresh_that_fails_is_loud_once_and_heals(login, endpoint, caplog):
    expire()
    endpoint.answer = endpoint.break_down
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            with pytest.raises(TokenUnavailable):
                get()
    row = BrokerToken.objects.get()
    assert (row.state, row.failures) == ("failing", 3)
    assert [level for level, _ in levels()] == ["info", "error"]
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    endpoint.answer = endpoint.grant
    assert refresh_tokens() == 1
    row = BrokerToken.objects.get()
    assert (row.state, row.failures, row.last_error) == ("connected", 0, "")
    assert levels()[-1] == ("info", "refreshing the login works again")


def test_a_dead_consent_is_told_and_not_tried_again_until_a_person_connects(login, endpoint, caplog):
    expire()
    endpoint.answer = endpoint.refuse
    with pytest.raises(NotAuthorized, match="connect the account again"):
        get()
    asked = len(endpoint.seen)
    with pytest.raises(NotAuthorized):
        get()
    assert refresh_tokens() == 0
    assert len(endpoint.seen) == asked
    row = BrokerToken.objects.get()
    assert (row.state, row.sealed_access) == ("dead", "")
    assert "personal-grant-1" not in str(levels()) + caplog.text + row.last_error
    endpoint.answer = endpoint.grant
    logins.connect_with_grant(broker="tastytrade", refresh_token="personal-grant-2")
    assert get()[0] == "access-token-2"


def test_what_no_key_opens_asks_for_a_person(login, settings):
    expire()
    settings.SECRET_KEY = "another-" * 8
    with pytest.raises(NotAuthorized, match="enter it again"):
        get()
    assert BrokerToken.objects.get().state == "dead"


def test_beat_refreshes_what_ends_soon_and_leaves_the_rest(login, endpoint):
    assert refresh_tokens() == 0
    age(access_expires_at=timezone.now() + timedelta(seconds=50))
    assert refresh_tokens() == 1
    assert get()[0] == "access-token-2"


def test_a_consent_given_during_a_refresh_is_not_overwritten(login, endpoint):
    expire()
    token = BrokerToken.objects.get()
    logins.connect_with_grant(broker="tastytrade", refresh_token="personal-grant-2")
    stored = tokens._refreshed(token, DIALECTS["tastytrade"], TokenReply("stale-access-token", 900))
    assert unseal(stored.sealed_refresh) == "personal-grant-2"
    assert unseal(stored.sealed_access) == "access-token-2"
    tokens._die(token, "the old one is dead")
    assert BrokerToken.objects.get().state == "connected"


def test_people_are_warned_48_24_and_4_hours_before_the_end_once_each():
    reply = TokenReply("access-token-1", 1800, "refresh-token-1")
    with DIALECTS.register_temporarily("weekly", WEEKLY):
        start = tokens.store(WEEKLY, "main", reply, is_consent=True).authorized_at
    assert start is not None
    for hours in (0, 100, 119, 121, 122, 143, 145, 163, 165, 167):
        tokens.warn_of_endings(start + timedelta(hours=hours))
        tokens.warn_of_endings(start + timedelta(hours=hours, minutes=1))
    assert [(level, text.split(";")[0]) for level, text in levels()] == [
        ("warning", "the login ends in 47 hours"),
        ("warning", "the login ends in 23 hours"),
        ("error", "the login ends in 3 hours"),
    ]
    tokens.warn_of_endings(start + timedelta(hours=169))
    assert BrokerToken.objects.get().state == "dead"
    assert "reached the end of its life" in levels()[-1][1]


def test_a_refresh_does_not_prolong_a_consent_and_a_new_one_does():
    reply = TokenReply("access-token-1", 1800, "refresh-token-1")
    first = tokens.store(WEEKLY, "main", reply, is_consent=True).refresh_expires_at
    assert tokens.store(WEEKLY, "main", reply, is_consent=False).refresh_expires_at == first
    again = tokens.store(WEEKLY, "main", reply, is_consent=True).refresh_expires_at
    assert first is not None
    assert again is not None
    assert again > first


def test_a_grant_that_does_not_work_is_not_kept(endpoint):
    endpoint.answer = endpoint.refuse
    with pytest.raises(GrantRefused):
        logins.connect_with_grant(broker="tastytrade", refresh_token="wrong-grant-1")
    assert not BrokerToken.objects.exists()


def test_a_disconnected_login_is_forgotten(login):
    logins.disconnect(broker="tastytrade")
    row = BrokerToken.objects.get()
    assert (row.state, row.sealed_access, row.sealed_refresh) == ("disconnected", "", "")
    with pytest.raises(NotAuthorized, match="not connected"):
        get()


OLD, NEW = "old-key-" * 5, "new-key-" * 5


def test_a_new_key_takes_over_without_a_new_login(login, settings):
    settings.TOKEN_KEYS = [OLD]
    call_command("rotate_key")  # from the key made of SECRET_KEY
    settings.TOKEN_KEYS = [NEW, OLD]
    assert get()[0] == "access-token-1"
    out = io.StringIO()
    call_command("rotate_key", stdout=out)
    assert "2 secrets" in out.getvalue()
    settings.TOKEN_KEYS, settings.SECRET_KEY = [NEW], "another-" * 8
    assert unseal(BrokerToken.objects.get().sealed_refresh) == "personal-grant-1"


def test_a_rotation_without_the_old_key_changes_nothing(login, settings):
    before = BrokerToken.objects.values("sealed_refresh", "sealed_access").get()
    settings.TOKEN_KEYS, settings.SECRET_KEY = [NEW], "another-" * 8
    with pytest.raises(CommandError, match="Nothing was changed"):
        call_command("rotate_key")
    assert BrokerToken.objects.values("sealed_refresh", "sealed_access").get() == before
