"""A search over the first part of a market with something planted in it: its rules, on record, with days to come."""

from collections.abc import Callable
from datetime import date

import msgspec
import pytest

from discovery.bars_read import bars_read
from discovery.lifecycle.checks import demands
from discovery.lifecycle.confirmation import confirm, unseen
from discovery.lifecycle.services import promote
from discovery.lifecycle.steps import take_step
from discovery.mining.market import Market
from discovery.models import DiscoveredRule, RuleCheck
from tests.discovery import world
from tests.discovery.conftest import kept, searched, written
from tests.trading.people import person
from users.roles import Role

DAYS, SEARCHED_UNTIL = 110, "2024-05-24"  # the 60th of them


@pytest.fixture(scope="session")
def search(tmp_path_factory):
    """What is found in the first 60 days of 110: (asked, bars, found)."""
    return searched(written(world.planted(DAYS, seed=5), tmp_path_factory), end=SEARCHED_UNTIL)


@pytest.fixture(scope="session")
def noise_search(tmp_path_factory):
    """Likewise, where there is nothing to find."""
    return searched(written(world.noise(DAYS, seed=9), tmp_path_factory), end=SEARCHED_UNTIL)


@pytest.fixture
def trader(db):
    return person(Role.TRADER)


@pytest.fixture
def rule(db, search):
    """The first of those that were found."""
    return kept(search).rules.get(rank=1)


@pytest.fixture
def noise_rule(db, noise_search):
    return kept(noise_search).rules.get(rank=1)


@pytest.fixture
def worked(sent, monkeypatch, django_capture_on_commit_callbacks):
    """Ask for a check and work on it, with all that follows; the check as it ended."""
    monkeypatch.setattr("backtest.services.current_app", sent)
    monkeypatch.setattr("backtest.tasks.current_app", sent)
    monkeypatch.setattr("backtest.distributed.work.BEAT_S", 600.0)

    def go(ask: Callable[..., RuleCheck], **options: object) -> RuleCheck:
        with django_capture_on_commit_callbacks(execute=True):
            check: RuleCheck = ask(**options)
        for _ in range(10):
            with django_capture_on_commit_callbacks(execute=True):
                sent.play()
            check.refresh_from_db()
            if check.is_over:
                break
            sent.send_task(RuleCheck.TASK, [check.pk])  # as the look after all of them does
        return check

    return go


@pytest.fixture(scope="session")
def confirmed(search):
    """What the validation of that rule comes to, reckoned once for all tests."""
    asked, _, found = search
    whole = bars_read(msgspec.structs.replace(asked, end=None)).columns
    market, rule = Market(whole, asked.search), found.rules[0]
    until = date.fromisoformat(SEARCHED_UNTIL)
    days = unseen(market.days, msgspec.to_builtins(found.folds), searched_until=until)
    told = confirm(
        whole, asked.search, rule.rule, rule.exits, days=days, demands=demands(), competing=len(found.rules)
    )  # fmt: skip
    assert told.is_good
    return told


@pytest.fixture
def ready(rule, trader, confirmed, redis_url):
    """A rule that was validated and repeated by a campaign, as those checks leave it."""
    done = {"rule": rule, "spec": {}, "state": RuleCheck.State.DONE, "is_good": True}
    RuleCheck.objects.create(
        **done, kind="validation", text=confirmed.text, result=msgspec.to_builtins(confirmed)
    )  # fmt: skip
    take_step(rule, "validated", by=trader, why=confirmed.text)
    RuleCheck.objects.create(**done, kind="campaign", text="40 of 40 trades are those of its search")
    return take_step(rule, "campaign", by=trader, why="40 of 40 trades are those of its search")


@pytest.fixture
def live(ready, trader):
    """One that trades on paper."""
    return promote(ready, user=trader, tag="any")


@pytest.fixture
def second(live, trader):
    """Another rule of the same search that trades beside it."""
    other = DiscoveredRule.objects.get(run=live.run, rank=2)
    live.checks.update(rule=other)  # what differs is what it trades
    DiscoveredRule.objects.filter(pk=other.pk).update(state="campaign")
    return promote(other, user=trader, tag="any")
