"""The admin's form of a ticker, built from the strategy's own parameters and the accounts there are."""

from collections.abc import Callable
from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.utils.module_loading import import_string
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminSelectWidget

from engine.bars.timeframe import canonical
from engine.errors import FortifiedError, InvalidInput
from engine.exits.config import ExitConfig
from engine.instruments.catalog import normalize_symbol
from infra.web.struct_forms import struct_fields
from strategies.config import TickerConfig, ticker_config
from strategies.models import Ticker
from strategies.registry import STRATEGIES

PARAM, QUANTITY = "param_", "quantity_"
_COLUMNS = ("strategy", "symbol", "timeframe", "trade_enabled", "feed", "exits")


def account_names() -> list[str]:
    """The accounts that quantities may be given for."""
    names: Callable[[], list[str]] = import_string(settings.ACCOUNT_NAMES)
    return names()


def parameter_fields(strategy: str) -> dict[str, forms.Field]:
    """One form field for each parameter, with its bounds and its help."""
    return {f"{PARAM}{name}": field for name, field in struct_fields(STRATEGIES[strategy].Params).items()}


def quantity_fields() -> dict[str, forms.Field]:
    """One form field for each account."""
    return {
        f"{QUANTITY}{name}": forms.DecimalField(
            label=name, required=False, initial=0, widget=UnfoldAdminDecimalFieldWidget
        )
        for name in account_names()
    }


def ticker_form(strategy: str) -> type["TickerForm"]:
    """The form class for tickers of `strategy`."""
    return type("TickerFormFor" + strategy.title(), (TickerForm,), {**parameter_fields(strategy), **quantity_fields()})


class TickerForm(forms.ModelForm):  # type: ignore[type-arg]
    """Checks with the same code as the API; what is wrong appears beside its own field."""

    config: TickerConfig | None = None

    class Meta:
        model = Ticker
        fields: ClassVar[tuple[str, ...]] = _COLUMNS
        help_texts: ClassVar[dict[str, str]] = {
            "exits": f"JSON; empty for none. Known: {', '.join(ExitConfig.__struct_fields__)}. "
            'Example: {"stop": {"value": 0.01}}'
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        known = [(name, name) for name in dict.fromkeys((*STRATEGIES, *filter(None, [self.instance.strategy])))]
        self.fields["strategy"] = forms.ChoiceField(
            choices=known, widget=UnfoldAdminSelectWidget, help_text="Another strategy has other parameters."
        )
        self.fields["exits"].required = False
        self._fill()

    def _fill(self) -> None:
        for name in self.fields:
            if name.startswith(PARAM) and self.instance.pk:
                self.initial[name] = self.instance.params.get(name.removeprefix(PARAM), self.fields[name].initial)
            elif name.startswith(QUANTITY):
                self.initial[name] = self.instance.quantities.get(name.removeprefix(QUANTITY), 0)

    def clean_symbol(self) -> str:
        return _checked(normalize_symbol, self.cleaned_data["symbol"])

    def clean_timeframe(self) -> str:
        return _checked(canonical, self.cleaned_data["timeframe"])

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if self.errors:
            return data
        values = {name: data.get(name) for name in _COLUMNS}
        params = self._given(data, PARAM) if self._shows(str(data["strategy"])) else {}
        try:
            self.config = ticker_config({**values, "params": params, "quantities": self._given(data, QUANTITY)})
        except FortifiedError as error:
            self.add_error(self._field_of(error.field), error.detail)
            return data
        self.instance.params, self.instance.quantities = self.config.params, self.config.quantities
        return {**data, **{name: getattr(self.config, name) for name in _COLUMNS}}

    def _shows(self, strategy: str) -> bool:
        """Whether the parameters on the form are those of `strategy`: it may have been changed on this very form."""
        return set(parameter_fields(strategy)) == {name for name in self.fields if name.startswith(PARAM)}

    @staticmethod
    def _given(data: dict[str, Any], prefix: str) -> dict[str, Any]:
        return {
            name.removeprefix(prefix): v for name, v in data.items() if name.startswith(prefix) and v not in (None, "")
        }

    def _field_of(self, field: str | None) -> str | None:
        name = field or ""
        candidates = (name, f"{PARAM}{name}", name.replace("quantities.", QUANTITY), name.split(".")[0])
        return next((candidate for candidate in candidates if candidate in self.fields), None)


def _checked(read: Callable[[str], str], text: str) -> str:
    try:
        return read(text)
    except InvalidInput as error:
        raise forms.ValidationError(error.detail) from error
