"""Interactive Brokers' contracts: their fields for a symbol of ours, and the symbols that asked fields mean."""

from collections.abc import Iterator
from datetime import date

import msgspec

from engine.errors import InvalidInput, NotFound
from engine.instruments.catalog import INDEXES, asset_class_of, instrument_for, normalize_symbol
from engine.instruments.forex import parse_pair
from engine.instruments.futures import ROOTS, Contract, active_contract, parse_contract
from engine.instruments.instrument import AssetClass
from engine.instruments.options import INDEX_ROOTS, parse_option
from engine.model.time import to_datetime
from simulators.brokerage.brokerage import Brokerage
from simulators.brokerage.listed import Listed
from simulators.listing import stable_hash

_FIRST_ID, _IDS = 100_000_000, 800_000_000
_LISTED_MONTHS = 4  # of a future, beginning with the active one


class IbContract(msgspec.Struct, frozen=True, kw_only=True):
    """The fields by which a contract is named on the wire, all text; empty ones are left open by who asks."""

    con_id: str = ""
    symbol: str = ""
    sec_type: str = ""
    expiry: str = ""
    strike: str = ""
    right: str = ""
    multiplier: str = ""
    exchange: str = ""
    primary: str = ""
    currency: str = ""
    local_symbol: str = ""
    trading_class: str = ""

    @property
    def row(self) -> tuple[str, ...]:
        """As orders, executions and positions carry it: without the primary exchange."""
        return tuple(value for name, value in msgspec.structs.asdict(self).items() if name != "primary")


def asked_contract(fields: list[str]) -> IbContract:
    """The twelve fields that a request carries."""
    return IbContract(**dict(zip(IbContract.__struct_fields__, fields, strict=True)))


def describe(symbol: str) -> IbContract:
    """The contract of a symbol of ours."""
    con_id = str(_FIRST_ID + stable_hash(symbol) % _IDS)
    match asset_class_of(symbol):
        case AssetClass.FUTURE:
            contract = parse_contract(symbol)
            return IbContract(
                con_id=con_id, symbol=contract.root, sec_type="FUT", expiry=f"{contract.expiry:%Y%m%d}", strike="0",
                multiplier=f"{contract.product.multiplier:f}", exchange=contract.product.venue, currency="USD",
                local_symbol=contract.databento, trading_class=contract.root,
            )  # fmt: skip
        case AssetClass.OPTION:
            option = parse_option(symbol)
            return IbContract(
                con_id=con_id, symbol=option.underlying, sec_type="OPT", expiry=f"{option.expiry:%Y%m%d}",
                strike=f"{option.strike.normalize():f}", right=option.right, multiplier="100", exchange="SMART",
                currency="USD", local_symbol=symbol, trading_class=option.root,
            )  # fmt: skip
        case AssetClass.FOREX:
            pair = parse_pair(symbol)
            name = f"{pair.base}.{pair.quote}"
            return IbContract(
                con_id=con_id, symbol=pair.base, sec_type="CASH", strike="0", exchange="IDEALPRO", currency=pair.quote,
                local_symbol=name, trading_class=name,
            )  # fmt: skip
        case AssetClass.INDEX:
            return IbContract(
                con_id=con_id, symbol=symbol, sec_type="IND", strike="0", exchange="CBOE", currency="USD",
                local_symbol=symbol, trading_class=symbol,
            )  # fmt: skip
    name = symbol.replace(".", " ")
    return IbContract(
        con_id=con_id, symbol=name, sec_type="STK", strike="0", exchange="SMART", primary="NASDAQ", currency="USD",
        local_symbol=name, trading_class="NMS",
    )  # fmt: skip


class Contracts:
    """Finds contracts among what the market lists."""

    def __init__(self, brokerage: Brokerage) -> None:
        self._brokerage = brokerage
        self._known: dict[str, str] = {}  # conId → our symbol

    def describe(self, symbol: str) -> IbContract:
        found = describe(symbol)
        self._known[found.con_id] = symbol
        return found

    def symbols(self, asked: IbContract) -> list[str]:
        """Every symbol of ours that fits; none where there is no such contract."""
        if asked.con_id not in ("", "0"):
            known = self._known.get(asked.con_id)
            return [known] if known is not None else []
        if asked.currency not in ("", "USD"):
            return []
        found = (self._listed(text) for text in self._candidates(asked))
        fitting = dict.fromkeys(symbol for symbol in found if symbol and _fits(asked, self.describe(symbol)))
        return list(fitting)

    def _candidates(self, asked: IbContract) -> Iterator[str]:
        match asked.sec_type:
            case "STK":
                yield (asked.symbol or asked.local_symbol).replace(" ", ".")
            case "IND":
                yield asked.symbol
            case "CASH":
                yield f"{asked.symbol}/{asked.currency}"
            case "FUT":
                yield from (contract.symbol for contract in self._futures(asked))
            case "OPT":
                yield from _options(asked)

    def _futures(self, asked: IbContract) -> Iterator[Contract]:
        day = to_datetime(self._brokerage.now).date()
        roots = [asked.symbol or asked.trading_class] if asked.symbol or asked.trading_class else list(ROOTS)
        for root in roots:
            if root in ROOTS:
                contract = active_contract(f"/{root}", day)
                for _ in range(_LISTED_MONTHS):
                    yield contract
                    contract = contract.following

    def _listed(self, text: str) -> str:
        """Our spelling of what the market lists, an index included; empty where it does not."""
        if text in INDEXES:
            return text
        try:
            listed: Listed = self._brokerage.listed(normalize_symbol(text))
        except (NotFound, InvalidInput):
            return ""
        return listed.symbol


def _options(asked: IbContract) -> Iterator[str]:
    if asked.local_symbol:
        yield asked.local_symbol
    elif len(asked.expiry) == 8 and asked.strike not in ("", "0", "0.0") and asked.right:
        roots = [root for root, under in INDEX_ROOTS.items() if under == asked.symbol] or [asked.symbol]
        for root in [asked.trading_class] if asked.trading_class else roots:
            day, thousandths = asked.expiry[2:], round(float(asked.strike) * 1000)
            yield f"{root:<6}{day}{asked.right[0]}{thousandths:08d}"


def _fits(asked: IbContract, found: IbContract) -> bool:
    if asked.local_symbol and asked.local_symbol != found.local_symbol:
        return False
    if asked.trading_class and asked.trading_class != found.trading_class:
        return False
    if asked.sec_type == "FUT" and asked.expiry:
        return asked.expiry in (found.expiry, contract_month(found))
    return asked.sec_type != "STK" or asked.exchange in ("", "SMART", "NASDAQ", "ISLAND", "NYSE", "ARCA")


def contract_month(contract: IbContract) -> str:
    """ "202701" also where the last day is in December."""
    if contract.sec_type != "FUT":
        return contract.expiry[:6]
    found = parse_contract(contract.local_symbol, as_of=date.fromisoformat(contract.expiry))
    return f"{found.year}{found.month:02d}"


def tick_of(symbol: str) -> str:
    return f"{instrument_for(symbol).tick_size.normalize():f}"
