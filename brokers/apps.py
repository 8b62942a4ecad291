"""The Django app of this package."""

from django.apps import AppConfig


class BrokersConfig(AppConfig):
    name = "brokers"
