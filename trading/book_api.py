"""A book's rules over HTTP, and how much of each limit is used."""

from typing import Any, cast

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from infra.web.permissions import allowed_by
from trading import book_services, book_usage
from users.models import User

CanRead = allowed_by("trading.view_book")
CanChange = allowed_by("trading.change_book")


class BookRules(serializers.Serializer[Any]):
    """The documents that the engine's own declarations check; docs/guides/risk.md has every field."""

    risk = serializers.DictField(required=False, help_text="Limits of the book, its strategies and accounts.")
    sizing = serializers.DictField(required=False, help_text="Cash at each account, and how each strategy sizes.")
    correlation = serializers.DictField(required=False, help_text="What counts as the same bet; empty: nothing.")
    fills = serializers.DictField(required=False, help_text="How simulated orders are filled.")
    execution = serializers.DictField(required=False, help_text="What is done about trades by hand and such.")


class FigureOutput(serializers.Serializer[Any]):
    of = serializers.CharField(help_text="book, strategy … or account …")
    name = serializers.CharField(help_text="The limit's name.")
    used = serializers.FloatField()
    limit = serializers.CharField(allow_null=True, help_text="Exact; null where it is not limited.")


class UsageOutput(serializers.Serializer[Any]):
    book = serializers.CharField()
    at = serializers.DateTimeField(allow_null=True, help_text="Null: no process trades the book.")
    figures = FigureOutput(many=True)


class Rules(APIView):
    """What limits the book, how it sizes and how it fills. PATCH replaces the documents that it names."""

    def get_permissions(self) -> list[Any]:
        return [CanRead() if self.request.method in ("GET", "HEAD", "OPTIONS") else CanChange()]

    @extend_schema(responses=BookRules)
    def get(self, request: Request, book: str) -> Response:
        return Response(book_services.rules_of(book_services.book_of(book)))

    @extend_schema(request=BookRules, responses=BookRules)
    def patch(self, request: Request, book: str) -> Response:
        data = BookRules(data=request.data)
        data.is_valid(raise_exception=True)
        user = cast("User", request.user)
        found = book_services.set_rules(user=user, book=book, documents=data.validated_data)
        return Response(book_services.rules_of(found))


class Usage(APIView):
    """How much of each limit is used now, and what is held where nothing is limited."""

    permission_classes = (CanRead,)

    @extend_schema(responses=UsageOutput)
    def get(self, request: Request, book: str) -> Response:
        return Response(book_usage.document(book_services.book_of(book).name))
