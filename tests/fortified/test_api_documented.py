"""The reference page and the schema name the same routes."""

import re
from pathlib import Path

from drf_spectacular.generators import SchemaGenerator

REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "api.md"
_METHODS = {"get", "post", "put", "patch", "delete"}
# Documented as one: the older way of the two routes beside their POST.
_BY_GET = {"GET /api/start-trading", "GET /api/stop-trading"}


def test_every_route_is_on_the_page_and_none_is_invented():
    paths = SchemaGenerator().get_schema(request=None, public=True)["paths"]
    served = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods if method in _METHODS}
    documented = set(re.findall(r"`((?:GET|POST|PUT|PATCH|DELETE) /api/[^\s`]+)`", REFERENCE.read_text()))
    assert documented == served - _BY_GET
