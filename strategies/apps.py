"""The Django app of this package."""

from pathlib import Path

from django.apps import AppConfig
from django.conf import settings


class StrategiesConfig(AppConfig):
    name = "strategies"

    def ready(self) -> None:
        """Load the strategies that users bring, once, before anything is configured; a broken one stops the start."""
        from strategies.registry import load_folder, load_installed  # models of other apps are not ready before

        load_installed()
        if settings.STRATEGIES_DIR:
            load_folder(Path(settings.STRATEGIES_DIR))
