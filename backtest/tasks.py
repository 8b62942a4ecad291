"""Celery's side of studies: lanes that work shards off, the fold at the end, and the look after both."""

from celery import current_app, shared_task
from django.utils import timezone

from backtest import schedules, services
from backtest.distributed import work

LANE_S = 30.0  # then the lane stands in line again: another study may wait


@shared_task(name="backtest.tasks.work_on_study", ignore_result=True)
def work_on_study(study: int) -> None:
    """Work on shards of the study until none is free or the lane's time is over."""
    is_more_left = work.work(study, budget_s=LANE_S)
    if not services.finish_if_over(study) and is_more_left:
        current_app.send_task("backtest.tasks.work_on_study", args=[study], expires=60)


@shared_task(name="backtest.tasks.finalize_study", ignore_result=True)
def finalize_study(study: int) -> str:
    """Add the study up; its state."""
    return str(services.finalize(study).state)


@shared_task(name="backtest.tasks.tend_studies", ignore_result=True)
def tend_studies() -> list[int]:
    """Look after every study that is not over."""
    return services.tend()


@shared_task(name="backtest.tasks.start_due_studies", ignore_result=True)
def start_due_studies() -> list[int]:
    """Start the studies that are due by their schedules; their numbers."""
    return [study.pk for study in schedules.start_due(now=timezone.now())]
