"""The life of rules in the admin: to read, never to write."""

import pytest

from tests.trading.people import person
from users.roles import Role

pytestmark = pytest.mark.django_db
RECORDS = ("rulechange", "promotion", "rulecheck")


@pytest.fixture
def admin(client, redis_url):
    client.force_login(person(Role.ADMIN))
    return client


@pytest.mark.parametrize("name", ["discoveredrule", *RECORDS])
def test_everything_is_listed_and_shown(admin, live, name):
    assert live.name in admin.get(f"/admin/discovery/{name}/").content.decode()
    number = getattr(live, {"rulechange": "changes", "promotion": "promotions", "rulecheck": "checks"}.get(name, "run"))
    pk = live.pk if name == "discoveredrule" else number.first().pk
    assert admin.get(f"/admin/discovery/{name}/{pk}/change/").status_code == 200
    assert admin.post(f"/admin/discovery/{name}/{pk}/change/", {"state": "rejected"}).status_code == 403
    assert admin.get(f"/admin/discovery/{name}/add/").status_code == 403
    live.refresh_from_db()
    assert live.state == "live"


@pytest.mark.parametrize("name", RECORDS)
def test_what_is_on_record_stays(admin, live, name):
    related = {"rulechange": live.changes, "promotion": live.promotions, "rulecheck": live.checks}[name]
    assert admin.post(f"/admin/discovery/{name}/{related.first().pk}/delete/", {"post": "yes"}).status_code == 403
    assert related.exists()
