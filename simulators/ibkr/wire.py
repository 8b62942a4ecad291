"""The gateway's socket protocol: frames of fields, and the numbers of its messages.

After `API` and a NUL, every message in either direction is four bytes of length and fields that each end with a NUL.
https://ibkrcampus.com/campus/ibkr-api-page/twsapi-doc/
"""

import asyncio
import struct
from datetime import datetime
from decimal import Decimal
from enum import IntEnum

from engine.model.time import to_datetime
from simulators.sessions import NEW_YORK

SERVER_VERSION = 176
GREETING = b"API\0"
UNSET_DOUBLE = "1.7976931348623157E308"
UNSET_INT = "2147483647"
_MAX_FRAME = 1 << 20


class Ask(IntEnum):
    """What a program sends."""

    MARKET_DATA = 1
    CANCEL_MARKET_DATA = 2
    PLACE = 3
    CANCEL = 4
    OPEN_ORDERS = 5
    ACCOUNT_UPDATES = 6
    EXECUTIONS = 7
    IDS = 8
    CONTRACT = 9
    AUTO_OPEN_ORDERS = 15
    ALL_OPEN_ORDERS = 16
    MANAGED_ACCOUNTS = 17
    TIME = 49
    GLOBAL_CANCEL = 58
    MARKET_DATA_TYPE = 59
    POSITIONS = 61
    SUMMARY = 62
    CANCEL_SUMMARY = 63
    CANCEL_POSITIONS = 64
    START = 71
    ACCOUNT_UPDATES_MULTI = 76
    CANCEL_ACCOUNT_UPDATES_MULTI = 77
    COMPLETED_ORDERS = 99


class Tell(IntEnum):
    """What the gateway sends."""

    ORDER_STATUS = 3
    ERROR = 4
    OPEN_ORDER = 5
    ACCOUNT_VALUE = 6
    PORTFOLIO = 7
    ACCOUNT_TIME = 8
    NEXT_ID = 9
    CONTRACT = 10
    EXECUTION = 11
    MANAGED_ACCOUNTS = 15
    TIME = 49
    CONTRACT_END = 52
    OPEN_ORDERS_END = 53
    ACCOUNT_END = 54
    EXECUTIONS_END = 55
    COMMISSION = 59
    POSITION = 61
    POSITIONS_END = 62
    SUMMARY = 63
    SUMMARY_END = 64
    ACCOUNT_MULTI = 73
    ACCOUNT_MULTI_END = 74
    COMPLETED_ORDER = 101
    COMPLETED_ORDERS_END = 102


class BrokenFrame(Exception):
    """What came is not of this protocol."""


def frame(*fields: object) -> bytes:
    """One message."""
    body = "".join(f"{field_text(field)}\0" for field in fields).encode()
    return struct.pack(">I", len(body)) + body


def field_text(value: object) -> str:
    """As the wire writes it: nothing for None, 1 and 0 for yes and no, numbers without an exponent."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, IntEnum):
        return str(int(value))
    if isinstance(value, Decimal):
        return f"{value.normalize():f}" if value else "0"
    return str(value)


async def read_greeting(reader: asyncio.StreamReader) -> tuple[int, int]:
    """The versions (lowest, highest) that the program speaks."""
    if await reader.readexactly(len(GREETING)) != GREETING:
        raise BrokenFrame("API was expected")
    versions = (await _read_body(reader)).decode("ascii", "replace").split(" ")[0]
    lowest, _, highest = versions.removeprefix("v").partition("..")
    try:
        return int(lowest), int(highest or lowest)
    except ValueError:
        raise BrokenFrame(f"versions like v157..178 were expected, found {versions!r}") from None


async def read_fields(reader: asyncio.StreamReader) -> list[str]:
    """The fields of the next message, at least one."""
    body = await _read_body(reader)
    if not body.endswith(b"\0"):
        raise BrokenFrame("a message that ends with NUL was expected")
    return body[:-1].decode("utf-8", "replace").split("\0")


async def _read_body(reader: asyncio.StreamReader) -> bytes:
    (length,) = struct.unpack(">I", await reader.readexactly(4))
    if not 0 < length <= _MAX_FRAME:
        raise BrokenFrame(f"a message of at most {_MAX_FRAME} bytes was expected, found {length}")
    return await reader.readexactly(length)


def stamp(ts: int) -> str:
    """ "20261120 10:00:00 America/New_York": in whole seconds, with the zone of the login."""
    local: datetime = to_datetime(ts).astimezone(NEW_YORK)
    return f"{local:%Y%m%d %H:%M:%S} America/New_York"
