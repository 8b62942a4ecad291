"""System checks of what an installation must have."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register


@register()
def chart_library_is_installed(**_: Any) -> list[CheckMessage]:
    """The live page's chart library comes from a pinned package at install time."""
    folder = settings.CHARTS_FOLDER
    if folder is not None and (folder / "lightweight-charts.js").is_file():
        return []
    return [
        Error(
            "The chart library (package lightweight-charts) is not installed.",
            hint="Run: pip install --no-deps -r requirements-assets.txt (./run does it for you).",
            id="fortified.E001",
        )
    ]
