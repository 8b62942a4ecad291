"""Compiled scans are kept on disk; nothing compiles, and nothing heavy loads, at import."""

import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np

from engine.indicators.scan import scanner
from engine.indicators.table import compute
from tests.engine.indicators.sample_bars import sample_columns

ROOT = Path(__file__).resolve().parents[3]


def python(code: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stdout.split()


def test_importing_the_engine_loads_no_compiler():
    loaded = python("""
        import sys, engine.indicators, engine.indicators.table, engine.indicators.frame
        print("numba" in sys.modules, "pandas" in sys.modules)
    """)
    assert loaded == ["False", "False"]


def test_appending_loads_no_compiler():
    loaded = python("""
        import sys
        import engine.indicators
        from engine.indicators.frame import IndicatorFrame
        from engine.model.market import Bar
        frame = IndicatorFrame(["ema(close,2)"])
        for i in range(3):
            frame.append(Bar(i + 1, "X", "1", i, 1.0, 1.0, 1.0, 1.0, 1.0))
        print(frame["ema(close,2)"], "numba" in sys.modules)
    """)
    assert loaded == ["1.0", "False"]


def test_another_process_finds_the_machine_code_in_the_folder_it_is_given(tmp_path):
    code = f"""
        from pathlib import Path
        import numpy as np, engine.indicators
        from engine.indicators.table import compute
        from numba.core import event
        import numba.core.compiler_lock
        compiled = []
        with event.install_recorder("numba:compile") as recorder:
            values = compute({{"close": np.arange(30.0)}}, ["wma(close,5)"], cache_dir=Path({str(tmp_path)!r}))
        print(values["wma(close,5)"][-1], len(recorder.buffer) > 0)
    """
    first, second = python(code), python(code)
    assert first[0] == second[0]
    assert (first[1], second[1]) == ("True", "False")
    assert [path.suffix for path in tmp_path.iterdir() if path.is_file()] == [".py"]


def test_one_scan_serves_every_period():
    scanner.cache_clear()
    columns = sample_columns(60)
    for period in range(2, 12):
        compute(columns, [f"ema(close,{period})"])
    assert scanner.cache_info().misses == 1


def test_a_cache_folder_that_does_not_exist_is_made(tmp_path):
    folder = tmp_path / "a" / "b"
    compute({"close": np.arange(9.0)}, ["delay(close,2)"], cache_dir=folder)
    assert list(folder.glob("delay_*.py"))
