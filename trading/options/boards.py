"""Whom a page may ask for a chain: the accounts whose venue tells them, what books are configured with, a model."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, NamedTuple

from asgiref.sync import async_to_sync
from django.conf import settings

from brokers.adapters import VENUES
from brokers.models import BrokerAccount
from engine.errors import InvalidInput
from engine.instruments.catalog import asset_class_of, normalize_symbol
from engine.instruments.instrument import AssetClass
from engine.options.rules import ContractRules
from engine.options.synthetic import MODEL
from engine.ports import ChainSource
from infra.orm import in_database
from infra.redis.client import AsyncRedis, lone_client
from trading.models import Book
from trading.options.board import PACES, ChainBoard, Pace
from trading.options.selectors import rules_of
from trading.options.sources import PriceOf, chain_source


class BoardSetup(NamedTuple):
    """One chain that may be looked at: `names` are all sources that could be asked, `source` the one that is."""

    symbol: str
    names: list[str]
    source: str
    pace: Pace
    rules: ContractRules


def board_setup(symbol: str, source: str = "") -> BoardSetup:
    """Without a `source` what a book trades by goes first, then an account that can tell, then the model.
    `InvalidInput` for a symbol without listed options, or a source that may not be asked."""
    symbol = normalize_symbol(symbol)
    if asset_class_of(symbol) not in (AssetClass.INDEX, AssetClass.EQUITY):
        raise InvalidInput(f"symbol: an index or a stock was expected, found {symbol!r}", field="symbol")
    brokers = {
        account.name: account.broker
        for account in BrokerAccount.objects.order_by("name")
        if account.broker in VENUES and VENUES[account.broker].chains is not None
    }
    configured = [str(book.execution.get("chains") or "") for book in Book.objects.order_by("name")]
    known = [name for name in configured if name in brokers or name.partition(":")[0] == MODEL]
    names = list(dict.fromkeys([*known, *brokers, *([] if any(n not in brokers for n in known) else [MODEL])]))
    if source and source not in names:
        raise InvalidInput(f"source: one of {', '.join(names)} was expected, found {source!r}", field="source")
    chosen = source or names[0]
    return BoardSetup(symbol, names, chosen, PACES[brokers.get(chosen, MODEL)], rules_of(symbol))


@asynccontextmanager
async def opened_board(setup: BoardSetup, client: AsyncRedis) -> AsyncIterator[ChainBoard]:
    """The board of `setup`; what it opened is closed at the end."""
    board = ChainBoard(
        client,
        setup.symbol,
        source=setup.source,
        pace=setup.pace,
        opened=partial(_opened, setup.source),
        rules=setup.rules,
    )
    try:
        yield board
    finally:
        await board.close()


def chain_now(symbol: str, source: str = "") -> dict[str, Any]:
    """One look at a chain, asked for where nobody else did just now."""
    return async_to_sync(_look)(symbol, source)


async def _look(symbol: str, source: str) -> dict[str, Any]:
    setup = await in_database(board_setup)(symbol, source)
    async with lone_client(settings.REDIS_URL) as client, opened_board(setup, client) as board:
        await board.refresh()
        return {**await board.row(), "sources": setup.names}


def _opened(source: str, price_of: PriceOf) -> ChainSource | None:
    return chain_source(source, is_real=False, accounts=(), price_of=price_of)
