"""Tells webhooks what a panic has done; whatever becomes of that, the panic itself is over by then."""

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence

from brokers.panic.flatten import Outcome

TIMEOUT_S = 5.0


def tell(hooks: Sequence[str], outcomes: Sequence[Outcome], *, say: Callable[[str], None]) -> None:
    """Send each hook one message; one that does not take it is said and keeps no other waiting for long."""
    said = "PANIC: " + "; ".join(words(outcome) for outcome in outcomes)
    body = json.dumps({"text": said, "content": said, "kind": "kill_switch", "level": "critical"}).encode()
    for number, hook in enumerate(hooks, start=1):
        try:
            request = urllib.request.Request(hook, data=body, headers={"Content-Type": "application/json"})  # noqa: S310
            urllib.request.urlopen(request, timeout=TIMEOUT_S).close()  # noqa: S310 - named by the owner of the file
        except (urllib.error.URLError, http.client.HTTPException, OSError, ValueError) as error:
            say(f"webhook {number} was not told: {type(error).__name__}")  # its address is a secret


def words(outcome: Outcome) -> str:
    """ "tasty-main is flat (closed long 30 SPY)"."""
    closed = f" (closed {', '.join(outcome.closed)})" if outcome.closed else ""
    if outcome.is_flat:
        return f"{outcome.account} is flat{closed}"
    left = ", ".join(outcome.remaining) or "unknown: " + "; ".join(outcome.problems[-1:])
    return f"{outcome.account} is NOT FLAT, {left}{closed}"
