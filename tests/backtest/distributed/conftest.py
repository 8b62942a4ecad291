"""A study on this test's database, with the messages to workers kept in a list."""

from typing import Any

import pytest

from backtest import services, tasks
from backtest.distributed import work
from backtest.models import Study
from tests.sent import Sent


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch, redis_url: str) -> Sent:
    found = Sent()
    monkeypatch.setattr(services, "current_app", found)
    monkeypatch.setattr(tasks, "current_app", found)
    return found


@pytest.fixture(autouse=True)
def calm(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test's transaction holds the database: the thread that keeps a claim could only wait for its end."""
    monkeypatch.setattr(work, "BEAT_S", 600.0)


@pytest.fixture
def start(sent: Sent, django_capture_on_commit_callbacks: Any) -> Any:
    """Start a study as a request does, and let its messages go out."""

    def go(document: dict[str, Any], user: Any = None) -> Study:
        with django_capture_on_commit_callbacks(execute=True):
            return services.create_study(user=user, document=document)

    return go
