"""A web process of ours over a real Redis and database, and a headless browser in front of it."""

import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from django.contrib.auth.hashers import make_password
from django.db import connection
from django.test.utils import override_settings
from playwright.sync_api import Page, sync_playwright

from fortified.settings.storage import channel_layers
from tests.conftest import free_port
from users.models import User
from users.roles import ensure_roles
from users.services import set_role

ROOT = Path(__file__).resolve().parent.parent.parent
PASSWORD = "a-password-for-this-test"
START_DEADLINE_S = 40.0
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
]


class Web(NamedTuple):
    """Where the pages are, and who may sign in."""

    url: str
    email: str
    password: str


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of the browser; the test is skipped where there is none."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("there is no chromium on this machine (apt-get install chromium)")
    return found


@pytest.fixture
def web(redis_url, transactional_db, settings, tmp_path, monkeypatch) -> Iterator[Web]:
    """A daphne process on the test's own database and Redis."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # the browser's driver runs a loop in this thread
    settings.CHANNEL_LAYERS = channel_layers(redis_url)
    user = _user()
    port = free_port()
    with (tmp_path / "daphne.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "daphne", "-b", "127.0.0.1", "-p", str(port), "fortified.asgi:application"],
            cwd=ROOT, env=_environment(redis_url, tmp_path), stdout=log, stderr=log,
        )  # fmt: skip
        try:
            url = f"http://127.0.0.1:{port}"
            _await_page(process, f"{url}/login", tmp_path / "daphne.log")
            yield Web(url=url, email=user.email, password=PASSWORD)
        finally:
            process.terminate()
            process.wait(timeout=15)


def _user() -> User:
    ensure_roles()
    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.PBKDF2PasswordHasher"]):
        user = User.objects.create(email="trader@example.com", password=make_password(PASSWORD))
    set_role(user=user, role="trader")
    return user


def _environment(redis_url: str, folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("DJANGO_SETTINGS_MODULE", "SECRET_KEY")}
    name = connection.settings_dict["NAME"]
    return {
        **kept,
        "ENVIRONMENT": "development",
        "DJANGO_SETTINGS_MODULE": "fortified.settings",
        "FORTIFIED_ENV_FILE": "none",
        "FORTIFIED_VAR_DIR": str(folder),
        "DATABASE_URL": f"sqlite:///{name}",
        "REDIS_URL": redis_url,
    }


def _await_page(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    deadline = time.monotonic() + START_DEADLINE_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    pytest.fail(f"the page did not come up at {url}:\n{log.read_text()[-3000:]}")


@pytest.fixture
def page(chromium, web) -> Iterator[Page]:
    """A signed-out page of desktop size; any error of a script fails the test.

    The browser is the test's own and starts after the database: while its driver lives, its loop runs in this thread.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if "Security Policy" in message.text else None)
        yield page
        browser.close()
    assert errors == []


def sign_in(page: Page, web: Web) -> None:
    page.goto(web.url)
    page.get_by_label("E-mail").fill(web.email)
    page.get_by_label("Password").fill(web.password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{web.url}/**")
