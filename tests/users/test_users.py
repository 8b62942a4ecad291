"""Accounts, roles and passwords."""

import pytest
from django.core.management import call_command
from django.db import IntegrityError, transaction

from engine.errors import Conflict, InvalidInput
from users import services
from users.models import User
from users.roles import Role

pytestmark = pytest.mark.django_db
PASSWORD = "correct-horse-battery"


def test_an_address_is_one_account_whatever_its_case():
    services.create_user(email="Ada@Example.com", password=PASSWORD)
    with pytest.raises(Conflict) as refused:
        services.create_user(email="ada@example.COM", password=PASSWORD)
    assert refused.value.field == "email"
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.bulk_create([User(email="ADA@example.com")])


def test_an_address_that_is_none_is_refused_by_name():
    with pytest.raises(InvalidInput) as refused:
        services.create_user(email="ada", password=PASSWORD)
    assert refused.value.field == "email"


@pytest.mark.parametrize("password", ["short", "password", "1234567890123"])
def test_a_weak_password_is_refused(password):
    with pytest.raises(InvalidInput) as refused:
        services.create_user(email="ada@example.com", password=password)
    assert refused.value.field == "new_password"
    assert not User.objects.exists()


@pytest.mark.parametrize(
    ("role", "may", "may_not"),
    [
        (Role.VIEWER, "trading.view_trade", "trading.start_live"),
        (Role.VIEWER, "strategies.view_ticker", "strategies.change_ticker"),
        (Role.VIEWER, "trading.view_run", "trading.add_run"),
        (Role.TRADER, "trading.start_live", "users.add_user"),
        (Role.TRADER, "strategies.change_ticker", "brokers.change_brokeraccount"),
        (Role.ADMIN, "users.add_user", "nothing.at_all"),
        (Role.ADMIN, "brokers.change_brokeraccount", "nothing.at_all"),
    ],
)
def test_a_role_allows_what_it_should_and_no_more(role, may, may_not):
    user = services.create_user(email="ada@example.com", password=PASSWORD, role=role)
    assert user.has_perm(may)
    assert not user.has_perm(may_not)
    assert user.is_staff is (role is not Role.VIEWER)


def test_changing_the_role_takes_the_old_rights_away():
    user = services.create_user(email="ada@example.com", password=PASSWORD, role=Role.TRADER)
    services.set_role(user=user, role="viewer")
    fresh = User.objects.get(pk=user.pk)
    assert not fresh.has_perm("trading.start_live")
    assert not fresh.is_staff


def test_an_unknown_role_is_refused_with_the_known_ones():
    user = services.create_user(email="ada@example.com", password=PASSWORD)
    with pytest.raises(InvalidInput, match="viewer, trader, admin"):
        services.set_role(user=user, role="boss")


def test_a_superuser_made_on_the_command_line_logs_in_by_e_mail(client, monkeypatch):
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
    call_command("createsuperuser", "--noinput", email="Root@Example.com", verbosity=0)
    assert client.login(username="root@example.com", password=PASSWORD)
    assert client.get("/admin/").status_code == 200


def test_the_demo_account_keeps_its_password_between_starts(settings, tmp_path):
    settings.VAR_DIR = tmp_path
    first, password = services.create_demo_user()
    again, same = services.create_demo_user()
    assert (first, password) == (again, same)
    assert User.objects.get(email=services.DEMO_EMAIL).check_password(password)
    assert (tmp_path / "demo_password").stat().st_mode & 0o077 == 0


def test_the_demo_account_is_never_made_in_production(settings):
    settings.ENVIRONMENT = "production"
    with pytest.raises(Conflict):
        services.create_demo_user()
    assert not User.objects.exists()


@pytest.mark.parametrize("page", ["/admin/users/user/", "/admin/users/user/add/", "/admin/auth/group/"])
def test_the_admin_shows_accounts_and_roles(admin_client, page):
    assert admin_client.get(page).status_code == 200
