"""What a strategy that trades options asks of their chain."""

import msgspec

from engine.exits.config import ExitConfig
from engine.model.time import NS_PER_S
from engine.options.chain import OptionChain


class ContractRules(msgspec.Struct, frozen=True):
    """In seconds: how long a wish may take to become an order, how old the newest quote of a chain may be, and how long
    before its last moment a contract is closed, whatever else is configured."""

    wait_s: float = 20.0
    max_age_s: float = 30.0
    close_before_s: float = 900.0

    def too_old(self, chain: OptionChain, now: int) -> str:
        """Why nothing may be chosen from `chain` at `now`; empty where it is of now."""
        age = abs(now - chain.ts) / NS_PER_S
        if age <= self.max_age_s:
            return ""
        return f"the chain's newest quote is {age:.0f} s away, at most {self.max_age_s:g} s is allowed"

    def exits(self, configured: ExitConfig | None) -> ExitConfig:
        """The exits of what is held: those that are configured, and the cut-off in any case."""
        exits = configured or ExitConfig()
        before = max(exits.before_close_s or 0.0, self.close_before_s)
        return msgspec.structs.replace(exits, before_close_s=before)
