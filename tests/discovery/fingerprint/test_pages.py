"""Fingerprints over HTTP: who may do what, what the four tabs say, and how the seeds get out."""

import json

import pytest
from django.utils.html import escape

from discovery import fingerprint_services as services
from discovery.models import FingerprintRun
from tests.discovery.fingerprint.conftest import STRATEGY
from tests.discovery.fingerprint.markets import FOLLOWER
from users.roles import Role
from users.services import create_user

pytestmark = pytest.mark.django_db

LIST = "/discovery/fingerprints"
API = "/api/discovery/fingerprints"
TWO = [STRATEGY, {"strategy": FOLLOWER.strategy, "params": FOLLOWER.params}]


@pytest.fixture
def person(db):
    """Somebody with that role."""
    return lambda role: create_user(email=f"{role.value}@example.com", password="correct-horse-battery", role=role)


def page_of(client, path):
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.content.decode().partition("<main")[2]


def test_pages_and_routes_are_for_those_who_may(client, done, person):
    run = done()
    for path in (LIST, f"{LIST}/{run.pk}"):
        assert client.get(path).status_code == 302
    assert client.get(API).status_code in (401, 403)
    client.force_login(person(Role.VIEWER))
    assert 'id="new-fingerprint"' not in page_of(client, LIST)
    assert client.get(f"{API}/{run.pk}").status_code == 200
    assert client.post(API, {}, content_type="application/json").status_code == 403
    assert client.post(f"{API}/{run.pk}/cancel").status_code == 403
    seeds = page_of(client, f"{LIST}/{run.pk}?tab=seeds")
    assert "Export JSON" in seeds
    assert "Mine these seeds" not in seeds


def test_a_trader_starts_one_over_http_and_ends_it(client, sent, person, bars_file, settings):
    settings.DATA_DIR = str(bars_file.parent)
    client.force_login(person(Role.TRADER))
    document = {"symbol": "spy", "data": bars_file.name, "strategies": TWO}
    answer = client.post(API, document, content_type="application/json")
    assert answer.status_code == 201, answer.content
    run = FingerprintRun.objects.get()
    assert (run.symbol, run.state, run.by) == ("SPY", "queued", answer.wsgi_request.user)
    assert client.get(API).json()["results"][0]["id"] == run.pk
    assert client.get(f"{API}/{run.pk}/seeds").status_code == 409
    assert "Cancel" in page_of(client, f"{LIST}/{run.pk}")
    assert client.post(f"{API}/{run.pk}/cancel").json()["state"] == "cancelled"
    assert client.post(f"{API}/{run.pk}/cancel").status_code == 409
    assert "nothing of it was kept" in page_of(client, f"{LIST}/{run.pk}")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"data": "../secret.csv"}, "data"),
        ({"strategies": []}, "strategies"),
        ({"move_atr": "far"}, "move_atr"),
    ],
)
def test_what_is_wrong_is_told_by_its_field(client, person, changes, said):
    client.force_login(person(Role.TRADER))
    answer = client.post(API, {"symbol": "SPY", "strategies": TWO, **changes}, content_type="application/json")
    assert answer.status_code == 400
    assert answer.json()["field"] == said
    assert client.get(f"{API}/99").status_code == 404
    assert client.get(f"{LIST}/99").status_code == 404


def test_an_empty_list_says_what_to_do(admin_client):
    assert "No fingerprint yet. Start one above" in page_of(admin_client, LIST)


def test_the_four_tabs_show_what_the_result_says(admin_client, done):
    run = done(strategies=TWO, name="two of them", least_moves=5, gap_share=0.2)
    assert "two of them" in page_of(admin_client, LIST)
    result = run.result
    first = page_of(admin_client, f"{LIST}/{run.pk}")
    assert first.count('href="?tab=') == 4
    assert f"{result['moves']['count']} moves, {result['moves']['up']} up" in first
    assert "Known with hindsight" in first
    assert all(state["text"].split(" ")[0] in first for state in result["states"])
    cross = page_of(admin_client, f"{LIST}/{run.pk}?tab=cross")
    for title in ("Time in the market", "Same direction", "Entries that coincide", "Correlation of days", "Gaps"):
        assert title in cross
    pair = next(each for each in result["overlaps"] if each["one"] == "ema")
    assert f"{pair['correlation']:.2f}" in cross
    assert all(f"{gap['missed']} of {gap['moves']}" in cross for gap in result["gaps"])
    seeds = page_of(admin_client, f"{LIST}/{run.pk}?tab=seeds")
    assert seeds.count("<details>") == len(result["seeds"]) > 0
    assert all(escape(seed["text"]) in seeds for seed in result["seeds"])
    assert seeds.count("<summary>at once") == sum(len(seed["rule"]["phases"]) == 1 for seed in result["seeds"])
    assert f'href="/discovery?fingerprint={run.pk}"' in seeds
    assert page_of(admin_client, f"{LIST}/{run.pk}?tab=nothing") == first


def test_the_coverage_says_in_numbers_what_its_colours_say(admin_client, done):
    run = done(strategies=TWO)
    rows = run.result["profiles"][1]["rows"]
    for measure, part, whole in (("points", "caught_points", "points"), ("moves", "caught", "moves")):
        page = page_of(admin_client, f"{LIST}/{run.pk}?tab=coverage&measure={measure}&side=long")
        for row in rows:
            cell = row["long"]
            assert (f">{100 * cell[part] / cell[whole]:.0f} %</td>" if cell[whole] else ">–</td>") in page
    held = page_of(admin_client, f"{LIST}/{run.pk}?tab=coverage&measure=held")
    cells = rows[0]["long"], rows[0]["short"]
    assert f">{round(100 * sum(cell['bars_held'] for cell in cells) / cells[0]['bars'])} %</td>" in held
    both = page_of(admin_client, f"{LIST}/{run.pk}?tab=coverage&measure=trades")
    assert f">{rows[0]['long']['trades'] + rows[0]['short']['trades']:,}</td>" in both
    odd = page_of(admin_client, f"{LIST}/{run.pk}?tab=coverage&measure=luck&side=up")
    assert odd == page_of(admin_client, f"{LIST}/{run.pk}?tab=coverage")
    assert f"<td>{run.bars}</td>" in odd


def test_seeds_are_exported_as_the_miner_reads_them(admin_client, done):
    run = done()
    answer = admin_client.get(f"{API}/{run.pk}/seeds")
    assert answer["Content-Disposition"] == f'attachment; filename="seeds-{run.pk}.json"'
    assert json.loads(answer.content) == services.seeds_of(run.result) != []


def test_one_that_failed_says_why_and_has_no_tabs(admin_client, begun, sent):
    run = begun(start="2030-01-01")
    sent.play()
    run.refresh_from_db()
    page = page_of(admin_client, f"{LIST}/{run.pk}")
    assert run.error
    assert run.error.split("'")[0] in page
    assert "?tab=" not in page


def test_the_admin_lists_them_and_ends_them(admin_client, begun):
    run = begun()
    assert f"{LIST}/{run.pk}" in admin_client.get("/admin/discovery/fingerprintrun/").content.decode()
    answer = admin_client.post(
        "/admin/discovery/fingerprintrun/", {"action": "cancel", "_selected_action": [run.pk]}, follow=True
    )
    assert "nothing of it is kept" in answer.content.decode()
    run.refresh_from_db()
    assert run.state == "cancelled"
