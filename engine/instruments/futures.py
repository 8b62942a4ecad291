"""CME futures: the roots we know, their contracts in every venue's spelling, when they expire and roll."""

import re
from calendar import monthcalendar
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum

import msgspec

from engine.errors import InvalidInput, NotFound
from engine.instruments.sessions import business_days

MONTH_CODES = "FGHJKMNQUVXZ"  # January … December
_QUARTERLY = "HMUZ"
_METAL = "GJMQVZ"


class Expiry(StrEnum):
    """The rule that gives a contract's last trading day."""

    THIRD_FRIDAY = "third_friday"  # the trading day at or before it
    THIRD_LAST_DAY = "third_last_day"  # third last business day of the contract month
    BEFORE_25TH = "before_25th"  # three business days before the 25th of the month before
    BEFORE_25TH_LESS_ONE = "before_25th_less_one"  # one business day before that (the micro)


class Root(msgspec.Struct, frozen=True):
    """One futures product. `roll_days`: business days before the last safe day on which the next contract is active;
    that day is the expiry, or the last one before first notice where `is_deliverable`."""

    root: str
    name: str
    venue: str  # IBKR's name of the exchange
    mic: str
    multiplier: Decimal
    tick_size: Decimal
    months: str
    expiry: Expiry
    calendar: str
    roll_days: int
    is_deliverable: bool = False


def _root(code: str, name: str, venue: str, multiplier: str, tick: str) -> Root:
    """A stock-index future: quarterly, cash settled."""
    mic = {"CME": "XCME", "CBOT": "XCBT"}[venue]
    return Root(
        code, name, venue, mic, Decimal(multiplier), Decimal(tick), _QUARTERLY, Expiry.THIRD_FRIDAY, "CME_INDEX", 4
    )


def _deliverable(code: str, name: str, venue: str, multiplier: str, tick: str, months: str, expiry: Expiry) -> Root:
    mic = {"COMEX": "XCEC", "NYMEX": "XNYM"}[venue]
    days = 2 if venue == "COMEX" else 5
    return Root(
        code, name, venue, mic, Decimal(multiplier), Decimal(tick), months, expiry, "CME_COMMODITY", days,
        is_deliverable=venue == "COMEX",
    )  # fmt: skip


ROOTS: Mapping[str, Root] = {
    each.root: each
    for each in (
        _root("ES", "E-mini S&P 500", "CME", "50", "0.25"),
        _root("MES", "Micro E-mini S&P 500", "CME", "5", "0.25"),
        _root("NQ", "E-mini Nasdaq-100", "CME", "20", "0.25"),
        _root("MNQ", "Micro E-mini Nasdaq-100", "CME", "2", "0.25"),
        _root("RTY", "E-mini Russell 2000", "CME", "50", "0.10"),
        _root("M2K", "Micro E-mini Russell 2000", "CME", "5", "0.10"),
        _root("YM", "E-mini Dow", "CBOT", "5", "1"),
        _root("MYM", "Micro E-mini Dow", "CBOT", "0.5", "1"),
        _deliverable("GC", "Gold", "COMEX", "100", "0.10", _METAL, Expiry.THIRD_LAST_DAY),
        _deliverable("MGC", "Micro Gold", "COMEX", "10", "0.10", _METAL, Expiry.THIRD_LAST_DAY),
        _deliverable("CL", "WTI Crude Oil", "NYMEX", "1000", "0.01", MONTH_CODES, Expiry.BEFORE_25TH),
        _deliverable("MCL", "Micro WTI Crude Oil", "NYMEX", "100", "0.01", MONTH_CODES, Expiry.BEFORE_25TH_LESS_ONE),
    )
}

_CONTRACT = re.compile(
    rf"/?(?P<root>[A-Z0-9]{{1,4}}?)(?P<month>[{MONTH_CODES}])(?P<year>[0-9]{{1,2}})(?::X[A-Z]{{3}})?"
)


