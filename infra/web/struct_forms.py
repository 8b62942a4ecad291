"""Form fields for the fields of a msgspec struct: its bounds, its choices and its descriptions, told once."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec
from django import forms
from msgspec import inspect
from unfold.widgets import (
    UnfoldAdminDateWidget,
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)


def struct_fields(kind: type[msgspec.Struct]) -> dict[str, forms.Field]:
    """One form field for each of its fields that a single input can hold; what is a table of its own is left out."""
    described = inspect.type_info(kind)
    if not isinstance(described, inspect.StructType):
        return {}
    return {field.name: form_field(field) for field in described.fields if not _is_table(field.type)}


def form_field(described: inspect.Field) -> forms.Field:
    """The form field of one; nothing typed in means: the default."""
    kind, notes = _plain(described.type)
    common: dict[str, Any] = {
        "label": described.name,
        "required": False,
        "initial": None if described.default is msgspec.NODEFAULT else described.default,
        "help_text": ", ".join([*notes, *_bounds(kind)]),
    }
    if isinstance(kind, inspect.BoolType):
        return forms.BooleanField(**common, widget=UnfoldBooleanSwitchWidget)
    choices = list(_choices(kind))
    if choices:
        return forms.ChoiceField(**common, choices=choices, widget=UnfoldAdminSelectWidget)
    if isinstance(kind, inspect.IntType):
        return forms.IntegerField(**common, min_value=kind.ge, max_value=kind.le, widget=UnfoldAdminIntegerFieldWidget)
    if isinstance(kind, inspect.FloatType):
        return forms.FloatField(**common, min_value=kind.ge, max_value=kind.le, widget=UnfoldAdminDecimalFieldWidget)
    if isinstance(kind, inspect.DecimalType):
        return forms.DecimalField(**common, min_value=Decimal(0), widget=UnfoldAdminDecimalFieldWidget)
    if isinstance(kind, inspect.DateType):
        return forms.DateField(**common, widget=UnfoldAdminDateWidget)
    if isinstance(kind, inspect.VarTupleType):
        return ListField(**common)
    return forms.CharField(**common, widget=UnfoldAdminTextInputWidget)


class ListField(forms.CharField):
    """Several words in one line, separated by commas."""

    widget = UnfoldAdminTextInputWidget

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(map(str, value)) if isinstance(value, list | tuple) else value

    def to_python(self, value: Any) -> Any:
        return [word.strip() for word in str(value or "").split(",") if word.strip()]


def _is_table(kind: inspect.Type) -> bool:
    plain = _plain(kind)[0]
    if isinstance(plain, inspect.VarTupleType):
        plain = plain.item_type
    return isinstance(plain, inspect.DictType | inspect.StructType)


def _plain(kind: inspect.Type) -> tuple[inspect.Type, list[str]]:
    """The type below its annotations and its None, and what the annotations say."""
    notes: list[str] = []
    while isinstance(kind, inspect.Metadata):
        notes += [str((kind.extra_json_schema or {}).get("description", ""))]
        kind = kind.type
    if isinstance(kind, inspect.UnionType):
        others = [option for option in kind.types if not isinstance(option, inspect.NoneType)]
        if len(others) == 1:
            inner, more = _plain(others[0])
            return inner, [*notes, *more]
    return kind, [note for note in notes if note]


def _bounds(kind: inspect.Type) -> Iterator[str]:
    if not isinstance(kind, inspect.IntType | inspect.FloatType):
        return
    for sign, limit in ((">", kind.gt), ("≥", kind.ge), ("<", kind.lt), ("≤", kind.le)):
        if limit is not None:
            yield f"{sign} {limit}"


def _choices(kind: inspect.Type) -> Iterator[tuple[str, str]]:
    if isinstance(kind, inspect.EnumType):
        yield from ((str(member.value), str(member.value)) for member in kind.cls)
    if isinstance(kind, inspect.LiteralType):
        yield from ((str(value), str(value)) for value in kind.values)
