"""A search over the first part of a market with something planted in it: its rules, on record, with days to come."""

import pytest

from backtest.distributed.data import bars_of
from discovery import services
from discovery.lifecycle.services import ask_campaign, ask_validation, promote
from discovery.mining.mine import mine
from discovery.models import DiscoveredRule, RuleCheck
from discovery.requested import parse_request
from tests.discovery import world
from tests.discovery.conftest import ASKED, written
from tests.trading.people import person
from users.roles import Role

DAYS, SEARCHED_UNTIL = 110, "2024-05-24"  # the 60th of them


@pytest.fixture(scope="session")
def search(tmp_path_factory):
    """What is found in the first 60 days of 110: (asked, bars, found)."""
    return _searched(written(world.planted(DAYS, seed=5), tmp_path_factory))


@pytest.fixture(scope="session")
def noise_search(tmp_path_factory):
    """Likewise, where there is nothing to find."""
    return _searched(written(world.noise(DAYS, seed=9), tmp_path_factory))


def _searched(path):
    asked = parse_request(
        {"symbol": "SPY", "timeframe": "5", "data": str(path), "end": SEARCHED_UNTIL, "search": ASKED}
    )
    bars = bars_of(asked.bars, archive="")
    return asked, bars, mine(bars.columns, asked.search)


@pytest.fixture
def trader(db):
    return person(Role.TRADER)


@pytest.fixture
def rule(db, search):
    """The first of those that were found."""
    return _kept(search)


@pytest.fixture
def noise_rule(db, noise_search):
    return _kept(noise_search)


def _kept(searched) -> DiscoveredRule:
    asked, bars, found = searched
    return services.keep_run(asked=asked, bars=bars, found=found, seconds=0.0).rules.get(rank=1)


@pytest.fixture
def worked(sent, monkeypatch, django_capture_on_commit_callbacks):
    """Ask for a check and work on it, with all that follows; the check as it ended."""
    monkeypatch.setattr("backtest.services.current_app", sent)
    monkeypatch.setattr("backtest.tasks.current_app", sent)
    monkeypatch.setattr("backtest.distributed.work.BEAT_S", 600.0)

    def go(ask, **options) -> RuleCheck:
        with django_capture_on_commit_callbacks(execute=True):
            check = ask(**options)
        for _ in range(10):
            with django_capture_on_commit_callbacks(execute=True):
                sent.play()
            check.refresh_from_db()
            if check.is_over:
                break
            sent.send_task(RuleCheck.TASK, [check.pk])  # as the look after all of them does
        return check

    return go


@pytest.fixture
def ready(rule, trader, worked):
    """A rule that was validated and repeated by a campaign."""
    assert worked(ask_validation, user=trader, rule=rule).is_good
    assert worked(ask_campaign, user=trader, rule=rule).is_good
    rule.refresh_from_db()
    return rule


@pytest.fixture
def live(ready, trader):
    """One that trades on paper."""
    return promote(ready, user=trader, tag="any")
