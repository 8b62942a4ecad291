"""Rows that people name: found, or refused with the names that there are."""

from typing import TypeVar

from django.db.models import Model

from engine.errors import NotFound

Row = TypeVar("Row", bound=Model)


def named(model: type[Row], name: str, *, field: str) -> Row:
    """The row of that `name`; `NotFound` names the `field`, which is also the word that people have for such a row."""
    rows = model._default_manager
    found = rows.filter(name=name).first()
    if found is None:
        known = ", ".join(rows.order_by("name").values_list("name", flat=True)) or "none yet"
        raise NotFound(f"There is no {field} {name!r}. Known: {known}.", field=field)
    return found
