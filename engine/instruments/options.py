"""Listed options: one contract in the spelling of every venue, and when it stops trading."""

import re
from datetime import date, datetime, time
from decimal import Decimal

import msgspec

from engine.errors import InvalidInput
from engine.instruments.sessions import business_days, calendar, from_new_york, is_half_day

MULTIPLIER = Decimal(100)
INDEX_ROOTS = {"SPX": "SPX", "SPXW": "SPX", "XSP": "XSP", "NDX": "NDX", "NDXP": "NDX", "RUT": "RUT", "RUTW": "RUT",
               "VIX": "VIX", "VIXW": "VIX"}  # fmt: skip
_AM_SETTLED = frozenset({"SPX", "NDX", "RUT", "VIX", "VIXW"})  # fixed on the opening prices of their last day

_OCC = re.compile(r"(?P<root>[A-Z]{1,6}[0-9]?) *(?P<day>[0-9]{6})(?P<right>[CP])(?P<strike>[0-9]{8})")
_DXFEED = re.compile(r"\.(?P<root>[A-Z]{1,6}[0-9]?)(?P<day>[0-9]{6})(?P<right>[CP])(?P<strike>[0-9]+(?:\.[0-9]+)?)")


class OptionContract(msgspec.Struct, frozen=True):
    """One option. `root` is the option's own ("SPXW"), `right` "C" or "P", `strike` in points."""

    root: str
    expiry: date
    right: str
    strike: Decimal

    @property
    def symbol(self) -> str:
        """Our own spelling: the OCC's 21 characters, "SPXW  261120C06000000" (tastytrade, Schwab, Databento)."""
        return f"{self.root:<6}{self._tail}"

    @property
    def alpaca(self) -> str:
        """The OCC's without padding: "SPY261120C00600000"."""
        return f"{self.root}{self._tail}"

    @property
    def polygon(self) -> str:
        return f"O:{self.alpaca}"

    @property
    def streamer(self) -> str:
        """dxFeed's: ".SPXW261120C6000", the strike without trailing zeros."""
        strike = f"{self.strike:f}"
        strike = strike.rstrip("0").rstrip(".") if "." in strike else strike
        return f".{self.root}{self.expiry:%y%m%d}{self.right}{strike}"

    @property
    def ibkr(self) -> dict[str, str]:
        """What IBKR's contract asks for."""
        return {
            "secType": "OPT",
            "symbol": self.underlying,
            "lastTradeDateOrContractMonth": f"{self.expiry:%Y%m%d}",
            "strike": f"{self.strike.normalize():f}",
            "right": self.right,
            "tradingClass": self.root,
            "exchange": "SMART",
            "currency": "USD",
        }

    @property
    def underlying(self) -> str:
        """ "SPX" for SPX and SPXW; else the root itself."""
        return INDEX_ROOTS.get(self.root, self.root)

    @property
    def is_index(self) -> bool:
        return self.root in INDEX_ROOTS

    @property
    def is_am_settled(self) -> bool:
        """Settled on opening prices: it stops trading the business day before it expires."""
        return self.root in _AM_SETTLED

    @property
    def calendar(self) -> str:
        return "SPX_OPTIONS" if self.is_index else "XNYS"

    @property
    def last_trade(self) -> int:
        """UTC nanoseconds of its last moment: an expiring SPXW stops with the stocks, at 16:00 (13:00 on half days)."""
        if self.is_am_settled:
            session = calendar(self.calendar).session_on(business_days().before(self.expiry))
            if session is not None:
                return session.close
        return from_new_york(self.expiry, time(13) if is_half_day(self.expiry) else time(16))

    def tick_size(self, price: Decimal) -> Decimal:
        """The price grid at `price`: index options 0.05 below 3.00 and 0.10 from there on, others 0.01."""
        if not self.is_index:
            return Decimal("0.01")
        return Decimal("0.05") if price < 3 else Decimal("0.10")

    @property
    def _tail(self) -> str:
        return f"{self.expiry:%y%m%d}{self.right}{int(self.strike * 1000):08d}"


def parse_option(text: str) -> OptionContract:
    """The option of any venue's spelling: padded or not, with "O:", or dxFeed's with the leading dot."""
    body = text.strip().removeprefix("O:")
    match = _DXFEED.fullmatch(body) or _OCC.fullmatch(body)
    if match is None:
        raise InvalidInput(
            f"symbol: expected an option like 'SPXW  261120C06000000' or '.SPXW261120C6000', found {text!r}",
            field="symbol",
        )
    strike = Decimal(match["strike"])
    if not body.startswith("."):
        strike = (strike / 1000).normalize()
    return OptionContract(match["root"], _day(match["day"], text), match["right"], strike)


def is_option(text: str) -> bool:
    """Whether `text` spells an option."""
    body = text.strip().removeprefix("O:")
    return bool(_DXFEED.fullmatch(body) or _OCC.fullmatch(body))


def underlying_of(symbol: str) -> str:
    """What an option is on; any other symbol is its own."""
    return parse_option(symbol).underlying if is_option(symbol) else symbol


def _day(digits: str, text: str) -> date:
    try:
        return datetime.strptime(digits, "%y%m%d").date()  # noqa: DTZ007 - a date has no zone
    except ValueError as error:
        raise InvalidInput(f"symbol: {digits} in {text!r} is no date (YYMMDD)", field="symbol") from error
