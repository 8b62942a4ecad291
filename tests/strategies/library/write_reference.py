"""Writes the reference page of the strategies: run it after changing one."""

from pathlib import Path

from strategies.reference import render
from strategies.registry import STRATEGIES

PAGE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "strategies.md"


def page() -> str:
    aliases: dict[str, list[str]] = {}
    for alias, name in STRATEGIES._aliases.items():
        aliases.setdefault(name, []).append(alias)
    return render(STRATEGIES, aliases)


if __name__ == "__main__":
    PAGE.write_text(page())
