"""Studies that start by the clock: a campaign over the last days, every morning."""

import logging
from datetime import datetime, timedelta

from backtest.models import Study, StudySchedule
from backtest.services import create_study
from engine.errors import FortifiedError

logger = logging.getLogger(__name__)


def start_due(*, now: datetime) -> list[Study]:
    """Start every schedule whose hour has come and that has not run today. One that fails says why, and the others
    start all the same."""
    started = []
    for schedule in StudySchedule.objects.filter(is_enabled=True, hour__lte=now.hour):
        if not _is_due(schedule, now):
            continue
        StudySchedule.objects.filter(pk=schedule.pk).update(last_started_at=now)
        try:
            started.append(start_now(schedule, now=now))
        except FortifiedError as error:
            logger.warning("the schedule %s did not start: %s", schedule.name, error.detail)
            StudySchedule.objects.filter(pk=schedule.pk).update(last_error=error.detail)
    return started


def start_now(schedule: StudySchedule, *, now: datetime) -> Study:
    """The study of the schedule, over the days up to yesterday."""
    end = now.date() - timedelta(days=1)
    start = end - timedelta(days=schedule.days_back)
    document = {**schedule.spec, "start": start.isoformat(), "end": end.isoformat()}
    document.setdefault("name", schedule.name)
    study = create_study(user=None, document=document)
    Study.objects.filter(pk=study.pk).update(schedule=schedule)
    StudySchedule.objects.filter(pk=schedule.pk).update(last_error="")
    return study


def _is_due(schedule: StudySchedule, now: datetime) -> bool:
    weekday = str(now.isoweekday() % 7)
    last = schedule.last_started_at
    return weekday in schedule.weekdays.split(",") and (last is None or last.date() < now.date())
