"""An account is armed by a person who may, and by nobody else."""

import pytest
from django.contrib.admin.models import LogEntry
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from rest_framework.test import APIClient

from brokers import services
from brokers.models import BrokerAccount
from engine.errors import Conflict
from users.roles import Role
from users.services import create_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin():
    return create_user(email="admin@example.com", password="correct-horse-battery", role=Role.ADMIN)


@pytest.fixture
def trader():
    return create_user(email="trader@example.com", password="correct-horse-battery", role=Role.TRADER)


@pytest.fixture
def live():
    return BrokerAccount.objects.create(broker="tastytrade", name="tasty", mode="live", account_number="5WT0001")


def test_an_admin_arms_and_anyone_disarms(admin, trader, live):
    services.arm(user=admin, account=live)
    assert BrokerAccount.objects.get().is_armed
    services.disarm(user=trader, account=live)
    assert not BrokerAccount.objects.get().is_armed


def test_a_trader_cannot_arm(trader, live):
    with pytest.raises(Conflict, match="arm_account"):
        services.arm(user=trader, account=live)
    assert not BrokerAccount.objects.get().is_armed


@pytest.mark.parametrize("change", [{"mode": "paper"}, {"enabled": False}])
def test_only_an_enabled_live_account_is_armed_and_the_database_agrees(admin, live, change):
    BrokerAccount.objects.update(**change)
    live.refresh_from_db()
    with pytest.raises(Conflict):
        services.arm(user=admin, account=live)
    with pytest.raises(IntegrityError), transaction.atomic():
        BrokerAccount.objects.update(is_armed=True)


def test_one_real_account_is_entered_once(live):
    with pytest.raises(IntegrityError), transaction.atomic():
        BrokerAccount.objects.create(broker="tastytrade", name="again", mode="live", account_number="5WT0001")
    BrokerAccount.objects.create(broker="tastytrade", name="practice", mode="paper", account_number="5WT0001")


@pytest.mark.parametrize("broker", ["schwap", "tasty"])
def test_a_broker_is_stored_by_its_own_name(broker):
    with pytest.raises(ValidationError):
        BrokerAccount(broker=broker, name="x").full_clean()


def test_the_admin_shows_the_capability_table(admin_client, live):
    page = admin_client.get(f"/admin/brokers/brokeraccount/{live.pk}/change/").content.decode()
    assert "practice account at the venue" in page
    assert "reversal as two linked orders" in page


def test_the_admin_refuses_a_wrong_broker_by_name_and_cannot_set_the_lock(admin_client):
    fields = {"name": "x", "broker": "schwap", "mode": "live", "account_number": "1", "enabled": "on"}
    page = admin_client.post("/admin/brokers/brokeraccount/add/", fields).content.decode()
    assert "schwap is not one of the available choices" in page
    admin_client.post("/admin/brokers/brokeraccount/add/", {**fields, "broker": "schwab", "is_armed": "on"})
    assert BrokerAccount.objects.get(name="x").is_armed is False


def test_arming_in_the_admin_asks_for_the_permission(client, trader, admin, live):
    act = {"action": "arm", "_selected_action": [live.pk]}
    client.force_login(trader)
    client.post("/admin/brokers/brokeraccount/", act)
    assert not BrokerAccount.objects.get().is_armed
    assert not LogEntry.objects.exists()
    client.force_login(admin)
    client.post("/admin/brokers/brokeraccount/", act)
    assert BrokerAccount.objects.get().is_armed
    entry = LogEntry.objects.get()
    assert (entry.user, entry.change_message) == (admin, "armed for real money")


def test_capabilities_are_served_to_people_with_a_token(trader):
    api = APIClient()
    assert api.get("/api/brokers/features").status_code == 401
    api.force_authenticate(trader)
    rows = {row["broker"]: row for row in api.get("/api/brokers/features").json()}
    assert rows["ibkr"]["has_paper"] is False
    assert rows["ibkr"]["fractional"] == []


def gateway_fields(**values):
    usual = {"name": "ib", "broker": "ibkr", "mode": "live", "account_number": "U1234567", "client_id": "7"}
    return {**usual, "host": "127.0.0.1", "port": "4001", "login": "main", "enabled": "on", **values}


def test_an_account_behind_a_gateway_is_made_in_the_admin(admin_client):
    page = admin_client.get("/admin/brokers/brokeraccount/add/").content.decode()
    assert "4001 real, 4002 paper" in page
    assert admin_client.post("/admin/brokers/brokeraccount/add/", gateway_fields()).status_code == 302
    found = BrokerAccount.objects.get(name="ib")
    assert (found.host, found.port, found.client_id) == ("127.0.0.1", 4001, 7)
    shown = admin_client.get(f"/admin/brokers/brokeraccount/{found.pk}/change/").content.decode()
    assert "reached through a gateway on your machine</strong>: yes" in shown
    assert "trailing stop" in shown


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"port": "70000"}, "less than or equal to 65535"),
        ({"port": "0"}, "greater than or equal to 1"),
        ({"host": "127.0.0.1:4001"}, "without a port was expected"),
        ({"client_id": ""}, "another one for every account"),
        ({"client_id": "-1"}, "greater than or equal to 0"),
        ({"account_number": ""}, "like U1234567"),
        ({"broker": "schwab"}, "Charles Schwab has no gateway: leave it empty"),
        ({"name": "second", "account_number": "U2"}, "Another account uses this client id"),
    ],
)
def test_what_is_wrong_about_a_gateway_is_said_at_its_field(admin_client, change, said):
    BrokerAccount.objects.create(
        broker="ibkr", name="first", mode="live", account_number="U1", host="127.0.0.1", port=4001, client_id=7
    )
    other = {"client_id": "8"} if "account_number" not in change or not change["account_number"] else {}
    page = admin_client.post("/admin/brokers/brokeraccount/add/", gateway_fields(**{**other, **change}))
    assert page.status_code == 200
    assert said in page.content.decode()
    assert BrokerAccount.objects.count() == 1
