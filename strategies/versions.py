"""Which code a strategy is: a digest that changes when anything does that its decisions rest on."""

import hashlib
import inspect
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

import engine
from strategies.registry import STRATEGIES

# What every decision rests on: values of indicators, and how a strategy is asked.
_SHARED = ("indicators", "detection", "strategy", "bars")


@cache
def code_version(strategy: str) -> str:
    """SHA-256 (first 16 hex digits) over the strategy's module, the modules of its bases and of its own package that it
    imports, and the engine's indicators, detection, bars and strategy interface."""
    digest = hashlib.sha256(_shared_digest())
    for path in sorted(_own_files(STRATEGIES[strategy])):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


@cache
def _shared_digest() -> bytes:
    root = Path(str(engine.__file__)).parent
    digest = hashlib.sha256()
    for folder in _SHARED:
        for path in sorted((root / folder).rglob("*.py")):
            digest.update(path.relative_to(root).as_posix().encode())
            digest.update(path.read_bytes())
    return digest.digest()


def _own_files(kind: type) -> set[Path]:
    """Files of the class, of its bases outside the engine, and what these import from their own packages."""
    waiting = [sys.modules[base.__module__] for base in kind.__mro__ if _is_foreign(base.__module__)]
    files: set[Path] = set()
    while waiting:
        module = waiting.pop()
        path = Path(str(module.__file__))
        if path not in files:
            files.add(path)
            waiting += _imported(module)
    return files


def _imported(module: ModuleType) -> list[ModuleType]:
    """Modules beside `module` that something in its namespace comes from."""
    package = module.__name__.rpartition(".")[0]
    names = {value.__name__ for value in vars(module).values() if inspect.ismodule(value)}
    names |= {getattr(value, "__module__", None) or "" for value in vars(module).values()}
    found = (sys.modules.get(name) for name in names if name.rpartition(".")[0] == package and name != module.__name__)
    return [each for each in found if each is not None and getattr(each, "__file__", None)]


def _is_foreign(name: str) -> bool:
    return name != "builtins" and not name.startswith("engine.")
