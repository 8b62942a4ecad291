"""`./run manage person`: the people who may log in."""

from typing import Annotated

import typer
from django_typer.management import TyperCommand, command

from engine.errors import NotFound
from infra.terminal import AsJson, read_secret, refusals, show
from users import services
from users.models import User
from users.roles import Role

Email = Annotated[str, typer.Argument(help="E-mail address")]
OfRole = Annotated[str, typer.Option("--role", help=", ".join(Role))]


class Command(TyperCommand):
    """Passwords are asked for, unseen, or read from what is piped in; `changepassword` sets another one."""

    help = "People: list, add, role, activate, deactivate."

    @command(name="list")
    def list_(self, as_json: AsJson = False) -> None:
        """Everybody, with role and last login."""
        with refusals():
            rows = [
                {
                    "email": each.email, "name": each.name, "role": _role(each), "active": each.is_active,
                    "last_login": each.last_login and each.last_login.isoformat(timespec="seconds"),
                }
                for each in User.objects.prefetch_related("groups").order_by("email")
            ]  # fmt: skip
        show(self.stdout, rows, as_json=as_json, empty="Nobody may log in yet.")

    @command()
    def add(self, email: Email, role: OfRole = Role.VIEWER.value, name: str = "") -> None:
        """An account of its own, with a role."""
        with refusals():
            password = read_secret(f"Password for {email}: ")
            user = services.create_user(email=email, password=password, role=role, name=name)
            self.stdout.write(f"{user.email} may log in as {role}")

    @command()
    def role(self, email: Email, role: Annotated[str, typer.Argument(help=", ".join(Role))]) -> None:
        """Exactly this role from now on."""
        with refusals():
            services.set_role(user=_user(email), role=role)
            self.stdout.write(f"{email} is {role} now")

    @command()
    def activate(self, email: Email) -> None:
        """May log in again."""
        with refusals():
            services.set_active(user=_user(email), is_active=True)
            self.stdout.write(f"{email} may log in")

    @command()
    def deactivate(self, email: Email) -> None:
        """May not log in any more; tokens and sessions end at once."""
        with refusals():
            services.set_active(user=_user(email), is_active=False)
            self.stdout.write(f"{email} may not log in any more")


def _user(email: str) -> User:
    found = User.objects.filter(email=email.strip().lower()).first()
    if found is None:
        raise NotFound(f"There is no account {email!r}; ./run manage person list shows them.", field="email")
    return found


def _role(user: User) -> str:
    return ", ".join(group.name for group in user.groups.all()) or ("superuser" if user.is_superuser else "none")
