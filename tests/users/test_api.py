"""Login, tokens and credentials over HTTP."""

import base64
import json
from datetime import timedelta

import pytest
import time_machine
from django.conf import settings as django_settings
from django.core.cache import cache
from django.utils import timezone
from rest_framework.test import APIClient

from fortified.settings.storage import caches
from users import services

pytestmark = pytest.mark.django_db
EMAIL, PASSWORD = "ada@example.com", "correct-horse-battery"
PROTECTED = "/api/update-credentials"


@pytest.fixture(autouse=True)
def _no_failures_from_before():
    cache.clear()


@pytest.fixture
def user():
    return services.create_user(email=EMAIL, password=PASSWORD)


@pytest.fixture
def api():
    return APIClient()


def login(api, email=EMAIL, password=PASSWORD):
    return api.post("/api/login", {"email": email, "password": password}, format="json")


def change(api, token, current, new):
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return api.post(PROTECTED, {"current_password": current, "new_password": new}, format="json")


def claims(token):
    body = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))


def test_login_gives_access_refresh_and_the_older_name(api, user):
    answer = login(api, email="ADA@example.com")
    assert answer.status_code == 200
    assert answer.data["token"] == answer.data["access"]
    assert claims(answer.data["access"])["token_type"] == "access"
    assert claims(answer.data["refresh"])["token_type"] == "refresh"


def test_no_token_holds_a_password(api, user):
    answer = login(api)
    for name in ("access", "refresh"):
        content = json.dumps(claims(answer.data[name]))
        assert PASSWORD not in content
        assert user.password not in content


@pytest.mark.parametrize(("email", "password"), [(EMAIL, "wrong-password"), ("nobody@example.com", PASSWORD)])
def test_wrong_credentials_are_401_and_do_not_tell_which_was_wrong(api, user, email, password):
    answer = login(api, email, password)
    assert answer.status_code == 401
    assert answer.data["detail"] == "E-mail address and password do not match an active account."


def test_an_account_that_was_switched_off_cannot_log_in(api, user):
    user.is_active = False
    user.save(update_fields=["is_active"])
    assert login(api).status_code == 401


def test_a_body_without_a_password_is_400_and_names_the_field(api):
    answer = api.post("/api/login", {"email": EMAIL}, format="json")
    assert (answer.status_code, answer.data["field"]) == (400, "password")


def test_a_protected_route_is_401_without_and_with_a_broken_token(api, user):
    assert api.post(PROTECTED).status_code == 401
    api.credentials(HTTP_AUTHORIZATION="Bearer abc")
    assert api.post(PROTECTED).status_code == 401


def test_a_token_ends_after_the_configured_minutes(api, user):
    token = login(api).data["access"]
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    minutes = django_settings.JWT_EXPIRATION_MINUTES
    with time_machine.travel(timezone.now() + timedelta(minutes=minutes, seconds=-5), tick=False):
        assert api.post(PROTECTED).status_code == 400  # known, but the body is empty
    with time_machine.travel(timezone.now() + timedelta(minutes=minutes, seconds=5), tick=False):
        assert api.post(PROTECTED).status_code == 401


def test_refresh_gives_a_working_access_token(api, user):
    refresh = login(api).data["refresh"]
    answer = api.post("/api/token/refresh", {"refresh": refresh}, format="json")
    assert answer.status_code == 200
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {answer.data['access']}")
    assert api.post(PROTECTED).status_code == 400
    assert api.post("/api/token/refresh", {"refresh": "x"}, format="json").status_code == 401


def test_after_a_change_the_new_password_works_and_the_old_fails(api, user):
    token = login(api).data["access"]
    assert change(api, token, PASSWORD, "another-long-secret").status_code == 200
    api.credentials()
    assert login(api).status_code == 401
    assert login(api, password="another-long-secret").status_code == 200


def test_tokens_from_before_a_change_are_dead_refreshed_or_not(api, user):
    before = login(api).data
    after = change(api, before["access"], PASSWORD, "another-long-secret").data
    assert change(api, before["access"], "another-long-secret", "x").status_code == 401
    api.credentials()
    renewed = api.post("/api/token/refresh", {"refresh": before["refresh"]}, format="json")
    if renewed.status_code == 200:
        assert change(api, renewed.data["access"], "another-long-secret", "x").status_code == 401
    assert change(api, after["access"], "another-long-secret", "yet-another-secret").status_code == 200


@pytest.mark.parametrize(
    ("current", "new", "field"),
    [("not-it-at-all", "another-long-secret", "current_password"), (PASSWORD, "123", "new_password")],
)
def test_a_refused_change_names_the_field_and_changes_nothing(api, user, current, new, field):
    token = login(api).data["access"]
    answer = change(api, token, current, new)
    assert (answer.status_code, answer.data["field"]) == (400, field)
    api.credentials()
    assert login(api).status_code == 200


def test_guessing_is_stopped_and_other_accounts_are_not(api, user, settings, client):
    settings.LOGIN_FAILURES_PER_MINUTE = 3
    services.create_user(email="bob@example.com", password=PASSWORD)
    for _ in range(3):
        assert login(api, password="wrong-password").status_code == 401
    assert login(api).status_code == 429
    assert not client.login(username=EMAIL, password="wrong")  # the pages know no address here: their own count
    assert login(api, email="bob@example.com").status_code == 200


def test_logging_in_often_with_the_right_password_is_no_offence(api, user, settings):
    settings.LOGIN_FAILURES_PER_MINUTE = 3
    assert {login(api).status_code for _ in range(6)} == {200}


def test_login_works_while_redis_is_down(api, user, settings):
    settings.CACHES = caches("redis://127.0.0.1:1/0")
    assert login(api, password="wrong-password").status_code == 401
    assert login(api).status_code == 200
