"""Small charts as SVG text: they need no script, print well and take their colours from the page."""

from collections.abc import Sequence
from html import escape
from typing import Any

from django.utils.safestring import SafeString, mark_safe

WIDTH, HEIGHT = 560, 200
LEFT, RIGHT, TOP, BOTTOM = 8, 8, 12, 26
LINE = 20  # of text
MOST_LABELS = 8
SPARK = (90, 22)


def columns(
    labels: Sequence[str], values: Sequence[float], titles: Sequence[str], *, told: Any, name: str
) -> SafeString:
    """A column for each value from a line at 0; up and down in their colours. `told` makes text of a value: on every
    column where there is room, else on the highest and the lowest."""
    if not values:
        return _empty(name)
    low, high = min(*values, 0.0), max(*values, 0.0)
    reach = (high - low) or 1.0
    inner = HEIGHT - TOP - BOTTOM - 2 * LINE  # above and below it there is room for a number
    zero = TOP + LINE + inner * high / reach
    step = (WIDTH - LEFT - RIGHT) / len(values)
    every = -(-len(labels) // MOST_LABELS)
    parts = []
    for place, (label, value, title) in enumerate(zip(labels, values, titles, strict=True)):
        x, size = LEFT + place * step, inner * abs(value) / reach
        y = zero - size if value >= 0 else zero
        kind = "up" if value >= 0 else "down"
        parts.append(
            f'<g><title>{escape(title)}</title><rect class="hit" x="{x:.1f}" y="{TOP}" width="{step:.1f}" '
            f'height="{HEIGHT - TOP - BOTTOM}"/><rect class="{kind}" x="{x + step * 0.12:.1f}" y="{y:.1f}" '
            f'width="{step * 0.76:.1f}" height="{max(size, 0.8):.1f}" rx="1.5"/></g>'
        )
        if place % every == 0:
            parts.append(f'<text x="{x + step / 2:.1f}" y="{HEIGHT - 6}">{escape(label)}</text>')
        if value and (every == 1 or value in (low, high)):
            at = y - 4 if value >= 0 else y + size + LINE - 4
            parts.append(f'<text class="value" x="{x + step / 2:.1f}" y="{at:.1f}">{escape(told(value))}</text>')
    parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{zero:.1f}" y2="{zero:.1f}"/>')
    return _svg("".join(parts), name)


def histogram(edges: Sequence[float], counts: Sequence[int], told: Any, *, name: str) -> SafeString:
    """Counts between edges; left of 0 in the colour of loss. `told` makes text of an edge."""
    if not counts:
        return _empty(name)
    inner, most = HEIGHT - TOP - BOTTOM, max(counts)
    step = (WIDTH - LEFT - RIGHT) / len(counts)
    parts = []
    for place, count in enumerate(counts):
        low, high = edges[place], edges[place + 1]
        size = inner * count / most if most else 0.0
        x = LEFT + place * step
        kind = "up" if low + high >= 0 else "down"
        parts.append(
            f"<g><title>{escape(told(low))} … {escape(told(high))}: {count:,}</title>"
            f'<rect class="hit" x="{x:.1f}" y="{TOP}" width="{step:.1f}" height="{inner}"/>'
            f'<rect class="{kind}" x="{x + 0.8:.1f}" y="{HEIGHT - BOTTOM - size:.1f}" '
            f'width="{max(step - 1.6, 1):.1f}" height="{size:.1f}" rx="1.5"/></g>'
        )
    for place in (0, len(counts) // 2, len(counts)):
        anchor = ("start", "middle", "end")[(place > 0) + (place == len(counts))]
        x = LEFT + place * step
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - 6}" text-anchor="{anchor}">{escape(told(edges[place]))}</text>')
    parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{HEIGHT - BOTTOM}" y2="{HEIGHT - BOTTOM}"/>')
    return _svg("".join(parts), name)


def scatter(points: Sequence[tuple[float, float]], *, name: str, across: str, upwards: str, told: Any) -> SafeString:
    """A dot for each point, with a line at 0 upwards."""
    if not points:
        return _empty(name)
    far = _reach([x for x, _ in points])
    high = max(_reach([max(y, 0.0) for _, y in points]), 1e-9)
    low = min(-_reach([max(-y, 0.0) for _, y in points]), -1e-9)
    top = TOP + LINE  # dots begin below the words
    inner, wide = HEIGHT - top - BOTTOM, WIDTH - LEFT - RIGHT
    zero = top + inner * high / (high - low)
    parts = [f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{zero:.1f}" y2="{zero:.1f}"/>']
    for x, y in points:
        kind = "up" if y >= 0 else "down"
        at_x = LEFT + wide * min(x / far, 1.0)
        at_y = top + inner * (high - min(max(y, low), high)) / (high - low)
        parts.append(f'<circle class="{kind}" cx="{at_x:.1f}" cy="{at_y:.1f}" r="2.4"/>')
    parts.append(f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 6}" text-anchor="end">{escape(across)} to {told(far)}</text>')
    parts.append(f'<text x="{LEFT}" y="{TOP + 2}" text-anchor="start">{escape(upwards)} to {told(high)}</text>')
    parts.append(f'<text x="{LEFT}" y="{HEIGHT - 6}" text-anchor="start">{told(low)}</text>')
    return _svg("".join(parts), name)


def steps(points: Sequence[tuple[float, float, float, float]], *, until: float, name: str, across: str) -> SafeString:
    """A share that falls from 1 in steps, with its band: (where, share, low, high) after each step, drawn up to
    `until`; `across` says what is counted there."""
    if not until > 0:
        return _empty(name)
    wide, high = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def at(x: float, share: float) -> str:
        return f"{LEFT + wide * min(x / until, 1.0):.1f},{TOP + high * (1.0 - share):.1f}"

    def path(row: int) -> list[str]:
        """The corners of one line: level up to each step, then down."""
        corners, level = [at(0.0, 1.0)], 1.0
        for point in points:
            corners += [at(point[0], level), at(point[0], point[row])]
            level = point[row]
        return [*corners, at(until, level)]

    parts = [f'<polygon class="band" points="{" ".join([*path(2), *reversed(path(3))])}"/>'] if points else []
    parts.append(f'<polyline class="steps" points="{" ".join(path(1))}"/>')
    parts += [
        f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{TOP + high * (1.0 - share):.1f}" '
        f'y2="{TOP + high * (1.0 - share):.1f}"/><text x="{LEFT}" y="{TOP + high * (1.0 - share) - 3:.1f}" '
        f'text-anchor="start">{share:.0%}</text>'
        for share in (0.0, 0.5)
    ]
    parts.append(f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 6}" text-anchor="end">{escape(across)}</text>')
    return _svg("".join(parts), name)


def spark(values: Sequence[float | None], *, low: float, high: float, name: str) -> SafeString:
    """A line without words between `low` and `high`, as small as a line of text; None is left out, and nothing is
    drawn of fewer than two values."""
    known = [(at, value) for at, value in enumerate(values) if value is not None]
    if len(known) < 2:
        return SafeString("")
    step = SPARK[0] / max(len(values) - 1, 1)
    points = " ".join(f"{at * step:.1f},{SPARK[1] * (1.0 - (value - low) / (high - low)):.1f}" for at, value in known)
    last = points.rsplit(" ", 1)[-1].split(",")
    body = f'<polyline points="{points}"/><circle cx="{last[0]}" cy="{last[1]}" r="2"/>'
    size = f"-3 -3 {SPARK[0] + 6} {SPARK[1] + 6}"
    return mark_safe(  # noqa: S308 - made here, every text escaped
        f'<svg class="spark" viewBox="{size}" role="img" aria-label="{escape(name)}">{body}</svg>'
    )


def _reach(values: Sequence[float]) -> float:
    """Where the axis ends: the 99th percentile, so that one outlier does not press the rest together."""
    ordered = sorted(values)
    return max(ordered[int(0.99 * (len(ordered) - 1))], 1e-9)


def _svg(body: str, name: str) -> SafeString:
    text = f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(name)}">{body}</svg>'
    return mark_safe(text)  # noqa: S308 - made here, every text escaped


def _empty(name: str) -> SafeString:
    return mark_safe(f'<p class="muted none">{escape(name)}: nothing to show</p>')  # noqa: S308 - escaped
