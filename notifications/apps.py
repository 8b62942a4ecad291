"""The Django app of this package."""

from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    name = "notifications"
