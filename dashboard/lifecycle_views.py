"""The pages of the life of rules: all of them, and one."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse

from dashboard import discovery, lifecycle
from dashboard.discovery_views import DiscoveryBase, acting
from discovery.lifecycle.selectors import counts
from engine.errors import InvalidInput


class RulesPage(DiscoveryBase):
    """Every rule with its state and health, what trades first; and how long rules last."""

    template_name = "dashboard/rules.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        state = request.GET.get("state", "")
        try:
            rows = lifecycle.listed(state)
        except InvalidInput as error:
            raise Http404(error.detail) from error
        context = self.get_context_data(
            rows=rows,
            asked=state,
            counts=counts(),
            most=lifecycle.SHOWN,
            survival=lifecycle.survival(),
            steps=lifecycle.table(),
            **acting(request),
        )
        return self.render_to_response(context)


class RuleLifePage(DiscoveryBase):
    """One rule: what happened to it, how well it trades, and what it may become."""

    template_name = "dashboard/rule_life.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        rule = discovery.find_rule(kwargs["rule"])
        if rule is None:
            raise Http404(f"There is no rule {kwargs['rule']}.")
        found = lifecycle.life(rule, self.actor)
        return {**super().get_context_data(**kwargs), "rule": rule, "life": found, **acting(self.request)}
