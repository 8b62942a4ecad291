"""A web process of ours over a real Redis and database, and a headless browser in front of it."""

import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from django.conf import settings as settings_of_django
from django.contrib.auth.hashers import make_password
from django.db import connection
from django.test import Client
from django.test.utils import override_settings
from playwright.sync_api import Browser, Page, expect, sync_playwright

from fortified.settings.storage import channel_layers
from tests.conftest import free_port
from tests.waiting import DEADLINE_S
from users.models import User
from users.services import set_role

ROOT = Path(__file__).resolve().parent.parent.parent
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
]

expect.set_options(timeout=DEADLINE_S * 1000)


class Web:
    """A daphne process, and who may sign in there."""

    email = "trader@example.com"
    password = "a-password-for-this-test"

    def __init__(self, *, environment: dict[str, str], log: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.folder = log.parent
        self._environment, self._log = environment, log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Return when the pages answer; at once where they do already."""
        if self._process is not None:
            return
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "daphne", "-b", "127.0.0.1", "-p", str(self.port), "fortified.asgi:application"],
                cwd=ROOT, env=self._environment, stdout=log, stderr=log,
            )  # fmt: skip
        _await_page(self._process, f"{self.url}/login", self._log)

    def stop(self) -> None:
        """End it the hard way, as a crash does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of the browser; the test is skipped where there is none."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("there is no chromium on this machine (apt-get install chromium)")
    return found


@pytest.fixture(scope="session")
def web_process(django_db_setup, redis_server, tmp_path_factory) -> Iterator[Web]:
    """One daphne for all browser tests, on this test process's own database and Redis."""
    folder = tmp_path_factory.mktemp("web")
    web = Web(environment=_environment(redis_server, folder), log=folder / "daphne.log")
    yield web
    web.stop()


@pytest.fixture
def web(web_process: Web, redis_url, transactional_db, settings) -> Web:
    """The pages, with one account that may trade and nothing else."""
    settings.CHANNEL_LAYERS = channel_layers(redis_url)
    _make_user()
    web_process.start()
    return web_process


def _make_user() -> None:
    set_role(user=User.objects.create(email=Web.email, password=_stored_password()), role="trader")


@cache
def _stored_password() -> str:
    """As the web process checks it: a million rounds, so once is enough."""
    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.PBKDF2PasswordHasher"]):
        return make_password(Web.password)


def _environment(redis_url: str, folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("DJANGO_SETTINGS_MODULE", "SECRET_KEY")}
    name = connection.settings_dict["NAME"]  # the database of this test run
    return {
        **kept,
        "ENVIRONMENT": "development",
        "SECRET_KEY": settings_of_django.SECRET_KEY,  # it knows the sessions that tests make
        "DJANGO_SETTINGS_MODULE": "fortified.settings",
        "FORTIFIED_ENV_FILE": "none",
        "FORTIFIED_VAR_DIR": str(folder),
        "DATABASE_URL": f"sqlite:///{name}",
        "REDIS_URL": redis_url,
    }


def _await_page(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    pytest.fail(f"the page did not come up at {url}:\n{log.read_text()[-3000:]}")


@pytest.fixture(scope="module")
def browser(chromium: str, django_db_setup: None) -> Iterator[Browser]:
    """One browser for a file's tests.

    While its driver lives, a loop of its own runs in this thread, and Django takes that for a mistake.
    """
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, web: Web) -> Iterator[Page]:
    """A signed-out page of desktop size, as in a new browser; any error of a script fails the test."""
    with browser.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce") as fresh:
        fresh.set_default_timeout(DEADLINE_S * 1000)
        page = fresh.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if "Security Policy" in message.text else None)
        yield page
    assert errors == []


def sign_in(page: Page, web: Web) -> None:
    """Open the first page as somebody who signed in before."""
    client = Client()
    client.force_login(User.objects.get(email=web.email))
    name = settings_of_django.SESSION_COOKIE_NAME
    page.context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": web.url}])
    page.goto(web.url)


def fill_in_the_login(page: Page, web: Web) -> None:
    page.get_by_label("E-mail").fill(web.email)
    page.get_by_label("Password").fill(web.password)
    page.get_by_role("button", name="Sign in").click()
