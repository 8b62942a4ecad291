"""The database from asynchronous code, on connections that are looked after."""

from collections.abc import Awaitable, Callable
from typing import Any, ParamSpec, TypeVar

from asgiref.sync import sync_to_async
from django.db import connections

P = ParamSpec("P")
T = TypeVar("T")


def in_database(question: Callable[P, T]) -> Callable[P, Awaitable[T]]:
    """`question` as something to await.

    Plain `sync_to_async` keeps a connection for as long as the process lives, also one that the server ended long ago.
    Here it is replaced, as Django does between requests. Channels has the same for consumers; this one also works
    where the thread that waits is in the middle of a transaction, whose connection is nobody's to close.
    """

    def tended(*args: P.args, **options: P.kwargs) -> T:
        _tend()
        try:
            return question(*args, **options)
        finally:
            _tend()

    return sync_to_async(tended)


def _tend() -> None:
    found: Any = connections.all(initialized_only=True)
    for connection in found:
        if not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()
