"""The Django app of this package."""

from django.apps import AppConfig


class DiscoveryConfig(AppConfig):
    name = "discovery"
