"""Keeps compiled scans on disk, so that a cold start loads machine code instead of making it."""

import importlib.util
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Beside this package's own byte code; where that cannot be written, in the user's cache folder.
_BESIDE = Path(__file__).parent / "__pycache__" / "scans"
_FALLBACK = Path("~/.cache/fortified/scans")


def load_compiled(name: str, source: str, cache_dir: Path | None = None) -> Callable[..., Any]:
    """The function `scan` of a generated module; `name` must change with `source`.

    Numba keeps machine code next to the file a function comes from and checks it by the file's time and size, so the
    module is written once and never again.
    """
    path = _folder(cache_dir) / f"{name}.py"
    if not path.exists():
        _write_once(path, source)
    module_spec = importlib.util.spec_from_file_location(f"engine_scan_{name}", path)
    if module_spec is None or module_spec.loader is None:
        raise ImportError(f"{path} cannot be imported")
    module = importlib.util.module_from_spec(module_spec)
    sys.modules[module_spec.name] = module  # machine code on disk names its module, and looks for it here
    module_spec.loader.exec_module(module)
    scan: Callable[..., Any] = module.scan
    return scan


def _folder(cache_dir: Path | None) -> Path:
    if cache_dir is not None:
        cache_dir.mkdir(parents=True, exist_ok=True)
        return cache_dir
    try:
        _BESIDE.mkdir(parents=True, exist_ok=True)
        if os.access(_BESIDE, os.W_OK):
            return _BESIDE
    except OSError:  # an installed package is often read-only; the user's folder is next
        pass
    fallback = _FALLBACK.expanduser()
    fallback.mkdir(parents=True, exist_ok=True, mode=0o700)
    return fallback


def _write_once(path: Path, source: str) -> None:
    """Put the file there whole or not at all; the first of several processes wins."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, suffix=".tmp", delete=False, encoding="utf-8") as file:
        file.write(source)
    try:
        os.link(file.name, path)
    except FileExistsError:
        pass
    finally:
        os.unlink(file.name)
