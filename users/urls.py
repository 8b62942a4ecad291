"""Routes of the accounts, below /api/."""

from django.urls import path
from rest_framework_simplejwt.views import TokenRefreshView

from users.api import Login, UpdateCredentials

urlpatterns = [
    path("login", Login.as_view(), name="api-login"),
    path("token/refresh", TokenRefreshView.as_view(), name="api-token-refresh"),
    path("update-credentials", UpdateCredentials.as_view(), name="api-update-credentials"),
]
