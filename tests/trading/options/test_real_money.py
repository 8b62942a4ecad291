"""0DTE with real orders on a half day: gateway and chains of each venue that has options, over sockets, at its
simulator."""

import asyncio
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from msgspec import convert

from brokers.adapters import VENUES
from engine.core.config import ExitPlacement
from engine.exits.config import ExitConfig
from engine.instruments.options import parse_option
from engine.model.accounts import AccountState
from engine.model.commands import CommandSettled, ManualSignal
from engine.model.enums import OrderType
from engine.model.market import Bar, TimeAdvanced
from engine.model.orders import ApprovedOrder
from engine.model.positions import TradeClosed
from engine.options.chain import OptionChain
from engine.options.events import ContractChosen, ContractRefused, ContractWanted
from engine.ports import ChainSource
from engine.strategy.slot import SlotConfig
from simulators.brokerage.orders import Execution, SimOrder, State
from strategies.registry import STRATEGIES
from tests.contracts.venues import schwab, tastytrade
from tests.engine.options.world import HALF_DAY, MINUTE, NEVER_TRADES, SPX, S, session
from tests.trading.runtime.live_stage import QUICK, Stage
from trading.runtime.account import Permission, Verdict
from trading.runtime.contracts import ContractSource

OPENS, CLOSES = session(HALF_DAY)
CUT_OFF = CLOSES - 15 * MINUTE
CROSSES = {"period_1": 2, "period_2": 5, "last_entry_minutes": 20}
BY_HAND = NEVER_TRADES | {"chain_wait_s": 120}


class Gate:
    """Chains that can be kept waiting."""

    def __init__(self, chains: ChainSource) -> None:
        self._chains = chains
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def chain(self, underlying: str, expiry: Any) -> OptionChain:
        await self.may_answer.wait()
        return await self._chains.chain(underlying, expiry)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._chains, name)


class OptionStage(Stage):
    """A book with the index's 0DTE at a simulated venue, on that venue's clock."""

    strategies = STRATEGIES
    instruments = {"SPX": SPX}

    def __init__(self, at: schwab.Running | tastytrade.Running, exits: Any = None, **params: Any) -> None:
        self.at = at
        slot = SlotConfig("zero_dte", "SPX", "1", params, {"sim": Decimal(1)}, exits=convert(exits, ExitConfig | None))
        super().__init__(
            slot,
            venue=self._venue(),
            policy=QUICK,
            exit_placement={"sim": ExitPlacement.SPLIT},
            flatten_on_refused_stop=True,
        )
        self.minute = at.clock.now() // MINUTE * MINUTE

    def _venue(self) -> Any:
        return VENUES[self.at.venue].make(self.at.setup({"settle_s": 0.2, "timeout_s": 2.0}))

    def now_ns(self) -> int:
        return self.at.clock.now()

    async def start(self, **_: Any) -> "OptionStage":
        self.venues = {"sim": self._venue()}
        await self.venues["sim"].open()
        await super().start(reconciles=True)
        make = VENUES[self.at.venue].chains
        assert make is not None
        self.chains = Gate(make(self.at.setup({})))
        self.options = ContractSource(
            self.engine, self.chains, alert=self._alert, look_s=0.005, quotes_s=0.05, now_ns=self.now_ns
        )
        self.inbox.attach("options", self.options.read)
        await self.until_checked(AccountState.GREEN)
        await self.until(lambda: self.gateway.hold is None, "orders may go")
        return self

    async def kill(self) -> None:
        await self.options.close()
        await super().kill()
        await self.venues["sim"].close()

    async def _alert(self, what: str, text: str) -> None:
        self.alerts.append((what, text))

    # ---- time and wishes ---------------------------------------------------------------------------------------

    def jump(self, ts: int) -> None:
        """The venue's clock, and so ours, is at `ts` now (or later already)."""
        clock = self.at.clock
        clock.start += max(ts - clock.now(), 0)

    async def bar(self) -> None:
        """The next minute of the venue's index passes."""
        ticks = list(self.at.simulator.market.ticks("SPX", start=self.minute, end=self.minute + MINUTE))
        prices = [tick.price for tick in ticks]
        self.minute += MINUTE
        self.jump(self.minute)
        await self.give(
            Bar(self.minute, "SPX", "1", self.minute - MINUTE, prices[0], max(prices), min(prices), prices[-1], 0.0)
        )
        await self.until(lambda: self.engine.now >= self.minute, "the bar is seen")

    async def wish(self, target: int, name: str) -> None:
        """A person's, in a bar of its own."""
        await self.bar()
        await self.give(ManualSignal(self.now_ns(), name, "ann", "zero_dte", "SPX", target))

    async def settled(self, what: str = "nothing is on its way") -> None:
        await self.until(lambda: not self.engine.contracts.wanted and not self.engine.open_orders, what)

    async def answered(self, name: str) -> None:
        """A wish has come to something."""
        await self.until(lambda: any(name == told for told, _ in self.told()), f"an answer to {name}")

    async def flat(self) -> None:
        """Nothing is held, here or there, and the journal has it all."""
        await self.until(lambda: not self.ours and not self.theirs, "flat")
        await self.settled()
        await self.until(lambda: 2 * len(self.of(TradeClosed)) == len(self.executions), "the last trade is journalled")

    # ---- looking -----------------------------------------------------------------------------------------------

    @property
    def ours(self) -> dict[str, Decimal]:
        return {p.symbol: p.quantity for p in self.engine.positions if p.quantity}

    @property
    def theirs(self) -> dict[str, Decimal]:
        account = self.at.brokerage.account(self.at.account)
        return {symbol: held.quantity for symbol, held in account.holdings.items() if held.quantity}

    @property
    def executions(self) -> list[Execution]:
        return self.at.brokerage.executions(self.at.account)

    @property
    def at_venue(self) -> list[SimOrder]:
        """Every order that the venue got, oldest first."""
        return self.at.brokerage.orders(self.at.account)

    def told(self) -> list[tuple[str, str]]:
        return [(each.command_id, each.outcome) for each in self.of(CommandSettled)]


