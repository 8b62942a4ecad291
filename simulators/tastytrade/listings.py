"""Instruments as tastytrade lists them: stocks, futures, and the option chain of an index."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from engine.errors import NotFound
from engine.instruments.futures import ROOTS, Contract, active_contract
from engine.instruments.instrument import AssetClass
from engine.instruments.options import OptionContract
from engine.instruments.sessions import business_days
from engine.model.time import to_datetime
from simulators.brokerage.brokerage import Brokerage
from simulators.listing import stable_hash
from simulators.market import Market
from simulators.sessions import NEW_YORK
from simulators.tastytrade.words import amount, stamp

_LAST_MOMENT = time(9, 30)  # of a future, in New York
_LISTED_CONTRACTS = 4
_EXPIRATIONS = 5
_STRIKES = 40  # each way
_CHAINS = {"SPX": "SPXW"}


def equity_document(brokerage: Brokerage, symbol: str) -> dict[str, Any]:
    listed = brokerage.listed(symbol)
    if listed.instrument.asset_class is not AssetClass.EQUITY:
        raise NotFound(f"{symbol} is no equity")
    return {
        "id": stable_hash(symbol) % 10**6,
        "symbol": symbol,
        "instrument-type": "Equity",
        "is-index": False,
        "listed-market": "XNAS",
        "description": symbol,
        "lendability": "Easy To Borrow" if symbol not in brokerage.setup.hard_to_borrow else "Locate Required",
        "market-time-instrument-collection": "Equity",
        "is-closing-only": False,
        "is-options-closing-only": False,
        "active": True,
        "is-illiquid": False,
        "is-etf": symbol in ("SPY", "QQQ"),
        "streamer-symbol": symbol,
        "is-fractional-quantity-eligible": False,
        "tick-sizes": [{"threshold": "1.0", "value": "0.0001"}, {"value": "0.01"}],
    }


def futures(market: Market, now: int) -> list[dict[str, Any]]:
    """The next contracts of every root that the market has."""
    today = to_datetime(now).astimezone(NEW_YORK).date()
    found = []
    for root in ROOTS:
        contract = active_contract(root, today)
        if market.find(contract.streamer) is None:
            continue
        for place in range(_LISTED_CONTRACTS):
            found.append(_future_document(contract, place))
            contract = contract.following
    return found


def _future_document(contract: Contract, place: int) -> dict[str, Any]:
    product = contract.product
    ends = datetime.combine(contract.expiry, _LAST_MOMENT, NEW_YORK).astimezone(UTC).isoformat(timespec="milliseconds")
    return {
        "symbol": contract.tastytrade,
        "product-code": contract.root,
        "contract-size": "1.0",
        "tick-size": amount(product.tick_size),
        "notional-multiplier": amount(product.multiplier),
        "main-fraction": "0.0",
        "sub-fraction": "0.0",
        "display-factor": "0.01",
        "last-trade-date": contract.expiry.isoformat(),
        "expiration-date": contract.expiry.isoformat(),
        "closing-only-date": contract.expiry.isoformat(),
        "active": True,
        "active-month": place == 0,
        "next-active-month": place == 1,
        "is-closing-only": False,
        "is-tradeable": True,
        "future-etf-equivalent": {"symbol": "SPY", "share-quantity": 1},
        "exchange": product.venue,
        "exchange-symbol": contract.tastytrade,
        "streamer-symbol": contract.streamer,
        "streamer-exchange-code": product.mic,
        "roll-target-symbol": contract.following.tastytrade,
        "stops-trading-at": ends,
        "expires-at": ends,
        "product-group": "CME_ES",
        "back-month-first-calendar-symbol": False,
        "tick-sizes": [{"value": amount(product.tick_size)}],
    }


def nested_chain(market: Market, underlying: str, now: int) -> list[dict[str, Any]]:
    """The dailies of an index: five expirations from today, strikes around the present level."""
    root = _CHAINS.get(underlying)
    source = market.find(underlying)
    found = source.last(now) if source else None
    if root is None or source is None or found is None:
        raise NotFound(f"There is no option chain of {underlying}.")
    level = source.listing.price(int(found.prints.price[found.first]))
    today = to_datetime(now).astimezone(NEW_YORK).date()
    days = _expirations(today, always_open=market.config.always_open)
    return [
        {
            "underlying-symbol": underlying,
            "root-symbol": root,
            "option-chain-type": "Standard",
            "shares-per-contract": 100,
            "tick-sizes": [{"threshold": "3.0", "value": "0.05"}, {"value": "0.1"}],
            "deliverables": [],
            "expirations": [_expiration(root, day, today, level) for day in days],
        }
    ]


def _expirations(today: date, *, always_open: bool) -> list[date]:
    """Business days; where the market never closes every day is one."""
    days = (today + timedelta(days=ahead) for ahead in range(3 * _EXPIRATIONS))
    return [day for day in days if always_open or day in business_days()][:_EXPIRATIONS]


def _expiration(root: str, day: date, today: date, level: float) -> dict[str, Any]:
    centre = round(level / 5) * 5
    return {
        "expiration-type": "Weekly",
        "expiration-date": day.isoformat(),
        "days-to-expiration": (day - today).days,
        "settlement-type": "PM",
        "strikes": [_strike(root, day, Decimal(centre + 5 * step)) for step in range(-_STRIKES, _STRIKES + 1)],
    }


def _strike(root: str, day: date, strike: Decimal) -> dict[str, Any]:
    call, put = (OptionContract(root, day, right, strike) for right in "CP")
    return {
        "strike-price": amount(strike),
        "call": call.symbol,
        "call-streamer-symbol": call.streamer,
        "put": put.symbol,
        "put-streamer-symbol": put.streamer,
    }


def account_document(number: str, opened_ts: int, *, is_margin: bool) -> dict[str, Any]:
    account = {
        "account-number": number,
        "opened-at": stamp(opened_ts),
        "nickname": f"Simulated {number}",
        "account-type-name": "Individual",
        "is-closed": False,
        "day-trader-status": False,
        "margin-or-cash": "Margin" if is_margin else "Cash",
        "is-futures-approved": True,
        "is-firm-error": False,
        "is-firm-proprietary": False,
        "is-foreign": False,
        "created-at": stamp(opened_ts),
    }
    return {"account": account, "authority-level": "owner"}


def trading_status(number: str, now: int) -> dict[str, Any]:
    """What the account may do: everything."""
    no = [
        "has-intraday-equities-margin",
        "is-aggregated-at-clearing",
        "is-closed",
        "is-closing-only",
        "is-cryptocurrency-enabled",
        "is-frozen",
        "is-full-equity-margin-required",
        "is-futures-closing-only",
        "is-in-day-trade-equity-maintenance-call",
        "is-in-margin-call",
        "is-pattern-day-trader",
        "is-small-notional-futures-intra-day-enabled",
        "are-far-otm-net-options-restricted",
        "is-equity-offering-enabled",
        "is-equity-offering-closing-only",
    ]
    yes = [
        "is-futures-intra-day-enabled",
        "is-futures-enabled",
        "is-roll-the-day-forward-enabled",
        "short-calls-enabled",
    ]
    return {
        "account-number": number,
        "id": 1,
        "equities-margin-calculation-type": "Reg T",
        "fee-schedule-name": "default",
        "futures-margin-rate-multiplier": "1.0",
        "small-notional-futures-margin-rate-multiplier": "1.0",
        "options-level": "No Restrictions",
        "day-trade-count": 0,
        "updated-at": stamp(now),
        **dict.fromkeys(no, False),
        **dict.fromkeys(yes, True),
    }
