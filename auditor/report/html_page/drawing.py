"""Draw a workload: its components as boxes in areas, calls as arrows from left to right, what is missing dashed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import Final

from msgspec import Struct

from auditor.model import DrawnCall, DrawnComponent, Finding, WorkloadPicture
from auditor.report.escapes.html import Attributes, Html, html, html_join, html_text
from auditor.report.html_page.states import State, sign_of, worst_of
from auditor.report.selection import short_name

_WIDTH: Final = 198
_HEIGHT: Final = 84
_BESIDE: Final = 72
_BELOW: Final = 26
_HEADING: Final = 30
_LINE: Final = 27
_BOLD_LINE: Final = 23
"""How many characters of the small print, and of a title, fit the width of a box."""
_ELSEWHERE: Final = "Other"

Point = tuple[float, float]


class _Box(Struct):
    """A component where it is drawn; `is_there`: something plays it."""

    component: DrawnComponent
    state: State
    x: float = 0
    y: float = 0

    @property
    def is_there(self) -> bool:
        return bool(self.component.resource_ids)

    @property
    def middle(self) -> float:
        return self.y + _HEIGHT / 2


Area = tuple[str, list[_Box]]


def shown_components(picture: WorkloadPicture) -> Sequence[DrawnComponent]:
    """Return what a picture shows: what is there, and what the baseline requires."""
    return [each for each in picture.components if each.resource_ids or each.is_required]


def state_of_component(component: DrawnComponent, findings: Sequence[Finding]) -> State:
    """Return how a component stands: by its findings, or that nothing plays it."""
    if component.resource_ids:
        return worst_of([each for each in findings if not each.is_absence])
    if component.not_known:
        return State("unknown", "not known whether it is there")
    if findings and all(each.exemption for each in findings if each.is_absence):
        return State("accepted", "missing, accepted")
    return State("missing", "missing")


def drawing_of(picture: WorkloadPicture, findings: Mapping[str, Sequence[Finding]], label: str) -> Html:
    """Return the picture as SVG; `findings` are the workload's, by component. Each box is a link to them."""
    boxes = {
        each.name: _Box(each, state_of_component(each, findings.get(each.name, ())))
        for each in shown_components(picture)
    }
    calls = [call for call in picture.calls if call.source in boxes and call.target in boxes]
    columns, bands = _arranged(boxes, calls)
    left = _WIDTH * 0.8 + _BESIDE if any(box.component.visitors for box in boxes.values()) else 0
    width, height = _place(columns, left)
    height = _place_bands(bands, width, height)
    parts = [
        *(_area(name, inside) for column in columns for name, inside in column),
        *(_band(name, inside, width) for name, inside in bands),
        *_arrows(boxes, calls, columns),
        *(_visitors(box, left) for box in boxes.values() if box.component.visitors),
        *(_box(box, picture.workload) for box in boxes.values()),
    ]
    view = f"-8 -4 {width + 16:.0f} {height + 8:.0f}"
    size = {"width": round(width) + 16, "height": round(height) + 8}
    return html(
        "svg", {"viewBox": view, **size, "role": "group", "aria-label": label, "class": "drawing"}, _MARKERS, *parts
    )


def _arranged(boxes: Mapping[str, _Box], calls: Sequence[DrawnCall]) -> tuple[list[list[Area]], list[Area]]:
    """Return areas in columns, callers left of what they call, and the areas that nobody calls into or out of."""
    areas: dict[str, list[_Box]] = defaultdict(list)
    for box in boxes.values():
        areas[box.component.area or _ELSEWHERE].append(box)
    area_of = {name: box.component.area or _ELSEWHERE for name, box in boxes.items()}
    steps = {(area_of[call.source], area_of[call.target]) for call in calls}
    drawn = [name for name in areas if any(name in step for step in steps)]
    rank = dict.fromkeys(drawn, 0)
    for _ in drawn:  # the longest way; in a circle it ends all the same
        for source, target in sorted(steps):
            if source != target:
                rank[target] = min(len(drawn) - 1, max(rank[target], rank[source] + 1))
    columns = [[(name, areas[name]) for name in drawn if rank[name] == at] for at in sorted(set(rank.values()))]
    for column in columns:
        for _, inside in column:
            _untangle(inside, calls, columns)
    return columns, [(name, inside) for name, inside in areas.items() if name not in drawn]


