from decimal import Decimal

import pytest

from engine.core import EngineConfig
from engine.errors import SnapshotIncompatible
from engine.exits.config import Distance, ExitConfig
from engine.instruments.catalog import instrument_for
from engine.model.commands import Halt
from engine.model.enums import Side
from engine.model.market import Bar, PartialBar, Tick, TimeAdvanced
from engine.model.orders import Order, OrderFilled
from engine.strategy.slot import SlotConfig
from tests.trading.runtime.test_warmup import FakeEngine
from trading.runtime.recording import Input, Opened, RecordedWarmth, Recorder, Rewarmed, Warmed, pack, unpack

SLOT = SlotConfig(
    strategy="ema", symbol="/NQ", timeframe="144t", params={"period_1": 9}, quantities={"paper": Decimal(2)},
    exits=ExitConfig(stop=Distance(0.01)),
)  # fmt: skip
BAR = Bar(ts=60, symbol="/NQ", timeframe="1", ts_open=0, open=1.0, high=2.0, low=0.5, close=1.5, volume=3.0)
ORDER = Order(client_id="a", strategy="ema", symbol="/NQ", broker="paper", side=Side.BUY, quantity=Decimal("2.5"))
FILL = OrderFilled(
    ts=7, client_id="a", fill_id="f", strategy="ema", symbol="/NQ", broker="paper", side=Side.BUY,
    quantity=Decimal("2.5"), price=Decimal("100.25"), reference_price=100.0,
)  # fmt: skip
OPENED = Opened(
    mode="paper", generation=3, config=EngineConfig("paper3", (SLOT,), {"/NQ": instrument_for("/NQ")}),
    state=b"\x00\xffstate", fills=((ORDER, FILL),), versions={"ema": "0123"},
)  # fmt: skip


def test_what_is_packed_comes_back_equal_and_in_order():
    inputs: list[Input] = [
        OPENED, Warmed(BAR), Rewarmed("/NQ"), Tick(ts=1, symbol="/NQ", price=1.25, size=2.0, seq=9), BAR,
        PartialBar(1, "/NQ", "1", 0, 1.0, 2.0, 0.5, 1.5, 3.0, 2, 2.0, 0.5), TimeAdvanced(ts=5),
        Halt(ts=6, command_id="c", by="anna", reason="lunch"), FILL,
    ]  # fmt: skip
    found = unpack(pack(inputs))
    assert found == inputs
    assert isinstance(found[0], Opened)
    assert found[0].config.slots[0].quantities == {"paper": Decimal(2)}


def test_a_second_of_prices_takes_a_few_bytes_an_event():
    ticks = [Tick(ts=1_795_000_000 * 10**9 + n * 10**7, symbol="/NQ", price=20_000.25 + n, size=1.0) for n in range(20)]
    assert len(pack(ticks)) < 20 * 25


def test_damaged_or_foreign_bytes_are_refused_in_words():
    with pytest.raises(SnapshotIncompatible, match="cannot be read"):
        unpack(pack([BAR])[:-6])
    with pytest.raises(SnapshotIncompatible, match="version 1 were expected, found 9"):
        unpack(b"\x09" + pack([BAR])[1:])
    with pytest.raises(SnapshotIncompatible, match="found nothing"):
        unpack(b"")


def test_an_input_is_given_to_one_commit_only():
    recorder = Recorder()
    recorder.take(BAR)
    assert recorder.drain() == (BAR,)
    assert recorder.drain() == ()


def test_bars_of_the_past_are_recorded_as_the_engine_sees_them():
    recorder, engine = Recorder(), FakeEngine(have=3)
    recorded = RecordedWarmth(engine, recorder)
    recorded.begin_rewarm("/NQ")
    recorded.warm(BAR)
    assert recorder.drain() == (Rewarmed("/NQ"), Warmed(BAR))
    assert recorded.slot_states() == engine.slot_states()
