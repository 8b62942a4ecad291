import pytest

from engine.errors import NotFound
from engine.registry import DuplicateName, Registry


def make_registry() -> Registry[int]:
    registry: Registry[int] = Registry("strategy")
    registry.add("triple_ema", 3, aliases=("supertrend_reversal",))
    return registry


def test_an_alias_finds_the_canonical_thing_and_is_not_listed():
    registry = make_registry()
    assert registry["supertrend_reversal"] == 3
    assert list(registry) == ["triple_ema"]


def test_registering_a_name_twice_is_refused():
    with pytest.raises(DuplicateName, match="triple_ema"):
        make_registry().add("triple_ema", 4)
    with pytest.raises(DuplicateName, match="supertrend_reversal"):
        make_registry().add("supertrend_reversal", 4)


def test_a_wrong_name_is_answered_with_what_may_have_been_meant():
    with pytest.raises(NotFound, match="Did you mean 'triple_ema'"):
        make_registry()["tripple_ema"]


def test_a_temporary_registration_ends_with_its_block():
    registry = make_registry()
    with registry.register_temporarily("planted", 9):
        assert registry["planted"] == 9
    assert "planted" not in registry


def test_what_a_broken_module_registered_is_taken_back():
    registry = make_registry()
    with pytest.raises(ZeroDivisionError), registry.all_or_nothing():
        registry.add("half", 1, aliases=("a_half",))
        raise ZeroDivisionError
    assert "half" not in registry
    assert "a_half" not in registry
    assert registry["supertrend_reversal"] == 3
