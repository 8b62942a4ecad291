"""Hosts the loop of one book in the foreground: the same that a Celery worker hosts."""

import signal
from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand, CommandError

from infra import draining
from infra.log_follower import follow_log_levels
from trading.models import Book
from trading.runtime import host


class Command(BaseCommand):
    """Ends when asked to (Ctrl-C), when the lease is lost, or when there is nothing to run."""

    help = "Runs the trader of one book in this process, without Celery."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("book", nargs="?", default="paper", help="name of the book (default: paper)")

    def handle(self, *args: Any, book: str, **options: Any) -> None:
        if not Book.objects.filter(name=book).exists():
            known = ", ".join(Book.objects.values_list("name", flat=True)) or "none yet: start a strategy first"
            raise CommandError(f"There is no book named {book!r}. Known: {known}.")
        for signum in (signal.SIGINT, signal.SIGTERM):
            signal.signal(signum, lambda *_: draining.request())
        follow_log_levels()
        ended = host.run_book(book)
        if ended == "held":
            raise CommandError(f"Another process holds the lease of book {book!r}; nothing was run.")
        self.stdout.write(f"Book {book}: {ended}")
