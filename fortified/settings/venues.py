"""Credentials of brokers and data vendors, from the environment; none of them may reach a log."""

from fortified.settings.environment import env
from infra.logging import register_secret


def credential(name: str, default: str = "") -> str:
    """The value of `name`, empty where it is not set; whoever needs it says so, naming it."""
    value: str = env.str(name, default="") or default
    if name.endswith(("_SECRET", "_KEY", "_TOKEN")):
        register_secret(value)
    return value


TASTY_CLIENT_ID = credential("TASTY_CLIENT_ID")
TASTY_CLIENT_SECRET = credential("TASTY_CLIENT_SECRET")
TASTY_ACCOUNT_ID = credential("TASTY_ACCOUNT_ID")
SCHWAB_CLIENT_ID = credential("SCHWAB_CLIENT_ID")
SCHWAB_CLIENT_SECRET = credential("SCHWAB_CLIENT_SECRET")
SCHWAB_REDIRECT_URI = credential("SCHWAB_REDIRECT_URI", "https://localhost:8000/api/brokers/schwab/callback")
SCHWAB_ACCOUNT_ID = credential("SCHWAB_ACCOUNT_ID")
ALPACA_KEY = credential("ALPACA_KEY")
ALPACA_SECRET = credential("ALPACA_SECRET")
POLYGON_API_KEY = credential("POLYGON_API_KEY")
DATABENTO_API_KEY = credential("DATABENTO_API_KEY")
