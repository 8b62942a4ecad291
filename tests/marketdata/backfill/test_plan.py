"""How far back backfills go: as chosen, as the settings say, as the source keeps; at night, over HTTP, by hand."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Permission
from django.core.management import call_command
from django.utils import timezone
from rest_framework.test import APIClient

from engine.errors import InvalidInput
from marketdata import services as feeds
from marketdata.backfill import nightly, services
from marketdata.backfill.plan import depths, plan
from marketdata.models import BackfillDepth, BackfillItem, BackfillJob
from users.models import User

pytestmark = pytest.mark.django_db
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def usual(settings) -> None:
    settings.BACKFILL_DAYS = "1=30,1d=730,ticks=5"


@pytest.fixture
def schwab(redis_url):
    return feeds.save_feed(name="schwab", kind="schwab", is_default=True)


def days_of(found) -> int:
    return int((found.end - found.start).days)


def test_what_is_chosen_in_the_admin_takes_the_place_of_the_settings_timeframe_by_timeframe(schwab):
    assert days_of(plan(timeframe="1h", source="schwab")) == 30
    BackfillDepth.objects.create(timeframe="1h", days=70)
    assert depths() == {"1": 30, "1h": 70, "1d": 730, "ticks": 5}
    assert [days_of(plan(timeframe=each, source="schwab")) for each in ("5", "1h", "2h", "1d")] == [30, 70, 70, 730]
    job = services.create_job(symbols=["SPY"], timeframe="1h")
    assert (days_of(job), job.note) == (70, "")


def test_a_wish_beyond_what_the_source_keeps_is_cut_and_told_in_words(schwab):
    job = services.create_job(symbols=["SPY"], timeframe="1", start=LONG_AGO)
    kept = timezone.now() - timedelta(days=90)
    assert job.start.date() == kept.date()
    assert job.note == f"schwab (schwab) keeps 1 since {kept:%Y-%m-%d}: from then on, not from 2020-01-01"
    assert BackfillItem.objects.get(job=job).reached == int(job.start.timestamp() * 1e6) * 1_000
    assert not plan(timeframe="1", source="schwab", days=90).note
    assert days_of(plan(timeframe="1", source="archive", days=900)) == 900  # whatever lies there


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ({"timeframe": "144t"}, "schwab .* has no history of 144t"),
        ({"timeframe": "30s"}, "schwab .* has no history of 30s"),
        ({"timeframe": "1", "start": LONG_AGO, "end": LONG_AGO + timedelta(days=9)}, "keeps 1"),
    ],
)
def test_what_the_source_has_nothing_of_is_refused_in_words(schwab, wish, said):
    with pytest.raises(InvalidInput, match=said):
        services.create_job(symbols=["SPY"], source="schwab", **wish)
    assert not BackfillJob.objects.exists()


def night() -> list[tuple[str, int]]:
    return [
        (item.symbol, days_of(job))
        for job in BackfillJob.objects.filter(pk__in=nightly.create_jobs())
        for item in job.items.all()
    ]


def test_the_night_fetches_new_symbols_as_far_back_as_that_goes_and_of_the_others_the_last_days(schwab):
    feeds.set_wanted(feed="schwab", pairs=[("SPY", "1"), ("QQQ", "1"), ("SPY", "144t"), ("SPY", "30s")])
    assert sorted(night()) == [("QQQ", 30), ("SPY", 30)]
    BackfillItem.objects.filter(symbol="SPY").update(state=BackfillItem.State.DONE)
    assert sorted(night()) == [("QQQ", 30), ("SPY", nightly.DAYS)]
    BackfillDepth.objects.create(timeframe="1", days=60)
    assert sorted(night()) == [("QQQ", 60), ("SPY", 60)]  # what was fetched does not reach so far
    BackfillDepth.objects.update(days=2)
    BackfillItem.objects.update(state=BackfillItem.State.DONE)
    assert sorted(night()) == [("QQQ", 2), ("SPY", 2)]


def test_what_lies_behind_nights_that_were_missed_is_fetched_again(schwab):
    feeds.set_wanted(feed="schwab", pairs=[("SPY", "1")])
    now = timezone.now()
    services.create_job(symbols=["SPY"], timeframe="1", start=now - timedelta(days=60), end=now - timedelta(days=3))
    BackfillItem.objects.update(state=BackfillItem.State.DONE)
    assert night() == [("SPY", 30)]  # a span of the past says nothing of the days since
    BackfillItem.objects.update(state=BackfillItem.State.DONE)
    assert night() == [("SPY", nightly.DAYS)]
    for job in BackfillJob.objects.all():
        past = {"start": job.start, "end": job.end, "created_at": job.created_at}
        BackfillJob.objects.filter(pk=job.pk).update(**{name: at - timedelta(days=9) for name, at in past.items()})
    BackfillItem.objects.update(state=BackfillItem.State.DONE)
    assert night() == [("SPY", 30)]


def test_over_http_a_backfill_is_asked_for_and_followed_by_those_who_may(schwab):
    api, user = APIClient(), User.objects.create_user("filler")
    api.force_authenticate(user)
    wish = {"symbols": ["SPY", "/es"], "timeframe": "1", "days": 400}
    assert api.post("/api/backfills", wish, format="json").status_code == 403
    user.user_permissions.add(Permission.objects.get(codename="add_backfilljob"))
    api.force_authenticate(User.objects.get())
    answer = api.post("/api/backfills", wish, format="json")
    assert answer.status_code == 202
    made = answer.json()
    assert (made["state"], made["source"], made["symbols"], made["added"]) == ("queued", "schwab", 2, 0)
    assert "keeps 1 since" in made["note"]
    assert api.get(f"/api/backfills/{made['job']}").json() == made
    assert api.get("/api/backfills").json() == [made]
    refused = api.post("/api/backfills", {"symbols": ["SPY"], "timeframe": "144t"}, format="json")
    assert refused.status_code == 400
    assert "has no history of 144t" in refused.content.decode()
    assert api.get("/api/backfills/99999").status_code == 404


def test_over_http_the_depths_are_told_with_what_the_source_keeps(schwab):
    api = APIClient()
    api.force_authenticate(User.objects.create_user("reader"))
    found = {each["timeframe"]: each for each in api.get("/api/backfills/depths").json()}
    assert {name: each["days"] for name, each in found.items()} == depths()
    assert found["1"]["kept_since"][:10] == f"{timezone.now() - timedelta(days=90):%Y-%m-%d}"
    assert found["ticks"]["kept_since"][:10] == f"{timezone.now():%Y-%m-%d}"
    assert {each["kept_since"] for each in api.get("/api/backfills/depths?source=archive").json()} == {None}


def test_the_command_tells_the_depths_and_what_cannot_be_had(schwab, capsys):
    call_command("backfill", "--depths")
    assert capsys.readouterr().out == "1: 30 days, 1d: 730 days, ticks: 5 days\n"
    call_command("backfill", "SPY", "--timeframe", "1", "--days", "400", "--enqueue")
    assert "schwab (schwab) keeps 1 since" in capsys.readouterr().out


def test_in_the_admin_a_depth_is_chosen_and_a_backfill_asked_for(schwab, admin_client):
    url = "/admin/marketdata/backfilldepth/add/"
    assert admin_client.post(url, {"timeframe": "1Hour", "days": 70}).status_code == 302
    assert BackfillDepth.objects.get().timeframe == "1h"
    assert "timeframe" in admin_client.post(url, {"timeframe": "5x", "days": 7}).context["errors"][0][0]
    url = "/admin/marketdata/backfilljob/add/"
    assert "1: 30 days, 1d: 730 days, ticks: 5 days, 1h: 70 days" in admin_client.get(url).content.decode()
    wish = {"symbols": "SPY, /es", "timeframe": "1", "source": "schwab", "days": "400"}
    page = admin_client.post(url, wish, follow=True).content.decode()
    job = BackfillJob.objects.get()
    assert [item.symbol for item in job.items.all()] == ["SPY", "/ES"]
    assert "keeps 1 since" in job.note
    assert job.note in page
    refused = admin_client.post(url, {**wish, "timeframe": "144t"})
    assert "has no history of 144t" in refused.content.decode()
    changed = admin_client.get(f"/admin/marketdata/backfilljob/{job.pk}/change/")
    assert "/ES" in changed.content.decode()
