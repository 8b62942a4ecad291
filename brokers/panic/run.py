"""All accounts at once, each on its own: one that does not answer keeps nobody waiting."""

import asyncio
from collections.abc import Callable, Sequence

from brokers.adapters import VENUES
from brokers.dialects import DIALECTS
from brokers.oauth import Client, ask
from brokers.panic.config import PanicAccount
from brokers.panic.flatten import Flattener, Outcome
from brokers.venue import VenueSetup
from engine.errors import FortifiedError
from infra.logging import register_secret


async def run_all(
    accounts: Sequence[PanicAccount],
    *,
    say: Callable[[str], None],
    is_dry: bool = False,
    is_forced: bool = False,
    within_s: float = 20.0,
) -> list[Outcome]:
    """The outcome of every account, in order; no exception of one reaches another."""
    return list(
        await asyncio.gather(
            *(_run(each, say=say, is_dry=is_dry, is_forced=is_forced, within_s=within_s) for each in accounts)
        )
    )


async def _run(
    account: PanicAccount, *, say: Callable[[str], None], is_dry: bool, is_forced: bool, within_s: float
) -> Outcome:
    outcome = Outcome(account.name, account.broker)

    def tell(text: str) -> None:
        say(f"{account.name}: {text}")

    venue = VENUES[account.broker].make(_setup(account))
    try:
        await venue.open()
        flattener = Flattener(venue, outcome, say=tell, within_s=within_s, is_forced=is_forced)
        await (flattener.look() if is_dry else flattener.flatten())
    except FortifiedError as error:
        outcome.problems.append(error.detail)
        tell(error.detail)
    finally:
        await venue.close()
    return outcome


def _setup(account: PanicAccount) -> VenueSetup:
    tokens, options = _Tokens(account), {"emergency": True, **account.options}
    return VenueSetup(
        account.name, account.account_number, account.api_url, account.stream_url, tokens.get, options, tokens.refused
    )


class _Tokens:
    """Access tokens from the file's own refresh token; nothing is stored."""

    def __init__(self, account: PanicAccount) -> None:
        self._account = account
        self._token = account.token
        self._lock = asyncio.Lock()
        for secret in (account.token, account.refresh_token, account.client_secret):
            register_secret(secret)

    async def get(self) -> str:
        async with self._lock:
            if not self._token:
                self._token = await self._fetch()
                register_secret(self._token)
            return self._token

    async def refused(self, token: str) -> None:
        if token == self._token and self._account.refresh_token:
            self._token = ""

    async def _fetch(self) -> str:
        account = self._account
        dialect = DIALECTS[account.broker]
        client = Client(account.client_id, account.client_secret, "", account.api_url)
        reply = await ask(dialect.refresh(client, account.refresh_token), broker=account.broker)
        return reply.access_token
