"""The Django app of this package."""

from django.apps import AppConfig


class DashboardConfig(AppConfig):
    name = "dashboard"
