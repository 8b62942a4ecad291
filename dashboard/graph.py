"""Draws what a strategy computes: boxes in columns from prices to the decision, a line for everything that is read."""

from html import escape
from itertools import pairwise
from typing import NamedTuple

from django.utils.safestring import SafeString, mark_safe

from strategies.computed import Box, Graph

CHARACTER, PADDING = 7.3, 12  # of the type in the boxes
HIGH, LANE, SPACE, GAP, MARGIN = 30, 8, 16, 64, 10


class Slot(NamedTuple):
    """A place in a column: of a box, or a lane in which lines from the box of that name pass the column."""

    name: str
    box: Box | None

    @property
    def high(self) -> int:
        return HIGH if self.box else LANE


class Place(NamedTuple):
    """Where a slot is: its left and right end, and its middle upwards."""

    left: float
    right: float
    y: float


Places = dict[tuple[str, int], Place]  # by name and column


def drawing(graph: Graph, *, name: str) -> SafeString:
    """One figure; the table beside it says the same in words."""
    columns = _columns(graph)
    tall = max(_height(column) for column in columns) + 2 * MARGIN
    places: Places = {}
    x = float(MARGIN)
    for depth, column in enumerate(columns):
        width, y = max(_width(slot) for slot in column), (tall - _height(column)) / 2
        for slot in column:
            places[slot.name, depth] = Place(x, x + width, y + slot.high / 2)
            y += slot.high + SPACE
        x += width + GAP
    wide = x - GAP + MARGIN
    lines = [
        _line(_way(places, source, box), ", ".join(outputs))
        for box in graph.boxes
        for source, outputs in _sources(box).items()
    ]
    boxes = [_drawn(box, places[box.name, box.depth]) for box in graph.boxes]
    return mark_safe(  # noqa: S308  every text in it is escaped
        f'<svg viewBox="0 0 {wide:.0f} {tall:.0f}" width="{wide:.0f}" height="{tall:.0f}" role="img" '
        f'aria-label="{escape(name)}">{"".join(lines)}{"".join(boxes)}</svg>'
    )


def _columns(graph: Graph) -> list[list[Slot]]:
    """The slots of each column, near the height of what they read."""
    furthest: dict[str, int] = {}
    for box in graph.boxes:
        for source, _ in box.reads:
            furthest[source] = max(furthest.get(source, 0), box.depth)
    columns: list[list[Slot]] = []
    for depth in range(graph.boxes[-1].depth + 1):
        before = {slot.name: place for place, slot in enumerate(columns[-1])} if columns else {}
        boxes = [Slot(box.name, box) for box in graph.boxes if box.depth == depth]
        lanes = [Slot(box.name, None) for box in graph.boxes if box.depth < depth < furthest.get(box.name, 0)]
        columns.append(sorted([*boxes, *lanes], key=lambda slot: _height_of_sources(slot, before)))
    return columns


def _height_of_sources(slot: Slot, before: dict[str, int]) -> float:
    names = [name for name, _ in slot.box.reads] if slot.box else [slot.name]
    found = [before[name] for name in names if name in before]
    return sum(found) / len(found) if found else 0.0


def _height(column: list[Slot]) -> float:
    return sum(slot.high + SPACE for slot in column) - SPACE


def _width(slot: Slot) -> float:
    return len(slot.name) * CHARACTER + 2 * PADDING if slot.box else 0.0


def _sources(box: Box) -> dict[str, list[str]]:
    """What a box reads, each once, with the outputs that it takes of it."""
    found: dict[str, list[str]] = {}
    for source, output in box.reads:
        found.setdefault(source, []).extend([output] if output else [])
    return found


def _way(places: Places, source: str, reader: Box) -> list[Place]:
    """From a box through its lanes to who reads it."""
    return [place for (name, depth), place in places.items() if name == source and depth < reader.depth] + [
        places[reader.name, reader.depth]
    ]


def _line(way: list[Place], output: str) -> str:
    path = f"M{way[0].right:.1f},{way[0].y:.1f}"
    for here, there in pairwise(way):
        middle = (here.right + there.left) / 2
        path += f" C{middle:.1f},{here.y:.1f} {middle:.1f},{there.y:.1f} {there.left:.1f},{there.y:.1f}"
        if there is not way[-1]:
            path += f" H{there.right:.1f}"
    drawn, end = f'<path d="{path}"/>', way[-1]
    if not output:
        return drawn
    return f'{drawn}<text class="output" x="{end.left - 5:.1f}" y="{end.y - 5:.1f}">{escape(output)}</text>'


def _drawn(box: Box, place: Place) -> str:
    told = f"{box.name}: first value after {box.ready} bar{'s' if box.ready > 1 else ''}"
    middle = (place.left + place.right) / 2
    return (
        f'<g class="{box.kind}"><title>{escape(told)}</title><rect x="{place.left:.1f}" y="{place.y - HIGH / 2:.1f}" '
        f'width="{place.right - place.left:.1f}" height="{HIGH}" rx="6"/>'
        f'<text x="{middle:.1f}" y="{place.y + 4:.1f}">{escape(box.name)}</text></g>'
    )
