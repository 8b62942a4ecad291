"""What happened between a book and its broker accounts: comparisons, adjustments, alarms."""

from decimal import Decimal

from django.db import models
from django.db.models import Q

from engine.model.accounts import AccountState, Policy
from engine.model.enums import Side


def _choices(kind: type[AccountState | Policy | Side]) -> list[tuple[str, str]]:
    return [(member.value, member.value) for member in kind]


class AccountCheck(models.Model):
    """One comparison of an account with our books. The newest of an account says how far it may be trusted."""

    book = models.ForeignKey("trading.Book", on_delete=models.PROTECT, related_name="account_checks")
    broker = models.CharField(max_length=32, help_text="The account's key.")
    check_id = models.CharField(max_length=96, unique=True)
    state = models.CharField(max_length=8, choices=_choices(AccountState))
    reason = models.CharField(max_length=1000, blank=True)
    trigger = models.CharField(max_length=16, blank=True, help_text="Why it was compared just then.")
    differences = models.JSONField(default=list, help_text="Symbols in which the account holds something else.")
    problems = models.JSONField(default=list, help_text="Differences that are no positions, in words.")
    notes = models.JSONField(default=list, help_text="What is worth telling and keeps nobody back.")
    blocks_all = models.BooleanField(default=True, help_text="No entries in the account; else in those symbols only.")
    cash = models.DecimalField(max_digits=20, decimal_places=4, null=True, blank=True)
    net_liquidation = models.DecimalField(max_digits=20, decimal_places=4, null=True, blank=True)
    buying_power = models.DecimalField(max_digits=20, decimal_places=4, null=True, blank=True)
    orders = models.PositiveIntegerField(default=0)
    fills = models.PositiveIntegerField(default=0)
    positions = models.PositiveIntegerField(default=0)
    at = models.DateTimeField()

    class Meta:
        ordering = ("-id",)
        indexes = (models.Index(fields=("book", "broker", "-id")),)

    def __str__(self) -> str:
        return f"{self.broker}: {self.state} {self.reason}".rstrip()


class Adjustment(models.Model):
    """Our books were brought in line with an account, without an order of ours. Adopted: a position moved, and `order`
    is the entry under which it stands. Ignored: it stays somebody else's, and is left out of later comparisons."""

    book = models.ForeignKey("trading.Book", on_delete=models.PROTECT, related_name="adjustments")
    adjustment_id = models.CharField(max_length=120, unique=True)
    policy = models.CharField(max_length=8, choices=_choices(Policy))
    strategy = models.CharField(max_length=64, blank=True)
    symbol = models.CharField(max_length=32)
    broker = models.CharField(max_length=32)
    side = models.CharField(max_length=4, choices=_choices(Side))
    quantity = models.DecimalField(max_digits=20, decimal_places=8)
    price = models.DecimalField(max_digits=20, decimal_places=8)
    ours = models.DecimalField(max_digits=20, decimal_places=8, help_text="What our books said before.")
    theirs = models.DecimalField(max_digits=20, decimal_places=8, help_text="What the account held.")
    reason = models.CharField(max_length=400, blank=True)
    by = models.CharField(max_length=254, blank=True, help_text="Who accepted it; empty where the policy did.")
    order = models.ForeignKey("trading.Order", on_delete=models.PROTECT, null=True, related_name="adjustments")
    at = models.DateTimeField()

    class Meta:
        ordering = ("-id",)
        constraints = (models.CheckConstraint(condition=Q(quantity__gt=0), name="adjustment_quantity_is_positive"),)

    def __str__(self) -> str:
        return f"{self.policy} {self.side} {self.quantity.normalize():f} {self.symbol} at {self.broker}"

    @property
    def signed(self) -> Decimal:
        return self.quantity if self.side == Side.BUY else -self.quantity


class Alarm(models.Model):
    """Something about a book's orders or accounts that people must know."""

    book = models.ForeignKey("trading.Book", on_delete=models.CASCADE, related_name="alarms")
    what = models.CharField(max_length=32, help_text="The kind, for machines.")
    text = models.CharField(max_length=1000)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.what}: {self.text}"
