"""`./run manage channel`: where messages go, and a test message."""

from typing import Annotated, Any

import typer
from django_typer.management import TyperCommand, command

from infra.named import named
from infra.terminal import AsJson, refusals, show
from notifications import services
from notifications.models import Channel, Delivery


class Command(TyperCommand):
    """Addresses of webhooks are secrets: none is shown, and channels are made in the admin."""

    help = "Channels of messages: list, test."

    @command(name="list")
    def list_(self, as_json: AsJson = False) -> None:
        """Every channel, and its last message."""
        with refusals():
            rows = [_channel(each) for each in Channel.objects.all()]
        show(self.stdout, rows, as_json=as_json, empty="No channel yet: make one in the admin.")

    @command()
    def test(self, channel: Annotated[str, typer.Argument(help="Its name")]) -> None:
        """Send a test message there now."""
        with refusals():
            found = named(Channel, channel, field="channel")
            services.try_channel(found)
            self.stdout.write(f"A test message was sent to {found.name}")


def _channel(each: Channel) -> dict[str, Any]:
    return {
        "channel": each.name, "kind": str(each.kind), "enabled": each.is_enabled, "level": each.minimum_level,
        "recipients": each.recipients, "last": _last(each),
    }  # fmt: skip


def _last(channel: Channel) -> str:
    found = channel.deliveries.exclude(state=Delivery.State.HELD).first()
    return f"{found.state} {found.created_at:%Y-%m-%d %H:%M} {found.detail}".rstrip() if found else "none yet"
