"""The Django app of this package."""

from django.apps import AppConfig


class StrategiesConfig(AppConfig):
    name = "strategies"
