"""The streamer's messages: what is sent, and the form of what comes."""

from typing import Any

import msgspec

PREFERENCE_PATH = "/trader/v1/userPreference"

LOGIN_DENIED, CLOSE_CONNECTION, SYMBOL_LIMIT, STOP_STREAMING = 3, 12, 19, 30
SUCCESS = frozenset({0, 26, 27, 28, 29})


class StreamerInfo(msgspec.Struct, frozen=True, rename="camel"):
    """Where the streamer is and who we are there, for one login."""

    streamer_socket_url: str
    schwab_client_customer_id: str
    schwab_client_correl_id: str
    schwab_client_channel: str
    schwab_client_function_id: str


class _Preference(msgspec.Struct):
    streamerInfo: list[StreamerInfo]


class ResponseContent(msgspec.Struct):
    code: int
    msg: str = ""


class Response(msgspec.Struct):
    """The answer to one request."""

    service: str
    command: str
    content: ResponseContent
    requestid: str = ""


class Data(msgspec.Struct):
    """News of one service; each content has a `key` and its fields by number."""

    service: str
    content: list[dict[str, Any]]
    timestamp: int = 0
    command: str = ""


class Message(msgspec.Struct):
    """One frame: any of the three."""

    response: list[Response] = []
    data: list[Data] = []
    notify: list[dict[str, Any]] = []


_decoder = msgspec.json.Decoder(Message)
_encode = msgspec.json.Encoder().encode


def read_preference(content: bytes) -> StreamerInfo:
    """The specification says a list, the venue sends an object; both are taken. `msgspec.DecodeError` otherwise."""
    found = msgspec.json.decode(content, type=_Preference | list[_Preference])
    preference = found[0] if isinstance(found, list) and found else found
    if isinstance(preference, list) or not preference.streamerInfo:
        raise msgspec.ValidationError("streamerInfo was expected, found none")
    return preference.streamerInfo[0]


def read_message(frame: bytes) -> Message:
    """`msgspec.DecodeError` where it is none."""
    return _decoder.decode(frame)


class Requests:
    """Numbers and writes the requests of one connection."""

    def __init__(self, info: StreamerInfo) -> None:
        self._info = info
        self._number = 0

    def login(self, access_token: str) -> bytes:
        info = self._info
        return self.request(
            "ADMIN",
            "LOGIN",
            Authorization=access_token,
            SchwabClientChannel=info.schwab_client_channel,
            SchwabClientFunctionId=info.schwab_client_function_id,
        )

    def request(self, service: str, command: str, **parameters: str) -> bytes:
        number, self._number = self._number, self._number + 1
        request = {
            "service": service,
            "command": command,
            "requestid": str(number),
            "SchwabClientCustomerId": self._info.schwab_client_customer_id,
            "SchwabClientCorrelId": self._info.schwab_client_correl_id,
            "parameters": parameters,
        }
        return _encode({"requests": [request]})


def login_answer(message: Message) -> Response | None:
    """The answer to LOGIN, if it is in this frame."""
    return next((each for each in message.response if each.service == "ADMIN" and each.command == "LOGIN"), None)
