"""Alpaca's keys: a pair that a person makes on Alpaca's page, one for practice and another for real money."""

from typing import Any

import msgspec

from brokers.venue import NotAuthorized
from infra.logging import register_secret

# Practice unless another address is configured: nothing reaches real money by being left out.
PAPER = "https://paper-api.alpaca.markets"
REAL = "https://api.alpaca.markets"


class Keys(msgspec.Struct, frozen=True):
    """`headers` go with every request. Either may be empty: what would be sent can be shown without them."""

    key: str
    secret: str

    def check(self) -> None:
        """`NotAuthorized` where one is missing."""
        if not self.key or not self.secret:
            raise NotAuthorized(
                "Alpaca: a key and its secret were expected, found none; set ALPACA_KEY and ALPACA_SECRET"
            )

    @property
    def headers(self) -> dict[str, str]:
        return {"APCA-API-KEY-ID": self.key, "APCA-API-SECRET-KEY": self.secret}


def keys_of(options: dict[str, Any]) -> Keys:
    """Those of `options`; the secret is kept out of logs from here on."""
    keys = Keys(str(options.get("key") or ""), str(options.get("secret") or ""))
    register_secret(keys.secret)
    return keys


def stream_url(api_url: str) -> str:
    """The account stream beside an API address."""
    scheme, _, host = (api_url or PAPER).partition("://")
    return f"{'ws' if scheme == 'http' else 'wss'}://{host}/stream"
