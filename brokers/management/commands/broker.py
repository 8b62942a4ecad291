"""`./run manage broker`: logins at brokers from the command line."""

from typing import Annotated

import msgspec
import typer
from django_typer.management import TyperCommand, command

from brokers import logins
from brokers.dialects import DIALECTS
from brokers.selectors import LoginStatus, login_status, login_statuses
from infra.terminal import AsJson, read_secret, refusals

Broker = Annotated[str, typer.Argument(help="schwab or tastytrade")]
Login = Annotated[str, typer.Option(help="Which login, if there are several")]


class Command(TyperCommand):
    """No token is printed, and none is taken from the command line, where others could read it."""

    help = "Logins at brokers: status, connect, refresh, disconnect, accounts."

    @command()
    def status(self, as_json: AsJson = False) -> None:
        """Every login: its state, and how long it lasts."""
        found = login_statuses()
        if as_json:
            self.stdout.write(msgspec.json.encode(found).decode())
            return
        for each in found:
            self.stdout.write(_line(each))

    @command()
    def connect(
        self,
        broker: Broker,
        login: Login = "main",
        grant: Annotated[bool, typer.Option(help="Enter a refresh token made on the broker's page")] = False,
        client: Annotated[
            bool, typer.Option(help="With the application's own secret, where the broker has that")
        ] = False,
    ) -> None:
        """Get tokens: open the page that is shown, log in there, paste where it sends you; or enter a refresh token."""
        with refusals():
            if client:
                logins.connect_as_client(broker=broker, login=login)
            elif grant:
                self._with_grant(broker, login)
            else:
                self._with_page(broker, login)
        self._tell(broker, login)

    @command()
    def refresh(self, broker: Broker, login: Login = "main") -> None:
        """A new access token now."""
        with refusals():
            logins.refresh(broker=broker, login=login)
        self._tell(broker, login)

    @command()
    def disconnect(self, broker: Broker, login: Login = "main") -> None:
        """Forget the login here."""
        with refusals():
            logins.disconnect(broker=broker, login=login)
        self._tell(broker, login)

    @command()
    def accounts(self, broker: Broker, login: Login = "main", as_json: AsJson = False) -> None:
        """The accounts behind a login, asked of the broker."""
        with refusals():
            found = logins.accounts(broker=broker, login=login)
        if as_json:
            self.stdout.write(msgspec.json.encode(found).decode())
            return
        for each in found:
            self.stdout.write(f"{each['number']:16} {each['kind']:10} {each['name'] or 'not entered here'}")

    def _with_page(self, broker: str, login: str) -> None:
        url = logins.begin(user=None, broker=broker, login=login)
        self.stderr.write(f"{DIALECTS[broker].help}\nOpen this page:\n\n  {url}\n")
        logins.connect(user=None, broker=broker, pasted=read_secret("Paste the address it sends you to: "), login=login)

    def _with_grant(self, broker: str, login: str) -> None:
        self.stderr.write(DIALECTS[broker].help)
        logins.connect_with_grant(broker=broker, refresh_token=read_secret("Refresh token: "), login=login)

    def _tell(self, broker: str, login: str) -> None:
        self.stdout.write(_line(login_status(broker, login)))


def _line(status: LoginStatus) -> str:
    ends = f", ends in {status.countdown}" if status.countdown else ""
    error = f": {status.last_error}" if status.last_error else ""
    return f"{status.broker:12} {status.login:12} {status.state}{ends}{error}"
