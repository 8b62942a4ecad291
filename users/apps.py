"""The Django app of this package."""

from django.apps import AppConfig


class UsersConfig(AppConfig):
    name = "users"
