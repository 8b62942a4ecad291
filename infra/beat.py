"""The schedule in the database, for a beat that ends when it is told to, whatever it is doing at that moment."""

import signal
import threading
from types import FrameType
from typing import Any, NoReturn

from django_celery_beat.schedulers import DatabaseScheduler


class Scheduler(DatabaseScheduler):
    """django-celery-beat's scheduler without work in a signal handler.

    Celery's handler of SIGTERM saves the schedule by the ORM before it ends the process. Where the signal arrives
    inside a query, that closes the connection under it; the error takes the place of the exit, the scheduler logs
    it as a fault of one entry, and beat goes on for ever. Celery saves on the way out too, where nothing is
    interrupted: the handler needs to raise only.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, _leave)
            signal.signal(signal.SIGINT, _leave)
        super().__init__(*args, **kwargs)


def _leave(_signum: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit
