"""Keys of data vendors may stand in the environment; a token that is stored comes first."""

import subprocess
import sys
from pathlib import Path

import pytest

from engine.errors import InvalidInput
from marketdata.host import make_feed
from marketdata.services import save_feed

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.django_db
def test_a_feed_without_a_token_takes_the_key_of_the_environment(settings):
    settings.FEED_TOKENS = {"massive": "from-outside", "alpaca": '{"key": "k", "secret": "s"}'}
    save_feed(name="stocks", kind="polygon")
    save_feed(name="indexes", kind="massive", token="its-own", options={"market": "indices"})
    save_feed(name="free", kind="alpaca")
    feeds = [make_feed(name) for name in ("stocks", "indexes")]
    assert [feed._key for feed in feeds] == ["from-outside", "its-own"]  # type: ignore[attr-defined]
    assert make_feed("free")._key.secret == "s"  # type: ignore[attr-defined]


@pytest.mark.django_db
def test_without_any_key_the_feed_says_which_is_missing(settings):
    settings.FEED_TOKENS = {}
    save_feed(name="stocks", kind="massive")
    with pytest.raises(InvalidInput, match="MASSIVE_API_KEY"):
        make_feed("stocks")


@pytest.mark.parametrize(
    ("variables", "expected"),
    [({"POLYGON_API_KEY": "old"}, "old"), ({"POLYGON_API_KEY": "old", "MASSIVE_API_KEY": "new"}, "new"), ({}, "")],
)
def test_the_vendor_is_known_by_both_its_names(variables, expected, tmp_path):
    code = "from django.conf import settings; print(settings.FEED_TOKENS['massive'])"
    env = {
        "PATH": "", "FORTIFIED_ENV_FILE": "none", "FORTIFIED_VAR_DIR": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "fortified.settings", **variables,
    }  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == expected
