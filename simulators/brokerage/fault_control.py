"""Order faults over HTTP, beside those of the market data line."""

import msgspec

from engine.errors import NotFound
from simulators.brokerage.faults import ORDER_FAULTS, OrderFaults, OrderFaultScript
from simulators.faults import FAULTS, FaultBoard, FaultScript
from simulators.http_server import HttpRequest, HttpResponse


def add_fault(body: bytes, board: FaultBoard, orders: OrderFaults) -> None:
    """Schedule the script in `body` wherever its name is known: `throttle` and `half_day` act on both."""
    script = msgspec.json.decode(body, type=OrderFaultScript)
    is_market, is_order = script.name in FAULTS, script.kind in ORDER_FAULTS
    if not (is_market or is_order):
        raise NotFound(f"There is no fault named {script.name!r}.", field="name")
    if is_order:
        orders.add(script)
    if is_market:
        board.add(msgspec.json.decode(body, type=FaultScript))


def control_faults(request: HttpRequest, board: FaultBoard, orders: OrderFaults) -> HttpResponse:
    """GET lists, POST adds a script, DELETE ends them all."""
    if request.method == "POST":
        add_fault(request.body, board, orders)
    elif request.method == "DELETE":
        board.clear()
        orders.clear()
    listed = {name: [*board.names()[name], *orders.names()[name]] for name in ("scheduled", "active")}
    return HttpResponse(201 if request.method == "POST" else 200, listed)
