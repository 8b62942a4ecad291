"""The Django app of this package."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class UsersConfig(AppConfig):
    name = "users"

    def ready(self) -> None:
        from users.roles import after_migrate  # models exist only now

        post_migrate.connect(after_migrate, dispatch_uid="users.roles")
