"""What people are told: kept once, sent where it is wanted, not too often, and never lost for a broken line."""

import hashlib
import hmac
import logging
from datetime import timedelta
from email import message_from_string

import pytest
import redis
from django.core.exceptions import ValidationError
from django.db import OperationalError
from django.utils import timezone

from infra.notices import Level, flush, hand_over, take_over, tell
from infra.notices import Notice as Value
from infra.redis import keys
from notifications import services
from notifications.models import Channel, Delivery, Notice, usual_kinds
from notifications.tasks import forget, send_due
from tests.notifications.servers import MailServer, WebServer, serving
from tests.silent import silent_server
from tests.trading.people import person
from users.roles import Role

pytestmark = pytest.mark.django_db
State = Delivery.State


@pytest.fixture(autouse=True)
def _redis(redis_url):
    return redis_url


@pytest.fixture
def mail(settings):
    with serving(MailServer()) as server:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = server.server_address[0], server.server_address[1]
        settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
        yield server


@pytest.fixture
def web():
    with serving(WebServer()) as server:
        yield server


def hook(server, **changes):
    channel = Channel(name="desk", kind="webhook", **changes)
    channel.url = server.url
    channel.full_clean()
    channel.save()
    return channel


def post(*recipients, **changes):
    channel = Channel(name="mail", kind="email", recipients=", ".join(recipients), **changes)
    channel.full_clean()
    channel.save()
    return channel


def dead(**changes):
    values = {"kind": "trader", "level": Level.CRITICAL, "text": "No process trades book paper.", "about": "paper"}
    return Value(**{**values, "key": "trader|paper", **changes})


def later(seconds):
    """As if all that happened so far had been `seconds` ago."""
    by = timedelta(seconds=seconds)
    for row in Delivery.objects.all():
        Delivery.objects.filter(pk=row.pk).update(due_at=row.due_at - by, created_at=row.created_at - by)


def test_an_email_reaches_every_recipient_and_says_what_happened(mail):
    post("a@example.com", "b@example.com")
    tell(dead())
    assert send_due() == 1
    [(recipients, text)] = mail.received
    assert recipients == ["a@example.com", "b@example.com"]
    message = message_from_string(text)
    assert message["Subject"] == "[Fortified] critical: No process trades book paper."
    assert "CRITICAL: No process trades book paper." in str(message.get_payload())
    assert Delivery.objects.get().state == State.SENT


def test_a_webhook_gets_a_signed_document(web):
    channel = hook(web)
    channel.secret = "shared-secret"
    channel.save()
    tell(dead())
    send_due()
    [(document, headers, body)] = web.received
    assert (document["kind"], document["level"], document["about"]) == ("trader", "critical", "paper")
    assert document["text"] == document["content"]
    assert headers["X-Fortified-Signature"] == hmac.new(b"shared-secret", body, hashlib.sha256).hexdigest()


def test_the_same_thing_is_kept_once_and_sent_again_only_after_a_while(web):
    hook(web, repeat_after_s=600)
    for _ in range(5):
        tell(dead())
    send_due()
    assert (Notice.objects.get().times, len(web.received)) == (5, 1)
    later(601)
    tell(dead())
    send_due()
    assert len(web.received) == 2
    assert web.received[1][0]["times"] == 6


def test_what_is_well_again_is_told_to_those_who_heard_of_the_trouble(web):
    tell(dead(is_over=True))
    assert not Notice.objects.exists()
    hook(web, minimum_level="warning")
    tell(dead())
    tell(dead(is_over=True, level=Level.INFO, text="It is alive again."))
    tell(dead(is_over=True, level=Level.INFO, text="It is alive again."))
    send_due()
    assert [document["is_over"] for document, _, _ in web.received] == [True, True]
    assert [document["message"] for document, _, _ in web.received][1] == "It is alive again."
    tell(dead())
    assert Notice.objects.filter(over_at=None).count() == 1


