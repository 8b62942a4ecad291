"""The page of one rule, where it can be promoted."""

import pytest

pytestmark = pytest.mark.django_db


def test_a_rule_that_may_trade_is_promoted_from_its_page_with_the_tag_that_was_chosen(client, ready, trader):
    client.force_login(trader)
    page = client.get(f"/discovery/rules/{ready.pk}").content.decode()
    assert "Not promoted now" not in page
    assert f'data-act="promote" data-rule="{ready.pk}"' in page
    assert f'data-words="{ready.chance}. validation: ' in page
    assert [f'<option value="{tag}">' in page for tag in ("any", "fast", "slow", "both")] == [True] * 4
    answer = client.post(f"/api/discovery/rules/{ready.pk}/promote", {"tag": "slow"}, "application/json")
    assert answer.status_code == 200
    page = client.get(f"/discovery/rules/{ready.pk}").content.decode()
    assert '<span class="state state-live">live</span>' in page
    assert '<span class="state">slow movers</span>' in page
    assert 'data-act="demote"' in page
    assert "Not promoted now" in page
