"""Routes of a person's notices, below /api/."""

from django.urls import path

from notifications import api

urlpatterns = [
    path("notifications", api.Inbox.as_view(), name="api-notifications"),
    path("notifications/read", api.Read.as_view(), name="api-notifications-read"),
    path("notifications/<int:notice>", api.Dismiss.as_view(), name="api-notification"),
]