@pytest.mark.parametrize(
    ("channel", "is_sent"),
    [
        ({}, True),
        ({"minimum_level": "critical"}, True),
        ({"kinds": ["login", "feed"]}, False),
        ({"about": "live"}, False),
        ({"about": "paper"}, True),
        ({"is_enabled": False}, False),
    ],
)
def test_a_channel_gets_what_it_asked_for(web, channel, is_sent):
    hook(web, **channel)
    tell(dead())
    assert send_due() == is_sent


def test_fills_are_not_sent_unless_asked_for(web):
    hook(web)
    tell(dead(kind="fill", key=""))
    assert send_due() == 0
    assert Notice.objects.count() == 1


def test_too_many_are_held_back_and_counted_but_critical_ones_go(web):
    hook(web, max_per_hour=2)
    for n in range(4):
        tell(dead(level=Level.WARNING, key=f"k{n}"))
    assert send_due() == 2
    assert Delivery.objects.filter(state=State.HELD).count() == 2
    tell(dead(key="grave"))
    send_due()
    assert web.received[-1][0]["held_back"] == 2


def test_a_webhook_that_fails_is_tried_again_later_each_time_and_then_given_up(web):
    hook(web)
    web.answers = [503, 429, 200]
    tell(dead())
    assert send_due() == 0
    assert send_due() == 0  # not due yet
    assert len(web.received) == 1
    later(16)
    assert send_due() == 0
    later(16)
    assert len(web.received) == 2
    later(15)
    assert send_due() == 1
    assert Delivery.objects.get().attempts == 3


def test_what_can_never_work_is_given_up_and_says_why(web, mail):
    hook(web)
    web.answers = [404]
    post("nobody@example.com")
    tell(dead())
    send_due()
    states = {row.channel.name: (row.state, row.detail) for row in Delivery.objects.select_related("channel")}
    assert states["desk"] == (State.FAILED, "the webhook answers 404")
    assert states["mail"][0] == State.FAILED
    assert "no such person" in states["mail"][1]


def test_a_line_that_stays_broken_is_given_up_after_six_tries(web, monkeypatch):
    hook(web)
    web.answers = [500] * 20
    tell(dead())
    for _ in range(10):
        send_due()
        later(3600)
    assert len(web.received) == services.MAX_ATTEMPTS
    assert Delivery.objects.get().state == State.FAILED


def test_a_delivery_is_sent_by_one_process_only(web):
    hook(web)
    tell(dead())
    pk = Delivery.objects.get().pk
    Delivery.objects.update(due_at=timezone.now() + timedelta(seconds=50))  # somebody else claimed it
    assert not services.deliver(pk)
    assert web.received == []


def test_loops_hand_over_and_a_worker_tells(web, redis_url):
    hook(web)
    hand_over([dead(), dead(key="other", text="Another.")])
    assert flush()
    assert not Notice.objects.exists()
    assert send_due() == 2
    assert [document["message"] for document, _, _ in web.received] == ["No process trades book paper.", "Another."]
    with redis.Redis.from_url(redis_url) as client:
        assert client.llen(keys.notices()) == 0


def test_what_is_handed_over_while_the_database_is_away_is_told_when_it_is_back(web, redis_url, settings, monkeypatch):
    hook(web)
    hand_over([dead(), dead(key="other", text="Another.")])
    assert flush()
    told = []

    def away(notice):
        told.append(notice.text)
        raise OperationalError("the connection is closed")

    with monkeypatch.context() as patched:
        patched.setattr("notifications.services.receive", away)
        assert take_over() == 0
    assert told == ["No process trades book paper."]
    assert take_over() == 2
    assert Notice.objects.count() == 2


def test_nothing_is_raised_where_redis_is_away(settings, caplog):
    with silent_server() as url:
        settings.REDIS_URL = url
        hand_over([dead()])
        assert "No process trades" not in caplog.text  # whoever hands over does not wait to know what becomes of it
    assert flush()
    assert "No process trades book paper." in caplog.text