def root_of(text: str) -> Root:
    """The product of a root or a contract in any spelling: "/NQ", "NQ", "NQ.c.0", "/NQZ26:XCME", "NQZ6"."""
    found = ROOTS.get(text.removeprefix("/").split(".")[0]) or _contract_root(text)
    if found is None:
        raise NotFound(f"symbol: expected a future of {', '.join(ROOTS)}; found {text!r}", field="symbol")
    return found


def is_future(text: str) -> bool:
    """Whether `text` spells a known root or one of its contracts, with or without the slash."""
    return text.removeprefix("/").split(".")[0] in ROOTS or _contract_root(text) is not None


def _contract_root(text: str) -> Root | None:
    match = _CONTRACT.fullmatch(text)
    return ROOTS.get(match["root"]) if match else None


class Contract(msgspec.Struct, frozen=True, order=True):
    """One delivery month of a root. Sorts by root, then by time."""

    root: str
    year: int
    month: int

    @property
    def product(self) -> Root:
        return ROOTS[self.root]

    @property
    def code(self) -> str:
        """The month's letter."""
        return MONTH_CODES[self.month - 1]

    @property
    def symbol(self) -> str:
        """Our own spelling, which is also Schwab's: "/NQZ26"."""
        return f"/{self.root}{self.code}{self.year % 100:02d}"

    @property
    def schwab(self) -> str:
        return self.symbol

    @property
    def tastytrade(self) -> str:
        """ "/NQZ6": one digit of the year."""
        return f"/{self.root}{self.code}{self.year % 10}"

    @property
    def streamer(self) -> str:
        """dxFeed's: "/NQZ26:XCME"."""
        return f"{self.symbol}:{self.product.mic}"

    @property
    def databento(self) -> str:
        """The exchange's own, also IBKR's local symbol: "NQZ6"."""
        return f"{self.root}{self.code}{self.year % 10}"

    @property
    def ibkr(self) -> dict[str, str]:
        """What IBKR's contract asks for."""
        return {
            "secType": "FUT",
            "symbol": self.root,
            "lastTradeDateOrContractMonth": f"{self.year}{self.month:02d}",
            "exchange": self.product.venue,
            "localSymbol": self.databento,
            "currency": "USD",
        }

    @property
    def expiry(self) -> date:
        """The last trading day."""
        return _EXPIRY[self.product.expiry](self)

    @property
    def last_safe_day(self) -> date:
        """The last day to hold it without being asked to deliver: before first notice, or the expiry."""
        if not self.product.is_deliverable:
            return self.expiry
        days = business_days()
        first_notice = days.before(date(self.year, self.month, 1))
        return days.before(first_notice)

    def roll_day(self, days_before: int | None = None, *, rules: "RollRules | None" = None) -> date:
        """The first day on which the next contract is the active one: `days_before` business days before
        `last_safe_day`. If None: as `rules` say, which are those of this process (`use_rolls`) where none are given."""
        chosen = _rules if rules is None else rules
        if days_before is None and self.symbol in chosen.decided:
            return chosen.decided[self.symbol]
        count = chosen.days_before.get(self.root, self.product.roll_days) if days_before is None else days_before
        return business_days().add(self.last_safe_day, -count)

    @property
    def following(self) -> "Contract":
        """The next listed month."""
        year, month = self.year, self.month
        while True:
            year, month = (year, month + 1) if month < 12 else (year + 1, 1)
            if MONTH_CODES[month - 1] in self.product.months:
                return Contract(self.root, year, month)


class RollRules(msgspec.Struct, frozen=True):
    """What an installation chose beside the products' own rules: business days before the last safe day, by root, and
    the roll days that volume decided, by contract ("/NQZ26")."""

    days_before: dict[str, int] = {}
    decided: dict[str, date] = {}


# A fact of the calendar for everything in this process that asks.
_rules = RollRules()
_version = 0


def rolls_in_use() -> RollRules:
    """The rules of this process."""
    return _rules


def rolls_version() -> int:
    """Rises whenever the rules of this process change: what was remembered of them is old then."""
    return _version


