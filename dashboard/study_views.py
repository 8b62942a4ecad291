"""The pages of studies: all of them, one, a day of a campaign, a run over its days."""

from datetime import date
from typing import Any

from django.contrib.auth.mixins import LoginRequiredMixin, PermissionRequiredMixin
from django.http import Http404
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.generic import TemplateView

from backtest.models import Study
from dashboard import campaigns, studies
from dashboard.views import PolicyMixin


@method_decorator(ensure_csrf_cookie, name="dispatch")
class StudiesPage(PolicyMixin, LoginRequiredMixin, PermissionRequiredMixin, TemplateView):
    """Every sweep and campaign, and the form that starts one."""

    template_name = "dashboard/studies.html"
    permission_required = "backtest.view_study"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        can_start = self.request.user.has_perm("backtest.add_study")
        return {
            **super().get_context_data(**kwargs),
            "studies": studies.lines(),
            "page": {"can": {"start": can_start}, "strategies": studies.strategies(), "data": studies.data_files()},
        }


@method_decorator(ensure_csrf_cookie, name="dispatch")
class StudyPage(PolicyMixin, LoginRequiredMixin, PermissionRequiredMixin, TemplateView):
    """One study: how far it is, then what came of it."""

    template_name = "dashboard/study.html"
    permission_required = "backtest.view_study"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        study = studies.find(kwargs["study"])
        if study is None:
            raise Http404(f"There is no study {kwargs['study']}.")
        user = self.request.user
        return {
            **super().get_context_data(**kwargs),
            "study": study,
            "page": {
                "study": study.pk,
                "is_over": study.state in studies.ENDED,
                "can": {"start": user.has_perm("backtest.add_study"), "apply": user.has_perm("backtest.apply_run")},
            },
            **studies.shown(study),
        }


class CampaignPage(PolicyMixin, LoginRequiredMixin, PermissionRequiredMixin, TemplateView):
    """A page below a campaign."""

    permission_required = "backtest.view_study"

    def found(self) -> Study:
        study = studies.find(self.kwargs["study"])
        if study is None:
            raise Http404(f"There is no study {self.kwargs['study']}.")
        return study


class StudyDayPage(CampaignPage):
    """One day of a campaign: every run on it, the best first."""

    template_name = "dashboard/study_day.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        study = self.found()
        shown = campaigns.day(study, _day(kwargs["day"]))
        if shown is None:
            raise Http404(f"Study {study.pk} has no day {kwargs['day']}.")
        return {**super().get_context_data(**kwargs), "study": study, **shown}


class StudyRunPage(CampaignPage):
    """One run of a campaign: every day of it."""

    template_name = "dashboard/study_run.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        study = self.found()
        run = study.runs.filter(number=kwargs["number"]).first()
        if run is None or not run.days:
            raise Http404(f"Study {study.pk} has no run {kwargs['number']} over days.")
        return {**super().get_context_data(**kwargs), "study": study, **campaigns.run(run)}


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Http404(f"{text} is no day.") from error
