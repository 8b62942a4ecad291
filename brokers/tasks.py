"""What beat asks of the brokers' logins."""

from celery import shared_task

from brokers import tokens


@shared_task
def refresh_tokens() -> int:
    """Refresh what ends soon, and warn of consents that do; how many were refreshed."""
    tokens.warn_of_endings()
    return tokens.refresh_due()
