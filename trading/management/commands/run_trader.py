"""Hosts the loop of one book in the foreground: the same that a Celery worker hosts."""

import signal
from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand, CommandError

from infra import draining
from infra.log_follower import follow_log_levels
from infra.terminal import refusals
from trading.book_services import book_of
from trading.runtime import host


class Command(BaseCommand):
    """Ends when asked to (Ctrl-C), when the lease is lost, or when there is nothing to run."""

    help = "Runs the trader of one book in this process, without Celery."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("book", nargs="?", default="paper", help="name of the book (default: paper)")

    def handle(self, *args: Any, book: str, **options: Any) -> None:
        with refusals():
            book_of(book)
        for signum in (signal.SIGINT, signal.SIGTERM):
            signal.signal(signum, lambda *_: draining.request())
        follow_log_levels()
        ended = host.run_book(book)
        if ended == "held":
            raise CommandError(f"Another process holds the lease of book {book!r}; nothing was run.")
        self.stdout.write(f"Book {book}: {ended}")
