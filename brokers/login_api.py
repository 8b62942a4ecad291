"""Connecting brokers over HTTP, in every dialect that clients speak."""

from typing import Any, cast

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.views import View
from django.views.decorators.cache import never_cache
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from brokers import logins
from brokers.dialects import DIALECTS
from brokers.models import BrokerToken
from brokers.oauth import TokenUnavailable
from brokers.selectors import login_document, login_status, login_statuses
from brokers.venue import NotAuthorized
from engine.errors import Conflict, FortifiedError, InvalidInput
from infra.web.actor import Actor
from infra.web.permissions import allowed_by

CanRead = allowed_by("brokers.view_brokertoken")
CanConnect = allowed_by("brokers.connect_broker")
LOGIN = OpenApiParameter("login", str, description="Which login at the broker; `main` if not given.")

# What clients of either dialect call the thing that a person brings back from the broker.
_CODES = ("code", "authorizationCode", "authorization_code")
_LINKS = ("authorizationLink", "redirect_url", "redirectUrl")


class AuthorizeOutput(serializers.Serializer[Any]):
    """Where a person consents; the address is good for ten minutes, for the one who asked."""

    authorization_url = serializers.CharField()
    url = serializers.CharField()
    expires_in = serializers.IntegerField()


class TokenInput(serializers.Serializer[Any]):
    """One of them: the code, the whole redirect URL, or a refresh token made on the broker's page."""

    code = serializers.CharField(required=False)
    authorizationCode = serializers.CharField(required=False)
    authorizationLink = serializers.CharField(required=False)
    redirect_url = serializers.CharField(required=False)
    refresh_token = serializers.CharField(required=False)
    grant_type = serializers.CharField(required=False, help_text="`client_credentials`, where the broker has that.")
    login = serializers.SlugField(required=False, default="main")


class NoticeOutput(serializers.Serializer[Any]):
    level = serializers.CharField()
    text = serializers.CharField()
    at = serializers.DateTimeField()


class LoginOutput(serializers.Serializer[Any]):
    """The state of a login; no token is ever shown."""

    broker = serializers.CharField()
    login = serializers.CharField()
    title = serializers.CharField()
    state = serializers.CharField()
    is_connected = serializers.BooleanField()
    needs_person = serializers.BooleanField()
    authorized_at = serializers.DateTimeField(allow_null=True)
    refreshed_at = serializers.DateTimeField(allow_null=True)
    access_expires_at = serializers.DateTimeField(allow_null=True)
    refresh_expires_at = serializers.DateTimeField(allow_null=True)
    refresh_left_s = serializers.IntegerField(allow_null=True)
    countdown = serializers.CharField()
    failures = serializers.IntegerField()
    last_error = serializers.CharField()
    help = serializers.CharField()
    notices = NoticeOutput(many=True)


class VenueAccountOutput(serializers.Serializer[Any]):
    """`name` is ours, empty for an account that we do not have."""

    number = serializers.CharField()
    kind = serializers.CharField()
    nickname = serializers.CharField()
    is_closed = serializers.BooleanField()
    name = serializers.CharField()


class LoginView(APIView):
    """`broker` is named by the route, or fixed by the route's dialect. A broker that wants a person is a 409: the
    login of the one who asks here is fine."""

    broker = ""

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, NotAuthorized):
            exc = Conflict(exc.detail)
        return super().handle_exception(exc)

    def named(self, broker: str | None) -> str:
        return DIALECTS.canonical(broker or self.broker)


class Authorize(LoginView):
    """Begin a login."""

    permission_classes = (CanConnect,)

    @extend_schema(parameters=[LOGIN], responses=AuthorizeOutput)
    def get(self, request: Request, broker: str | None = None) -> Response:
        url = logins.begin(user=_user(request), broker=self.named(broker), login=_login(request))
        return Response({"authorization_url": url, "url": url, "expires_in": logins.PENDING_S})


