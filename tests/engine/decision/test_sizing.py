"""How much one unit of target is."""

from decimal import Decimal

import msgspec
import pytest

from engine.decision.sizing import (
    AnySizing,
    AtrRisk,
    Basis,
    FixedFraction,
    FixedSize,
    KellyCapped,
    VolatilityTarget,
    size,
)
from engine.errors import InvalidInput
from engine.model.signals import SignalSuppressed
from tests.engine.scenario import ES, SPY, World, bar, bars, slot

D = Decimal


def basis(**fields):
    return Basis(**{"unit": D(1), "equity": 100_000.0, "price": 50.0, **fields})


@pytest.mark.parametrize(
    ("sizing", "given", "instrument", "quantity"),
    [
        (FixedSize(), basis(unit=D(7)), SPY, 7),
        (FixedSize(max_quantity=D(5)), basis(unit=D(7)), SPY, 5),
        (FixedFraction(fraction=0.1), basis(), SPY, 200),
        (FixedFraction(fraction=0.1), basis(price=51.0), SPY, 196),
        (FixedFraction(fraction=1.0), basis(price=1000.0), ES, 2),
        (AtrRisk(risk=0.01, atrs=2.0), basis(atr=5.0), SPY, 100),
        (AtrRisk(risk=0.01, atrs=2.0), basis(atr=5.0), ES, 2),
        (VolatilityTarget(target=0.001), basis(volatility=0.01), SPY, 200),
        (KellyCapped(scale=0.5, cap=0.2), basis(wins=60, losses=40, average_win=100.0, average_loss=100.0), SPY, 200),
        (KellyCapped(scale=1.0, cap=0.15), basis(wins=60, losses=40, average_win=100.0, average_loss=100.0), SPY, 300),
        (KellyCapped(floor=0.01), basis(wins=5, losses=1, average_win=9.0, average_loss=1.0), SPY, 20),
        (KellyCapped(floor=0.0), basis(wins=20, losses=80, average_win=1.0, average_loss=1.0), SPY, 0),
    ],
)
def test_sizes_worked_by_hand(sizing, given, instrument, quantity):
    assert size(sizing, given, instrument) == quantity


@pytest.mark.parametrize(
    ("sizing", "given"),
    [
        (AtrRisk(), basis()),
        (AtrRisk(), basis(equity=-5.0, atr=1.0)),
        (VolatilityTarget(), basis()),
        (FixedFraction(), basis(unit=D(0))),
    ],
    ids=["atr-not-warm", "no-equity-left", "volatility-not-warm", "broker-not-traded"],
)
def test_what_cannot_be_known_is_nothing(sizing, given):
    assert size(sizing, given, SPY) == 0


def test_the_methods_are_told_apart_in_configuration():
    assert msgspec.convert({"method": "atr_risk", "risk": 0.02}, AnySizing) == AtrRisk(risk=0.02)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"method": "atr_risk", "risk": 2.0}, AnySizing)


def test_the_size_is_frozen_at_the_entry_and_worked_out_anew_for_the_next():
    script = msgspec.structs.replace(slot({1: 1, 3: 0, 4: 1}), sizing=FixedFraction(fraction=0.5))
    world = World(script, capital={"sim": D(10_000)}).run(bars([100, 100, 110, 110, 110, 110]))
    quantities = [event.quantity for event in world.of_fills()]
    # 5,000 / 100; all of it back; then half of the 10,500 that are there now, at 110
    assert quantities == [D(50), D(50), D(47)]


def test_a_volatility_target_reads_its_indicator():
    closes = [100.0 * (1.01 if n % 2 else 1.0) for n in range(30)]
    sizing = VolatilityTarget(target=0.001, period=5)
    world = World(msgspec.structs.replace(slot({1: 1}), sizing=sizing), capital={"sim": D(100_000)}).run(bars(closes))
    (fill,) = world.of_fills()
    # returns alternate between +1 % and −0.990 %: their deviation over five bars is about 0.98 %
    assert 95 <= fill.quantity <= 105


def test_an_entry_of_size_nothing_is_recorded_as_such():
    sizing = AtrRisk(risk=0.0001, atrs=5.0, period=2)
    world = World(msgspec.structs.replace(slot({1: 1}), sizing=sizing), capital={"sim": D(100)})
    world.run([bar(n, 100, high=105, low=95) for n in range(1, 6)])
    assert [s.rule for s in world.of(SignalSuppressed)] == ["sizing"]


def test_sizes_by_equity_need_the_capital():
    with pytest.raises(InvalidInput, match="capital"):
        World(msgspec.structs.replace(slot({}), sizing=FixedFraction()))
