"""Who may import whom: the contracts hold, and they name everything they should."""

import subprocess
import sys
import tomllib

import pytest

from tests.architecture.source import PRODUCT, ROOT
from tests.waiting import DEADLINE_S

LINT = "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())"
PURE = (
    "engine", "strategies.library", "strategies.registry", "backtest.simulation", "discovery.mining",
    "discovery.fingerprint", "brokers.*.translate",
)  # fmt: skip
ORDER_PATH = (
    "marketdata.publisher", "marketdata.reader",
    *(f"trading.runtime.{name}" for name in ("inbox", "runner", "simulated", "gateway", "reconcile")),
)  # fmt: skip


@pytest.fixture(scope="module")
def linter():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]


def exists(module: str) -> bool:
    relative = module.replace(".", "/")
    return any(ROOT.glob(f"{relative}.py")) or any(ROOT.glob(f"{relative}/__init__.py"))


def test_the_import_contracts_hold():
    command = [sys.executable, "-c", LINT, "--no-logo"]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_every_package_of_the_product_is_under_the_contracts(linter):
    present = {package for package in PRODUCT if (ROOT / package / "__init__.py").exists()}
    assert present == set(linter["root_packages"])


@pytest.mark.parametrize(("contract", "modules"), [("pure", PURE), ("order-path", ORDER_PATH)])
def test_a_module_that_must_stay_clean_is_under_its_contract(linter, contract, modules):
    (found,) = [entry for entry in linter["contracts"] if entry["id"] == contract]
    missing = {module for module in modules if exists(module)} - set(found["source_modules"])
    assert not missing


@pytest.mark.parametrize("contract", ["pure", "order-path"])
def test_what_is_forbidden_includes_every_framework(linter, contract):
    (found,) = [entry for entry in linter["contracts"] if entry["id"] == contract]
    assert {"django", "rest_framework", "celery", "channels"} <= set(found["forbidden_modules"])
