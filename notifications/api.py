"""A person's own notices over HTTP: list, mark as read, dismiss."""

from typing import Any, cast

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from engine.errors import NotFound
from infra.web.actor import Actor
from notifications import inbox


class InboxItem(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    notice = serializers.CharField(help_text="The kind: kill_switch, trader, feed, account …")
    level = serializers.ChoiceField(choices=("info", "warning", "critical"))
    about = serializers.CharField(help_text="A book, a symbol, a broker; may be empty.")
    text = serializers.CharField()
    times = serializers.IntegerField(help_text="How often the same thing was told.")
    at = serializers.DateTimeField()
    is_over = serializers.BooleanField()
    is_read = serializers.BooleanField()


class InboxOutput(serializers.Serializer[Any]):
    unread = serializers.IntegerField()
    items = InboxItem(many=True)


class Inbox(APIView):
    """The newest notices of the caller, read and unread."""

    permission_classes = (IsAuthenticated,)

    @extend_schema(responses=InboxOutput)
    def get(self, request: Request) -> Response:
        return Response(inbox.listed(_whose(request)))


class Read(APIView):
    """Everything that is there now was seen."""

    permission_classes = (IsAuthenticated,)

    @extend_schema(request=None, responses={204: None})
    def post(self, request: Request) -> Response:
        inbox.mark_read(_whose(request))
        return Response(status=204)


class Dismiss(APIView):
    """One notice goes from the caller's list; the history keeps it."""

    permission_classes = (IsAuthenticated,)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, notice: int) -> Response:
        if not inbox.dismiss(_whose(request), notice):
            raise NotFound(f"There is no notice {notice} in your list.", field="notice")
        return Response(status=204)


def _whose(request: Request) -> int:
    return cast("Actor", request.user).pk
