"""Keeps what people are told, decides which channels hear of it, and sends it."""

import logging
from datetime import datetime, timedelta

from celery import current_app
from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from kombu.exceptions import OperationalError

from infra import notices
from infra.broadcast import broadcast
from infra.logging import scrub
from infra.notices import Level
from infra.notices import Notice as NoticeValue
from infra.redis import keys
from notifications import inbox
from notifications.kinds import ORDINARY
from notifications.models import CLAIM, Channel, Delivery, Notice
from notifications.senders import NotSent, send

logger = logging.getLogger(__name__)

SAME_WITHIN = timedelta(hours=1)  # what was told longer ago is a new notice
MAX_ATTEMPTS = 6
FIRST_RETRY_S = 15
State = Delivery.State


def receive(notice: NoticeValue) -> None:
    """Keep `notice`, show it, and hand it to the channels that want it; one that is over only where it was told."""
    with transaction.atomic():
        kept = _end(notice) if notice.is_over else _keep(notice)
        if kept is None:
            return
        notices.log(notice, is_ordinary=notice.kind in ORDINARY)
        due = [each for channel in Channel.objects.filter(is_enabled=True) if (each := _deliver(channel, kept, notice))]
    if kept.times == 1 or due:
        _show(kept)
    if any(each.state == State.WAITING for each in due):
        _wake()


def _keep(notice: NoticeValue) -> Notice:
    """The row of `notice`: a new one, or the last one of its key where that still goes on."""
    now = timezone.now()
    last = Notice.objects.select_for_update().filter(key=notice.same[:400], over_at=None).first()
    if last is None or last.last_at < now - SAME_WITHIN:
        return Notice.objects.create(
            kind=notice.kind, level=notice.level, about=notice.about[:64], text=notice.text, key=notice.same[:400],
            first_at=now, last_at=now,
        )  # fmt: skip
    last.times, last.last_at, last.text, last.level = last.times + 1, now, notice.text, notice.level
    last.save(update_fields=["times", "last_at", "text", "level"])
    return last


def _end(notice: NoticeValue) -> Notice | None:
    """The row that says that it is well again; None where nobody was told that it was not."""
    now = timezone.now()
    if not Notice.objects.filter(key=notice.same[:400], over_at=None).update(over_at=now):
        return None
    return Notice.objects.create(
        kind=notice.kind, level=notice.level, about=notice.about[:64], text=notice.text, key=notice.same[:400],
        first_at=now, last_at=now, over_at=now,
    )  # fmt: skip


def _deliver(channel: Channel, kept: Notice, notice: NoticeValue) -> Delivery | None:
    """The delivery to `channel`; None where it does not want it, or heard of it a moment ago."""
    now = timezone.now()
    if notice.is_over:
        is_wanted = Delivery.objects.filter(channel=channel, notice__key=kept.key).exclude(notice=kept).exists()
    else:
        since = now - timedelta(seconds=channel.repeat_after_s)
        is_wanted = channel.wants(notice) and not kept.deliveries.filter(channel=channel, created_at__gt=since).exists()
    if not is_wanted:
        return None
    sent = Delivery.objects.filter(channel=channel, created_at__gt=now - timedelta(hours=1)).exclude(state=State.HELD)
    is_held = notice.level != Level.CRITICAL and sent.count() >= channel.max_per_hour
    state = State.HELD if is_held else State.WAITING
    return Delivery.objects.create(notice=kept, channel=channel, state=state, due_at=now, created_at=now)


def send_due() -> int:
    """Send everything that waits and is due; how many went out."""
    waiting = Delivery.objects.filter(state=State.WAITING, due_at__lte=timezone.now()).order_by("id")
    return sum(deliver(pk) for pk in waiting.values_list("pk", flat=True)[:200])


def deliver(pk: int) -> bool:
    """Send one delivery, unless somebody else does or did; whether it went out. A failure is tried again, later each
    time."""
    now = timezone.now()
    claimed = Delivery.objects.filter(pk=pk, state=State.WAITING, due_at__lte=now).update(
        due_at=now + CLAIM, attempts=F("attempts") + 1
    )
    if claimed != 1:
        return False
    delivery = Delivery.objects.select_related("notice", "channel").get(pk=pk)
    try:
        send(delivery.channel, delivery.notice, held=_held_before(delivery))
    except NotSent as error:
        _failed(delivery, error, now)
        return False
    Delivery.objects.filter(pk=pk).update(state=State.SENT, sent_at=timezone.now(), detail="")
    return True


def _held_before(delivery: Delivery) -> int:
    """How many were held back at the channel since something went out there last."""
    held = Delivery.objects.filter(channel=delivery.channel, state=State.HELD)
    last = Delivery.objects.filter(channel=delivery.channel, state=State.SENT).first()
    return held.filter(id__gt=last.pk).count() if last else held.count()


def _failed(delivery: Delivery, error: NotSent, now: datetime) -> None:
    is_last = delivery.attempts >= MAX_ATTEMPTS or not error.retryable
    wait = timedelta(seconds=FIRST_RETRY_S * 2 ** (delivery.attempts - 1))
    detail = scrub(str(error.detail))[:400]
    Delivery.objects.filter(pk=delivery.pk).update(
        state=State.FAILED if is_last else State.WAITING, due_at=now + wait, detail=detail
    )
    logger.warning("%s was not sent to %s (attempt %d): %s", delivery.notice.kind, delivery.channel,
                   delivery.attempts, detail)  # fmt: skip


def try_channel(channel: Channel) -> None:
    """Send a test message there now; `NotSent` says why it did not work."""
    now = timezone.now()
    said = f"A test message for {channel.name}: it works."
    test = Notice(kind="test", level=Level.INFO, text=said, about="", key="test", first_at=now, last_at=now)
    send(channel, test, held=0)


def _show(kept: Notice) -> None:
    people = list(get_user_model().objects.filter(is_active=True).values_list("pk", flat=True))
    inbox.put(people, kept)
    for pk in people:
        broadcast(keys.user_group(pk), "Notice", inbox.document(kept))


def _wake() -> None:
    try:
        current_app.send_task("notifications.tasks.send_due", expires=30)
    except OperationalError:
        logger.warning("No worker could be woken: messages wait for the next look")