def use_rolls(*, days_before: Mapping[str, int], decided: Mapping[Contract, date]) -> None:
    """Replace the chosen roll rules of this process: business days per root, and the roll days that volume decided."""
    global _rules, _version
    rules = RollRules(dict(days_before), {contract.symbol: day for contract, day in decided.items()})
    if rules != _rules:
        _version += 1
        _rules = rules


def parse_contract(text: str, *, as_of: date | None = None) -> Contract:
    """The contract of any spelling: "/NQZ6", "NQZ26", "/NQZ26:XCME".

    One digit of a year means the first such year not before that of `as_of`, which must then be given.
    """
    match = _CONTRACT.fullmatch(text)
    if match is None or match["root"] not in ROOTS:
        raise InvalidInput(f"symbol: expected a contract like /NQZ26, found {text!r}", field="symbol")
    year = int(match["year"])
    if len(match["year"]) == 2:
        year += 2000
    elif as_of is None:
        raise InvalidInput(f"symbol: {text!r} has one digit of a year; two were expected, or a date", field="symbol")
    else:
        year = as_of.year + (year - as_of.year) % 10
    return Contract(match["root"], year, MONTH_CODES.index(match["month"]) + 1)


def same_contract(one: str, other: str) -> bool:
    """Whether two spellings can name the same contract: a single digit of a year meets any decade."""
    a, b = _CONTRACT.fullmatch(one), _CONTRACT.fullmatch(other)
    if a is None or b is None or a["root"] not in ROOTS or (a["root"], a["month"]) != (b["root"], b["month"]):
        return False
    digits = min(len(a["year"]), len(b["year"]))
    return a["year"][-digits:] == b["year"][-digits:]


def active_contract(
    root: str, day: date, *, days_before: int | None = None, rules: RollRules | None = None
) -> Contract:
    """The contract that is traded on `day`: the first whose roll day is still to come."""
    product = root_of(root)
    contract = Contract(product.root, day.year, 1)
    if contract.code not in product.months:
        contract = contract.following
    while contract.roll_day(days_before, rules=rules) <= day:
        contract = contract.following
    return contract


def roll_schedule(
    root: str, start: date, end: date, *, days_before: int | None = None
) -> Iterator[tuple[Contract, date, date]]:
    """(contract, first day, day after the last) of each active contract over [start, end]."""
    day = start
    while day <= end:
        contract = active_contract(root, day, days_before=days_before)
        until = contract.roll_day(days_before)
        yield contract, day, min(until, end + timedelta(days=1))
        day = until


def roll_by_volume(current: Contract, volumes: Mapping[Contract, float]) -> Contract:
    """The contract to trade after a day with these volumes: the busiest, never one before `current`."""
    later = {contract: volume for contract, volume in volumes.items() if contract > current}
    busiest = max(later, key=lambda contract: (later[contract], contract), default=current)
    return busiest if later.get(busiest, 0.0) > volumes.get(current, 0.0) else current


# ---- expiry rules -----------------------------------------------------------------------------------------


def _third_friday(contract: Contract) -> date:
    fridays = [week[4] for week in monthcalendar(contract.year, contract.month) if week[4]]
    # They settle on the stocks' opening prices: a day on which stocks do not trade moves the expiry earlier.
    return business_days().at_or_before(date(contract.year, contract.month, fridays[2]))


def _third_last_day(contract: Contract) -> date:
    following = date(contract.year + contract.month // 12, contract.month % 12 + 1, 1)
    return business_days().add(following, -3)


def _before_25th(contract: Contract) -> date:
    month_before = date(contract.year, contract.month, 1) - timedelta(days=1)
    days = business_days()
    return days.add(days.at_or_before(month_before.replace(day=25)), -3)


def _before_25th_less_one(contract: Contract) -> date:
    return business_days().before(_before_25th(contract))


_EXPIRY = {
    Expiry.THIRD_FRIDAY: _third_friday,
    Expiry.THIRD_LAST_DAY: _third_last_day,
    Expiry.BEFORE_25TH: _before_25th,
    Expiry.BEFORE_25TH_LESS_ONE: _before_25th_less_one,
}
