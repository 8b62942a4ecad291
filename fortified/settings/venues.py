"""Where brokers and data vendors are, and our credentials there, from the environment; none may reach a log."""

import json

from fortified.settings.environment import env, refuse
from infra.logging import register_secret

_MINIMUM_KEY = 32


def credential(name: str, default: str = "") -> str:
    """The value of `name`, empty where it is not set; whoever needs it says so, naming it."""
    value: str = env.str(name, default="") or default
    if name.endswith(("_SECRET", "_KEY", "_TOKEN")):
        register_secret(value)
    return value


def address(name: str, default: str = "") -> str:
    """A base URL without the slash at its end; empty means the venue's own."""
    value = credential(name, default)
    if value and "://" not in value:
        refuse(name, f"an address like https://api.example.com was expected, found {value!r}.")
    return value.rstrip("/")


TASTY_CLIENT_ID = credential("TASTY_CLIENT_ID")
TASTY_CLIENT_SECRET = credential("TASTY_CLIENT_SECRET")
TASTY_REDIRECT_URI = credential("TASTY_REDIRECT_URI", "https://localhost:8000/api/brokers/tastytrade/callback")
TASTY_ACCOUNT_ID = credential("TASTY_ACCOUNT_ID")
TASTY_API_URL = address("TASTY_API_URL")
TASTY_STREAM_URL = address("TASTY_STREAM_URL")
TASTY_AUTHORIZE_URL = address("TASTY_AUTHORIZE_URL")
SCHWAB_CLIENT_ID = credential("SCHWAB_CLIENT_ID")
SCHWAB_CLIENT_SECRET = credential("SCHWAB_CLIENT_SECRET")
SCHWAB_REDIRECT_URI = credential("SCHWAB_REDIRECT_URI", "https://localhost:8000/api/brokers/schwab/callback")
SCHWAB_ACCOUNT_ID = credential("SCHWAB_ACCOUNT_ID")
SCHWAB_API_URL = address("SCHWAB_API_URL")
# Schwab allows one streamer connection a login: where a feed takes it, accounts are followed by polling.
SCHWAB_ACTIVITY = credential("SCHWAB_ACTIVITY", "stream")
if SCHWAB_ACTIVITY not in ("stream", "poll"):
    refuse("SCHWAB_ACTIVITY", f"stream or poll was expected, found {SCHWAB_ACTIVITY!r}.")
ALPACA_KEY = credential("ALPACA_KEY")
ALPACA_SECRET = credential("ALPACA_SECRET")
# Practice until somebody says otherwise: no installation reaches real money by leaving something out.
ALPACA_API_URL = address("ALPACA_API_URL", "https://paper-api.alpaca.markets")
ALPACA_STREAM_URL = address("ALPACA_STREAM_URL")
IBKR_GATEWAY = credential("IBKR_GATEWAY", "127.0.0.1:4002")
# The vendor was renamed; either name is taken, the new one first.
MASSIVE_API_KEY = credential("MASSIVE_API_KEY") or credential("POLYGON_API_KEY")
DATABENTO_API_KEY = credential("DATABENTO_API_KEY")

# What an adapter is made of, by broker; empty addresses mean the venue's own.
VENUES = {
    "tastytrade": {
        "api_url": TASTY_API_URL,
        "stream_url": TASTY_STREAM_URL,
        "authorize_url": TASTY_AUTHORIZE_URL,
        "client_id": TASTY_CLIENT_ID,
        "client_secret": TASTY_CLIENT_SECRET,
        "redirect_uri": TASTY_REDIRECT_URI,
    },
    "schwab": {
        "api_url": SCHWAB_API_URL,
        "client_id": SCHWAB_CLIENT_ID,
        "client_secret": SCHWAB_CLIENT_SECRET,
        "redirect_uri": SCHWAB_REDIRECT_URI,
        "activity": SCHWAB_ACTIVITY,
    },
    "alpaca": {
        "api_url": ALPACA_API_URL,
        "stream_url": ALPACA_STREAM_URL,
        "key": ALPACA_KEY,
        "secret": ALPACA_SECRET,
    },
    "ibkr": {"gateway": IBKR_GATEWAY},
}

# What opens a feed that has no token of its own stored, by its kind.
FEED_TOKENS = {
    "alpaca": json.dumps({"key": ALPACA_KEY, "secret": ALPACA_SECRET}) if ALPACA_KEY and ALPACA_SECRET else "",
    "massive": MASSIVE_API_KEY,
    "databento": DATABENTO_API_KEY,
}

# Keys that stored tokens are sealed with: the first seals, all of them open. None: the key made of SECRET_KEY.
TOKEN_KEYS = [key for key in (credential("TOKEN_KEY"), credential("TOKEN_KEY_BEFORE")) if key]
# The SECRET_KEY before: sessions that it signed and secrets that it sealed go on being good.
SECRET_KEY_FALLBACKS = [key for key in (credential("SECRET_KEY_BEFORE"),) if key]
if any(len(key) < _MINIMUM_KEY for key in TOKEN_KEYS):
    refuse("TOKEN_KEY", f"at least {_MINIMUM_KEY} random characters were expected.")
