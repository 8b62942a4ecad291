"""A class and its registration are enough: the admin, the API and the settings of a ticker know the strategy."""

from typing import Annotated

import msgspec
import pytest
from msgspec import Meta

from engine.strategy.base import Strategy, Wish
from engine.strategy.context import Context
from strategies.models import Ticker
from strategies.registry import STRATEGIES

pytestmark = pytest.mark.django_db
ADD = "/admin/strategies/ticker/add/"


class Ours(Strategy):
    """Long above a line that somebody drew; never short, never out again."""

    class Params(msgspec.Struct, frozen=True):
        line: Annotated[float, Meta(ge=0, le=1000, description="price")] = 5.0

    def on_bar(self, ctx: Context) -> Wish | None:
        return Wish(1, "above the line") if ctx.price > self.params.line else None


@pytest.fixture(autouse=True)
def ours():
    with STRATEGIES.register_temporarily("ours", Ours):
        yield


def test_it_is_offered_in_the_admin_with_its_parameters(client, trader):
    client.force_login(trader)
    form = client.get(ADD + "?strategy=ours").context["adminform"].form
    assert ("ours", "ours") in form.fields["strategy"].choices
    assert form.fields["param_line"].initial == 5.0
    answer = client.post(ADD, {"strategy": "ours", "symbol": "SPY", "timeframe": "5", "quantity_paper": "1"})
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    assert Ticker.objects.get(strategy="ours").params == {"line": 5.0}


def test_it_is_listed_and_configured_over_http(api):
    found = {row["name"]: row for row in api.get("/api/strategies").json()}
    assert found["ours"]["params"]["line"]["default"] == 5.0

    def save(line):
        config = {"timeframe": "5", "quantity": 1, "line": line}
        return api.post("/api/tickers", {"strategy": "ours", "ticker": "SPY", "config": config}, format="json")

    assert save(7).status_code == 201
    answer = save(1001)
    assert (answer.status_code, answer.json()["field"]) == (400, "line")
