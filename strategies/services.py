"""Changing what strategies trade. Every change is checked, recorded with its author, and announced."""

import logging
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from redis import RedisError

from engine.errors import Conflict, NotFound
from engine.instruments.catalog import normalize_symbol
from infra.redis import keys
from infra.redis.client import sync_client
from infra.web.actor import Actor
from strategies.config import TickerConfig, ticker_config
from strategies.models import Ticker, TickerChange
from strategies.registry import STRATEGIES

logger = logging.getLogger(__name__)

_FIELDS = TickerConfig.__struct_fields__


def ticker_document(ticker: Ticker) -> dict[str, Any]:
    """The content of `ticker` as plain values."""
    return {name: getattr(ticker, name) for name in _FIELDS}


@transaction.atomic
def create_ticker(*, user: Actor | None, **values: Any) -> Ticker:
    """A new ticker from the fields of `TickerConfig`; `Conflict` where the strategy trades that symbol already."""
    config = ticker_config(values)
    try:
        with transaction.atomic():  # the constraint decides: two people may save the same at the same moment
            ticker = Ticker.objects.create(**config.document())
    except IntegrityError as error:
        detail = f"symbol: {config.strategy} trades {config.symbol} already; change that ticker."
        raise Conflict(detail, field="symbol") from error
    _record(user, TickerChange.Kind.CREATED, config, before={}, after=config.document())
    return ticker


@transaction.atomic
def update_ticker(*, user: Actor | None, ticker: Ticker, **changes: Any) -> Ticker:
    """`ticker` with `changes`. Parameters and quantities that are not named keep their values; nothing changed,
    nothing is written. Runs that are under way keep what they were started with."""
    current = Ticker.objects.select_for_update().get(pk=ticker.pk)
    before = ticker_document(current)
    config = ticker_config(_merged(before, changes))
    after = config.document()
    if after == before:
        return current
    for name in _FIELDS:
        setattr(current, name, after[name])
    current.version += 1
    current.save(update_fields=[*_FIELDS, "version", "updated_at"])
    _record(user, TickerChange.Kind.UPDATED, config, before=before, after=after)
    return current


def save_ticker(*, user: Actor | None, **values: Any) -> tuple[Ticker, bool]:
    """The ticker of that strategy and symbol, changed or created; whether it is new."""
    with transaction.atomic():
        found = _find(values.get("strategy"), values.get("symbol"))
        if found is None:
            return create_ticker(user=user, **values), True
        return update_ticker(user=user, ticker=found, **values), False


@transaction.atomic
def delete_ticker(*, user: Actor | None, strategy: str, symbol: str) -> None:
    """Remove it; `NotFound` where there is none. What a run holds of it stays guarded by the run."""
    found = _find(strategy, symbol)
    if found is None:
        raise NotFound(f"{strategy} has no ticker {symbol}.", field="symbol")
    before = ticker_document(found)
    found.delete()
    _record(user, TickerChange.Kind.DELETED, found, before=before, after={})


def _find(strategy: Any, symbol: Any) -> Ticker | None:
    """None for what cannot exist; what is wrong with it is said by the check that follows."""
    if not isinstance(strategy, str) or not isinstance(symbol, str) or strategy not in STRATEGIES or not symbol.strip():
        return None
    name = STRATEGIES.canonical(strategy)
    return Ticker.objects.select_for_update().filter(strategy=name, symbol=normalize_symbol(symbol)).first()


def _merged(before: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    together = {**before, **{name: value for name, value in changes.items() if value is not None}}
    for name in ("params", "quantities"):
        given = changes.get(name)
        if isinstance(given, Mapping):
            # Another strategy has other parameters: nothing is carried over to it.
            kept = before[name] if name == "quantities" or together["strategy"] == before["strategy"] else {}
            together[name] = {**kept, **given}
    return together


def _record(
    user: Actor | None,
    kind: TickerChange.Kind,
    of: TickerConfig | Ticker,
    *,
    before: dict[str, Any],
    after: dict[str, Any],
) -> None:
    TickerChange.objects.create(
        strategy=of.strategy,
        symbol=of.symbol,
        kind=kind,
        before=before,
        after=after,
        by_id=user.pk if user else None,
        by_email=user.email if user else "",
    )
    transaction.on_commit(_announce)


def _announce() -> None:
    try:
        sync_client(settings.REDIS_URL).incr(keys.config_changed())
    except RedisError:
        # The database is the truth and is read anyway; the counter only makes it quicker.
        logger.warning("A configuration change could not be announced: Redis does not answer.")
