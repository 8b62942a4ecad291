"""The page of what strategies compute."""

import re
from xml.etree import ElementTree

import pytest

from dashboard.graph import drawing
from strategies.computed import Box, Graph, computed
from strategies.models import Ticker
from strategies.registry import STRATEGIES
from strategies.services import create_ticker
from tests.trading.people import person
from users.roles import Role

pytestmark = pytest.mark.django_db
PAGE = "/strategies/graph"


@pytest.fixture
def viewer(client, redis_url):
    client.force_login(person(Role.VIEWER))
    return client


def drawn(graph: Graph) -> ElementTree.Element:
    return ElementTree.fromstring(drawing(graph, name="x"))


@pytest.mark.parametrize("name", [each for each in STRATEGIES if any(graph.boxes for graph in computed(each, {}))])
def test_boxes_are_all_drawn_inside_and_none_lies_over_another(name):
    for graph in computed(name, {}):
        figure = drawn(graph)
        wide, tall = (float(figure.attrib[side]) for side in ("width", "height"))
        places = [[float(each.attrib[key]) for key in ("x", "y", "width", "height")] for each in figure.iter("rect")]
        assert len(places) == len(graph.boxes)
        assert len(list(figure.iter("path"))) == sum(len({read for read, _ in box.reads}) for box in graph.boxes)
        for at, (x, y, w, h) in enumerate(places):
            assert 0 <= x <= x + w <= wide
            assert 0 <= y <= y + h <= tall
            for x2, y2, w2, h2 in places[at + 1 :]:
                assert x + w <= x2 or x2 + w2 <= x or y + h <= y2 or y2 + h2 <= y


def test_a_line_passes_the_columns_between_in_a_lane_and_not_behind_a_box():
    reads = (("close", ""), ("ema(close,3)", ""))
    boxes = (Box("close", "price", 0, 1), Box("ema(close,3)", "indicator", 1, 3, (("close", ""),)))
    figure = drawn(Graph("", (*boxes, Box("trend", "decision", 2, 3, reads))))
    (_, ema, _) = figure.iter("rect")
    top, height = float(ema.attrib["y"]), float(ema.attrib["height"])
    (past,) = [path.attrib["d"] for path in figure.iter("path") if " H" in path.attrib["d"]]
    height_of_lane = float(re.findall(r",([\d.]+) H", past)[0])
    assert not top <= height_of_lane <= top + height


def test_outputs_that_are_read_of_one_indicator_stand_at_its_one_line():
    reads = (("close", ""), ("dmi(14)", "plus"), ("dmi(14)", "minus"))
    boxes = (Box("close", "price", 0, 1), Box("dmi(14)", "indicator", 1, 28, (("close", ""),)))
    figure = drawn(Graph("", (*boxes, Box("trend", "decision", 2, 28, reads))))
    assert [text.text for text in figure.iter("text") if text.get("class") == "output"] == ["plus, minus"]
    assert len(list(figure.iter("path"))) == 3


def test_what_a_file_of_a_user_calls_itself_is_text_and_no_markup():
    boxes = (Box("close", "price", 0, 1), Box("<b>&", "decision", 1, 1, (("close", "<i>"),)))
    figure = drawn(Graph("", boxes))
    assert "<b>&" in [text.text for text in figure.iter("text")]
    assert not list(figure.iter("b"))


def test_a_tickers_own_parameters_are_drawn_and_told_in_words(viewer):
    create_ticker(user=None, strategy="ema", symbol="/NQ", timeframe="5", quantities={}, params={"period_1": 4})
    page = viewer.get(PAGE, {"strategy": "ema", "symbol": "/NQ"}).content.decode()
    assert 'aria-label="What ema computes on /NQ 5"' in page
    assert re.search(r"<td>ema\(close,4\)</td><td>indicator</td><td>close</td>\s*<td class=\"n\">4 bars</td>", page)
    assert f'href="{PAGE}?strategy=ema&amp;symbol=%2FNQ" aria-current="true"' in page
    assert "default parameters" in viewer.get(PAGE, {"strategy": "ema"}).content.decode()


def test_before_anything_is_chosen_and_where_no_indicator_is_read_the_page_says_so(viewer):
    assert "Choose a strategy" in viewer.get(PAGE).content.decode()
    bare = [name for name in STRATEGIES if not any(graph.boxes for graph in computed(name, {}))]
    assert "manual" in bare
    for name in bare:
        assert "reads no indicator" in viewer.get(PAGE, {"strategy": name}).content.decode()


def test_what_cannot_be_drawn_is_told_on_the_page(viewer):
    answer = viewer.get(PAGE, {"strategy": "emma"})
    assert answer.status_code == 400
    assert "ema" in answer.content.decode()
    Ticker.objects.create(strategy="ema", symbol="SPY", timeframe="1", params={"period_1": 0}, quantities={})
    answer = viewer.get(PAGE, {"strategy": "ema", "symbol": "SPY"})
    assert answer.status_code == 400
    assert "period_1: " in answer.content.decode()


def test_nobody_sees_it_without_a_login(client):
    assert client.get(PAGE).status_code == 302
