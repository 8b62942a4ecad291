"""The pages of discovery: the form and all searches, one search, one rule."""

from typing import Any, cast

from django.contrib.auth.mixins import LoginRequiredMixin, PermissionRequiredMixin
from django.http import Http404, HttpRequest
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.generic import TemplateView

from dashboard import discovery, lifecycle
from dashboard.views import PolicyMixin
from discovery.models import DiscoveredRule, Promotion
from infra.web.actor import Actor


@method_decorator(ensure_csrf_cookie, name="dispatch")
class DiscoveryBase(PolicyMixin, LoginRequiredMixin, PermissionRequiredMixin, TemplateView):
    """What the pages of discovery have in common."""

    permission_required = ("discovery.view_miningrun", "discovery.view_discoveredrule")

    @property
    def actor(self) -> Actor:
        """Who looks; nobody gets here without an account."""
        return cast("Actor", self.request.user)


class DiscoveryPage(DiscoveryBase):
    """Every search for rules, and the form that starts one."""

    template_name = "dashboard/discovery.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return {
            **super().get_context_data(**kwargs),
            "runs": discovery.runs(),
            "choices": discovery.choices(),
            "can_mine": self.request.user.has_perm("discovery.add_miningrun"),
        }


class MiningPage(DiscoveryBase):
    """One search: how far it is, then what it found."""

    template_name = "dashboard/mining.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        run = discovery.find_run(kwargs["run"])
        if run is None:
            raise Http404(f"There is no search {kwargs['run']}.")
        return {
            **super().get_context_data(**kwargs),
            "run": run,
            "page": {"run": run.pk, "is_over": run.is_over},
            "can_mine": self.request.user.has_perm("discovery.add_miningrun"),
            **discovery.shown(run),
        }


class RulePage(DiscoveryBase):
    """One rule: when it enters, how it leaves, and how far it can be believed."""

    template_name = "dashboard/rule.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        rule = discovery.find_rule(kwargs["rule"])
        if rule is None:
            raise Http404(f"There is no rule {kwargs['rule']}.")
        return {
            **super().get_context_data(**kwargs),
            "rule": rule,
            **discovery.rule_shown(rule, self.actor),
            "can_note": self.actor.has_perm("discovery.add_miningrun"),
            **lifecycle.acts(rule),
            **acting(self.request),
        }


def acting(request: HttpRequest) -> dict[str, Any]:
    """What the dialogs need in which people do something to a rule."""
    return {
        "can_act": request.user.has_perm("discovery.promote_rule"),
        "tags": DiscoveredRule.Tag.choices,
        "positions": Promotion.Position.choices,
    }
