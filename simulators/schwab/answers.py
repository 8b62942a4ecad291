"""The bodies of Schwab's refusals: its gateway's, the trader's, and those of market data."""

import uuid

from simulators.http_server import HttpRequest, HttpResponse

CORRELATION = "Schwab-Client-CorrelId"


def gateway_error(status: int, title: str, detail: str) -> HttpResponse:
    """What the gateway in front of everything says."""
    error = {"id": str(uuid.uuid4()), "status": status, "title": title, "detail": detail}
    return HttpResponse(status, {"errors": [error]})


def trader_error(status: int, message: str, *errors: str) -> HttpResponse:
    return HttpResponse(status, {"message": message, "errors": list(errors)})


def one(request: HttpRequest, name: str, default: str = "") -> str:
    """A query parameter that comes once."""
    return request.query.get(name, [default])[0]
