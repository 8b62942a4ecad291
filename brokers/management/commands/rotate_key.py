"""`./run manage rotate_key`: seal every stored secret with the newest key."""

from django.apps import apps
from django.core.management import CommandError
from django.db import transaction
from django.db.models import TextField
from django_typer.management import TyperCommand

from infra.sealed import SealBroken, reseal

_PREFIX = "sealed_"


class Command(TyperCommand):
    """Set TOKEN_KEY to the new key and TOKEN_KEY_BEFORE to the old one, run this, then remove TOKEN_KEY_BEFORE."""

    help = "Seal every stored token with the newest key (TOKEN_KEY), all or none."

    def handle(self) -> None:
        done = 0
        with transaction.atomic():
            for model in apps.get_models():
                names = [
                    field.name
                    for field in model._meta.get_fields()
                    if isinstance(field, TextField) and field.name.startswith(_PREFIX)
                ]
                for row in model._default_manager.select_for_update().all() if names else ():
                    done += self._reseal(row, names)
        self.stdout.write(f"{done} secrets are sealed with the newest key")

    def _reseal(self, row: object, names: list[str]) -> int:
        found = [name for name in names if getattr(row, name)]
        for name in found:
            try:
                setattr(row, name, reseal(getattr(row, name)))
            except SealBroken as error:
                raise CommandError(f"{row}: {error.detail}. Nothing was changed.") from error
        if found:
            row.save(update_fields=found)  # type: ignore[attr-defined]
        return len(found)
