"""A trend as one HTML page with a chart in SVG: no script, nothing from elsewhere, and the same numbers as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Final, TextIO

from auditor.history.questions import TrendPoint
from auditor.model import Severity
from auditor.report.text import visible

_WIDTH: Final = 900
_HEIGHT: Final = 320
_MARGIN: Final = 48
_LINES: Final = 4
_LABELS: Final = 8
_COLORS: Final[Mapping[Severity, str]] = {
    Severity.CRITICAL: "#8b0000",
    Severity.HIGH: "#d1453b",
    Severity.MEDIUM: "#e08e2b",
    Severity.LOW: "#5b8db8",
    Severity.INFO: "#9aa5ad",
}
_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1b1b;background:#fff}"
    "svg{width:100%;height:auto}table{border-collapse:collapse}th,td{padding:.2rem .7rem;text-align:right;"
    "border-bottom:1px solid #ddd}th:first-child,td:first-child{text-align:left}svg text{font-size:12px;fill:#1b1b1b}"
)
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"


def write(points: Sequence[TrendPoint], place: str, out: TextIO) -> None:
    """Write the page; nothing in it is taken for markup, whoever chose it."""
    title = _text(f"Open findings in {place}")
    out.write(
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
    )
    if points:
        out.write(_chart(points))
        out.write(_table(points))
    else:
        out.write("<p>No run is kept.</p>\n")
    out.write("</body>\n</html>\n")


def _text(text: str) -> str:
    return escape(visible(text))


def _chart(points: Sequence[TrendPoint]) -> str:
    """Draw the open findings by severity as areas, one on the other, over time."""
    most = max(1, *(point.open for point in points))
    across = _across(points)
    latest = points[-1]
    label = f"{len(points)} runs; at the last one {latest.open} findings were open, at most {most}."
    parts = [
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{_text(label)}">\n<title>{_text(label)}</title>\n'
    ]
    parts += [_scale(most)]
    below = [0] * len(points)
    for severity in Severity:
        above = [start + point.by_severity[severity] for start, point in zip(below, points, strict=True)]
        parts.append(_area(across, below, above, most, severity))
        below = above
    parts.append(_times(points, across))
    parts.append(_legend())
    return "".join([*parts, "</svg>\n"])


def _across(points: Sequence[TrendPoint]) -> list[float]:
    """Return where on the line of time each run stands; a single one stands at its end."""
    times = [datetime.fromisoformat(point.run.at).timestamp() for point in points]
    span = times[-1] - times[0] or 1.0
    room = _WIDTH - 2 * _MARGIN
    return [_MARGIN + room * ((time - times[0]) / span if len(times) > 1 else 1.0) for time in times]


def _up(value: float, most: int) -> float:
    return _HEIGHT - _MARGIN - (_HEIGHT - 2 * _MARGIN) * value / most


def _area(across: Sequence[float], below: Sequence[int], above: Sequence[int], most: int, severity: Severity) -> str:
    """Draw one severity: it stays as it is until the next run says otherwise, so that lines are steps."""
    upper = _steps(across, [_up(value, most) for value in above])
    lower = _steps(across, [_up(value, most) for value in below])[::-1]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in [*upper, *lower])
    return f'<polygon points="{path}" fill="{_COLORS[severity]}"><title>{severity.value}</title></polygon>\n'


def _steps(across: Sequence[float], up: Sequence[float]) -> list[tuple[float, float]]:
    corners = [(across[0], up[0])]
    for index in range(1, len(across)):
        corners += [(across[index], up[index - 1]), (across[index], up[index])]
    return [*corners, (_WIDTH - _MARGIN + 6.0, up[-1])]


def _scale(most: int) -> str:
    marks = sorted({round(most * part / _LINES) for part in range(_LINES + 1)})
    return "".join(
        f'<line x1="{_MARGIN}" x2="{_WIDTH - _MARGIN}" y1="{_up(mark, most):.1f}" y2="{_up(mark, most):.1f}" stroke="#ddd"/>'
        f'<text x="{_MARGIN - 8}" y="{_up(mark, most) + 4:.1f}" text-anchor="end">{mark}</text>\n'
        for mark in marks
    )


def _times(points: Sequence[TrendPoint], across: Sequence[float]) -> str:
    every = max(1, len(points) // _LABELS)
    return "".join(
        f'<text x="{x:.1f}" y="{_HEIGHT - _MARGIN + 20}" text-anchor="middle">{_text(point.run.at[:10])}</text>\n'
        for index, (point, x) in enumerate(zip(points, across, strict=True))
        if index % every == 0
    )


def _legend() -> str:
    return "".join(
        f'<rect x="{_MARGIN + 110 * index}" y="12" width="12" height="12" fill="{_COLORS[severity]}"/>'
        f'<text x="{_MARGIN + 110 * index + 18}" y="22">{severity.value}</text>\n'
        for index, severity in enumerate(Severity)
    )


def _table(points: Sequence[TrendPoint]) -> str:
    names = ("Run", "Open", *(severity.value for severity in Severity), "New", "Reopened", "Resolved")
    head = "".join(f'<th scope="col">{name}</th>' for name in names)
    rows = "".join(
        f"<tr>{''.join(f'<td>{_text(str(value))}</td>' for value in _values(point))}</tr>\n" for point in points
    )
    return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n"


def _values(point: TrendPoint) -> list[object]:
    by_severity = [point.by_severity[severity] for severity in Severity]
    return [point.run.at, point.open, *by_severity, point.new, point.reopened, point.resolved]
