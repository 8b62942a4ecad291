"""What a book traded, on the page that reports backtests."""

import json
import re
from decimal import Decimal

import pytest

from dashboard.ledger_report import ledger_report
from engine.errors import NotFound
from trading.models import Trade
from users.services import set_role

pytestmark = pytest.mark.django_db


@pytest.fixture
def several(ledger):
    for price, symbol in ((5004.25, "/MES"), (4990.00, "/MES"), (5010.50, "/MES")):
        entry = ledger.enter(symbol, 2, Decimal("5000.25"))
        ledger.leave(entry, 2, Decimal(str(price)), multiplier=Decimal(5), reason="EMA 9 crossed below EMA 21")
    return ledger


def test_the_figures_are_those_of_the_ledger(several):
    document = ledger_report(book="paper", capital=Decimal(50_000))
    net = sum((trade.pnl for trade in Trade.objects.all()), Decimal(0))
    assert document["trade_figures"]["trades"] == 3
    assert Decimal(document["stats"]["net_pnl"]) == net
    assert document["equity"]["equity"][-1] == pytest.approx(50_000 + float(net))
    assert document["exposure"]["peak_gross"] >= 2 * 5 * 5000.25
    assert document["exposure"]["gross"][-1] == 0
    assert document["prices"] == []
    json.dumps(document, allow_nan=False)


def test_a_part_of_it_can_be_asked_for(several):
    assert ledger_report(book="paper", strategy="ema", symbol="/MES", days=3)["trade_figures"]["trades"] == 3
    for strategy, symbol in (("other", ""), ("", "SPY")):
        with pytest.raises(NotFound, match="no closed trade"):
            ledger_report(book="paper", strategy=strategy, symbol=symbol)


def test_the_page_is_for_those_who_may_see_trades(client, user, several):
    assert client.get("/book/paper/report").status_code == 302
    client.force_login(user)
    set_role(user=user, role="viewer")
    response = client.get("/book/paper/report?capital=50000&days=30")
    assert response.status_code == 200
    assert "default-src 'none'" in response["Content-Security-Policy"]
    html = re.sub(r"<script[^>]*>.*?</script>", "", response.content.decode(), flags=re.S)
    assert "Book paper (paper)" in html
    assert "Trades on the price" not in html


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/book/nope/report", 404),
        ("/book/paper/report?days=soon", 400),
        ("/book/paper/report?capital=-3", 400),
        ("/book/paper/report?days=0", 400),
        (f"/book/paper/report?days={'9' * 20}", 400),
        ("/book/paper/report?capital=1e400", 400),
    ],
)
def test_what_is_wrong_is_said(client, user, several, address, status):
    set_role(user=user, role="viewer")
    client.force_login(user)
    assert client.get(address).status_code == status