def most_at_once(executions: Iterable[Execution]) -> int:
    """The most contracts that the account ever held at one instant."""
    held: dict[str, Decimal] = {}
    most = 0
    for each in executions:
        held[each.symbol] = held.get(each.symbol, Decimal(0)) + each.side.sign * each.quantity
        assert held[each.symbol] >= 0, "an option was written"
        most = max(most, sum(1 for quantity in held.values() if quantity))
    return most


async def test_a_half_day_ends_flat_without_a_hand(venue):
    stage = await OptionStage(venue, **CROSSES).start()
    while stage.minute < CUT_OFF - 15 * MINUTE or not stage.ours:
        await stage.bar()
        await stage.settled()
        assert stage.minute < CUT_OFF - 5 * MINUTE, "something should be held by now"
    held = dict(stage.ours)
    assert stage.theirs == held, "the venue agrees"

    # No bar comes any more: the clock alone closes what is held.
    stage.jump(CUT_OFF - 5 * S)
    await stage.give(TimeAdvanced(stage.now_ns()))
    await stage.settled()
    assert stage.ours == held
    stage.jump(CUT_OFF)
    await stage.give(TimeAdvanced(stage.now_ns()))
    await stage.flat()

    trades = stage.of(TradeClosed)
    assert trades[-1].exit_reason == "session_close"
    assert CUT_OFF <= trades[-1].exit_ts < CLOSES
    assert len(trades) > 3
    contracts = [parse_option(each.symbol) for each in stage.executions]
    assert {(each.root, each.expiry) for each in contracts} == {("SPXW", HALF_DAY)}
    assert most_at_once(stage.executions) == 1
    assert len(stage.executions) == len(stage.of(ApprovedOrder)) == 2 * len(trades)
    assert len(stage.of(ContractChosen)) == len(trades)
    assert {chosen.chain.source for chosen in stage.of(ContractChosen)} == {venue.venue}
    assert stage.alerts == []
    await stage.close()


