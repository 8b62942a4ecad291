"""Between a venue's HTTP requests and their answers: where order faults strike."""

from collections.abc import Callable

from simulators.brokerage.faults import OrderFaults
from simulators.http_server import HttpResponse

Render = Callable[[int, str, str], HttpResponse]
"""(HTTP status, code, sentence) in the venue's own error form."""

DROPPED = HttpResponse(is_dropped=True)


class Gate:
    """Every request of a venue passes here once, with what kind of request it is and how to do it."""

    def __init__(self, faults: OrderFaults, render: Render) -> None:
        self._faults = faults
        self._render = render

    def answer(self, action: str, handle: Callable[[], HttpResponse], *, symbol: str = "") -> HttpResponse:
        """`handle` is called once at most; where a fault strikes first, not at all."""
        refused = self._before(action, symbol)
        if refused is not None:
            return refused
        response = handle()
        if self._faults.hit("drop_answer", action=action, symbol=symbol):
            return DROPPED
        if self._faults.hit("server_error_after", action=action, symbol=symbol):
            return self._render(500, "internal_error", "An internal error occurred.")
        late = self._faults.hit("late_answer", action=action, symbol=symbol)
        if late is not None:
            delay_s = late.delay_s * self._faults.random("late_answer")
            return HttpResponse(response.status, response.document, response.headers, delay_s=delay_s)
        return response

    def _before(self, action: str, symbol: str) -> HttpResponse | None:
        hit = self._faults.hit
        if hit("restart", action=action) or hit("drop_request", action=action, symbol=symbol):
            return DROPPED
        if hit("unauthorized", action=action, symbol=symbol):
            return self._render(401, "token_invalid", "This token is invalid or has expired.")
        if hit("throttle", action=action, symbol=symbol):
            busy = self._render(429, "too_many_requests", "Too many requests.")
            return HttpResponse(busy.status, busy.document, {**busy.headers, "Retry-After": "1"})
        if hit("server_error", action=action, symbol=symbol):
            return self._render(503, "service_unavailable", "The service is unavailable for the moment.")
        return None
