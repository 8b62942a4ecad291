"""The Django app of this package."""

from django.apps import AppConfig


class SimulatorsConfig(AppConfig):
    name = "simulators"
