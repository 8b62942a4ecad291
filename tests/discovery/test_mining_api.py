"""Searches over HTTP and over their WebSocket: who may, what is told, what is refused."""

import pytest
from asgiref.sync import sync_to_async
from channels.routing import URLRouter
from django.contrib.auth.models import AnonymousUser

from dashboard.routing import websocket_urlpatterns
from discovery import jobs
from discovery.models import MiningRun
from infra import broadcast
from tests.discovery.conftest import ASKED, kept
from tests.trading.people import person
from users.models import User
from users.roles import Role


@pytest.fixture
def viewer(db):
    return person(Role.VIEWER)


@pytest.fixture
def trader(db):
    return person(Role.TRADER)


@pytest.fixture
def folder(planted_file, settings):
    """The data folder is where the bars are."""
    settings.DATA_DIR = planted_file.parent
    return planted_file.name


def test_a_trader_starts_a_search_and_a_viewer_reads_what_it_found(client, viewer, trader, folder, sent):
    document = {"symbol": "spy", "data": folder, "search": ASKED}
    client.force_login(viewer)
    assert client.post("/api/discovery/mining", document, "application/json").status_code == 403
    client.force_login(trader)
    with_commit = client.post("/api/discovery/mining", document, "application/json")
    assert with_commit.status_code == 201
    run = with_commit.json()
    assert (run["symbol"], run["state"], run["spec"]["search"]["split"]["train_share"]) == ("SPY", "queued", 0.7)
    assert MiningRun.objects.get().by == trader
    sent.send_task(MiningRun.TASK, [run["id"]])
    sent.play()
    client.force_login(viewer)
    [line] = client.get("/api/discovery/mining").json()["results"]
    assert (line["state"], line["found"], line["passed"], line["trials"]) == ("done", 4, 1, 120)
    whole = client.get(f"/api/discovery/mining/{run['id']}").json()
    assert [row["name"] for row in whole["stages"]] == ["single", "pattern"]
    rules = client.get(f"/api/discovery/mining/{run['id']}/rules").json()["results"]
    assert [rule["rank"] for rule in rules] == [1, 2, 3, 4]
    rule = client.get(f"/api/discovery/rules/{rules[0]['id']}").json()
    assert rule["chance"].startswith("best of 120 trials; corrected p = 0.00")
    assert rule["params"]["rules"].startswith('[{"side":"long"')
    assert rule["exits_text"].startswith("stop 4 ATR")
    assert len(rule["quality"]) == 5
    assert rule["worst"]["listed"][0]["pnl"] < 0
    assert rule["capital"]["most_notional"] > 0


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"data": "../secret.csv"}, "data"),
        ({"search": {"depth": 9}}, "depth"),
        ({"search": {"learn": 1}}, "search"),
        ({"search": {"quantity": "-1"}}, "quantity"),
        ({"symbol": None}, "symbol"),
    ],
)
def test_what_is_wrong_is_named(client, trader, folder, changes, field):
    client.force_login(trader)
    answer = client.post("/api/discovery/mining", {"symbol": "SPY", "data": folder, **changes}, "application/json")
    assert answer.status_code == 400
    assert answer.json()["field"] == field
    assert answer.json()["detail"].startswith(field)


def test_only_who_may_mine_cancels_and_what_is_not_there_is_a_404(client, viewer, trader, start, noise_file):
    run = start(noise_file)
    client.force_login(viewer)
    assert client.post(f"/api/discovery/mining/{run.pk}/cancel").status_code == 403
    client.force_login(trader)
    assert client.post(f"/api/discovery/mining/{run.pk}/cancel").json()["state"] == "cancelled"
    assert client.post(f"/api/discovery/mining/{run.pk}/cancel").status_code == 409
    for nothing in ("mining/77", "mining/77/rules", "rules/77"):
        assert client.get(f"/api/discovery/{nothing}").status_code == 404
    client.logout()
    assert client.get("/api/discovery/mining").status_code == 401


@pytest.mark.django_db(transaction=True)
async def test_a_search_tells_its_stages_while_it_runs(redis_layer, open_socket):
    viewer = await sync_to_async(person)(Role.VIEWER)
    run = await sync_to_async(MiningRun.objects.create)(symbol="SPY", timeframe="5", spec={}, total=40)
    opened = open_socket(URLRouter(websocket_urlpatterns), f"/ws/discovery/mining/{run.pk}", user=viewer)
    assert (await opened.connect())[0]
    first = await opened.read()
    assert (first["kind"], first["state"], first["done"], first["stages"]) == ("miningrun", "queued", 0, [])

    def work(job, held):
        held.step(20, 40)
        held.changes["stages"] = [{"fold": 1, "name": "single"}]
        held.keep()
        return lambda: None

    assert await sync_to_async(jobs.work_on)(MiningRun, run.pk, work) == "done"
    await sync_to_async(broadcast.flush)()
    told = [await opened.read() for _ in range(3)]
    assert [(each["state"], each["done"], len(each["stages"])) for each in told] == [
        ("running", 0, 0), ("running", 20, 1), ("done", 20, 1)
    ]  # fmt: skip


@pytest.mark.django_db(transaction=True)
async def test_strangers_and_people_without_a_role_do_not_watch(redis_layer, open_socket):
    nobody = await sync_to_async(User.objects.create_user)("nobody@example.com", "correct-horse-battery")
    viewer = await sync_to_async(person)(Role.VIEWER)
    routes = URLRouter(websocket_urlpatterns)
    for kind in ("mining", "fingerprints"):
        for user, code in ((AnonymousUser(), 4401), (nobody, 4403)):
            opened = open_socket(routes, f"/ws/discovery/{kind}/1", user=user)
            assert await opened.connect() == (False, code)
        opened = open_socket(routes, f"/ws/discovery/{kind}/77", user=viewer)
        assert (await opened.connect())[0]
        assert (await opened.receive_output())["code"] == 4404


def test_who_may_mine_notes_something_on_a_rule_and_nothing_else_changes(client, viewer, trader, nothing):
    rule = kept(nothing).rules.first()
    path = f"/api/discovery/rules/{rule.pk}"
    client.force_login(viewer)
    assert client.patch(path, {"notes": "mine"}, "application/json").status_code == 403
    before = client.get(path).json()
    client.force_login(trader)
    assert client.patch(path, {"notes": "x" * 4_001}, "application/json").json()["field"] == "notes"
    after = client.patch(path, {"notes": "<b>look</b> again", "state": "live"}, "application/json").json()
    assert after == before | {"notes": "<b>look</b> again", "updated_at": after["updated_at"]}
    assert "&lt;b&gt;look&lt;/b&gt; again" in client.get(f"/discovery/rules/{rule.pk}").content.decode()