class Token(LoginView):
    """Finish a login with what a person brings."""

    permission_classes = (CanConnect,)

    @extend_schema(request=TokenInput, responses=LoginOutput)
    def post(self, request: Request, broker: str | None = None) -> Response:
        name, data = self.named(broker), request.data
        if not isinstance(data, dict):
            raise InvalidInput("an object with code, authorizationLink or refresh_token was expected")
        login = str(data.get("login") or "main")
        pasted = next((str(data[key]) for key in (*_CODES, *_LINKS) if data.get(key)), "")
        if pasted:
            logins.connect(user=_user(request), broker=name, pasted=pasted, login=login)
        elif data.get("refresh_token"):
            logins.connect_with_grant(broker=name, refresh_token=str(data["refresh_token"]), login=login)
        elif data.get("grant_type") == "client_credentials":
            logins.connect_as_client(broker=name, login=login)
        else:
            raise InvalidInput("code: the code, the redirect URL or a refresh token was expected", field="code")
        return _answer(name, login)


class Refresh(LoginView):
    """A new access token now."""

    permission_classes = (CanConnect,)

    @extend_schema(parameters=[LOGIN], request=None, responses=LoginOutput)
    def post(self, request: Request, broker: str | None = None) -> Response:
        name, login = self.named(broker), _login(request)
        logins.refresh(broker=name, login=login)
        return _answer(name, login)


class Status(LoginView):
    """The state of one login."""

    permission_classes = (CanRead,)

    @extend_schema(parameters=[LOGIN], responses=LoginOutput)
    def get(self, request: Request, broker: str | None = None) -> Response:
        return _answer(self.named(broker), _login(request))


class Statuses(LoginView):
    """The state of every login."""

    permission_classes = (CanRead,)

    @extend_schema(responses=LoginOutput(many=True))
    def get(self, request: Request) -> Response:
        return Response([login_document(status) for status in login_statuses()])


class Disconnect(LoginView):
    """Forget a login here."""

    permission_classes = (CanConnect,)

    @extend_schema(parameters=[LOGIN], request=None, responses=LoginOutput)
    def post(self, request: Request, broker: str | None = None) -> Response:
        name, login = self.named(broker), _login(request)
        logins.disconnect(broker=name, login=login)
        return _answer(name, login)


class Accounts(LoginView):
    """The accounts behind a login, asked of the broker."""

    permission_classes = (CanRead,)

    @extend_schema(parameters=[LOGIN], responses=VenueAccountOutput(many=True))
    def get(self, request: Request, broker: str | None = None) -> Response:
        return Response(logins.accounts(broker=self.named(broker), login=_login(request)))


@method_decorator(never_cache, name="dispatch")
class Callback(View):
    """Where the broker sends a browser back to. The state says who began the login; nothing else is trusted."""

    def get(self, request: HttpRequest, broker: str) -> HttpResponse:
        try:
            name = DIALECTS.canonical(broker)
            token = self._finish(request, name)
        except TokenUnavailable as error:
            return _page(f"The broker did not answer: {error.detail}. Begin again.", status=503)
        except FortifiedError as error:
            return _page(error.detail, status=400)
        # Away from the address that holds the code, and on to where the login is shown.
        user = request.user
        if user.is_authenticated and user.has_perm("brokers.view_brokertoken"):
            return HttpResponseRedirect(f"/admin/brokers/brokertoken/{token.pk}/change/")
        return _page(f"{DIALECTS[name].title} is connected. You can close this page.", status=200)

    def _finish(self, request: HttpRequest, broker: str) -> BrokerToken:
        refused = request.GET.get("error", "")
        if refused:
            raise InvalidInput(f"the broker says {refused[:80]!r}; authorise again", field="code")
        user_id = int(request.user.pk) if request.user.is_authenticated else None
        code, state = request.GET.get("code", ""), request.GET.get("state", "")
        return logins.finish(state=state, code=code, broker=broker, user_id=user_id)


def _page(text: str, *, status: int) -> HttpResponse:
    body = format_html("<!doctype html><meta charset=utf-8><title>Fortified</title><p>{}</p>", text)
    return HttpResponse(body, status=status, headers={"Referrer-Policy": "no-referrer"})


def _answer(broker: str, login: str) -> Response:
    return Response(LoginOutput(login_document(login_status(broker, login))).data)


def _login(request: Request) -> str:
    return request.query_params.get("login") or "main"


def _user(request: Request) -> Actor:
    return cast("Actor", request.user)
