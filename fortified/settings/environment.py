"""Reads the process environment and `.env`: the only module that does."""

import os
from pathlib import Path
from typing import NoReturn

import environ
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent.parent
ENVIRONMENTS = ("development", "test", "production")

env = environ.Env()
_file = os.environ.get("FORTIFIED_ENV_FILE", "") or str(BASE_DIR / ".env")
if _file != "none" and Path(_file).is_file():
    environ.Env.read_env(_file)  # what the process environment says wins over the file

# What the product writes: database, embedded Redis, logs. Two systems on one machine need two folders.
VAR_DIR = Path(env.str("FORTIFIED_VAR_DIR", default="") or BASE_DIR / "var").resolve()


def refuse(name: str, reason: str) -> NoReturn:
    """Stop the start-up, naming the variable and what is wrong with it."""
    raise ImproperlyConfigured(f"{name}: {reason}")


def required(name: str, purpose: str) -> str:
    """The value of `name`; an empty or missing one ends the start-up with its name and purpose."""
    value: str = env.str(name, default="")
    if not value:
        refuse(name, f"is required here ({purpose}) and is not set; see .env.example.")
    return value


def integer(name: str, default: int, *, minimum: int) -> int:
    """`name` as a whole number ≥ `minimum`."""
    raw: str = env.str(name, default="") or str(default)
    try:
        value = int(raw)
    except ValueError:
        refuse(name, f"a whole number was expected, found {raw!r}.")
    if value < minimum:
        refuse(name, f"a number of at least {minimum} was expected, found {value}.")
    return value


def number(name: str, default: float, *, minimum: float) -> float:
    """`name` as a number ≥ `minimum`."""
    raw: str = env.str(name, default="") or str(default)
    try:
        value = float(raw)
    except ValueError:
        refuse(name, f"a number was expected, found {raw!r}.")
    if not minimum <= value < float("inf"):
        refuse(name, f"a number of at least {minimum} was expected, found {raw}.")
    return value


def choice(name: str, default: str, allowed: tuple[str, ...], *, upper: bool = False) -> str:
    """`name` as one of `allowed`, compared without regard to case."""
    raw: str = env.str(name, default="") or default
    value = raw.strip().upper() if upper else raw.strip().lower()
    if value not in allowed:
        refuse(name, f"one of {', '.join(allowed)} was expected, found {raw!r}.")
    return value


ENVIRONMENT = choice("ENVIRONMENT", "development", ENVIRONMENTS)
