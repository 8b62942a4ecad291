"""What each role may do: three groups, filled from the permissions that the packages declare."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from django.apps import AppConfig, apps
from django.conf import settings
from django.contrib.auth.models import Group, Permission
from django.db.models import Q


class Role(StrEnum):
    """The name of a role is the name of its group."""

    VIEWER = "viewer"
    TRADER = "trader"
    ADMIN = "admin"


# Above reading: "app.codename". Starting with real money also needs an armed account, which only an admin arms.
TRADER_PERMISSIONS = (
    "strategies.add_ticker",
    "strategies.change_ticker",
    "strategies.delete_ticker",
    "trading.add_run",
    "trading.change_run",
    "trading.change_book",
    "trading.add_order",
    "trading.change_order",
    "trading.start_live",
    "trading.add_strategyschedule",
    "trading.change_strategyschedule",
    "trading.delete_strategyschedule",
    "trading.accept_difference",
    "backtest.add_study",
    "backtest.apply_run",
    "discovery.add_fingerprintrun",
    "discovery.add_miningrun",
    "discovery.promote_rule",
)


def ensure_roles() -> None:
    """The three groups with exactly their permissions. Safe to repeat."""
    ours = Permission.objects.filter(content_type__app_label__in=[*settings.PRODUCT_APPS, "django_celery_beat"])
    reading = ours.filter(codename__startswith="view_")
    _grant(Role.VIEWER, reading.exclude(content_type__app_label="users"))
    _grant(Role.TRADER, [*reading.exclude(content_type__app_label="users"), *_named(TRADER_PERMISSIONS)])
    _grant(Role.ADMIN, [*ours, *Permission.objects.filter(content_type__app_label="auth")])


def _named(names: Iterable[str]) -> list[Permission]:
    wanted = Q(pk__in=())
    for name in names:
        app, codename = name.split(".")
        wanted |= Q(content_type__app_label=app, codename=codename)
    return list(Permission.objects.filter(wanted))


def _grant(role: Role, permissions: Iterable[Permission]) -> None:
    group, _ = Group.objects.get_or_create(name=role.value)
    group.permissions.set(permissions)


def after_migrate(app_config: AppConfig, **_: Any) -> None:
    """Once per migrate, after the last app made its permissions."""
    with_models = [app for app in apps.get_app_configs() if app.models_module is not None]
    if app_config is with_models[-1]:
        ensure_roles()
