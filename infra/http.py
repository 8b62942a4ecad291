"""The HTTP client of our adapters: timeouts, and a User-Agent the venues accept."""

import ssl
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx

PRODUCT = "Fortified/0.1"  # <product>/<version>: some venues refuse anything else


def http_client(*, base_url: str = "", timeout_s: float = 10.0, **options: Any) -> "httpx.AsyncClient":
    """An asynchronous client; its owner closes it. Redirects are not followed: a token goes where it was meant to."""
    import httpx  # on first use: it is slow to import, and most processes never speak HTTP to a venue

    headers = {"User-Agent": PRODUCT, "Accept": "application/json"}
    options.setdefault("verify", _trusted())
    return httpx.AsyncClient(base_url=base_url, timeout=timeout_s, headers=headers, **options)


@cache
def _trusted() -> ssl.SSLContext:
    """The authorities that certificates are held against, read once in a process: it takes 80 ms."""
    import httpx

    return httpx.create_ssl_context()
