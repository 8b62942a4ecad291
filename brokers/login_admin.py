"""Logins in the admin: connect with one click, see the countdown, refresh, disconnect."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from unfold.admin import ModelAdmin
from unfold.decorators import action
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from brokers import logins
from brokers.dialects import DIALECTS
from brokers.models import BrokerNotice, BrokerToken
from brokers.selectors import login_status
from brokers.tokens import client_of
from engine.errors import FortifiedError

PAGE, LINK, GRANT = "page", "link", "grant"
_WAYS = (
    (PAGE, "open the broker's page and come back by itself"),
    (LINK, "paste the address that the broker's page sent me to, or the code in it"),
    (GRANT, "paste a refresh token that I made on the broker's page"),
)


class ConnectForm(forms.ModelForm):  # type: ignore[type-arg]  # generic in the stubs only
    """How to connect; what is pasted is tried at once and shown never again."""

    broker = forms.ChoiceField(
        choices=lambda: [(name, DIALECTS[name].title) for name in DIALECTS], widget=UnfoldAdminSelectWidget
    )
    login = forms.SlugField(initial="main", widget=UnfoldAdminTextInputWidget, help_text="A name, if you have several.")
    way = forms.ChoiceField(label="How", choices=_WAYS, initial=PAGE, widget=UnfoldAdminSelectWidget)
    pasted = forms.CharField(
        required=False,
        widget=UnfoldAdminPasswordWidget(render_value=False),
        help_text="Empty if you open the broker's page. What you paste is tried at once and never shown again.",
    )

    class Meta:
        model = BrokerToken
        fields = ("broker", "login")

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if self.errors or data.get("way") == PAGE:
            return data
        if not data.get("pasted"):
            raise ValidationError({"pasted": "The address, the code or the refresh token was expected."})
        try:
            self.token = self._connected(data)
        except FortifiedError as error:
            raise ValidationError({"pasted": error.detail}) from None
        return data

    def _post_clean(self) -> None:
        """No row is made of the fields: an existing login is connected anew."""

    def _connected(self, data: dict[str, Any]) -> BrokerToken:
        broker, login, pasted = data["broker"], data["login"], data["pasted"]
        if data["way"] == GRANT:
            return logins.connect_with_grant(broker=broker, refresh_token=pasted, login=login)
        return logins.connect(user=self.user, broker=broker, pasted=pasted, login=login)

    user: Any = None
    token: BrokerToken | None = None

    def save(self, commit: bool = True) -> BrokerToken:
        if self.token is not None:
            return self.token
        wanted = {"broker": self.cleaned_data["broker"], "login": self.cleaned_data["login"]}
        found = BrokerToken.objects.filter(**wanted).first()
        return found or BrokerToken.objects.create(**wanted)

    def save_m2m(self) -> None:
        """Nothing to do: the admin calls it."""


@admin.register(BrokerToken)
class BrokerTokenAdmin(ModelAdmin):
    """Tokens are sealed and shown nowhere."""

    list_display = ("broker", "login", "state", "ends_in", "refreshed_at", "failures", "last_error")
    list_filter = ("state", "broker")
    readonly_fields = (
        "broker",
        "login",
        "state",
        "ends_in",
        "authorized_at",
        "refreshed_at",
        "access_expires_at",
        "refresh_expires_at",
        "failures",
        "last_error",
        "how_to",
    )
    fields = readonly_fields
    actions = ("refresh_now", "disconnect")
    actions_detail = ("connect_again",)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        if obj is not None:
            return super().get_form(request, obj, change=change, **kwargs)
        return type("ConnectForm", (ConnectForm,), {"user": request.user})

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("broker", "login", "way", "pasted") if obj is None else self.fields

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return () if obj is None else self.readonly_fields

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """The form has done it."""

    def response_add(self, request: HttpRequest, obj: BrokerToken, post_url_continue: Any = None) -> HttpResponse:
        if request.POST.get("way") == PAGE:
            return self._consent(request, obj)
        answer: HttpResponse = super().response_add(request, obj, post_url_continue)
        return answer

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.has_connect_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Looking is for those who may view; what changes a login is an action of its own."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_connect_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm("brokers.connect_broker")

    @admin.display(description="ends in")
    def ends_in(self, token: BrokerToken) -> str:
        return login_status(token.broker, token.login).countdown or "-"

    @admin.display(description="how to connect")
    def how_to(self, token: BrokerToken) -> str:
        return f"{DIALECTS[token.broker].help} Our callback URL: {client_of(token.broker).redirect_uri}"

    @action(description="Connect again", url_path="connect", permissions=["connect"])  # type: ignore[untyped-decorator]
    def connect_again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._consent(request, BrokerToken.objects.get(pk=object_id))

    @admin.action(description="Refresh now", permissions=["connect"])
    def refresh_now(self, request: HttpRequest, queryset: QuerySet[BrokerToken]) -> None:
        for token in queryset:
            try:
                logins.refresh(broker=token.broker, login=token.login)
            except FortifiedError as error:
                self.message_user(request, error.detail, messages.ERROR)
            else:
                self.message_user(request, f"{token.broker} ({token.login}): refreshed.")

    @admin.action(description="Disconnect", permissions=["connect"])
    def disconnect(self, request: HttpRequest, queryset: QuerySet[BrokerToken]) -> None:
        for token in queryset:
            logins.disconnect(broker=token.broker, login=token.login)
            self.log_change(request, token, "disconnected")

    def _consent(self, request: HttpRequest, token: BrokerToken) -> HttpResponse:
        try:
            url = logins.begin(user=request.user, broker=token.broker, login=token.login)  # type: ignore[arg-type]
        except FortifiedError as error:
            self.message_user(request, error.detail, messages.ERROR)
            return HttpResponseRedirect("/admin/brokers/brokertoken/")
        return HttpResponseRedirect(url)


@admin.register(BrokerNotice)
class BrokerNoticeAdmin(ModelAdmin):
    """What was told of logins; nothing can be changed."""

    list_display = ("created_at", "broker", "login", "level", "text")
    list_filter = ("level", "broker")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
