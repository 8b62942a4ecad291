"""Makes the infrastructure a Django app: it brings system checks and management commands, no models."""

from django.apps import AppConfig


class InfraConfig(AppConfig):
    name = "infra"

    def ready(self) -> None:
        from infra import task_metrics  # noqa: F401  listens to the tasks
        from infra.web import checks  # noqa: F401  registers the checks, needs settings