async def test_a_process_that_is_killed_at_any_stage_sends_no_second_order(venue):
    """Each kill is at a stage that a condition holds: a wish whose chain is waited for, a sale that is approved and may
    not leave yet, a put that the venue has."""
    stage = await OptionStage(venue, **BY_HAND).start()

    stage.chains.may_answer.clear()
    await stage.wish(1, "c1")
    await stage.until(lambda: stage.of(ContractWanted), "a chain is wanted, and the wish committed")
    await stage.kill()
    await stage.start()
    await stage.until(lambda: stage.ours, "the call is bought")
    await stage.settled()
    [chosen] = stage.of(ContractChosen)
    assert stage.ours == stage.theirs == {chosen.contract: 1}

    await stage.kill()
    stage.locks.permission = Permission(Verdict.WAIT, "test", "a test holds it")
    await stage.start()
    await stage.wish(-1, "c2")
    await stage.until(lambda: len(stage.of(ApprovedOrder)) == 2, "the sale is approved")
    await stage.kill()
    assert len(stage.at_venue) == 1
    stage.locks.permission = Permission(Verdict.GO)
    await stage.start()
    await stage.until(lambda: len(stage.at_venue) == 3, "the put is at the venue")
    await stage.kill()
    await stage.start()
    await stage.settled()
    put = stage.of(ContractChosen)[-1].contract
    assert parse_option(put).right == "P"
    assert stage.ours == stage.theirs == {put: 1}

    await stage.kill()
    await stage.start()
    stage.jump(CUT_OFF)
    await stage.give(TimeAdvanced(stage.now_ns()))
    await stage.flat()
    assert most_at_once(stage.executions) == 1
    assert len(stage.executions) == len(stage.of(ApprovedOrder)) == 4
    assert stage.told() == [("c1", "filled"), ("c2", "filled")]
    await stage.close()


async def test_a_stop_in_the_price_of_the_option_waits_at_the_venue_and_goes_before_the_sale(venue):
    stage = await OptionStage(venue, {"stop": {"value": 0.5}}, **BY_HAND).start()
    await stage.wish(1, "c1")
    await stage.until(lambda: len(stage.of(ApprovedOrder)) == 2, "a stop for what was bought")
    entry, stop = (approved.order for approved in stage.of(ApprovedOrder))
    assert (stop.symbol, stop.type, stop.parent) == (entry.symbol, OrderType.STOP, entry.client_id)
    await stage.until(lambda: stage.at_venue[-1].state is State.WORKING, "it waits there")
    await stage.wish(0, "c2")
    await stage.until(lambda: ("c2", "filled") in stage.told(), "sold by hand")
    assert stage.ours == stage.theirs == {}
    assert [order.state for order in stage.at_venue] == [State.FILLED, State.CANCELLED, State.FILLED]
    await stage.close()


async def test_what_the_venue_does_not_answer_is_not_bought_and_the_person_is_told(venue):
    stage = await OptionStage(venue, **NEVER_TRADES, chain_wait_s=1).start()
    stage.chains.may_answer.clear()
    await stage.wish(1, "c1")
    await stage.until(lambda: stage.of(ContractWanted), "a chain is wanted")
    stage.jump(stage.now_ns() + 2 * S)
    await stage.give(TimeAdvanced(stage.now_ns()))
    await stage.answered("c1")
    assert stage.told() == [("c1", "refused")]
    assert stage.of(ContractRefused)[-1].rule in ("no_chain", "too_late")
    assert stage.of(ApprovedOrder) == []
    await stage.close()


async def test_the_buttons_buy_turn_and_close_and_each_is_answered_with_what_became_of_it(venue):
    stage = await OptionStage(venue, **BY_HAND).start()
    for target, rights in ((1, {"C"}), (-1, {"P"}), (0, set())):
        await stage.wish(target, f"wish {target}")
        await stage.answered(f"wish {target}")
        await stage.settled()
        assert {parse_option(symbol).right for symbol in stage.theirs} == rights
    assert stage.told() == [("wish 1", "filled"), ("wish -1", "filled"), ("wish 0", "filled")]
    bought, _, turned, sold = (f"{each.price.normalize():f}" for each in stage.executions)
    details = [each.detail for each in stage.of(CommandSettled)]
    assert [text.rpartition(" ")[2] for text in details] == [bought, turned, sold]
    assert most_at_once(stage.executions) == 1
    await stage.close()
