"""Celery's side of the life of rules: their checks, their health, and the look after both."""

from celery import shared_task

from discovery import jobs
from discovery.lifecycle import checks, tracking
from discovery.models import RuleCheck


@shared_task(name=RuleCheck.TASK, ignore_result=True)
def check_rule(check: int) -> str:
    """Work on a validation or a campaign of a rule; its state afterwards."""
    return jobs.work_on(RuleCheck, check, checks.work)


@shared_task(name="discovery.lifecycle.tasks.tend_rules", ignore_result=True)
def tend_rules() -> list[int]:
    """Look after every check that is not over, and tell books again of demotions that they have not answered; the
    numbers of the checks that were sent."""
    tracking.tend()
    return jobs.tend(RuleCheck)


@shared_task(name="discovery.lifecycle.tasks.score_rules", ignore_result=True)
def score_rules() -> dict[str, str]:
    """Look at the health of every rule in the market; its slot → what was found."""
    return tracking.score_all()
