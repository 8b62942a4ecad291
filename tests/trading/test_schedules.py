"""Strategies are started and stopped at the times that people have set, each once, on trading days."""

from datetime import UTC, datetime, time

import pytest
from django.contrib.auth.models import Permission
from django.core.exceptions import ValidationError

from engine.model.time import from_datetime
from notifications.models import Notice
from strategies.services import create_ticker
from tests.trading.people import person
from trading import schedules, services
from trading.models import CommandRecord, Run, StrategySchedule
from users.roles import Role

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _ticker(redis_url):
    create_ticker(user=None, strategy="ema", symbol="SPY", timeframe="1", quantities={"paper": 1})


def schedule(start="09:45", stop="15:30", **values):
    made = StrategySchedule(
        strategy="ema", start_at=time.fromisoformat(start), stop_at=time.fromisoformat(stop), **values
    )
    made.full_clean()
    made.save()
    return made


def at(text):
    """Follow the schedules at a moment of New York's winter (UTC−5): "20 09:45" in November 2026."""
    day, clock = text.split()
    moment = datetime.fromisoformat(f"2026-11-{day}T{clock}:00-05:00").astimezone(UTC)
    return schedules.follow(from_datetime(moment))


def test_a_day_is_started_and_stopped_once(redis_url):
    schedule()
    assert [at(f"20 {clock}") for clock in ("09:44", "09:45", "12:00", "15:29")] == [[], ["ema started"], [], []]
    assert at("20 15:30") == ["ema stopped"]
    assert at("20 15:31") == []
    assert Run.objects.get().stop_reason == "by its schedule"
    assert at("23 09:45") == ["ema started"]  # the next Monday


def test_what_a_person_does_in_between_stands(redis_url):
    schedule()
    at("20 09:45")
    services.stop_strategy(user=None, strategy="ema")
    assert at("20 12:00") == []
    services.start_strategy(user=None, strategy="ema")
    assert at("20 15:30") == ["ema stopped"]
    services.start_strategy(user=None, strategy="ema")
    assert at("20 15:40") == []
    assert Run.objects.filter(state="running").count() == 1


def test_what_nobody_scheduled_that_day_is_not_stopped(redis_url):
    services.start_strategy(user=None, strategy="ema")
    schedule()
    assert at("20 16:00") == []
    assert Run.objects.get().state == "running"


@pytest.mark.parametrize("day", ["21", "26"])  # a Saturday, Thanksgiving
def test_there_is_no_start_on_a_day_without_trading(redis_url, day):
    schedule()
    assert at(f"{day} 10:00") == []


def test_after_a_standstill_it_is_started_late_rather_than_not_at_all(redis_url):
    schedule()
    assert at("20 14:00") == ["ema started"]


def test_a_night_ends_on_the_next_day_and_closes_what_is_held_where_asked_for(redis_url):
    schedule("18:00", "16:55", calendar="CME_INDEX", flatten=True)
    assert at("19 17:59") == []
    assert at("19 18:00") == ["ema started"]
    assert at("20 16:54") == []
    assert at("20 16:55") == ["ema stopped"]
    assert CommandRecord.objects.get().payload["flatten"] is True
    assert at("20 18:30") == []  # Friday's evening: the market is closed until Sunday


def test_a_start_that_is_refused_is_told_and_not_tried_all_day(redis_url):
    made = schedule(live_mode=True, saved_by=person(Role.TRADER))
    assert at("20 09:45") == []
    assert at("20 09:46") == []
    made.refresh_from_db()
    assert made.detail.startswith("not started on 2026-11-20: live_mode=true needs")
    [notice] = Notice.objects.all()
    assert (notice.level, notice.times) == ("critical", 1)
    assert not Run.objects.exists()


def test_a_disabled_one_does_nothing_and_one_without_length_is_refused(redis_url):
    schedule(is_enabled=False)
    assert at("20 10:00") == []
    with pytest.raises(ValidationError, match="It would stop when it starts"):
        StrategySchedule(strategy="ema", start_at=time(9), stop_at=time(9)).clean()


def test_real_money_is_scheduled_by_a_person_who_may_start_with_it(client, redis_url):
    typed = {"strategy": "ema", "is_enabled": "on", "calendar": "XNYS", "start_at": "09:45", "stop_at": "15:30",
             "live_mode": "on"}  # fmt: skip
    page = "/admin/trading/strategyschedule/add/"
    keeper = person(Role.ADMIN)
    keeper.groups.clear()
    for name in ("add", "change", "view"):
        keeper.user_permissions.add(Permission.objects.get(codename=f"{name}_strategyschedule"))
    client.force_login(keeper)
    errors = client.post(page, typed).context["adminform"].form.errors
    assert errors == {"live_mode": ["This needs the permission trading.start_live."]}
    client.force_login(person(Role.TRADER))
    assert client.post(page, typed).status_code == 302
    saved = StrategySchedule.objects.get()
    assert (saved.live_mode, saved.saved_by and saved.saved_by.email) == (True, "trader@example.com")