def test_every_notice_is_in_the_log_without_secrets(caplog):
    tell(dead(text="refused: access_token=abcdefghijkl"))
    assert "abcdefghijkl" not in caplog.text
    assert "trader paper: refused" in caplog.text
    assert "abcdefghijkl" not in Notice.objects.get().text


def test_old_notices_are_forgotten():
    tell(dead())
    Notice.objects.update(last_at=timezone.now() - timedelta(days=100))
    tell(dead(key="new"))
    assert forget() == 1
    assert Notice.objects.get().key == "new"


@pytest.mark.parametrize(
    "values",
    [
        {"kind": "email"},
        {"kind": "email", "recipients": "not an address"},
        {"kind": "webhook"},
        {"kind": "email", "recipients": "a@example.com", "kinds": ["gossip"]},
    ],
)
def test_a_channel_that_could_never_send_is_refused(values):
    with pytest.raises(ValidationError):
        Channel(name="x", **values).full_clean()


# ---- the admin --------------------------------------------------------------------------------------------


@pytest.fixture
def admin(client):
    client.force_login(person(Role.ADMIN))
    return client


def test_a_channel_is_made_in_the_admin_and_its_address_is_never_shown(admin, web):
    typed = {"name": "desk", "kind": "webhook", "is_enabled": "on", "minimum_level": "warning", "kinds": ["trader"],
             "repeat_after_s": "60", "max_per_hour": "5", "url": web.url}  # fmt: skip
    assert admin.post("/admin/notifications/channel/add/", typed).status_code == 302
    channel = Channel.objects.get()
    page = f"/admin/notifications/channel/{channel.pk}/change/"
    assert "t0psecret" not in admin.get(page).content.decode() + channel.sealed_url
    admin.post(page, {**typed, "url": "", "repeat_after_s": "90"})
    assert (Channel.objects.get().url, Channel.objects.get().repeat_after_s) == (web.url, 90)


def test_a_new_channel_is_told_of_everything_but_what_happens_all_day(admin):
    ticked = admin.get("/admin/notifications/channel/add/").context["adminform"].form["kinds"].value()
    assert set(ticked) == set(usual_kinds())
    assert "fill" not in ticked


def test_the_test_button_sends_now_and_says_what_went_wrong(admin, web):
    channel = hook(web)
    button = f"/admin/notifications/channel/{channel.pk}/send-test"
    web.answers = [200, 404]
    said = [str(m) for m in admin.get(button, follow=True).context["messages"]]
    assert said == ["A test message was sent to desk."]
    said = [str(m) for m in admin.get(button, follow=True).context["messages"]]
    assert said == ["It was not sent: the webhook answers 404"]
    assert not Notice.objects.exists()


def test_without_a_mail_server_the_button_says_so(admin, settings):
    settings.EMAIL_HOST = ""
    channel = post("a@example.com")
    answer = admin.get(f"/admin/notifications/channel/{channel.pk}/send-test", follow=True)
    assert "EMAIL_HOST is not set" in str(next(iter(answer.context["messages"])))


def test_the_history_says_what_was_told_to_whom_and_cannot_be_edited(admin, web):
    hook(web)
    tell(dead())
    send_due()
    page = admin.get("/admin/notifications/notice/").content.decode()
    assert "No process trades book paper." in page
    assert "desk (sent)" in page
    pk = Notice.objects.get().pk
    assert admin.get(f"/admin/notifications/notice/{pk}/change/").status_code == 200
    assert admin.post(f"/admin/notifications/notice/{pk}/delete/", {"post": "yes"}).status_code == 403


def test_the_log_is_as_loud_as_the_trouble_and_silent_where_there_was_none(caplog):
    caplog.set_level(logging.INFO)
    tell(dead(is_over=True, text="It is alive again."))
    assert caplog.records == []
    tell(dead())
    tell(dead(is_over=True, text="It is alive again."))
    tell(Value("fill", Level.CRITICAL, "Book paper: ema buy 2 /MES at 6852.5.", "paper"))
    assert [record.levelname for record in caplog.records if record.name == "notices"] == ["ERROR", "INFO", "INFO"]
