"""Changing accounts, and the one place that says what quantity an account takes."""

import logging
from decimal import Decimal

from django.db import transaction

from brokers.features import Features
from brokers.models import BrokerAccount
from brokers.registry import FEATURES
from engine.errors import Conflict, InvalidInput
from engine.instruments.instrument import AssetClass
from infra.web.actor import Actor

logger = logging.getLogger(__name__)


def features_of(account: str) -> Features:
    """What the account named `account` can do, or the venue of that name where there is no such account.

    An account in paper mode is filled by our own venue, so it can do what that can, under its own title.
    """
    found = BrokerAccount.objects.filter(name=account).first()
    if found is None:
        return FEATURES[account]
    return FEATURES["paper"] if found.mode == BrokerAccount.Mode.PAPER else FEATURES[found.broker]


def account_names() -> list[str]:
    """What quantities may be given for: every venue by its name, and every enabled account."""
    named = BrokerAccount.objects.filter(enabled=True).values_list("name", flat=True)
    return [*FEATURES, *(name for name in named if name not in FEATURES)]


def check_quantity(*, account: str, asset_class: AssetClass, quantity: Decimal) -> None:
    """`InvalidInput` with the reason where `account` cannot take `quantity`; `NotFound` for an unknown account."""
    problem = features_of(account).quantity_problem(asset_class, quantity)
    if problem:
        field = f"quantities.{account}"
        raise InvalidInput(f"{field}: {problem}", field=field)


def arm(*, user: Actor, account: BrokerAccount) -> None:
    """Allow real orders on `account`. Only a person with the permission may; the first of the locks on real money."""
    if not user.has_perm("brokers.arm_account"):
        raise Conflict(f"{user.email} may not arm accounts: the permission brokers.arm_account is needed.")
    if account.mode != BrokerAccount.Mode.LIVE or not account.enabled:
        raise Conflict(f"{account.name}: only an enabled account in live mode can be armed.", field="is_armed")
    _set_armed(account, is_armed=True)
    logger.warning("Account %s was armed for real money by account %s.", account.name, user.pk)


def disarm(*, user: Actor, account: BrokerAccount) -> None:
    """Forbid real orders on `account`. Anyone who may see it may do so: closing a lock is always allowed."""
    _set_armed(account, is_armed=False)
    logger.warning("Account %s was disarmed by account %s.", account.name, user.pk)


def _set_armed(account: BrokerAccount, *, is_armed: bool) -> None:
    with transaction.atomic():
        account.is_armed = is_armed
        account.save(update_fields=["is_armed", "updated_at"])
