"""How IB Gateway is reached: an address and a number of our own. The login is the gateway's, and stays there."""

from typing import Any

import msgspec

from engine.errors import InvalidInput

DEFAULT_GATEWAY = "127.0.0.1:4002"
DEFAULT_CLIENT_ID = 1
EMERGENCY_CLIENT_ID = 911
MAX_CLIENT_ID = 2**31 - 1


class GatewayAddress(msgspec.Struct, frozen=True):
    """`client_id` names this program at the gateway: one connection for each number, and orders belong to it."""

    host: str
    port: int
    client_id: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}, client {self.client_id}"


def address_of(options: dict[str, Any], *, is_emergency: bool = False) -> GatewayAddress:
    """From `gateway` ("host:port"), and `host`, `port`, `client_id` where they say otherwise. In an emergency the
    account's own number may be taken, so another one is used unless one is given."""
    host, port = split_gateway(str(options.get("gateway") or DEFAULT_GATEWAY))
    usual = EMERGENCY_CLIENT_ID if is_emergency else DEFAULT_CLIENT_ID
    chosen = options.get("client_id")
    client_id = _number("client_id", usual if chosen is None else chosen, 0, MAX_CLIENT_ID)
    return GatewayAddress(
        str(options.get("host") or host), _number("port", options.get("port") or port, 1, 65535), client_id
    )


def split_gateway(text: str) -> tuple[str, int]:
    """ "127.0.0.1:4002" → its two parts."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        raise InvalidInput(
            f"gateway: a host and a port like {DEFAULT_GATEWAY} were expected, found {text!r}", field="gateway"
        )
    return host, _number("gateway", port, 1, 65535)


def _number(field: str, value: Any, least: int, most: int) -> int:
    try:
        found = int(value)
    except (TypeError, ValueError):
        found = least - 1
    if not least <= found <= most:
        raise InvalidInput(f"{field}: a number from {least} to {most} was expected, found {value!r}", field=field)
    return found
