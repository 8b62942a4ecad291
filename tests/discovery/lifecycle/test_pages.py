"""The pages of rules: what each shows to whom; and that a toast has its place on every page."""

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from discovery.lifecycle import tracking
from discovery.lifecycle.services import demote
from discovery.models import HealthScore, Promotion
from tests.trading.people import person, trade
from users.roles import Role

pytestmark = pytest.mark.django_db
TEMPLATES = Path(__file__).resolve().parents[3] / "dashboard" / "templates" / "dashboard"
LIST = "/discovery/rules"


@pytest.fixture
def page(client, trader):
    client.force_login(trader)

    def get(path: str) -> str:
        answer = client.get(path)
        assert answer.status_code == 200
        return re.sub(r"\s+", " ", answer.content.decode())

    return get


def row(text: str, rule) -> str:
    return text.split(f'data-rule-row="{rule.pk}"')[1].split("</tr>")[0]


def scored(rule, *scores):
    promotion = Promotion.objects.get(rule=rule)
    for n, value in enumerate(scores):
        HealthScore.objects.create(
            promotion=promotion, at=timezone.now(), trades=20 + n, verdict="healthy", score=value, p=0.5,
            document={"score": value, "verdict": "healthy", "p": 0.5, "text": "", "parts": [
                {"name": "win rate", "p": 0.4, "score": 80.0, "text": "win rate 55% of 20, 56% expected"}]},
        )  # fmt: skip


def test_rules_are_listed_with_state_health_and_what_can_be_done(page, live):
    scored(live, 90.0, 70.0, 81.0)
    text = page(LIST)
    first = row(text, live)
    assert f'href="/discovery/rules/{live.pk}/life"' in first
    assert f"/analytics?strategy=rules.{live.pk}&amp;mode=paper" in first
    assert "81 of 100, healthy" in first
    assert '<svg class="spark"' in first
    assert "Health so far, now 81 of 100" in first
    assert 'data-act="demote"' in first
    assert 'data-act="reject"' not in first
    assert "corrected p" in first
    assert text.count('data-act="validate"') == live.run.rules.count() - 1
    assert page(f"{LIST}?state=live").count("data-rule-row") == 1


def test_before_a_rule_is_promoted_its_checks_are_told_with_what_it_is_the_best_of(page, ready, confirmed):
    for text in (row(page(LIST), ready), page(f"{LIST}/{ready.pk}/life"), page(f"{LIST}/{ready.pk}")):
        [button] = re.findall(r'<button[^>]*data-act="promote"[^>]*>', text)
        assert f"best of {ready.trials} trials; corrected p = " in button
        assert f"validation: {confirmed.text}" in button
        assert "campaign: 40 of 40 trades" in button


def test_a_check_that_is_under_way_shows(page, ready):
    ready.checks.create(kind="validation", spec={}, state="queued")
    assert "validation under way" in row(page(LIST), ready)
    assert 'data-waiting="yes"' in page(f"{LIST}/{ready.pk}/life")


def test_a_rule_without_scores_is_unknown_and_one_that_was_stopped_by_hand_says_so(page, live):
    Promotion.objects.get().run.__class__.objects.update(state="stopped")
    first = row(page(LIST), live)
    assert "unknown" in first
    assert "stopped by hand" in first


def test_where_there_is_nothing_it_says_how_to_begin(page, redis_url):
    text = page(LIST)
    assert "No rule here yet" in text
    assert "0 promotions, 0 degraded or demoted since." in text


def test_a_state_that_there_is_not_is_no_page(client, trader, redis_url):
    client.force_login(trader)
    assert client.get(f"{LIST}?state=alive").status_code == 404
    assert client.get(f"{LIST}/999/life").status_code == 404


def test_the_life_of_a_rule_tells_reasons_steps_checks_and_times(page, live, trader):
    scored(live, 81.0)
    text = page(f"{LIST}/{live.pk}/life")
    assert "Health: 81 of 100, healthy" in text
    assert "win rate 55% of 20, 56% expected" in text
    for step in ("discovered → validated", "validated → campaign", "campaign → live"):
        assert step in text
    assert "speaks for it" in text
    assert "trader@example.com" in text
    assert "Not degraded now: live → degraded: its health is unknown, not ill" not in text
    assert "Not degraded now: live → degraded: its health is healthy, not ill" in text


def test_survival_is_drawn_when_some_have_ended(page, live, second, trader):
    for rule, days in ((live, 10), (second, 20)):
        Promotion.objects.filter(rule=rule).update(began_at=timezone.now() - timedelta(days=days))
    demote(live, user=trader, why="enough")
    text = page(LIST)
    assert "2 promotions, 1 degraded or demoted since; half were within 10 days." in text
    assert '<polyline class="steps"' in text
    assert '<polygon class="band"' in text
    assert '<td class="n">0.500</td>' in text


def test_a_viewer_sees_all_of_it_and_no_buttons(client, live):
    client.force_login(person(Role.VIEWER))
    for path in (LIST, f"{LIST}/{live.pk}/life"):
        text = client.get(path).content.decode()
        assert live.name in text
        assert "data-act" not in text
        assert "act-dialog" not in text


def test_strangers_are_sent_to_the_login(client, live):
    for path in (LIST, f"{LIST}/{live.pk}/life"):
        assert client.get(path).url.startswith("/login")


def test_the_pages_of_trading_know_a_promoted_rule_by_its_name(page, live):
    slot = f"rules.{live.pk}"
    assert slot in page(f"/analytics?strategy={slot}&mode=paper")
    assert slot in page("/book/paper")
    assert slot in page("/strategies/graph")
    assert slot in page(f"/api/tickers/{slot}")
    assert slot in page(f"/api/trading-status?strategy={slot}")


def test_the_trades_of_each_rule_are_a_part_of_their_own(page, live, second):
    for number, rule in enumerate((live, second), start=1):
        trade(number, strategy=f"rules.{rule.pk}", pnl=str(10 * number))
    found = json.loads(page("/api/analytics?mode=paper"))
    assert {part["name"]: part["net_pnl"] for part in found["groups"]["strategy"]} == {
        f"rules.{live.pk}": "10", f"rules.{second.pk}": "20",
    }  # fmt: skip


def test_a_list_of_many_asks_the_database_no_more_often(client, trader, live, second, django_assert_max_num_queries):
    tracking.score_all()
    client.force_login(trader)
    with django_assert_max_num_queries(22):
        client.get(LIST)


@pytest.mark.parametrize(
    "name", sorted(path.name for path in TEMPLATES.glob("[a-z]*.html") if path.name != "base.html")
)
def test_every_page_has_a_place_for_toasts(name):
    text = (TEMPLATES / name).read_text()
    assert '{% extends "dashboard/base.html" %}' in text
    assert name == "login.html" or "_top.html" in text or "_bell.html" in text
    assert 'id="toasts"' not in text  # it is the base's, once
    assert (TEMPLATES / "base.html").read_text().count('id="toasts"') == 1
