"""Starts and stops strategies at the times that people have set."""

import logging
from collections.abc import Iterator
from datetime import date, timedelta

import msgspec
from django.db.models import Q

from engine.errors import FortifiedError
from engine.instruments.sessions import ALWAYS, calendar, from_new_york, new_york
from infra.notices import Level, Notice, tell
from trading import services
from trading.models import Run
from trading.schedule_models import StrategySchedule

logger = logging.getLogger(__name__)

ONE_DAY = timedelta(days=1)


class Window(msgspec.Struct, frozen=True):
    """A day of a schedule; `start` ≤ now < `end`, UTC nanoseconds."""

    day: date
    start: int
    end: int


def follow(now_ns: int) -> list[str]:
    """Start and stop what is due; "ema started", "supertrend stopped" … of what was done."""
    done = []
    for schedule in StrategySchedule.objects.filter(is_enabled=True).select_related("saved_by"):
        for window in windows(schedule, now_ns):
            if window.start <= now_ns < window.end:
                done += _start(schedule, window.day)
            elif now_ns >= window.end:
                done += _stop(schedule, window.day)
    return done


def windows(schedule: StrategySchedule, now_ns: int) -> Iterator[Window]:
    """Yesterday's and today's, where its exchange trades in them."""
    today = new_york(now_ns).date()
    for day in (today - ONE_DAY, today):
        last = day if schedule.stop_at > schedule.start_at else day + ONE_DAY
        window = Window(day, from_new_york(day, schedule.start_at), from_new_york(last, schedule.stop_at))
        trades = schedule.calendar == ALWAYS or calendar(schedule.calendar).sessions(window.start, window.end)
        if trades:
            yield window


def _start(schedule: StrategySchedule, day: date) -> list[str]:
    if not _claim(schedule, "started_on", day):
        return []
    try:
        services.start_strategy(user=schedule.saved_by, strategy=schedule.strategy, live_mode=schedule.live_mode)
    except FortifiedError as error:
        _say(schedule, f"not started on {day}: {error.detail}", is_trouble=True)
        return []
    _say(schedule, f"started on {day}")
    return [f"{schedule.strategy} started"]


def _stop(schedule: StrategySchedule, day: date) -> list[str]:
    """Once, and only what this schedule has started that day."""
    if schedule.started_on != day or not _claim(schedule, "stopped_on", day):
        return []
    if not Run.objects.filter(strategy=schedule.strategy, state=Run.State.RUNNING).exists():
        return []
    try:
        services.stop_strategy(
            user=schedule.saved_by, strategy=schedule.strategy, flatten=schedule.flatten, reason="by its schedule"
        )
    except FortifiedError as error:
        _say(schedule, f"not stopped on {day}: {error.detail}", is_trouble=True)
        return []
    _say(schedule, f"stopped on {day}")
    return [f"{schedule.strategy} stopped"]


def _claim(schedule: StrategySchedule, field: str, day: date) -> bool:
    """Whether it is for us to do: of several workers one, and each day once."""
    earlier = Q(**{f"{field}__lt": day}) | Q(**{field: None})
    claimed = StrategySchedule.objects.filter(earlier, pk=schedule.pk, is_enabled=True).update(**{field: day})
    setattr(schedule, field, day)
    return claimed == 1


def _say(schedule: StrategySchedule, what: str, *, is_trouble: bool = False) -> None:
    StrategySchedule.objects.filter(pk=schedule.pk).update(detail=what[:400])
    logger.log(logging.WARNING if is_trouble else logging.INFO, "schedule of %s: %s", schedule.strategy, what)
    if is_trouble:
        text = f"Schedule of {schedule.strategy}: {what}"
        tell(Notice("strategy", Level.CRITICAL, text, schedule.strategy, f"schedule|{schedule.strategy}"))
