"""Records in the admin that are shown and never edited."""

from typing import Any

from django.http import HttpRequest


class ReadOnly:
    """Mix it in before a ModelAdmin or an inline: the services write these rows, and a record that can be edited is
    none."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
