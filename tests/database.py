"""The test database as the migrations leave it."""

from typing import Any

from django.core.management import call_command
from django.db import connection, transaction


class Migrated:
    """Remembers every row there is, to put them back after a test that committed.

    Django would make its content types, permissions and our roles anew each time: most of what such a test costs.
    """

    def __init__(self) -> None:
        self._rows: dict[str, list[tuple[Any, ...]]] = {}
        with connection.cursor() as cursor:
            for table in connection.introspection.django_table_names(only_existing=True, include_views=False):
                cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
                if rows := cursor.fetchall():
                    self._rows[table] = rows

    def restore(self) -> None:
        call_command("flush", verbosity=0, interactive=False, reset_sequences=False, inhibit_post_migrate=True)
        with transaction.atomic(), connection.cursor() as cursor:
            for table, rows in self._rows.items():
                marks = ", ".join(["%s"] * len(rows[0]))
                cursor.executemany(f"INSERT INTO {connection.ops.quote_name(table)} VALUES ({marks})", rows)
