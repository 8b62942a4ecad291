"""What workers do about messages to people."""

from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from infra import notices
from notifications import services
from notifications.models import Notice

KEPT = timedelta(days=90)


@shared_task(name="notifications.tasks.send_due", ignore_result=True)
def send_due() -> int:
    """Tell what loops handed over, and send what waits; how many messages went out."""
    notices.take_over()
    return services.send_due()


@shared_task(name="notifications.tasks.forget", ignore_result=True)
def forget() -> int:
    """Remove notices that are older than three months, with their deliveries; how many rows went."""
    return Notice.objects.filter(last_at__lt=timezone.now() - KEPT).delete()[0]
