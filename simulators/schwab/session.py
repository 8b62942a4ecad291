"""One streamer connection: requests in their order, subscriptions, what is due to be sent."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import msgspec
from websockets.asyncio.connection import broadcast
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from engine.instruments.instrument import AssetClass
from engine.model.time import NS_PER_MS
from simulators.faults import FaultBoard
from simulators.market import Market
from simulators.schwab.lanes import CHART_EQUITY, CHART_FUTURES, ChartLane, Content, Lane, LevelOneLane
from simulators.schwab.level_one import EQUITIES, FUTURES, OPTIONS, find_source
from simulators.schwab.names import class_of, market_name

ACTIVITY = "ACCT_ACTIVITY"
SERVICES = frozenset({EQUITIES, FUTURES, OPTIONS, CHART_EQUITY, CHART_FUTURES, ACTIVITY})
OK, LOGIN_DENIED, SERVICE_NOT_AVAILABLE, CLOSE_CONNECTION = 0, 3, 11, 12
SYMBOL_LIMIT, NOT_LOGGED_IN, BAD_FORMAT, STOP_STREAMING = 19, 20, 21, 30

_CLASSES = {
    EQUITIES: (AssetClass.EQUITY, AssetClass.INDEX),
    FUTURES: (AssetClass.FUTURE,),
    OPTIONS: (AssetClass.OPTION,),
    CHART_EQUITY: (AssetClass.EQUITY, AssetClass.INDEX),
    CHART_FUTURES: (AssetClass.FUTURE,),
}
_encode = msgspec.json.Encoder().encode
_log = logging.getLogger(__name__)


class StreamSettings(msgspec.Struct, frozen=True):
    """How the streamer behaves; all in seconds. `chart_delay_s`: how long after its end a minute is told.
    `idle_s`: how long a connection without a subscription is kept."""

    heartbeat_s: float = 10.0
    chart_delay_s: float = 5.0
    idle_s: float = 30.0
    max_keys: int = 500
    max_connections: int = 1
    customer_id: str = "simulated-customer"
    correl_id: str = "00000000-0000-4000-8000-000000000001"


class Request(msgspec.Struct, kw_only=True):
    """One request, with the names of the wire."""

    service: str
    command: str
    requestid: str | int = ""
    SchwabClientCustomerId: str = ""
    SchwabClientCorrelId: str = ""
    parameters: dict[str, Any] = {}


class Requests(msgspec.Struct):
    """The envelope; a single bare request is taken too."""

    requests: list[Request]


class House(Protocol):
    """What a connection needs of its server."""

    market: Market
    faults: FaultBoard
    settings: StreamSettings

    def now(self) -> int: ...

    def token_is_valid(self, token: str) -> bool: ...

    def has_room(self, session: "Session") -> bool:
        """Whether one more connection of this login may stay."""
        ...


class Session:
    """Reads requests in order; sends when `tick` says so."""

    def __init__(self, socket: ServerConnection, house: House) -> None:
        self._socket = socket
        self._house = house
        self.is_logged_in = False
        self._lanes: dict[str, dict[str, Lane]] = {service: {} for service in SERVICES}
        self._fields: dict[str, frozenset[str]] = {}
        self._activity: dict[str, int] = {}  # the key of the subscription → next seq
        self._pending: dict[str, list[Content]] = {}
        self._unanswered: list[dict[str, Any]] = []  # while the line is mute
        self._closing: asyncio.Task[None] | None = None
        now = asyncio.get_running_loop().time()
        self._heartbeat_at = self._busy_at = now
        self._data_due = 0.0
        self._commands: Mapping[str, Callable[[Request], tuple[int, str]]] = {
            "SUBS": self._subscribe,
            "ADD": self._add,
            "UNSUBS": self._unsubscribe,
            "VIEW": self._view,
        }

    async def run(self) -> None:
        """Until one side ends it."""
        try:
            async for raw in self._socket:
                for request in _parse(raw):
                    self._handle(request)
        except ConnectionClosed as error:
            _log.info("connection lost: %s", error)
        except msgspec.DecodeError as error:
            self._respond(Request(service="ADMIN", command=""), BAD_FORMAT, f"Bad command format: {error}")
            self.close()
        finally:
            for lanes in self._lanes.values():
                for lane in lanes.values():
                    lane.close()
            if self._closing:
                await self._closing

    def tick(self, now: float, market_now: int) -> None:
        """Send what is due; `now` is the loop's time."""
        for lanes in self._lanes.values():
            for lane in lanes.values():
                lane.tick(market_now)
        if any(self._lanes.values()) or self._activity or not self.is_logged_in:
            self._busy_at = now
        if now - self._busy_at > self._house.settings.idle_s:
            self.stop("Stop streaming due to no subscriptions")
            return
        if now - self._heartbeat_at >= self._house.settings.heartbeat_s:
            self._heartbeat_at = now
            self._send({"notify": [{"heartbeat": str(self._house.now() // NS_PER_MS)}]})
        self._flush(now)

    def account_activity(self, account: str, kind: str, data: str) -> None:
        """Tell whoever subscribed what happened to an account."""
        for key, sequence in self._activity.items():
            self._activity[key] = sequence + 1
            self._queue(ACTIVITY, [{"seq": sequence, "key": key, "1": account, "2": kind, "3": data}])

    def stop(self, why: str) -> None:
        """Code 30 and good-bye."""
        self._respond(Request(service="ADMIN", command="LOGIN"), STOP_STREAMING, why)
        self.close()

    def close(self, code: int = 1000) -> None:
        if self._closing is None:
            self._closing = asyncio.create_task(self._socket.close(code))

    def abort(self) -> None:
        """Break off without a good-bye."""
        self._socket.transport.abort()

    # ---- requests ---------------------------------------------------------------------------------------------

    def _handle(self, request: Request) -> None:
        if request.service == "ADMIN":
            self._admin(request)
        elif not self.is_logged_in:
            self._respond(request, NOT_LOGGED_IN, "Stream connection not found: LOGIN was expected first")
        elif request.service not in SERVICES:
            self._respond(request, SERVICE_NOT_AVAILABLE, f"{request.service} is not available")
        elif request.command not in self._commands:
            self._respond(request, BAD_FORMAT, f"{request.command} is not a command")
        else:
            self._respond(request, *self._commands[request.command](request))

    def _admin(self, request: Request) -> None:
        if request.command == "LOGOUT":
            self._respond(request, OK, "SUCCESS")
            self.close()
        elif request.command != "LOGIN":
            self._respond(request, BAD_FORMAT, f"{request.command} is not a command of ADMIN")
        else:
            self._login(request)

    def _login(self, request: Request) -> None:
        settings = self._house.settings
        is_known = (request.SchwabClientCustomerId, request.SchwabClientCorrelId) == (
            settings.customer_id,
            settings.correl_id,
        )
        token = str(request.parameters.get("Authorization", ""))
        if not is_known or not self._house.token_is_valid(token):
            self._respond(request, LOGIN_DENIED, "Login Denied.: token is invalid or has expired.")
            self.close()
        elif not self._house.has_room(self):
            self._respond(request, CLOSE_CONNECTION, "Max connections reached")
            self.close()
        else:
            self.is_logged_in = True
            self._respond(request, OK, "server=simulated-1;status=NP")

    def _subscribe(self, request: Request) -> tuple[int, str]:
        for lane in self._lanes[request.service].values():
            lane.close()
        self._lanes[request.service].clear()
        return self._add(request)

    def _add(self, request: Request) -> tuple[int, str]:
        keys = _keys(request)
        if request.service == ACTIVITY:
            return self._follow_account(keys)
        fields = _fields(request)
        if not keys or "0" not in fields:
            return BAD_FORMAT, "keys, and fields beginning with 0, were expected"
        lanes = self._lanes[request.service]
        if len(lanes.keys() | set(keys)) > self._house.settings.max_keys:
            return SYMBOL_LIMIT, f"at most {self._house.settings.max_keys} symbols"
        self._fields[request.service] = frozenset(fields)
        for key in keys:
            lane = self._lane(request.service, key)
            if lane is not None:
                if key in lanes:
                    lanes[key].close()
                lanes[key] = lane
                lane.tick(self._house.now())
        return OK, f"{request.command} command succeeded"

    def _follow_account(self, keys: Sequence[str]) -> tuple[int, str]:
        for key in keys:
            self._activity[key] = 1
            self._queue(ACTIVITY, [{"seq": 0, "key": key, "1": "", "2": "SUBSCRIBED", "3": ""}])
        return (OK, "SUBS command succeeded") if keys else (BAD_FORMAT, "keys were expected")

    def _unsubscribe(self, request: Request) -> tuple[int, str]:
        for key in _keys(request):
            self._activity.pop(key, None)
            lane = self._lanes[request.service].pop(key, None)
            if lane is not None:
                lane.close()
        return OK, "UNSUBS command succeeded"

    def _view(self, request: Request) -> tuple[int, str]:
        self._fields[request.service] = frozenset(_fields(request))
        for lane in self._lanes[request.service].values():
            lane.view(self._fields[request.service])
        return OK, "VIEW command succeeded"

    def _lane(self, service: str, key: str) -> Lane | None:
        """None for a symbol this market does not have or another service's: silence, as at the venue."""
        house = self._house
        if class_of(key) not in _CLASSES[service]:
            return None
        name = market_name(key, house.now())
        if service in (CHART_EQUITY, CHART_FUTURES):
            market = house.market.find(name)
            if market is None:
                return None
            delay_s = house.settings.chart_delay_s
            return ChartLane(
                service, key, name, house.faults, self._queue, market=market, now=house.now(), delay_s=delay_s
            )
        source = find_source(house.market, name)
        if source is None:
            return None
        return LevelOneLane(
            service, key, name, house.faults, self._queue, source=source, fields=set(self._fields[service])
        )

    # ---- frames -----------------------------------------------------------------------------------------------

    def _queue(self, service: str, contents: Sequence[Content]) -> None:
        self._pending.setdefault(service, []).extend(contents)

    def _flush(self, now: float) -> None:
        faults = self._house.faults
        if self._unanswered and not faults.drops_line:
            unanswered, self._unanswered = self._unanswered, []
            for answer in unanswered:
                self._send({"response": [answer]})
        if now < self._data_due or not self._pending:
            return
        self._data_due = now + faults.frame_interval_s
        pending, self._pending = self._pending, {}
        stamp = self._house.now() // NS_PER_MS
        for service, contents in pending.items():
            message = {"service": service, "timestamp": stamp, "command": "SUBS", "content": contents}
            frame = _encode({"data": [message]})
            self._send_bytes(faults.frame(frame) if faults.active and service != ACTIVITY else frame)

    def _respond(self, request: Request, code: int, text: str) -> None:
        answer = {
            "service": request.service,
            "command": request.command,
            "requestid": str(request.requestid),
            "SchwabClientCorrelId": request.SchwabClientCorrelId,
            "timestamp": self._house.now() // NS_PER_MS,
            "content": {"code": code, "msg": text},
        }
        if self._house.faults.drops_line:
            self._unanswered.append(answer)
        else:
            self._send({"response": [answer]})

    def _send(self, document: dict[str, Any]) -> None:
        self._send_bytes(_encode(document))

    def _send_bytes(self, frame: bytes) -> None:
        if self._closing is None and not self._house.faults.drops_line:
            broadcast([self._socket], frame, text=True)


def _parse(raw: str | bytes) -> list[Request]:
    try:
        return msgspec.json.decode(raw, type=Requests).requests
    except msgspec.ValidationError:
        return [msgspec.json.decode(raw, type=Request)]


def _keys(request: Request) -> list[str]:
    return [key for key in str(request.parameters.get("keys", "")).split(",") if key]


def _fields(request: Request) -> list[str]:
    """Ascending they must be, or the venue ignores them."""
    fields = [field for field in str(request.parameters.get("fields", "")).split(",") if field.isdigit()]
    return fields if fields == sorted(fields, key=int) else []
