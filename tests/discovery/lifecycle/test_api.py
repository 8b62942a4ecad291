"""The life of rules over HTTP: what is told, who may, what is refused, and the second look before real money."""

from datetime import timedelta

import pytest
from django.utils import timezone

from brokers import services as brokers
from brokers.models import BrokerAccount
from discovery.lifecycle import tracking
from discovery.models import Promotion, RuleCheck
from strategies import certificates
from tests.trading.people import person
from tests.trading.test_live_mode import certified
from trading.live_mode import live_book
from trading.models import Run
from users.roles import Role

pytestmark = pytest.mark.django_db
JSON = "application/json"


@pytest.fixture
def api(client, trader):
    client.force_login(trader)
    return client


def at(rule, what=""):
    return f"/api/discovery/rules/{rule.pk}{what and '/'}{what}"


def test_every_rule_is_listed_with_where_it_trades_and_how_well(api, live):
    tracking.score_all()
    found = api.get("/api/discovery/rules").json()
    assert found["count"] == live.run.rules.count()
    first, *others = found["results"]
    assert (first["id"], first["state"], first["version"]) == (live.pk, "live", 4)
    present = first["present"]
    assert (present["slot"], present["book"], present["is_running"]) == (f"rules.{live.pk}", "paper", True)
    assert (present["verdict"], present["score"], len(present["scores"])) == ("unknown", None, 1)
    assert {each["present"] for each in others} == {None}
    assert api.get("/api/discovery/rules?state=live").json()["count"] == 1
    refused = api.get("/api/discovery/rules?state=alive")
    assert (refused.status_code, refused.json()["field"]) == (400, "state")


def test_a_life_tells_what_happened_and_what_may_come_next(api, live):
    found = api.get(at(live, "life")).json()
    assert [change["after"] for change in found["changes"]] == ["live", "campaign", "validated"]
    assert {change["by"] for change in found["changes"]} == {"trader@example.com"}
    assert [(check["kind"], check["is_good"]) for check in found["checks"]] == [
        ("campaign", True),
        ("validation", True),
    ]
    assert found["steps"] == [
        {"to": "degraded", "refused": "live → degraded: its health is unknown, not ill"},
        {"to": "demoted", "refused": ""},
    ]
    assert found["promotions"][0]["exits"]["stop"] == live.exits["stop"]
    assert api.get("/api/discovery/rules/999/life").status_code == 404


def test_the_whole_way_by_its_routes(api, rule, sent, worked):
    def post(what, body=None):
        return api.post(at(rule, what), body or {}, JSON)

    asked = post("validate")
    assert (asked.status_code, asked.json()["kind"], asked.json()["is_good"]) == (202, "validation", None)
    assert worked(RuleCheck.objects.get).is_good
    asked = post("campaign", {"start": "2024-06-03", "end": "2024-06-28"})
    assert asked.status_code == 202
    assert worked(lambda: RuleCheck.objects.get(kind="campaign")).is_good
    told = post("promote", {"tag": "slow"})
    assert (told.status_code, told.json()["state"], told.json()["promotions"][0]["tag"]) == (200, "live", "slow")
    told = post("demote", {"why": "enough", "position": "flatten"})
    assert (told.json()["state"], told.json()["promotions"][0]["position"]) == ("demoted", "flatten")
    assert told.json()["changes"][0]["why"] == "enough"
    told = post("reject", {"why": "for good"})
    assert told.json()["state"] == "rejected"


@pytest.mark.parametrize(
    ("what", "body", "status", "word"),
    [
        ("promote", {"tag": "any"}, 409, "is discovered cannot become live"),
        ("promote", {"tag": "quick"}, 400, "quick"),
        ("promote", {}, 400, "tag"),
        ("promote", {"tag": "any", "book": "nowhere"}, 404, "nowhere"),
        ("campaign", {}, 409, "nothing to repeat"),
        ("campaign", {"start": "soon"}, 400, "start"),
        ("demote", {"why": "x"}, 409, "cannot become demoted"),
        ("demote", {}, 400, "why"),
        ("demote", {"why": "x", "position": "keep"}, 400, "keep"),
        ("reject", {}, 400, "why"),
    ],
)
def test_what_cannot_be_is_refused_in_words(api, rule, redis_url, what, body, status, word):
    answer = api.post(at(rule, what), body, JSON)
    assert answer.status_code == status
    assert word in answer.content.decode()
    rule.refresh_from_db()
    assert rule.state == "discovered"


@pytest.mark.parametrize("what", ["validate", "campaign", "promote", "demote", "reject"])
def test_a_viewer_reads_and_changes_nothing(client, rule, what):
    client.force_login(person(Role.VIEWER))
    assert client.post(at(rule, what), {"tag": "any", "why": "x"}, JSON).status_code == 403
    assert client.get(at(rule, "life")).status_code == 200
    assert not rule.changes.exists()


def test_real_money_is_asked_about_twice(api, ready, trader):
    live_book()
    account = BrokerAccount.objects.create(
        broker="tastytrade", name="tasty-1", mode="live", account_number="5WX01", enabled=True
    )
    brokers.arm(user=person(Role.ADMIN), account=account)
    certificates.store(certified("rules"))
    body = {"tag": "any", "book": "live", "quantities": {"tasty-1": "1"}}
    first = api.post(at(ready, "promote"), body, JSON)
    assert (first.status_code, first.json()["code"]) == (409, "confirmation_needed")
    assert not Run.objects.exists()
    stale = api.post(at(ready, "promote"), {**body, "confirmation": "made up"}, JSON)
    assert (stale.status_code, Run.objects.exists()) == (409, False)
    second = api.post(at(ready, "promote"), {**body, "confirmation": first.json()["confirmation"]}, JSON)
    assert (second.status_code, second.json()["promotions"][0]["mode"]) == (200, "live")
    assert Promotion.objects.get().book.name == "live"


def test_the_survival_of_rules_is_told_with_what_still_lasts(api, live, second, trader):
    before = api.get("/api/discovery/rules/survival").json()
    assert (before["promoted"], before["ended"], before["points"]) == (2, 0, [])
    for rule, days in ((live, 10), (second, 20)):
        Promotion.objects.filter(rule=rule).update(began_at=timezone.now() - timedelta(days=days))
    api.post(at(live, "demote"), {"why": "enough"}, JSON)
    found = api.get("/api/discovery/rules/survival").json()
    assert (found["promoted"], found["ended"]) == (2, 1)
    [point] = found["points"]
    assert (round(point["days"]), point["at_risk"], point["ended"], point["share"]) == (10, 2, 1, 0.5)
    assert found["median_days"] == point["days"]
    assert round(found["longest_days"]) == 20


def test_a_list_of_many_asks_the_database_no_more_often(api, live, second, django_assert_max_num_queries):
    tracking.score_all()
    with django_assert_max_num_queries(14):
        assert len(api.get("/api/discovery/rules").json()["results"]) == live.run.rules.count()
