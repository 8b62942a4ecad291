"""Draws what a strategy computes: boxes in columns from prices to the decision, a line for everything that is read."""

from html import escape

from django.utils.safestring import SafeString, mark_safe

from strategies.computed import Box, Graph

CHARACTER, PADDING = 7.3, 12  # of the type in the boxes
HIGH, ROW, GAP, MARGIN = 30, 46, 64, 10


def drawing(graph: Graph, *, name: str) -> SafeString:
    """One figure; the table beside it says the same in words."""
    columns = [[box for box in graph.boxes if box.depth == depth] for depth in range(graph.boxes[-1].depth + 1)]
    widths = [max((_width(box) for box in column), default=0.0) for column in columns]
    tall = max(len(column) for column in columns) * ROW - (ROW - HIGH) + 2 * MARGIN
    places: dict[str, tuple[float, float, float]] = {}
    x = float(MARGIN)
    for column, width in zip(columns, widths, strict=True):
        top = (tall - (len(column) * ROW - (ROW - HIGH))) / 2
        places |= {box.name: (x, top + at * ROW, width) for at, box in enumerate(column)}
        x += width + GAP
    wide = x - GAP + MARGIN
    lines = [
        _line(places[source], places[box.name], ", ".join(outputs))
        for box in graph.boxes
        for source, outputs in _sources(box).items()
    ]
    boxes = [_box(box, *places[box.name]) for box in graph.boxes]
    return mark_safe(  # noqa: S308  every text in it is escaped
        f'<svg viewBox="0 0 {wide:.0f} {tall:.0f}" width="{wide:.0f}" height="{tall:.0f}" role="img" '
        f'aria-label="{escape(name)}">{"".join(lines)}{"".join(boxes)}</svg>'
    )


def _sources(box: Box) -> dict[str, list[str]]:
    """What a box reads, each once, with the outputs that it takes of it."""
    found: dict[str, list[str]] = {}
    for source, output in box.reads:
        found.setdefault(source, []).extend([output] if output else [])
    return found


def _width(box: Box) -> float:
    return len(box.name) * CHARACTER + 2 * PADDING


def _box(box: Box, x: float, y: float, width: float) -> str:
    told = f"{box.name}: first value after {box.ready} bar{'s' if box.ready > 1 else ''}"
    middle, line = x + width / 2, y + HIGH / 2 + 4
    return (
        f'<g class="{box.kind}"><title>{escape(told)}</title><rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" '
        f'height="{HIGH}" rx="6"/><text x="{middle:.1f}" y="{line:.1f}">{escape(box.name)}</text></g>'
    )


def _line(source: tuple[float, float, float], reader: tuple[float, float, float], output: str) -> str:
    x1, y1 = source[0] + source[2], source[1] + HIGH / 2
    x2, y2 = reader[0], reader[1] + HIGH / 2
    middle = (x1 + x2) / 2
    path = f'<path d="M{x1:.1f},{y1:.1f} C{middle:.1f},{y1:.1f} {middle:.1f},{y2:.1f} {x2:.1f},{y2:.1f}"/>'
    if not output:
        return path
    return f'{path}<text class="output" x="{x2 - 5:.1f}" y="{y2 - 5:.1f}">{escape(output)}</text>'
