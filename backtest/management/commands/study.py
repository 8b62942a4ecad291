"""`./run manage study`: studies of many runs, and the schedules that start them."""

from collections.abc import Callable
from typing import Annotated, Any

import typer
from django.utils import timezone
from django_typer.management import TyperCommand, command

from backtest import schedules, services
from backtest.models import Study, StudySchedule
from infra.named import named
from infra.terminal import AsJson, refusals, show

Number = Annotated[int, typer.Argument(help="As list shows it")]


class Command(TyperCommand):
    """The workers do the work; `./run manage sweep` and `backtest` run in the foreground."""

    help = "Studies: list, cancel, retry, schedules, start."

    @command(name="list")
    def list_(
        self, limit: Annotated[int, typer.Option(min=1, help="The newest so many")] = 20, as_json: AsJson = False
    ) -> None:
        """The newest studies."""
        with refusals():
            rows = [_study(each) for each in Study.objects.all()[:limit]]
        show(self.stdout, rows, as_json=as_json, empty="No study yet.")

    @command()
    def cancel(self, number: Number) -> None:
        """End it; what is done is added up."""
        self._act(services.cancel_study, number)

    @command()
    def retry(self, number: Number) -> None:
        """Run again what failed or was cancelled."""
        self._act(services.retry_study, number)

    @command(name="schedules")
    def schedules_(self, as_json: AsJson = False) -> None:
        """What starts by the clock."""
        with refusals():
            rows = [
                {
                    "schedule": each.name, "enabled": each.is_enabled, "hour": each.hour, "weekdays": each.weekdays,
                    "days_back": each.days_back, "last_started_at": each.last_started_at, "error": each.last_error,
                }
                for each in StudySchedule.objects.order_by("name")
            ]  # fmt: skip
        show(self.stdout, rows, as_json=as_json, empty="No schedule yet.")

    @command()
    def start(self, schedule: Annotated[str, typer.Argument(help="A schedule's name")]) -> None:
        """Start the study of a schedule now."""
        with refusals():
            study = schedules.start_now(named(StudySchedule, schedule, field="schedule"), now=timezone.now())
            self.stdout.write(f"Study {study.pk} ({study}) has started")

    def _act(self, act: Callable[..., Study], number: int) -> None:
        with refusals():
            study = act(number=number)
            self.stdout.write(f"Study {study.pk} ({study}) is {study.state}")


def _study(study: Study) -> dict[str, Any]:
    return {
        "study": study.pk, "name": str(study), "kind": study.kind, "state": str(study.state), "runs": study.total,
        "created_at": study.created_at.isoformat(timespec="seconds"), "error": study.error[:120],
    }  # fmt: skip
