"""Faults over HTTP: what every simulator answers under `/faults`, and the refusal of `throttle`."""

import msgspec

from simulators.faults import FaultBoard, FaultScript
from simulators.http_server import HttpRequest, HttpResponse

PATH = "/faults"


def control_faults(board: FaultBoard, request: HttpRequest) -> HttpResponse:
    """GET lists, POST adds a script, DELETE ends them all."""
    if request.method == "POST":
        board.add(msgspec.json.decode(request.body, type=FaultScript))
        return HttpResponse(201, board.names())
    if request.method == "DELETE":
        board.clear()
    return HttpResponse(200, board.names())


def too_many_requests(board: FaultBoard, document: object) -> HttpResponse:
    """429 with `document`, in the venue's words, as its body."""
    return HttpResponse(429, document, {"Retry-After": str(board.retry_after_s)})
