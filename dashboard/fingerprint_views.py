"""The pages of fingerprints: all of them with the form, and one with its tabs."""

from typing import Any

from django.contrib.auth.mixins import LoginRequiredMixin, PermissionRequiredMixin
from django.http import Http404
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.generic import TemplateView

from dashboard import fingerprints, studies
from dashboard.views import PolicyMixin


@method_decorator(ensure_csrf_cookie, name="dispatch")
class FingerprintsPage(PolicyMixin, LoginRequiredMixin, PermissionRequiredMixin, TemplateView):
    """Every fingerprint, and the form that starts one."""

    template_name = "dashboard/fingerprints.html"
    permission_required = "discovery.view_fingerprintrun"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        can_start = self.request.user.has_perm("discovery.add_fingerprintrun")
        return {
            **super().get_context_data(**kwargs),
            "runs": fingerprints.lines(),
            "page": {"can": {"start": can_start}, "strategies": studies.strategies(), "data": studies.data_files()},
        }


@method_decorator(ensure_csrf_cookie, name="dispatch")
class FingerprintPage(PolicyMixin, LoginRequiredMixin, PermissionRequiredMixin, TemplateView):
    """One fingerprint: how far it is, then one of its tabs: `?tab=coverage&measure=points&side=long`."""

    template_name = "dashboard/fingerprint.html"
    permission_required = "discovery.view_fingerprintrun"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        run = fingerprints.find(kwargs["run"])
        if run is None:
            raise Http404(f"There is no fingerprint {kwargs['run']}.")
        tab = self.request.GET.get("tab", "")
        tab = tab if tab in fingerprints.TABS else "overview"
        can_start = self.request.user.has_perm("discovery.add_fingerprintrun")
        return {
            **super().get_context_data(**kwargs),
            "run": run,
            "tab": tab,
            "tabs": fingerprints.TABS,
            "page": {"run": run.pk, "is_over": run.is_over, "can": {"start": can_start}},
            "shown": self._shown(tab, run.result) if run.result else None,
        }

    def _shown(self, tab: str, result: dict[str, Any]) -> dict[str, Any]:
        if tab == "coverage":
            query = self.request.GET
            return fingerprints.coverage(result, query.get("measure", ""), query.get("side", ""))
        return {"overview": fingerprints.overview, "cross": fingerprints.cross, "seeds": fingerprints.seeds}[tab](
            result
        )
