"""What one engine runs: its slots, instruments, brokers' habits and limits."""

from decimal import Decimal
from enum import StrEnum

import msgspec

from engine.decision.correlation import CorrelationConfig
from engine.decision.sizing import FixedSize
from engine.errors import InvalidInput
from engine.exits.plan import check_exits
from engine.instruments.futures import Contract, RollRules
from engine.instruments.instrument import Instrument
from engine.instruments.rolls import last_session_ends
from engine.model.time import NS_PER_S
from engine.risk.config import RiskConfig
from engine.strategy.slot import SlotConfig


class ExitPlacement(StrEnum):
    """Where the exits of a position wait."""

    VENUE = "venue"  # as orders of one one-cancels-other group at the venue
    SPLIT = "split"  # one stop at the venue, the rest in the engine: for venues without one-cancels-other groups
    HELD = "held"  # in the engine, which sends a market order when a level is reached


class VenueExits(msgspec.Struct, frozen=True):
    """What a venue that holds one stop (`ExitPlacement.SPLIT`) can do besides. `pairs`: symbols of which it takes a
    stop and a target as one pair, of which the first to fill ends the other."""

    pairs: frozenset[str] = frozenset()
    trails: bool = True  # follows the price with a stop by itself
    moves: bool = False  # changes the price of a stop that waits


class RollPolicy(msgspec.Struct, frozen=True):
    """What happens to what is held of a futures root when its active contract changes, by `rules`: it is closed so
    many seconds before the last session under the old contract ends; None keeps it in that contract."""

    rules: RollRules = RollRules()
    close_before_s: float | None = 900.0

    def leaves(self, contract: Contract) -> int | None:
        """From when on nothing is entered in the contract, and what is held of it is closed; None: never."""
        if self.close_before_s is None:
            return None
        return last_session_ends(contract, rules=self.rules) - int(self.close_before_s * NS_PER_S)


class EngineConfig(msgspec.Struct, frozen=True):
    """`run` names the run and prefixes every order id. The two broker maps are keyed as `SlotConfig.quantities`."""

    run: str
    slots: tuple[SlotConfig, ...]
    instruments: dict[str, Instrument]
    risk: RiskConfig = RiskConfig()
    linked_reversal: dict[str, bool] = {}  # brokers where a reversal is a close, then an open
    exit_placement: dict[str, ExitPlacement] = {}  # VENUE where nothing is said
    correlation: CorrelationConfig | None = None  # None: strategies may take the same bet
    capital: dict[str, Decimal] = {}  # cash at each broker when the run began, for sizes that depend on equity
    flatten_on_refused_stop: bool = False  # True: a position whose stop the venue refuses is closed at the market
    linked_pairs: frozenset[tuple[str, str]] = frozenset()  # (broker, symbol): as `linked_reversal`, for one symbol
    venue_exits: dict[str, VenueExits] = {}
    rolls: RollPolicy | None = None  # None: a root is one series for ever, as in stored data that were joined

    @property
    def keeps_accounts(self) -> bool:
        """Whether a limit or a size looks at what was earned."""
        return self.risk.needs_accounts or any(slot.sizing is not None for slot in self.slots)


def check_config(config: EngineConfig) -> None:
    """Refuse what cannot run, naming the field."""
    seen: set[tuple[str, str]] = set()
    for slot in config.slots:
        if slot.key in seen:
            raise InvalidInput(f"slots: {slot.strategy} on {slot.symbol} is there twice", field="slots")
        seen.add(slot.key)
        if slot.symbol not in config.instruments:
            raise InvalidInput(f"instruments: {slot.symbol!r} is missing, a slot trades it", field="instruments")
        for broker, quantity in slot.quantities.items():
            if quantity < 0:
                raise InvalidInput(
                    f"quantities: at least 0 was expected for {broker}, found {quantity}", field="quantities"
                )
        if slot.exits is not None:
            check_exits(slot.exits)
        if slot.sizing is not None and not isinstance(slot.sizing, FixedSize):
            for broker in slot.quantities:
                if broker not in config.capital:
                    raise InvalidInput(
                        f"capital: {broker} is missing, {slot.strategy} sizes by equity", field="capital"
                    )
