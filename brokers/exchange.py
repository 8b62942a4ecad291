"""One request to a venue over HTTP, and what each way of getting no answer means for an order."""

from typing import TYPE_CHECKING, Any

from brokers.clock import VenueClock
from brokers.venue import OutcomeUnknown, VenueUnreachable
from infra.logging import scrub

if TYPE_CHECKING:
    import httpx


async def exchange(
    http: "httpx.AsyncClient", clock: VenueClock, method: str, path: str, *, where: str, **what: Any
) -> "httpx.Response":
    """The answer, whatever its status; the venue's time is noted. `VenueUnreachable` where no connection was made,
    `OutcomeUnknown` where the request may have arrived. `where` names venue and request for people."""
    import httpx  # on first use, see infra.http

    try:
        response = await http.request(method, path, **what)
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol) as error:
        raise VenueUnreachable(f"{where}: not reached ({_words(error)})") from error
    except httpx.HTTPError as error:
        raise OutcomeUnknown(f"{where}: no usable answer came ({_words(error)})") from error
    clock.note(response.headers.get("date", ""))
    return response


def pause_s(response: "httpx.Response") -> float:
    """How long a busy venue wants to be left alone, of `Retry-After`; a second where it does not say."""
    wait = response.headers.get("retry-after", "")
    return float(wait) if wait.isdigit() else 1.0


def _words(error: Exception) -> str:
    return scrub(str(error)) or type(error).__name__
