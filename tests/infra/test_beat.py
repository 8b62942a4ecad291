"""Beat ends when it is asked to."""

import signal

import pytest
from celery.beat import Service

from celery_app import app


@pytest.fixture
def handlers():
    """The signals are the process's: what a test installs is taken back."""
    before = {signum: signal.getsignal(signum) for signum in (signal.SIGTERM, signal.SIGINT)}
    yield
    for signum, handler in before.items():
        signal.signal(signum, handler)


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_inside_a_query_ends_beat_and_is_not_taken_for_a_fault_of_the_schedule(handlers, monkeypatch, signum):
    service = Service(app, scheduler_cls=app.conf.beat_scheduler)
    app.Beat(quiet=True).install_sync_handler(service)
    scheduler = service.get_scheduler(lazy=True)
    monkeypatch.setattr(scheduler.Entry, "from_entry", lambda *_entry, **_fields: signal.raise_signal(signum))
    with pytest.raises(SystemExit):
        scheduler.update_from_dict({"supervise": {"task": "trading.tasks.supervise", "schedule": 2.0}})
