"""Every variable that is read is in `.env.example` and in the reference, and nothing else is."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_READ = re.compile(
    r"\b(?:env\.\w+|environment\.\w+|integer|number|choice|required|credential|address|\w+_secret|environ\.get)\(\s*[\"']([A-Z][A-Z_]+)[\"']"
)
_NAMES_IN_A_TUPLE = re.compile(r"env\.str\(name, default=\"\"\) for name in \(([^)]*)\)")


def read_by_the_code() -> set[str]:
    found: set[str] = set()
    for module in (ROOT / "fortified" / "settings").glob("*.py"):
        text = module.read_text()
        found |= set(_READ.findall(text))
        for names in _NAMES_IN_A_TUPLE.findall(text):
            found |= set(re.findall(r"\"([A-Z_]+)\"", names))
    return found


def test_the_example_names_exactly_what_is_read():
    example = set(re.findall(r"(?m)^#?([A-Z][A-Z_]+)=", (ROOT / ".env.example").read_text()))
    assert example == read_by_the_code()


def test_the_reference_names_everything_that_is_read():
    reference = set(re.findall(r"`([A-Z][A-Z_]+)`", (ROOT / "docs" / "reference" / "settings.md").read_text()))
    assert read_by_the_code() <= reference


def test_the_example_holds_no_secret_and_changes_nothing_as_it_is():
    lines = (ROOT / ".env.example").read_text().splitlines()
    assert all(not line or line.startswith("#") for line in lines)
