"""The routes, the schema, the reference page and the clients' types name the same things."""

import re
import subprocess
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.urls import get_resolver
from drf_spectacular.generators import SchemaGenerator
from playwright._impl._driver import compute_driver_executable

from infra.management.commands import typescript as command
from tests.fortified.test_every_route import METHODS, routes

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "docs" / "reference" / "api.md"
# Documented as one: the older way of the two routes beside their POST.
_BY_GET = {"GET /api/start-trading", "GET /api/stop-trading"}
# What describes the API, and what says that a route is none.
_ABOUT_THE_API = {"/api/schema", "/api/docs", "/api/"}
_BUILT_IN = {"string", "number", "boolean", "unknown", "never", "null"}


@pytest.fixture(scope="module")
def schema() -> Any:
    return SchemaGenerator().get_schema(request=None, public=True)


@pytest.fixture(scope="module")
def described(schema) -> set[str]:
    return {f"{m.upper()} {path}" for path, methods in schema["paths"].items() for m in methods if m in METHODS}


def test_every_route_is_on_the_page_and_none_is_invented(described):
    documented = set(re.findall(r"`((?:GET|POST|PUT|PATCH|DELETE) /api/[^\s`]+)`", REFERENCE.read_text()))
    assert documented == described - _BY_GET


def test_the_schema_has_every_address_below_api_with_every_method(described):
    served, pages = set(), set()
    for raw, view in routes(get_resolver().url_patterns):
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", raw.split("^")[0])
        if raw.lstrip("/^").startswith("api/") and path not in _ABOUT_THE_API and "(?P" not in raw:
            kind = getattr(view, "cls", None)
            if kind is None:
                pages.add(path)
                continue
            served |= {f"{method.upper()} {path}" for method in METHODS if hasattr(kind, method)}
    assert len(served) > 80
    assert served == described
    assert all(path.endswith("/callback") for path in pages), "programs get answers that nothing describes"


def test_whatever_a_route_does_not_list_is_an_error_of_one_form(schema):
    answers = [operation["responses"] for item in schema["paths"].values() for operation in item.values()]
    assert answers[0]["default"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Problem"}
    assert all("default" in each for each in answers)


def test_the_types_are_those_of_the_api_as_it_is():
    call_command("typescript", "--check", stdout=StringIO())


def test_a_difference_is_told_with_the_command_that_mends_it(monkeypatch, settings, tmp_path):
    monkeypatch.setattr(command, "current", lambda: "a\nb\n")
    settings.BASE_DIR = tmp_path
    call_command("typescript", stdout=StringIO())
    call_command("typescript", "--check", stdout=StringIO())
    (tmp_path / command.WRITTEN).write_text("a\nc\nb\n")
    with pytest.raises(CommandError, match=r"run ./run manage typescript\. Line 2: the file has 'c', the API 'b'\."):
        call_command("typescript", "--check", stdout=StringIO())
    (tmp_path / command.WRITTEN).unlink()
    with pytest.raises(CommandError, match="Line 1: the file has 'the end', the API 'a'"):
        call_command("typescript", "--check", stdout=StringIO())


def test_a_typescript_parser_takes_them_and_every_name_in_them_is_declared():
    written = ROOT / command.WRITTEN
    program = f"require('module').stripTypeScriptTypes(require('fs').readFileSync({str(written)!r}, 'utf8'))"
    parsed = subprocess.run(
        [compute_driver_executable()[0], "-e", program], capture_output=True, text=True, check=False
    )
    assert parsed.returncode == 0, parsed.stderr
    text = re.sub(r"/\*.*?\*/|^//.*?$", "", written.read_text(), flags=re.S | re.M)
    declared = set(re.findall(r"^export (?:type|interface) (\w+)", text, flags=re.M))
    used = set(re.findall(r"(?<=[:=|&(] )\(*([A-Za-z_]\w*)", text))
    assert {"BookRules", "Problem", "operations", "paths"} <= declared
    assert used - declared <= _BUILT_IN
    operations = text.split("export interface operations {")[1].split("\n}")[0]
    assert set(re.findall(r'operations\["(\w+)"\]', text)) == set(
        re.findall(r"^    (\w+): \{$", operations, flags=re.M)
    )
