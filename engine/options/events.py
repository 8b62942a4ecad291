"""How a wish becomes an option: the contract that is wanted, the chain that comes, and what was chosen from it."""

from engine.model.event import Event
from engine.model.market import NAN
from engine.options.chain import OptionChain


class ContractWanted(Event, frozen=True):
    """A slot wants today's contract on `symbol` at the money: +1 a call, −1 a put. The chain is fetched for it.

    After `deadline` (UTC ns) it is given up.
    """

    wanted_id: str
    strategy: str
    symbol: str
    target: int
    deadline: int
    reason: str = ""


class ChainReceived(Event, frozen=True):
    """What came of fetching the chain for `wanted_id`; None where nothing came, and why."""

    wanted_id: str
    chain: OptionChain | None = None
    reason: str = ""


class ContractChosen(Event, frozen=True):
    """The contract, in words why, and the whole chain that it was chosen from."""

    wanted_id: str
    strategy: str
    symbol: str
    target: int
    contract: str  # in our spelling
    spot: float
    reason: str
    chain: OptionChain
    bid: float = NAN
    ask: float = NAN
    wish: str = ""  # why an option was wished for


class ContractRefused(Event, frozen=True):
    """Nothing is bought for this wish. `rule` names what said no: no_chain, stale_chain, no_contract, too_late, …"""

    wanted_id: str
    strategy: str
    symbol: str
    target: int
    rule: str
    reason: str
