"""`./run manage account`: the accounts that are entered here, and the lock on real money."""

from typing import Annotated

import typer
from django_typer.management import TyperCommand, command

from brokers import services
from brokers.models import BrokerAccount
from infra.named import named
from infra.terminal import AsJson, Yes, confirm, refusals, show
from infra.web.actor import actor_of

Account = Annotated[str, typer.Argument(help="Its key, as list shows it")]
By = Annotated[str, typer.Option(help="In whose name: an account's e-mail address, with the permission")]


class Command(TyperCommand):
    """Arming is a person's act, here as on the page: it needs a name with the permission, and is logged."""

    help = "Accounts at brokers: list, arm, disarm. Logins are ./run manage broker."

    @command(name="list")
    def list_(self, as_json: AsJson = False) -> None:
        """Every account that is entered here."""
        with refusals():
            rows = [
                {
                    "account": each.name, "broker": each.broker, "mode": str(each.mode), "number": each.account_number,
                    "login": each.login, "enabled": each.enabled, "lock": "armed" if each.is_armed else "closed",
                }
                for each in BrokerAccount.objects.all()
            ]  # fmt: skip
        show(self.stdout, rows, as_json=as_json, empty="No account is entered here.")

    @command()
    def arm(self, account: Account, by: By, yes: Yes = False) -> None:
        """Allow real orders on an account in live mode."""
        with refusals():
            found = _account(account)
            confirm(f"Allow orders with REAL MONEY on {found}, in the name of {by}?", yes=yes)
            services.arm(user=actor_of(by), account=found)
            self.stdout.write(f"{account} is armed for real money")

    @command()
    def disarm(self, account: Account, by: By) -> None:
        """Forbid real orders on an account."""
        with refusals():
            services.disarm(user=actor_of(by), account=_account(account))
            self.stdout.write(f"{account} is closed for real money")


def _account(name: str) -> BrokerAccount:
    return named(BrokerAccount, name, field="account")
