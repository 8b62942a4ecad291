"""How a notice leaves: as an e-mail, or as a JSON document for a webhook."""

import hashlib
import hmac
import json
import smtplib
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage, get_connection

from engine.errors import FortifiedError
from infra.http import PRODUCT
from infra.notices import Level
from notifications.models import Channel, Notice

TIMEOUT_S = 10.0
SIGNATURE = "X-Fortified-Signature"


class NotSent(FortifiedError):
    """The message did not leave, or was not taken."""

    code = "not_sent"


class NotTaken(NotSent):
    """The other side does not take it now and may take it later."""

    retryable = True


def send(channel: Channel, notice: Notice, *, held: int) -> None:
    """Send `notice` to `channel`; `held` is how many others were held back before it."""
    _SENDERS[channel.kind](channel, notice, held)


def email(channel: Channel, notice: Notice, held: int) -> None:
    """One message to all recipients."""
    if not settings.EMAIL_HOST:
        raise NotSent("EMAIL_HOST is not set: there is no mail server to send through")
    subject = f"[{settings.EMAIL_SUBJECT}] {notice.level}: {notice.text}".replace("\n", " ")[:180]
    message = EmailMessage(
        subject, _body(notice, held), settings.DEFAULT_FROM_EMAIL, channel.addresses,
        connection=get_connection(timeout=TIMEOUT_S),
        headers={"X-Priority": "1"} if notice.level == Level.CRITICAL else {},
    )  # fmt: skip
    try:
        message.send()
    except (smtplib.SMTPAuthenticationError, smtplib.SMTPRecipientsRefused, smtplib.SMTPSenderRefused) as error:
        raise NotSent(f"the mail server refuses: {error}") from error
    except (smtplib.SMTPException, OSError) as error:
        raise NotTaken(f"the mail server at {settings.EMAIL_HOST}: {error}") from error


def webhook(channel: Channel, notice: Notice, held: int) -> None:
    """A POST; where a secret is set, `X-Fortified-Signature` is the HMAC-SHA256 of the body with it, in hex."""
    said = _body(notice, held)
    document = {
        "text": said,  # what Slack and Mattermost show
        "content": said,  # what Discord shows
        "kind": notice.kind, "level": notice.level, "about": notice.about, "message": notice.text,
        "times": notice.times, "first_at": notice.first_at.isoformat(), "last_at": notice.last_at.isoformat(),
        "is_over": notice.over_at is not None, "held_back": held,
    }  # fmt: skip
    body = json.dumps(document).encode()
    headers = {"User-Agent": PRODUCT, "Content-Type": "application/json"}
    if channel.secret:
        headers[SIGNATURE] = hmac.new(channel.secret.encode(), body, hashlib.sha256).hexdigest()
    import httpx  # on first use: it is slow to import, and most processes send nothing

    try:
        answer = httpx.post(channel.url, content=body, headers=headers, timeout=TIMEOUT_S, follow_redirects=False)
    except httpx.HTTPError as error:
        raise NotTaken(f"the webhook does not answer: {type(error).__name__}") from error
    if answer.status_code in (408, 425, 429) or answer.status_code >= 500:
        raise NotTaken(f"the webhook answers {answer.status_code}")
    if not answer.is_success:
        raise NotSent(f"the webhook answers {answer.status_code}")


def _body(notice: Notice, held: int) -> str:
    lines = [f"{notice.level.upper()}: {notice.text}"]
    if notice.times > 1:
        lines.append(f"Told {notice.times} times since {notice.first_at:%Y-%m-%d %H:%M:%S} UTC.")
    if held:
        lines.append(f"{held} more were held back; the admin lists them.")
    return "\n".join(lines)


_SENDERS: dict[str, Callable[[Any, Any, int], None]] = {Channel.Kind.EMAIL: email, Channel.Kind.WEBHOOK: webhook}