def _untangle(inside: list[_Box], calls: Sequence[DrawnCall], columns: Sequence[Sequence[Area]]) -> None:
    """Order the boxes of an area by where their callers stand, so that fewer arrows cross."""
    order = [box.component.name for column in columns for _, area in column for box in area]
    rows = {name: row for row, name in enumerate(order)}

    def weight(box: _Box) -> tuple[float, int]:
        callers = [rows[call.source] for call in calls if call.target == box.component.name]
        row = rows[box.component.name]
        return (sum(callers) / len(callers) if callers else row, row)

    inside.sort(key=weight)


def _place(columns: Sequence[Sequence[Area]], left: float) -> tuple[float, float]:
    heights = [sum(_HEADING + len(inside) * (_HEIGHT + _BELOW) for _, inside in column) for column in columns]
    tallest = max(heights, default=0)
    for index, (column, own) in enumerate(zip(columns, heights, strict=True)):
        y = (tallest - own) / 2
        for _, inside in column:
            y += _HEADING
            for box in inside:
                box.x, box.y = left + index * (_WIDTH + _BESIDE), y
                y += _HEIGHT + _BELOW
    return max(left + len(columns) * (_WIDTH + _BESIDE) - _BESIDE, 4 * _WIDTH), tallest


def _place_bands(bands: Sequence[Area], width: float, y: float) -> float:
    across = max(1, int((width + 16) // (_WIDTH + 16)))
    for _, inside in bands:
        y += _HEADING + 14
        for number, box in enumerate(inside):
            row, column = divmod(number, across)
            box.x, box.y = 12 + column * (_WIDTH + 14), y + row * (_HEIGHT + 14)
        y += ((len(inside) - 1) // across + 1) * (_HEIGHT + 14)
    return y


_MARKERS: Final = html(
    "defs",
    None,
    html(
        "marker",
        {
            "id": "arrow",
            "viewBox": "0 0 8 8",
            "refX": 7,
            "refY": 4,
            "markerWidth": 7,
            "markerHeight": 7,
            "orient": "auto",
        },
        html("path", {"d": "M0 0 8 4 0 8z", "class": "head"}),
    ),
)


def _area(name: str, inside: Sequence[_Box]) -> Html:
    return html("text", {"x": inside[0].x, "y": inside[0].y - 11, "class": "area"}, html_text(name))


def _band(name: str, inside: Sequence[_Box], width: float) -> Html:
    top, bottom = inside[0].y - _HEADING, inside[-1].y + _HEIGHT + 12
    frame: Attributes = {"x": 0, "y": top, "width": width, "height": bottom - top, "rx": 10, "class": "band"}
    return html_join([html("rect", frame), html("text", {"x": 12, "y": top + 20, "class": "area"}, html_text(name))])


def _box(box: _Box, workload: str) -> Html:
    component, state = box.component, box.state
    title = wrap(component.title[:1].upper() + component.title[1:], _BOLD_LINE)
    lines = title if len(title) <= 2 else [title[0], _cut(" ".join(title[1:]), _BOLD_LINE)]
    names = [short_name(each) for each in component.resource_ids]
    second = _cut(names[0] if len(names) == 1 else f"{len(names)} resources") if names else ""
    texts = [
        *(_text(box, 18 + 15 * number, "title", line) for number, line in enumerate(lines)),
        _text(box, 18 + 15 * len(lines), "name", second),
        _text(box, _HEIGHT - 10, "state", f"{sign_of(state.css)} {state.words}"),
    ]
    frame: Attributes = {"x": box.x, "y": box.y, "width": _WIDTH, "height": _HEIGHT, "rx": 8}
    kind = f"box {state.css.replace('_', '-')}{'' if box.is_there else ' absent'}"
    link: Attributes = {"href": "#findings", "class": kind, "data-component": component.name, "data-workload": workload}
    return html("a", link, html("rect", frame), *texts)


def _text(box: _Box, down: float, kind: str, text: str) -> Html:
    return html("text", {"x": box.x + 12, "y": box.y + down, "class": kind}, html_text(text))


def _cut(text: str, most: int = _LINE) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _visitors(box: _Box, left: float) -> Html:
    width = left - _BESIDE
    frame: Attributes = {"x": 0, "y": box.middle - 20, "width": width, "height": 40, "rx": 20, "class": "visitors"}
    text: Attributes = {"x": width / 2, "y": box.middle + 4, "class": "visitor", "text-anchor": "middle"}
    line = _curve([(width, box.middle), (box.x, box.middle)], "call" if box.is_there else "call absent")
    return html_join([line, html("rect", frame), html("text", text, html_text(_cut(box.component.visitors)))])


def _arrows(boxes: Mapping[str, _Box], calls: Sequence[DrawnCall], columns: Sequence[Sequence[Area]]) -> list[Html]:
    """Return the arrows; those that leave or enter one box are spread over its side."""
    lanes = [sorted((box for _, inside in column for box in inside), key=lambda box: box.y) for column in columns]
    at = {box.component.name: index for index, lane in enumerate(lanes) for box in lane}
    leaving: dict[str, list[str]] = defaultdict(list)
    entering: dict[str, list[str]] = defaultdict(list)
    across = [call for call in calls if at[call.source] != at[call.target]]
    for call in sorted(across, key=lambda call: (boxes[call.target].y, at[call.target])):
        leaving[call.source].append(call.target)
    for call in sorted(across, key=lambda call: (boxes[call.source].y, -at[call.source])):
        entering[call.target].append(call.source)
    arrows = []
    for call in calls:
        source, target = boxes[call.source], boxes[call.target]
        if call not in across:
            points = _within(source, target, lanes[at[call.source]])
        else:
            start = (source.x + _WIDTH, _port(source, leaving[call.source], call.target))
            end = (target.x, _port(target, entering[call.target], call.source))
            points = [start, *_between(lanes[at[call.source] + 1 : at[call.target]], start[1], end[1]), end]
        is_whole = source.is_there and target.is_there
        kind = "absent" if not is_whole else "" if call.is_seen else "unseen"
        arrows.append(_curve(points, f"call {kind}".strip(), is_down=call not in across))
    return arrows


def _port(box: _Box, others: Sequence[str], other: str) -> float:
    return box.y + _HEIGHT * (others.index(other) + 1) / (len(others) + 1)


def _within(source: _Box, target: _Box, lane: Sequence[_Box]) -> list[Point]:
    """Return the way between boxes of one column: straight between neighbours, else round those that stand between."""
    middle = source.x + _WIDTH / 2
    if abs(lane.index(source) - lane.index(target)) == 1:
        is_down = target.y > source.y
        return [
            (middle, source.y + _HEIGHT if is_down else source.y),
            (middle, target.y if is_down else target.y + _HEIGHT),
        ]
    return [
        (source.x, source.middle - 8),
        (source.x - 26, (source.middle + target.middle) / 2),
        (target.x, target.middle),
    ]


def _between(lanes: Sequence[Sequence[_Box]], start: float, end: float) -> list[Point]:
    """Return the way through the columns between two boxes: by the gap that is nearest to the straight line."""
    points: list[Point] = []
    for number, lane in enumerate(lanes, 1):
        straight = start + (end - start) * number / (len(lanes) + 1)
        gaps = [box.y + _HEIGHT + 10 for box in lane] + [lane[0].y - 34]
        y = min(gaps, key=lambda gap: abs(gap - straight))
        points += [(lane[0].x - 6, y), (lane[0].x + _WIDTH + 6, y)]
    return points


def _curve(points: Sequence[Point], kind: str, *, is_down: bool = False) -> Html:
    (x, y), *rest = points
    path = f"M{x:.0f} {y:.0f}"
    if is_down and len(rest) == 2:
        (bend, _), (to_x, to_y) = rest
        path += f"C{bend:.0f} {y:.0f} {bend:.0f} {to_y:.0f} {to_x:.0f} {to_y:.0f}"
    else:
        for to_x, to_y in rest:
            half = (x + to_x) / 2
            path += f"C{half:.0f} {y:.0f} {half:.0f} {to_y:.0f} {to_x:.0f} {to_y:.0f}"
            x, y = to_x, to_y
    return html("path", {"d": path, "class": kind, "marker-end": "url(#arrow)"})
