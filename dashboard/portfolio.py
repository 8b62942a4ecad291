"""What every account holds, owns and risks: positions at their last prices, exposure, cash and what was earned."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, cast

from django.conf import settings
from django.db.models import Count, Sum

from brokers.models import BrokerAccount
from brokers.registry import FEATURES
from dashboard.pulse import mark
from dashboard.selectors import Row, midnight, money, position_rows
from engine.instruments.catalog import instrument_for
from infra.redis import keys
from infra.redis.client import sync_client
from trading.account_services import latest_checks
from trading.models import AccountCheck, Book, Position, Trade

ZERO = Decimal(0)
Key = tuple[str, str]  # book, account


def portfolio() -> Row:
    """Every account that holds something, traded, or was compared; and the sums over all accounts of a mode."""
    positions = list(Position.objects.exclude(quantity=0).select_related("book"))
    prices = _prices({position.symbol for position in positions})
    checks = {(check.book.name, check.broker): check for check in latest_checks()}
    earned, today = _earned(Trade.objects.all()), _earned(Trade.objects.filter(exit_at__gte=midnight()))
    known = {(position.book.name, position.broker) for position in positions} | set(checks) | set(earned)
    modes = dict(Book.objects.values_list("name", "mode"))
    accounts = [
        _account(
            key, modes[key[0]], [p for p in positions if (p.book.name, p.broker) == key], prices, checks.get(key),
            earned.get(key), today.get(key),
        )
        for key in sorted(known, key=lambda key: (modes[key[0]] != "live", key))
    ]  # fmt: skip
    return {
        "accounts": accounts,
        "totals": [_total(mode, accounts) for mode in ("live", "paper") if _any(mode, accounts)],
    }


def _account(
    key: Key,
    mode: str,
    positions: Iterable[Position],
    prices: dict[str, dict[str, str]],
    check: AccountCheck | None,
    earned: Row | None,
    today: Row | None,
) -> Row:
    rows = [_position(row, prices[row["symbol"]]) for row in position_rows(positions)]
    is_priced = all(row["unrealized_pnl"] is not None for row in rows)
    return {
        "book": key[0],
        "account": key[1],
        "mode": mode,
        "venue": _venue(key[1]),
        "state": check.state if check is not None else "",
        "reason": check.reason if check is not None else "",
        "compared_at": check.at if check is not None else None,
        "cash": money(check.cash) if check is not None else None,
        "net_liquidation": money(check.net_liquidation) if check is not None else None,
        "buying_power": money(check.buying_power) if check is not None else None,
        "positions": rows,
        "unrealized_pnl": money(_sum(rows, "unrealized_pnl")) if is_priced else None,
        "gross_exposure": money(_sum(rows, "value", absolute=True)) if is_priced else None,
        "net_exposure": money(_sum(rows, "value")) if is_priced else None,
        "trades": earned["count"] if earned else 0,
        "realized_pnl": money(earned["pnl"]) if earned else "0",
        "realized_today": money(today["pnl"]) if today else "0",
        "fees": money(earned["fees"]) if earned else "0",
    }


def _position(row: Row, quote: dict[str, str]) -> Row:
    marked = mark(row, quote)
    price, value = marked["price"], None
    if price is not None:
        instrument = instrument_for(row["symbol"])
        value = money(instrument.price(price) * Decimal(row["quantity"]) * instrument.multiplier)
    return {**row, **marked, "value": value}


def _sum(rows: Iterable[Row], name: str, *, absolute: bool = False) -> Decimal:
    values = (Decimal(row[name]) for row in rows if row[name] is not None)
    return sum((abs(value) if absolute else value for value in values), ZERO)


def _earned(trades: Any) -> dict[Key, Row]:
    """Closed trades by book and account; what they earned is net of fees."""
    rows = (
        trades.order_by()
        .values("book__name", "broker")
        .annotate(count=Count("id"), pnl=Sum("pnl"), all_fees=Sum("fees"))
    )
    return {
        (row["book__name"], row["broker"]): {"count": row["count"], "pnl": row["pnl"], "fees": row["all_fees"]}
        for row in rows
    }


def _prices(symbols: set[str]) -> dict[str, dict[str, str]]:
    ordered = sorted(symbols)
    pipe = sync_client(settings.REDIS_URL).pipeline(transaction=False)
    for symbol in ordered:
        pipe.hgetall(keys.quote(symbol))
    return dict(zip(ordered, cast("list[dict[str, str]]", pipe.execute()), strict=True))


def _venue(account: str) -> str:
    known = BrokerAccount.objects.filter(name=account).first()
    name = known.broker if known is not None else account
    return FEATURES[name].title if name in FEATURES else name


def _any(mode: str, accounts: Iterable[Row]) -> bool:
    return any(account["mode"] == mode for account in accounts)


def _total(mode: str, accounts: Iterable[Row]) -> Row:
    """The sum over accounts; a figure that one of them does not know is not known."""
    mine = [account for account in accounts if account["mode"] == mode]
    names = ("realized_today", "realized_pnl", "fees", "unrealized_pnl", "gross_exposure", "net_exposure")
    sums = {name: None if any(account[name] is None for account in mine) else money(_sum(mine, name)) for name in names}
    return {"mode": mode, "accounts": len(mine), "positions": sum(len(a["positions"]) for a in mine), **sums}
