"""The page of one rule, where it can be promoted."""

import pytest

pytestmark = pytest.mark.django_db


def test_a_rule_that_may_trade_is_promoted_from_its_page_with_the_tag_that_was_chosen(client, ready, trader):
    client.force_login(trader)
    dialog = client.get(f"/discovery/rules/{ready.pk}").content.decode().partition("<dialog")[2]
    assert "Not now" not in dialog
    assert "disabled" not in dialog
    answer = client.post(f"/api/discovery/rules/{ready.pk}/promote", {"tag": "slow"}, "application/json")
    assert answer.status_code == 200
    page = client.get(f"/discovery/rules/{ready.pk}").content.decode()
    assert '<span class="state state-live">live</span>' in page
    assert '<span class="state">slow movers</span>' in page
    assert "Not now" in page
