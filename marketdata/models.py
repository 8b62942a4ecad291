"""Where market data comes from: configuration only; what was received is in Redis and in the archive."""

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q


class FeedSource(models.Model):
    """One connection to one vendor. Written by `marketdata.services`, which validates `options` for its kind."""

    name = models.CharField(
        max_length=32,
        unique=True,
        validators=[RegexValidator(r"^[a-z0-9][a-z0-9_-]*\Z", "lower-case letters, digits, - and _ are expected")],
        help_text="How tickers, leases and the health page call it.",
    )
    kind = models.CharField(max_length=32, help_text="Which protocol: dxlink, replay …")
    api_url = models.CharField(max_length=255, blank=True, help_text="Where tokens are fetched; empty: the vendor's.")
    sealed_token = models.TextField(blank=True, editable=False)
    options = models.JSONField(default=dict, blank=True, help_text="What this kind of feed lets one choose.")
    is_enabled = models.BooleanField(default=True)
    is_default = models.BooleanField(default=False, help_text="Serves every ticker that names no feed.")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("name",)
        constraints = (
            models.UniqueConstraint(
                fields=("is_default",), condition=Q(is_default=True), name="only_one_feed_is_the_default"
            ),
            models.CheckConstraint(condition=~Q(name=""), name="feed_has_a_name"),
        )

    def __str__(self) -> str:
        return f"{self.name} ({self.kind})"
