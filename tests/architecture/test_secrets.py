"""No secret is in the repository, and none gets there unseen."""

import re
import subprocess

import pytest

from tests.architecture.source import ROOT, name_of, tracked

# Shapes of real credentials. Written in two parts, or this file would find itself.
SHAPES = {
    "private key": re.compile(r"-----BEGIN (?:[A-Z]+ )?PRIVATE" + r" KEY-----"),
    "AWS key": re.compile(r"\bAKIA" + r"[0-9A-Z]{16}\b"),
    "GitHub token": re.compile(r"\bgh[pousr]_" + r"[A-Za-z0-9]{36}\b"),
    "Alpaca key": re.compile(r"\b[AP]K" + r"[0-9A-Z]{18}\b"),
    "assigned secret": re.compile(
        r"(?i)(?:secret|token|password|api_?key)(?:_?key)?[\"']?\s*[:=]\s*"
        r"[\"'](?=[^\"']*\d)[A-Za-z0-9/+_-]{32,}[\"']"
    ),
}
NOT_REAL = {"tests/fortified/test_settings.py"}  # strong enough for a start in production, used nowhere else


def found_in(text: str) -> list[str]:
    return [name for name, shape in SHAPES.items() if shape.search(text)]


def test_no_file_holds_a_credential():
    hits = []
    for path in tracked():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue  # an image
        hits += [f"{name_of(path)}: {name}" for name in found_in(text) if name_of(path) not in NOT_REAL]
    assert hits == []


@pytest.mark.parametrize(
    "line",
    [
        "-----BEGIN RSA PRIVATE" + " KEY-----",
        "key = AKIA" + "ABCDEFGHIJ234567",
        "gh" + "p_" + "a1B2c3D4e5" * 3 + "f6G7h8",
        "ALPACA_KEY=P" + "K0123456789ABCDEFGH",
        'client_secret = "' + "0a1b2c3d" * 5 + '"',
    ],
)
def test_a_planted_credential_is_found(line):
    assert found_in(line)


def test_environment_files_and_tokens_stay_out_of_git():
    kept_out = [".env", ".env.production", "var/secret_key", "var/demo_password", "var/db.sqlite3"]
    ignored = subprocess.run(
        ["git", "check-ignore", *kept_out], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.split()
    assert ignored == kept_out
    assert not [name_of(path) for path in tracked() if path.name.startswith(".env") and path.name != ".env.example"]
