"""How much of each limit is used, and what is held where nothing is limited."""

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec

from engine.portfolio.equity import BOOK, Name
from engine.portfolio.ledger import Key
from engine.risk.config import StrategyLimits
from engine.risk.day_trading import FREE_DAY_TRADES, DayTradingRule, trading_date
from engine.risk.rules import ZERO, Facts, gross, net, required_margin

if TYPE_CHECKING:
    from engine.core.engine import Engine

NO_LIMITS = StrategyLimits()


class Usage(msgspec.Struct, frozen=True):
    """One figure against its limit; `limit` None where it is not limited. `of` is "book", "strategy …" or "account …",
    `name` the limit's own."""

    of: str
    name: str
    used: float
    limit: Decimal | None = None


def usage(engine: "Engine") -> list[Usage]:
    """The book's figures, then each strategy's, then each account's; orders on their way count as filled.

    A daily loss is followed where the engine tells trading days apart, a drawdown where it marks what is held.
    """
    first = next(iter(engine.symbols), None)
    if first is None:
        return []
    facts = engine.facts(first, engine.now)
    quantities = facts.quantities()
    values = facts.values(quantities)
    return [
        *_of_book(engine, values),
        *(each for name in _strategies(engine) for each in _of_strategy(engine, name, quantities, values)),
        *_of_accounts(engine, facts, values),
    ]


def _strategies(engine: "Engine") -> list[str]:
    return sorted({slot.config.strategy for slot in engine.slots.values()})


def _of_book(engine: "Engine", values: dict[Key, Decimal]) -> Iterator[Usage]:
    risk, rate = engine.config.risk, engine.gate.rate
    yield Usage("book", "max_gross_exposure", float(gross(values.values())), risk.max_gross_exposure)
    yield Usage("book", "max_net_exposure", float(net(values.values())), risk.max_net_exposure)
    yield from _losses(engine, "book", BOOK, risk.max_daily_loss, risk.max_drawdown)
    if rate is not None:
        yield Usage("book", "max_orders", rate.made(engine.now), Decimal(rate.limit))


def _of_strategy(
    engine: "Engine", name: str, quantities: dict[Key, Decimal], values: dict[Key, Decimal]
) -> Iterator[Usage]:
    limits, of, account = engine.config.risk.strategies.get(name, NO_LIMITS), f"strategy {name}", ("strategy", name)
    mine = gross(value for key, value in values.items() if key[0] == name)
    largest = max((abs(held) for key, held in quantities.items() if key[0] == name), default=ZERO)
    yield Usage(of, "max_position", float(largest), limits.max_position)
    yield Usage(of, "max_exposure", float(mine), limits.max_exposure)
    yield from _losses(engine, of, account, limits.max_daily_loss, limits.max_drawdown)
    if limits.max_losses_in_a_row is not None:
        in_a_row = engine.accounts[account].losses_in_a_row
        yield Usage(of, "max_losses_in_a_row", in_a_row, Decimal(limits.max_losses_in_a_row))


def _losses(engine: "Engine", of: str, name: Name, daily: Decimal | None, drawdown: Decimal | None) -> Iterator[Usage]:
    if engine.config.risk.has_days:
        yield Usage(of, "max_daily_loss", engine.accounts.lost_today(name, engine.now), daily)
    if engine.config.risk.needs_marks:
        yield Usage(of, "max_drawdown", engine.accounts[name].drawdown, drawdown)


def _of_accounts(engine: "Engine", facts: Facts, values: dict[Key, Decimal]) -> Iterator[Usage]:
    rule = engine.gate.day_trading
    if rule is None:
        return
    today = trading_date(engine.now)
    for broker, account in rule.accounts.items():
        applied, of = account.rule_on(today), f"account {broker}"
        if applied is DayTradingRule.PATTERN:
            yield Usage(of, applied.value, rule.trades[broker].recent(today), Decimal(FREE_DAY_TRADES))
        elif applied is DayTradingRule.INTRADAY_MARGIN:
            required = required_margin(broker, values, facts)
            yield Usage(of, applied.value, float(required), rule.equity_of(broker, facts))
