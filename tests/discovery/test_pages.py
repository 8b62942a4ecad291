"""The pages of discovery: who sees them, what they say of a search and of a rule, and what may be done there."""

import pytest

from discovery.mining import learned
from discovery.models import DiscoveredRule, MiningRun
from tests.discovery.conftest import kept
from tests.trading.people import person
from users.models import User
from users.roles import Role

pytestmark = pytest.mark.django_db


@pytest.fixture
def as_role(client):
    """A browser of somebody with that role."""

    def go(role):
        client.force_login(person(role))
        return client

    return go


def text_of(client, path):
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.content.decode()


def test_strangers_sign_in_and_people_without_a_role_see_nothing(client):
    for path in ("/discovery", "/discovery/1", "/discovery/rules/1"):
        assert client.get(path).status_code == 302
    client.force_login(User.objects.create_user("nobody@example.com", "correct-horse-battery"))
    for path in ("/discovery", "/discovery/1", "/discovery/rules/1"):
        assert client.get(path).status_code == 403


def test_a_trader_gets_the_form_and_a_viewer_is_told_who_starts_one(as_role):
    page = text_of(as_role(Role.TRADER), "/discovery")
    assert "No search yet. Start one above" in page
    for name in (
        "train_share",
        "kind",
        "rank_by",
        "carry",
        "seeds",
        "learned",
        "categories",
        "stop",
        "hold",
        "memory_mb",
    ):
        assert f'name="{name}"' in page
    page = text_of(as_role(Role.VIEWER), "/discovery")
    assert "Someone with the role trader starts one" in page
    assert "new-search" not in page


@pytest.mark.parametrize("is_there", [True, False])
def test_where_the_model_is_missing_the_form_says_so(as_role, monkeypatch, is_there):
    monkeypatch.setattr(learned, "find_spec", lambda name: object() if is_there else None)
    page = text_of(as_role(Role.TRADER), "/discovery")
    assert ("LightGBM is not installed here" in page) is not is_there


def test_a_search_shows_its_stages_its_folds_and_its_rules_in_their_order(as_role, played, planted_file):
    run = played(planted_file, name="two bursts", split={"kind": "anchored", "folds": 2, "train_share": 0.5})
    client = as_role(Role.VIEWER)
    page = text_of(client, f"/discovery/{run.pk}")
    rules = list(run.rules.order_by("rank"))
    places = [page.index(f"/discovery/rules/{rule.pk}") for rule in rules]
    assert places == sorted(places)
    assert "two bursts" in page
    assert "split anchored, 50 % of the days searched" in page
    assert page.count("<td>pattern</td>") == 2
    assert f"{run.trials} trials." in page
    assert 'id="cancel"' not in page
    listed = text_of(client, "/discovery")
    assert f'href="/discovery/{run.pk}">two bursts' in listed


def test_of_a_random_walk_the_page_says_that_nothing_passes(as_role, nothing):
    run = kept(nothing)
    page = text_of(as_role(Role.VIEWER), f"/discovery/{run.pk}")
    assert "None passes: chance or suspicion explains them." in page
    assert ">yes<" not in page
    listed = text_of(as_role(Role.TRADER), "/discovery")
    assert f'<td class="n">{run.rules.count()}</td><td class="n">0</td>' in listed


def test_a_rule_shows_its_phases_both_halves_its_doubts_and_how_many_trials_it_is_the_best_of(as_role, two_bursts):
    rule = kept(two_bursts).rules.get(rank=1)
    page = text_of(as_role(Role.VIEWER), f"/discovery/rules/{rule.pk}")
    assert f"Best of 120 trials; corrected p = {rule.p_searched:.2g} where it was searched" in page
    assert page.count('<ul class="phase"') == 2
    assert '<span class="gap">1–3 bars later</span>' in page
    assert "stop 4 ATR" in page
    for figures in (rule.in_sample, rule.out_of_sample):
        assert f'<td class="n">{figures["net_pnl"]:.2f}</td>' in page
    assert page.count("<meter") == 5
    for sign in rule.reasons:
        assert sign["reason"] in page
    assert f"{rule.worst['listed'][0]['pnl']:.2f}" in page
    assert f"{rule.capital['most_notional']:.2f}" in page


def test_a_search_that_runs_can_be_cancelled_by_who_may_mine(as_role, start, planted_file):
    run = start(planted_file)
    assert 'id="cancel"' in text_of(as_role(Role.TRADER), f"/discovery/{run.pk}")
    assert 'id="cancel"' not in text_of(as_role(Role.VIEWER), f"/discovery/{run.pk}")


def test_a_search_that_failed_says_why_and_what_is_not_there_is_a_404(as_role, start, planted_file):
    run = start(planted_file)
    MiningRun.objects.filter(pk=run.pk).update(state="failed", error="data: at least 4 trading days were expected")
    client = as_role(Role.VIEWER)
    assert "at least 4 trading days" in text_of(client, f"/discovery/{run.pk}")
    for path in ("/discovery/77", "/discovery/rules/77"):
        assert client.get(path).status_code == 404
    assert not DiscoveredRule.objects.exists()


def test_who_may_promote_is_told_what_comes_first_and_why_not_yet(as_role, two_bursts):
    rule = kept(two_bursts).rules.get(rank=1)
    assert "data-act=" not in text_of(as_role(Role.VIEWER), f"/discovery/rules/{rule.pk}")
    client = as_role(Role.TRADER)
    page = text_of(client, f"/discovery/rules/{rule.pk}")
    assert f'data-act="validate" data-rule="{rule.pk}"' in page
    assert f'href="/discovery/rules/{rule.pk}/life"' in page
    answer = client.post(f"/api/discovery/rules/{rule.pk}/promote", {"tag": "fast"}, "application/json")
    assert answer.status_code == 409
    refusal = answer.json()["detail"].removeprefix(f"{rule.name}: ")
    assert f"Not promoted now: {refusal}." in page
