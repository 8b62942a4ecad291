"""Pages of a list: `page` and `page_size`, checked, with what a client needs to ask for the next."""

from typing import Any

from django.db.models import Model, QuerySet
from drf_spectacular.utils import OpenApiParameter, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request

from engine.errors import InvalidInput

DEFAULT_SIZE = 50
LARGEST_SIZE = 500
PAGE_PARAMETERS = [
    OpenApiParameter("page", int, description="From 1."),
    OpenApiParameter("page_size", int, description=f"1 to {LARGEST_SIZE}, {DEFAULT_SIZE} if not given."),
]


def page_of(found: "QuerySet[Any]", request: Request, output: type[serializers.ModelSerializer[Any]]) -> dict[str, Any]:
    """One page of `found` as JSON. A page beyond the last is empty, so that a client may walk until it is."""
    page = _whole(request, "page", 1, None)
    size = _whole(request, "page_size", DEFAULT_SIZE, LARGEST_SIZE)
    count = found.count()
    rows: list[Model] = list(found[(page - 1) * size : page * size])
    return {
        "count": count,
        "page": page,
        "page_size": size,
        "pages": -(-count // size),
        "results": output(rows, many=True).data,
    }


def paged(output: type[serializers.ModelSerializer[Any]]) -> Any:
    """The form of `page_of`'s answer, for the API's description."""
    return inline_serializer(
        f"{output.__name__}Page",
        {
            "count": serializers.IntegerField(),
            "page": serializers.IntegerField(),
            "page_size": serializers.IntegerField(),
            "pages": serializers.IntegerField(),
            "results": output(many=True),
        },
    )


def _whole(request: Request, field: str, default: int, largest: int | None) -> int:
    raw = request.query_params.get(field) or str(default)
    limit = f" to {largest}" if largest else " or more"
    # isascii: isdigit alone accepts digits that int() reads but nobody means
    if not (raw.isascii() and raw.isdigit() and len(raw) < 10 and int(raw) >= 1 and int(raw) <= (largest or int(raw))):
        raise InvalidInput(f"{field}: a whole number from 1{limit} was expected, found {raw!r}.", field=field)
    return int(raw)
