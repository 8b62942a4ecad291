"""What a book with real accounts does when something is not as it should be, as people set it."""

from typing import Any

import msgspec

from engine.errors import InvalidInput
from engine.model.accounts import Policy
from engine.options.synthetic import MODEL, parse_chains

_WORDS = {
    "stop_rejected": ("hold", "flatten"),
    "sessions": ("exchange", "always"),
    "exits": ("venue", "stop", "engine"),
    "roll": ("close", "hold"),
}


class ExecutionPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Seconds and choices of one book; what is not set keeps the value that is right for most."""

    external_trades: Policy = Policy.PAUSE
    external_trades_by_symbol: dict[str, Policy] = {}
    cash_differences: Policy = Policy.IGNORE  # ignore: recorded, and our books follow · pause: a person decides
    cash_tolerance: float = 5.0  # dollars: fees and interest that a venue books later do not count at once
    sessions: str = "exchange"  # exchange: orders for now need an open one · always: a rehearsal that never closes
    stop_rejected: str = "hold"  # hold: the engine watches the level · flatten: close at the market
    exits: str = "venue"  # venue: wait there as far as it can · stop: one stop there · engine: all are watched here
    roll: str = "close"  # close: futures are closed before their contract rolls · hold: they stay in it until an exit
    roll_close_s: float = 900.0  # so long before the last session under the old contract ends; no entries from then on
    allow_short: bool = True  # False: shares are not sold short, whatever a strategy wishes
    stale_entry_s: float = 30.0  # an entry that waited longer for its turn is not sent any more
    retry_s: float = 10.0  # what certainly did not happen (a pause asked for, nobody reached) is tried again so long
    answer_s: float = 15.0  # without an answer by then, what became of an order is unknown
    never_came_after_s: float = 15.0  # the venue does not know an order so long after it was sent: it never came
    confirm_cancel_s: float = 2.0  # a cancel that is not confirmed by then is asked about
    poll_s: float = 3.0  # while the account stream is down
    check_every_s: float = 30.0  # between two comparisons of the account with our books
    recheck_s: float = 1.0  # a difference must be the same three times, so long apart
    look_back_s: float = 86_400.0  # how far back a start asks for orders and fills
    chains: str = ""  # where option chains come from: an account, or on paper "synthetic" (see `trading.options`)

    def of(self, symbol: str) -> Policy:
        """What to do about somebody else's trade in `symbol`."""
        return self.external_trades_by_symbol.get(symbol, self.external_trades)


def execution_policy(document: dict[str, Any]) -> ExecutionPolicy:
    """The policy in `document`; `InvalidInput` names what is wrong in it. Empty: the defaults."""
    try:
        policy = msgspec.convert(document, ExecutionPolicy, strict=False)
    except msgspec.ValidationError as error:
        raise InvalidInput(f"execution: {str(error).replace('`', '')}", field="execution") from error
    for name, words in _WORDS.items():
        found = getattr(policy, name)
        if found not in words:
            raise InvalidInput(
                f"execution.{name}: {' or '.join(words)} was expected, found {found!r}", field="execution"
            )
    if policy.chains.partition(":")[0] == MODEL:
        parse_chains(policy.chains)
    for name, value in msgspec.structs.asdict(policy).items():
        if isinstance(value, float) and value <= 0:
            raise InvalidInput(f"execution.{name}: more than 0 was expected, found {value:g}", field="execution")
    return policy
