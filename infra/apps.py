"""Makes the infrastructure a Django app: it brings system checks and management commands, no models."""

from django.apps import AppConfig


class InfraConfig(AppConfig):
    name = "infra"

    def ready(self) -> None:
        from infra import log_follower, task_metrics  # noqa: F401  listen to the workers and their tasks
        from infra.web import checks  # noqa: F401  registers the checks, needs settings
