"""When strategies are started and stopped by themselves."""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q

from engine.errors import NotFound
from engine.instruments.sessions import ALWAYS, HOURS, session_of
from strategies.registry import STRATEGIES

CALENDARS = [(name, name) for name in (*HOURS, ALWAYS)]


class StrategySchedule(models.Model):
    """One strategy, from and to times of New York, on days on which its exchange trades.

    `started_on` and `stopped_on` are the days whose start and stop were dealt with: each happens once, so that what a
    person does in between stands.
    """

    strategy = models.CharField(max_length=64, unique=True)
    is_enabled = models.BooleanField(default=True)
    calendar = models.CharField(
        max_length=16, choices=CALENDARS, default="XNYS", help_text="On the days of this exchange only."
    )
    start_at = models.TimeField(help_text="New York. After a standstill it is started late rather than not at all.")
    stop_at = models.TimeField(help_text="New York. Before the start: on the next day.")
    flatten = models.BooleanField(default=False, help_text="Close what it holds when it is stopped; else exits go on.")
    live_mode = models.BooleanField(
        default=False, help_text="With real money: started in the name of who saved this, through every lock."
    )
    saved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+", editable=False
    )
    started_on = models.DateField(null=True, blank=True, editable=False)
    stopped_on = models.DateField(null=True, blank=True, editable=False)
    detail = models.CharField(max_length=400, blank=True, editable=False, help_text="What came of it last.")

    class Meta:
        ordering = ("strategy",)
        constraints = (models.CheckConstraint(condition=~Q(start_at=F("stop_at")), name="schedule_has_a_length"),)

    def __str__(self) -> str:
        return f"{self.strategy} {self.start_at:%H:%M} to {self.stop_at:%H:%M}"

    def clean(self) -> None:
        try:
            self.strategy = STRATEGIES.canonical(self.strategy)
            session_of(self.calendar)
        except NotFound as error:
            raise ValidationError(error.detail) from error
        if self.start_at == self.stop_at:
            raise ValidationError({"stop_at": "It would stop when it starts."})
