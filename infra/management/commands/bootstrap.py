"""Prepares the database before the services start: pending migrations, and the demo's records where asked for."""

from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand, call_command

from infra.schema import pending_migrations


class Command(BaseCommand):
    """Safe to run at every start: what is there already is left alone."""

    help = "Applies pending migrations; with --demo also makes the demo's account, feed, tickers and book."
    requires_system_checks = ()  # they load every page and route, a second at each start; `doctor` runs them

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--demo", metavar="URL", help="where the synthetic market answers")
        parser.add_argument("--live", action="store_true", help="the demo rehearses live mode")

    def handle(self, *args: Any, demo: str | None = None, live: bool = False, **options: Any) -> None:
        pending = pending_migrations()
        if pending:
            self.stdout.write(f"Applying {len(pending)} migrations")
            call_command("migrate", interactive=False, verbosity=0)
        if demo:
            call_command("bootstrap_demo", api_url=demo, live=live)
        self.stdout.write("The database is ready")
