"""The Celery application: settings from Django, tasks from whichever package has a `tasks` module."""

import os
import warnings
from typing import Any

from celery import Celery
from celery.exceptions import SecurityWarning
from celery.signals import setup_logging

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fortified.settings")

# Celery says in every worker that it runs as root; `./run doctor` says it once, with the remedy.
warnings.filterwarnings("ignore", category=SecurityWarning)

app = Celery("fortified")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def keep_django_logging(**_: Any) -> None:
    """Celery would configure logging its own way; ours scrubs secrets, so it stays."""
