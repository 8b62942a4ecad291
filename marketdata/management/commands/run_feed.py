"""Runs one feed's loop in this process, without Celery: for a terminal, a container of its own, a debugger."""

import signal
from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand

from infra import draining
from infra.log_follower import follow_log_levels
from marketdata import host


class Command(BaseCommand):
    """The loop ends with Ctrl-C or SIGTERM, after everything received has been written."""

    help = "Run the feed NAME in this process until it is stopped."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="as the admin calls it, for example dxlink")

    def handle(self, *args: Any, name: str, **options: Any) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: draining.request())
        follow_log_levels()
        self.stdout.write(host.run_feed(name, should_stop=draining.is_requested))
