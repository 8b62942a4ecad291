"""What is typed in the admin about backfills: how far back they go, and a new one."""

from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from engine.errors import FortifiedError
from engine.instruments.catalog import normalize_symbol
from marketdata.backfill.plan import Plan, depths_in_words, plan
from marketdata.backfill.sources import ArchiveHistory
from marketdata.depth import depth_name
from marketdata.models import BackfillDepth, BackfillJob, FeedSource


class BackfillDepthForm(forms.ModelForm):  # type: ignore[type-arg]  # generic in the stubs only
    """A timeframe is kept in its canonical spelling."""

    class Meta:
        model = BackfillDepth
        fields = ("timeframe", "days")

    def clean_timeframe(self) -> str:
        try:
            return depth_name(self.cleaned_data["timeframe"])
        except FortifiedError as error:
            raise forms.ValidationError(error.detail) from error


class BackfillForm(forms.ModelForm):  # type: ignore[type-arg]  # generic in the stubs only
    """A new backfill: how far back it goes by itself stands beside the field."""

    symbols = forms.CharField(help_text="SPY /NQ …", widget=UnfoldAdminTextInputWidget)
    days = forms.IntegerField(required=False, min_value=1, widget=UnfoldAdminIntegerFieldWidget)
    planned: Plan

    class Meta:
        model = BackfillJob
        fields = ("source", "timeframe")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = [
            *FeedSource.objects.order_by("-is_default", "name").values_list("name", flat=True),
            ArchiveHistory.name,
        ]
        self.fields["source"] = forms.ChoiceField(
            choices=[(name, name) for name in names], widget=UnfoldAdminSelectWidget
        )
        self.fields["days"].help_text = f"How far back. Empty: as far as is usual: {depths_in_words()}."
        self.order_fields(("symbols", "timeframe", "source", "days"))

    def clean_symbols(self) -> list[str]:
        try:
            return [normalize_symbol(each) for each in self.cleaned_data["symbols"].replace(",", " ").split()]
        except FortifiedError as error:
            raise forms.ValidationError(error.detail) from error

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if not self.errors:
            try:
                self.planned = plan(timeframe=data["timeframe"], source=data["source"], days=data.get("days"))
            except FortifiedError as error:
                self.add_error(error.field if error.field in self.fields else None, error.detail)
        return data
