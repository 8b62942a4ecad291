"""Accounts at brokers, and the lock that keeps real money out until a person opens it."""

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Coalesce

from brokers.ibkr.auth import MAX_CLIENT_ID
from brokers.registry import FEATURES
from engine.errors import NotFound


def is_known_broker(text: str) -> None:
    """A venue of the registry, by its own name."""
    try:
        name = FEATURES.canonical(text)
    except NotFound as error:
        raise ValidationError(error.detail) from None
    if name != text:
        raise ValidationError(f"{name!r} was expected, found its other name {text!r}.")


class BrokerAccount(models.Model):
    """One account at one venue. `name` is its key in books and in the quantities of tickers."""

    class Mode(models.TextChoices):
        PAPER = "paper", "paper"
        LIVE = "live", "live"

    broker = models.CharField(max_length=32, validators=[is_known_broker])
    name = models.SlugField(max_length=32, unique=True, help_text="The key in books and ticker quantities.")
    mode = models.CharField(max_length=8, choices=Mode.choices, default=Mode.PAPER)
    account_number = models.CharField(max_length=64, blank=True)
    login = models.SlugField(max_length=32, default="main", help_text="Which of the broker's logins it belongs to.")
    host = models.CharField(max_length=255, blank=True, help_text="Where the gateway runs; empty: as in the settings.")
    port = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(65535)],
        help_text="IB Gateway: 4001 real, 4002 paper; TWS: 7496 real, 7497 paper. Empty: as in the settings.",
    )
    client_id = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MaxValueValidator(MAX_CLIENT_ID)],
        help_text="Our number at the gateway: another one for every account, and always the same for this one.",
    )
    enabled = models.BooleanField(default=True)
    is_armed = models.BooleanField(default=False, help_text="A person allowed real orders on this account.")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("name",)
        permissions = (("arm_account", "Can arm an account for real money"),)
        constraints = (
            models.CheckConstraint(
                condition=Q(is_armed=False) | Q(mode="live", enabled=True),
                name="only_an_enabled_live_account_is_armed",
            ),
            models.UniqueConstraint(
                fields=("broker", "account_number"),
                condition=Q(mode="live") & ~Q(account_number=""),
                name="one_live_entry_per_account_number",
            ),
            models.UniqueConstraint(
                "broker",
                "host",
                Coalesce("port", 0),
                "client_id",
                condition=Q(mode="live") & Q(client_id__isnull=False),
                name="one_live_entry_per_client_id",
                violation_error_message="Another account uses this client id at this gateway; each needs its own.",
            ),
        )

    def __str__(self) -> str:
        return f"{self.name} ({self.broker}, {self.mode})"

    def clean(self) -> None:
        """What a gateway needs is given where there is one, and nowhere else."""
        if self.broker not in FEATURES:
            return
        if FEATURES[self.broker].needs_gateway:
            self._check_gateway()
            return
        given = [name for name in ("host", "port", "client_id") if getattr(self, name) not in ("", None)]
        title = FEATURES[self.broker].title
        if given:
            raise ValidationError(dict.fromkeys(given, f"{title} has no gateway: leave it empty."))

    def _check_gateway(self) -> None:
        if any(character.isspace() or character in ":/" for character in self.host):
            raise ValidationError({"host": f"A name or an address without a port was expected, found {self.host!r}."})
        if self.mode != self.Mode.LIVE:
            return
        missing = {
            "account_number": "" if self.account_number else "The number that the gateway shows, like U1234567.",
            "client_id": "A number is needed, another one for every account." if self.client_id is None else "",
        }
        if any(missing.values()):
            raise ValidationError({name: text for name, text in missing.items() if text})


class BrokerToken(models.Model):
    """One login at one broker: a person's consent, sealed, and the access token of the moment.

    `claimed_until` is held by the process that refreshes it. `warned_h` is the last threshold (hours before the
    consent ends) that people were told of.
    """

    class State(models.TextChoices):
        CONNECTED = "connected", "connected"
        FAILING = "failing", "failing"  # refreshing fails; the consent is good as far as we know
        DEAD = "dead", "dead"  # a person must connect again
        DISCONNECTED = "disconnected", "disconnected"

    broker = models.CharField(max_length=32, validators=[is_known_broker])
    login = models.SlugField(max_length=32, default="main")
    state = models.CharField(max_length=16, choices=State.choices, default=State.DISCONNECTED)
    sealed_refresh = models.TextField(blank=True, editable=False)
    sealed_access = models.TextField(blank=True, editable=False)
    access_expires_at = models.DateTimeField(null=True, blank=True)
    refresh_expires_at = models.DateTimeField(null=True, blank=True)
    scope = models.CharField(max_length=255, blank=True)
    authorized_at = models.DateTimeField(null=True, blank=True)
    refreshed_at = models.DateTimeField(null=True, blank=True)
    failures = models.PositiveIntegerField(default=0)
    last_error = models.TextField(blank=True)
    claimed_until = models.DateTimeField(null=True, blank=True, editable=False)
    warned_h = models.PositiveIntegerField(null=True, blank=True, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("broker", "login")
        verbose_name = "broker login"
        permissions = (("connect_broker", "Can connect and disconnect brokers"),)
        constraints = (models.UniqueConstraint(fields=("broker", "login"), name="one_token_per_login"),)

    def __str__(self) -> str:
        return f"{self.broker} ({self.login}): {self.state}"


class BrokerNotice(models.Model):
    """Something about a login that people must know; shown on the page and in the admin."""

    class Level(models.TextChoices):
        INFO = "info", "info"
        WARNING = "warning", "warning"
        ERROR = "error", "error"

    broker = models.CharField(max_length=32)
    login = models.SlugField(max_length=32)
    level = models.CharField(max_length=8, choices=Level.choices)
    text = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.broker} ({self.login}): {self.text}"
