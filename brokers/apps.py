"""The Django app of this package."""

from django.apps import AppConfig


class BrokersConfig(AppConfig):
    name = "brokers"

    def ready(self) -> None:
        from brokers import health  # after the apps are loaded: it needs the settings

        health.register()
