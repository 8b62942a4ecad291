"""When futures roll: the rules that people chose, and what the volumes of the last day decided."""

import asyncio
import logging
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta

from django.conf import settings

from engine.errors import FortifiedError, InvalidInput
from engine.instruments.futures import Contract, active_contract, parse_contract, roll_by_volume, use_rolls
from engine.instruments.sessions import business_days
from engine.model.market import Bar
from engine.model.time import from_datetime
from infra.redis import keys
from infra.redis.client import sync_client
from marketdata.backfill.sources import HistorySource
from marketdata.models import FuturesRoll

logger = logging.getLogger(__name__)

_CANDIDATES = 3  # the active contract and those after it: gold lists months that hardly trade


def load_rolls() -> None:
    """Let this process roll by the rules in the database. Call where a feed or a book is composed."""
    rules = list(FuturesRoll.objects.all())
    use_rolls(
        days_before={rule.root: rule.days_before for rule in rules if rule.days_before is not None},
        decided={
            parse_contract(contract): date.fromisoformat(day)
            for rule in rules
            if rule.rule == FuturesRoll.Rule.VOLUME
            for contract, day in rule.decided.items()
        },
    )


def tell_others() -> None:
    """The rules are others: feeds and books look again."""
    sync_client(settings.REDIS_URL).incr(keys.config_changed())


def save_rule(*, root: str, rule: str, days_before: int | None = None) -> FuturesRoll:
    """Create or change the rule of one root; `InvalidInput` names what is wrong."""
    if rule not in FuturesRoll.Rule.values:
        raise InvalidInput(f"rule: expected one of {', '.join(FuturesRoll.Rule.values)}; found {rule!r}", field="rule")
    saved, _ = FuturesRoll.objects.update_or_create(root=root, defaults={"rule": rule, "days_before": days_before})
    saved.full_clean()
    load_rolls()
    return saved


def candidates(root: str, day: date) -> list[Contract]:
    """The contract that is active on `day`, and the next ones."""
    found = [active_contract(root, day)]
    while len(found) < _CANDIDATES:
        found.append(found[-1].following)
    return found


def decide(rule: FuturesRoll, volumes: Mapping[Contract, float], *, day: date) -> Contract:
    """What is active from the business day after `day`, on which `volumes` were traded; the decision is stored.

    Without a volume of the active contract nothing is concluded: it stays.
    """
    current = active_contract(rule.root, day)
    rule.volumes = {contract.symbol: volume for contract, volume in sorted(volumes.items())}
    rule.looked_at = day
    chosen = roll_by_volume(current, volumes) if current in volumes else current
    if chosen != current:
        first_day = business_days().add(day, 1).isoformat()
        passed = current
        while passed != chosen:  # the months between hardly trade: they are skipped
            rule.decided[passed.symbol] = first_day
            passed = passed.following
        logger.warning("/%s rolls from %s to %s on %s, by volume", rule.root, current.symbol, chosen.symbol, first_day)
    rule.save()
    load_rolls()
    return chosen


def decide_all(source: HistorySource, *, day: date) -> dict[str, Contract]:
    """Look at the volumes of `day` for every root that rolls by volume; root → the contract active after it."""
    load_rolls()
    rules = FuturesRoll.objects.filter(rule=FuturesRoll.Rule.VOLUME)
    wanted = {rule.root: candidates(rule.root, day) for rule in rules}
    volumes = asyncio.run(_volumes(source, wanted, day))
    return {rule.root: decide(rule, volumes[rule.root], day=day) for rule in rules}


async def _volumes(
    source: HistorySource, wanted: dict[str, list[Contract]], day: date
) -> dict[str, dict[Contract, float]]:
    end = from_datetime(datetime.combine(day + timedelta(days=1), time(), UTC))
    start = from_datetime(datetime.combine(day - timedelta(days=4), time(), UTC))
    found: dict[str, dict[Contract, float]] = {}
    try:
        for root, contracts in wanted.items():
            last: dict[Contract, Bar] = {}
            for contract in contracts:
                try:
                    bars = await source.bars(contract.symbol, "1d", start=start, end=end)
                except FortifiedError as error:
                    logger.warning("%s: no volume of %s: %s", contract.symbol, day, error.detail)
                    continue
                if bars:
                    last[contract] = bars[-1]
            # A contract whose bar of the last session is missing must not stand there with an older one's volume.
            session = max((bar.ts for bar in last.values()), default=0)
            found[root] = {contract: bar.volume for contract, bar in last.items() if bar.ts == session}
    finally:
        await source.close()
    return found
