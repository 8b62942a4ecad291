"""Reads the product's own source for the architecture tests."""

import io
import re
import subprocess
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = (
    "engine", "infra", "users", "notifications", "strategies", "brokers", "simulators", "marketdata", "backtest",
    "discovery", "trading", "dashboard", "fortified",
)  # fmt: skip

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def modules(*packages: str) -> Iterator[Path]:
    """Every Python module of `packages` (default: the whole product), migrations left out."""
    for package in packages or PRODUCT:
        for path in sorted((ROOT / package).rglob("*.py")):
            if "__pycache__" in path.parts:  # compiled loops are kept there with their source
                continue
            if "migrations" not in path.parts:
                yield path


def name_of(path: Path) -> str:
    """Relative to the repository."""
    return path.relative_to(ROOT).as_posix()


@cache
def tracked() -> tuple[Path, ...]:
    """Every file that git knows or would add."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    return tuple(path for line in listed.splitlines() if (path := ROOT / line).is_file())


def tokens(path: Path) -> list[tokenize.TokenInfo]:
    """The tokens of a module."""
    return list(tokenize.generate_tokens(io.StringIO(path.read_text()).readline))


def code_tokens(path: Path) -> Iterator[tokenize.TokenInfo]:
    """Names and strings, docstrings left out: a string that is a statement of its own is prose."""
    previous = tokenize.NEWLINE
    for token in tokens(path):
        if token.type == tokenize.STRING and previous in (tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT):
            previous = token.type
            continue
        if token.type in (tokenize.NAME, tokenize.STRING):
            yield token
        if token.type not in (tokenize.COMMENT, tokenize.NL):
            previous = token.type


def words(text: str) -> set[str]:
    """ "isLiveOrder", "is_live_order" and "is live order" all hold the word live."""
    return {word.lower() for word in re.split(r"[^A-Za-z]+", _CAMEL.sub(" ", text)) if word}
