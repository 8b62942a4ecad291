"""The option at the money that expires today: the nearest strike, PM-settled only, with the choice explained."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

import msgspec

from engine.errors import FortifiedError, InvalidInput
from engine.instruments.options import OptionContract
from engine.instruments.sessions import TradingCalendar, calendar
from engine.options.chain import ChainEntry, OptionChain

NEIGHBOURS = 5


class NoContract(FortifiedError):
    """The chain holds nothing that may be traded; the message says what was there and why it was refused."""

    code = "no_contract"


class AtmChoice(msgspec.Struct, frozen=True):
    """What was chosen and from what: `considered` are the strikes around it, nearest first."""

    contract: OptionContract
    spot: float
    distance: float  # strike − spot, in points
    considered: tuple[Decimal, ...]
    reason: str
    entry: ChainEntry


def right_of(target: int) -> str:
    """The option that a wish on the underlying means: +1 a call, −1 a put."""
    if target not in (-1, 1):
        raise InvalidInput(f"target: −1 or +1 was expected, found {target}", field="target")
    return "C" if target > 0 else "P"


def expiring_today(underlying: str, ts: int) -> date:
    """The day that 0DTE means at `ts`: the options' trading day; `NoContract` where no session is open."""
    hours = option_hours(underlying)
    if not hours.is_open(ts):
        raise NoContract(f"{underlying}: an open session was expected to choose an option that expires today")
    return hours.trading_day(ts)


def option_hours(underlying: str) -> TradingCalendar:
    """When options on `underlying` trade."""
    return calendar("SPX_OPTIONS" if underlying in ("SPX", "XSP", "NDX", "RUT") else "XNYS")


def choose_atm(chain: OptionChain, *, spot: float, target: int) -> AtmChoice:
    """The contract of today's expiry whose strike is nearest to `spot`; of two equally near the one out of the money.

    Only contracts settled on closing prices: SPX's monthly series is fixed on the opening prices of its last day and
    stops trading the day before, so it is refused, and so is what stops trading before `chain.ts`.
    """
    if not 0 < spot < float("inf"):
        raise InvalidInput(f"spot: a price above 0 was expected, found {spot}", field="spot")
    right, today = right_of(target), expiring_today(chain.underlying, chain.ts)
    fitting = [entry for entry in chain.entries if _refusal(entry.contract, chain, right, today) == ""]
    if not fitting:
        raise NoContract(_nothing(chain, right, today))
    at = Decimal(repr(spot))
    fitting.sort(key=lambda entry: _rank(entry.contract, at, target))
    best = fitting[0].contract
    reason = (
        f"{best.root} {best.expiry} {best.strike.normalize():f} {best.right}: strike nearest to {spot:g} of "
        f"{len(fitting)} PM-settled {'calls' if right == 'C' else 'puts'} that expire today"
    )
    near = tuple(entry.contract.strike for entry in fitting[:NEIGHBOURS])
    return AtmChoice(best, spot, float(best.strike - at), near, reason, fitting[0])


def _rank(contract: OptionContract, spot: Decimal, target: int) -> tuple[Decimal, Decimal]:
    """Nearest first; a call above the spot (a put below it) before one equally near on the other side."""
    return abs(contract.strike - spot), -target * contract.strike


def _refusal(contract: OptionContract, chain: OptionChain, right: str, today: date) -> str:
    """Why a contract may not be chosen; empty when it may."""
    if contract.underlying != chain.underlying:
        return f"is on {contract.underlying}"
    if contract.right != right:
        return "is of the other right"
    if contract.expiry != today:
        return "does not expire today"
    if contract.is_am_settled:
        return "is settled on opening prices (AM) and stopped trading the day before"
    if contract.last_trade <= chain.ts:
        return "has stopped trading"
    return ""


def _nothing(chain: OptionChain, right: str, today: date) -> str:
    asked = f"{chain.underlying}: a PM-settled {'call' if right == 'C' else 'put'} that expires on {today} was expected"
    if not chain.entries:
        return f"{asked}, found an empty chain"
    reasons = _counted(_refusal(entry.contract, chain, right, today) for entry in chain.entries)
    return f"{asked}, found {len(chain.entries)} contracts: " + "; ".join(f"{n} × {why}" for why, n in reasons.items())


def _counted(reasons: Iterable[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for reason in reasons:
        found[reason] = found.get(reason, 0) + 1
    return found
