"""The Celery application: settings from Django, tasks from whichever package has a `tasks` module."""

import os
from typing import Any

from celery import Celery
from celery.signals import setup_logging

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fortified.settings")

app = Celery("fortified")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def keep_django_logging(**_: Any) -> None:
    """Celery would configure logging its own way; ours scrubs secrets, so it stays."""
