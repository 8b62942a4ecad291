"""Permissions of the API, by Django's own names."""

from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView


def allowed_by(*permissions: str) -> type[BasePermission]:
    """Only a person who holds all of `permissions` ("app.codename"); no person at all is a 401, not a 403."""

    class HoldsPermissions(BasePermission):
        message = f"This needs the permission {' and '.join(permissions)}."

        def has_permission(self, request: Request, view: APIView) -> bool:
            return request.user.is_authenticated and request.user.has_perms(permissions)

    return HoldsPermissions
