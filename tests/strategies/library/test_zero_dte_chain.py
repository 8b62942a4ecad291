"""0DTE on a real day: the crosses of the index, and contracts chosen from the chain as it was quoted then."""

from collections import defaultdict
from datetime import date
from decimal import Decimal

import pytest

from engine.instruments.options import OptionContract
from engine.model.market import Bar
from engine.options.atm import choose_atm
from engine.options.chain import ChainEntry, OptionChain
from tests.contracts.strategy_checks import DATA, MINUTE
from tests.strategies.library.test_zero_dte import World

DAY = date(2021, 1, 4)
INDEX, QUOTES = DATA / "spx_index_bars_1m_2021.parquet", DATA / "spx_option_quote_bars_1m.parquet"

pytestmark = pytest.mark.skipif(not QUOTES.exists(), reason="the shared market data are not in this clone")


def rows(path):
    parquet = pytest.importorskip("pyarrow.parquet")
    for row in parquet.read_table(path).to_pylist():
        if row["ts_utc"].date() == DAY:
            yield int(row["ts_utc"].timestamp()) * 1_000_000_000 + MINUTE, row


class RecordedChain:
    """The quotes of one day, as of a minute's close."""

    def __init__(self) -> None:
        self.now = 0
        self._quotes: dict[int, list[ChainEntry]] = defaultdict(list)
        for ts, row in rows(QUOTES):
            expiry = date.fromisoformat(row["expiry"])
            contract = OptionContract(row["symbol"], expiry, row["right"], Decimal(int(row["strike"])))
            self._quotes[ts].append(ChainEntry(contract, row["bid_close"], row["ask_close"]))

    async def chain(self, underlying: str, expiry: date) -> OptionChain:
        return OptionChain(underlying, self.now, tuple(self._quotes[self.now]), "recorded")


async def test_each_entry_finds_todays_nearest_contract_and_never_the_monthly_one():
    bars = [
        Bar(ts, "SPX", "1", ts - MINUTE, row["open"], row["high"], row["low"], row["close"], 0.0)
        for ts, row in rows(INDEX)
    ]
    entries = [s for s in World().run(bars).signals if s.target]
    assert len(entries) > 10
    recorded = RecordedChain()
    for signal in entries:
        recorded.now = signal.ts
        chain = await recorded.chain("SPX", DAY)
        choice = choose_atm(chain, spot=signal.evidence["spot"], target=signal.target)
        assert (choice.contract.root, choice.contract.expiry) == ("SPXW", DAY)
        assert choice.contract.right == ("C" if signal.target > 0 else "P")
        today = [e.contract.strike for e in chain.entries if e.contract.root == "SPXW" and e.contract.expiry == DAY]
        assert choice.contract.strike == min(today, key=lambda strike: abs(float(strike) - signal.evidence["spot"]))
        assert choice.entry.ask > choice.entry.bid > 0
        assert any(e.contract.root == "SPX" for e in chain.entries), "the monthly series was there to be refused"
