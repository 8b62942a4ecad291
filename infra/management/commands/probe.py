"""Health probes of single services, for containers and process managers."""

import socket
import urllib.error
import urllib.request
from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from celery import current_app
from django.conf import settings
from django.core.management import BaseCommand, CommandError
from django.utils import timezone
from django_celery_beat.models import PeriodicTask

# The scheduler writes what it has sent every few minutes only.
BEAT_MAY_BE_SILENT_FOR = timedelta(minutes=10)
WORKERS = ("feeds", "traders", "worker", "backtests")


class Command(BaseCommand):
    """Exit status 0 when the service on this host works, 1 and the reason when not."""

    help = "Is a service of this host well? One of: web, beat, " + ", ".join(WORKERS)
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("service", choices=["web", "beat", *WORKERS])

    def handle(self, *args: Any, service: str, **options: Any) -> None:
        complaint = _complaint(service)
        if complaint:
            raise CommandError(complaint)
        self.stdout.write(f"{service} is well")


def _complaint(service: str) -> str:
    if service == "web":
        return _web()
    return _beat() if service == "beat" else _worker(service)


def _web() -> str:
    host = next((name for name in settings.ALLOWED_HOSTS if not name.startswith(".")), "localhost")
    request = urllib.request.Request(f"http://127.0.0.1:{settings.PORT}/api/health", headers={"Host": host})
    try:
        urllib.request.urlopen(request, timeout=5.0).close()  # noqa: S310  our own address
    except urllib.error.HTTPError as error:
        return f"/api/health answers {error.code}"
    except OSError as error:
        return f"/api/health does not answer: {error}"
    return ""


def _worker(name: str) -> str:
    address = f"{name}@{socket.gethostname()}"
    return "" if current_app.control.ping(destination=[address], timeout=5.0) else f"{address} does not answer"


def _beat() -> str:
    runs = PeriodicTask.objects.filter(enabled=True, last_run_at__isnull=False).order_by("-last_run_at")
    latest = runs.values_list("last_run_at", flat=True).first()
    if latest is None:
        return "nothing was ever sent"
    silent = timezone.now() - latest
    return f"nothing was sent for {silent.total_seconds():.0f} s" if silent > BEAT_MAY_BE_SILENT_FOR else ""
