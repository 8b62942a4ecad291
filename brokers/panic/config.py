"""Which accounts the emergency path may reach, with credentials of its own: one file that nothing else reads."""

import stat
import tomllib
from pathlib import Path
from typing import Any

import msgspec

from brokers.adapters import VENUES
from brokers.dialects import DIALECTS
from brokers.registry import FEATURES
from engine.errors import InvalidInput, NotFound

EXAMPLE = """\
# Webhooks that are told what came of it (Slack, Mattermost, Discord and others read them); may be left out.
notify = []

# One block per account. Only its owner may read this file: chmod 600.
[[account]]
name = "tasty-main"
broker = "tastytrade"
account_number = "5WT00000"
client_id = "…"
client_secret = "…"
refresh_token = "…"

[[account]]
name = "ib-main"
broker = "ibkr"
account_number = "U0000000"
options = { gateway = "127.0.0.1:4001" }
"""


class PanicAccount(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One account. `refresh_token` with the client's secret where the broker logs in by OAuth; `token` is given as it
    is where it does not. Empty URLs are the broker's own. `options` are the adapter's."""

    name: str
    broker: str
    account_number: str = ""
    client_id: str = ""
    client_secret: str = ""
    refresh_token: str = ""
    token: str = ""
    api_url: str = ""
    stream_url: str = ""
    options: dict[str, Any] = {}


class PanicConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file. `notify` are the addresses of webhooks."""

    account: list[PanicAccount] = []
    notify: list[str] = []


def read_config(path: Path) -> list[PanicAccount]:
    """The accounts in `path`; `InvalidInput` says what is wrong with it and how it should look."""
    found = _read(path).account
    if not found:
        raise InvalidInput(f"config: {path} names no account. It should hold:\n\n{EXAMPLE}", field="config")
    return [_checked(account) for account in found]


def read_hooks(path: Path) -> list[str]:
    """The webhooks in `path` that want to know what came of it."""
    return _read(path).notify


def _read(path: Path) -> PanicConfig:
    try:
        document = tomllib.loads(path.read_text())
    except FileNotFoundError:
        raise InvalidInput(f"config: there is no {path}. It should hold:\n\n{EXAMPLE}", field="config") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidInput(f"config: {path} cannot be read: {error}", field="config") from None
    try:
        return msgspec.convert(document, type=PanicConfig)
    except msgspec.ValidationError as error:
        raise InvalidInput(f"config: {path}: {error}", field="config") from None


def is_open_to_others(path: Path) -> bool:
    """Whether somebody else on this machine may read the credentials."""
    return bool(path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH))


def _checked(account: PanicAccount) -> PanicAccount:
    try:
        broker = VENUES.canonical(FEATURES.canonical(account.broker))
    except NotFound:
        raise InvalidInput(
            f"account {account.name}: broker: one of {', '.join(VENUES)} was expected, found {account.broker!r}",
            field="broker",
        ) from None
    if broker in DIALECTS and not account.refresh_token and not account.token:
        raise InvalidInput(f"account {account.name}: refresh_token: it is needed to log in", field="refresh_token")
    return msgspec.structs.replace(account, broker=broker)
