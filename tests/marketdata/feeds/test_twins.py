"""Several names of ours for one thing at the venue."""

import pytest

from engine.model.market import FeedGap, Quote, Tick, TickCorrected
from marketdata.feeds.facts import SymbolFacts
from marketdata.feeds.twins import Twins, give_up


@pytest.fixture
def twins() -> Twins:
    found = Twins()
    found.learn({"/ES": "ESZ6", "/ESZ26": "ESZ6", "/NQ": "NQZ6"})
    return found


def test_every_kind_of_event_is_repeated_right_behind_its_own(twins):
    tick = Tick(1, "/ES", 5000.0, 2.0)
    corrected = TickCorrected(2, "/ESZ26", tick, Tick(1, "/ES", 5001.0, 2.0))
    frame = [SymbolFacts("/ES", "summary", {}), FeedGap(1, "/ES", "cut"), Quote(1, "/NQ", 1.0, 2.0), tick, corrected]
    spread = twins.spread(frame)
    assert [event.symbol for event in spread] == [
        "/ES",
        "/ESZ26",
        "/ES",
        "/ESZ26",
        "/NQ",
        "/ES",
        "/ESZ26",
        "/ESZ26",
        "/ES",
    ]
    assert (spread[6].price, spread[6].size, spread[6].ts) == (5000.0, 2.0, 1)
    assert {each.original.symbol for each in spread[7:]} == {"/ES"}
    assert spread[8].replacement == Tick(1, "/ES", 5001.0, 2.0)


def test_without_twins_a_frame_is_handed_on_as_it_is(twins):
    twins.learn({"/ES": "ESH7", "/ESZ26": "ESZ6"})
    frame = (Tick(1, "/ES", 1.0, 1.0),)
    assert twins.spread(frame) is frame
    assert twins.of("/ES") == ()


def test_whoever_is_given_up_has_an_heir_while_another_is_called_the_same():
    wanted = {"/ES": "ESZ6", "/ESZ26": "ESZ6"}
    assert give_up(wanted, "/ES") == ("ESZ6", "/ESZ26")
    assert give_up(wanted, "/ESZ26") == ("ESZ6", None)
    assert wanted == {}
