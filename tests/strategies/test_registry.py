"""Strategies that users bring: from a folder, from an installed package, and what is refused."""

import sys
from importlib.metadata import EntryPoint
from types import ModuleType

import pytest
from django.apps import apps

from engine.indicators.table import ColumnCache
from engine.strategy.base import Strategy
from engine.strategy.decision import StepStrategy
from engine.strategy.scan import scan_wishes
from strategies import registry
from strategies.registry import STRATEGIES, StrategyRefused, load_folder, load_installed
from tests.contracts import strategy_checks as checks

GOOD = '''
"""A strategy of our own."""
from typing import Annotated
import msgspec
from msgspec import Meta
from engine.strategy.decision import NO_OPINION, Decision, StepStrategy
from strategies.registry import STRATEGIES


def above(close: float, line: float, margin: float = 0.0) -> float:
    if close > line + margin:
        return 1.0
    return -1.0 if close < line - margin else NO_OPINION


@STRATEGIES.register("{key}")
class Ours(StepStrategy):
    """Long above the average, short below it."""

    decision = Decision(above)

    class Params(msgspec.Struct, frozen=True):
        period: Annotated[int, Meta(ge=1, le=500, description="bars")] = 10
        margin: Annotated[float, Meta(ge=0, le=10, description="points")] = 0.0

    def values(self) -> tuple[str, ...]:
        return "close", f"sma(close,{{self.params.period}})"
'''


@pytest.fixture(autouse=True)
def unchanged(monkeypatch):
    """The registry is as it was after each test."""
    monkeypatch.setattr(STRATEGIES, "_items", dict(STRATEGIES._items))
    monkeypatch.setattr(STRATEGIES, "_aliases", dict(STRATEGIES._aliases))


def write(folder, **files):
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    return folder


def test_files_of_a_folder_bring_their_strategies_which_compile_and_run(tmp_path):
    folder = write(tmp_path, ours=GOOD.format(key="ours"), _helper="raise SystemError")
    assert load_folder(folder) == ["ours"]
    kind, bars = STRATEGIES["ours"], checks.sample_bars()
    running = {a.ts: a.wish for a in checks.run(kind, {"period": 5}, bars).answers}
    strategy = kind(registry.parse_params("ours", {"period": 5}))
    assert isinstance(strategy, StepStrategy)
    scanned = scan_wishes(strategy, ColumnCache(checks.columns_of(bars)))
    assert [wish == wish for wish in scanned] == [running.get(bar.ts) is not None for bar in bars]
    checks.check_a_restart_at_any_bar_changes_nothing(kind, {}, bars[:60])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import nothing_like_this", "ModuleNotFoundError: No module named 'nothing_like_this'"),
        ("x = (", "SyntaxError"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("x = 1", "it registers no strategy"),
        (GOOD.format(key="ema"), "strategy 'ema' is registered already"),
        (GOOD.format(key="supertrend_reversal"), "'supertrend_reversal' is registered already"),
        (GOOD.format(key="wrong").replace("sma(close", "smma(close"), "smma"),
        (GOOD.format(key="wrong").replace("margin: Annotated", "edge: Annotated"), "takes margin, which"),
        (GOOD.format(key="wrong") + "    def values(self): return ('close',)", "2 values were expected"),
        ("from strategies.registry import STRATEGIES\nSTRATEGIES.add('odd', 7)", "a subclass of Strategy was expected"),
    ],
)
def test_a_broken_file_is_refused_with_its_name_and_error(tmp_path, text, words):
    known = list(STRATEGIES)
    with pytest.raises(StrategyRefused) as caught:
        load_folder(write(tmp_path, broken=text))
    assert caught.value.detail.startswith("broken.py: ")
    assert words in caught.value.detail
    assert list(STRATEGIES) == known


def test_two_files_with_one_key_are_refused(tmp_path):
    folder = write(tmp_path, a=GOOD.format(key="twice"), b=GOOD.format(key="twice"))
    with pytest.raises(StrategyRefused, match=r"^b\.py: DuplicateName: strategy 'twice' is registered already"):
        load_folder(folder)


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(StrategyRefused, match="a folder of strategies was expected"):
        load_folder(tmp_path / "nowhere")


class Packaged(Strategy):
    """Stands for a class in somebody's package."""


def point(name, value):
    return EntryPoint(name, value, registry.ENTRY_POINTS)


def test_an_entry_point_brings_a_class_under_its_own_name():
    assert load_installed([point("packaged", f"{__name__}:Packaged")]) == ["packaged"]
    assert STRATEGIES["packaged"] is Packaged


def test_an_entry_point_may_be_a_module_that_registers(monkeypatch):
    module = ModuleType("somebodys_strategies")
    monkeypatch.setitem(sys.modules, "somebodys_strategies", module)
    with pytest.raises(StrategyRefused, match="it registers no strategy"):
        load_installed([point("all", "somebodys_strategies")])


def test_a_broken_package_is_refused_by_its_entry_point():
    with pytest.raises(StrategyRefused, match=r"mine of a package \(no_such_package:Mine\): ModuleNotFoundError"):
        load_installed([point("mine", "no_such_package:Mine")])
    with pytest.raises(StrategyRefused, match="is registered already"):
        load_installed([point("ema", f"{__name__}:Packaged")])


def test_nothing_is_installed_here():
    assert load_installed() == []


def test_the_start_loads_the_folder_that_the_settings_name(tmp_path, settings):
    settings.STRATEGIES_DIR = str(write(tmp_path, ours=GOOD.format(key="at_start")))
    apps.get_app_config("strategies").ready()
    assert "at_start" in STRATEGIES


def test_a_broken_file_stops_the_start(tmp_path, settings):
    settings.STRATEGIES_DIR = str(write(tmp_path, broken="1 / 0"))
    with pytest.raises(StrategyRefused, match=r"broken\.py: ZeroDivisionError"):
        apps.get_app_config("strategies").ready()
