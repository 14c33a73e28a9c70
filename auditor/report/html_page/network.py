"""Show who reaches whom in a workload as a grid; behind each cell is the way of a packet."""

from __future__ import annotations

from collections.abc import Sequence

from auditor.model import NetworkPair, Report, WorkloadPicture
from auditor.report.escapes.html import NOTHING, Attributes, Html, html, html_join, html_text
from auditor.report.html_page.parts import prose, section
from auditor.report.packet_path import path_of, traffic_of

_WORDS = {("yes", False): "all", ("yes", True): "part", ("no", False): "none", ("no", True): "none"}
_LEAD = (
    "Rows send, columns receive: whether TCP or UDP gets through, by the security groups, routes, peerings and firewalls "
    "between them. Whether anything listens there is not looked at."
)


def network(report: Report) -> Html:
    """Return a grid for each workload that has subnets, and each pair in words."""
    drawn = [(index, each) for index, each in enumerate(report.pictures) if each.network]
    if not drawn:
        return section("network", "Network", prose("No subnet plays a part in a workload."))
    shown = [_workload(index, each, is_open=len(drawn) == 1) for index, each in drawn]
    return section("network", "Network", prose(_LEAD), *shown)


def _workload(index: int, picture: WorkloadPicture, *, is_open: bool) -> Html:
    reached = sum(pair.answer == "yes" for pair in picture.network)
    title = html("h3", None, html("bdi", None, html_text(picture.workload)))
    told = html_text(f" {reached:,} of {len(picture.network):,} pairs are let through, in whole or in part")
    numbers = {(pair.source, pair.destination): number for number, pair in enumerate(picture.network)}
    label = f"Who reaches whom in {picture.workload}"
    grid: Attributes = {"class": "scroll", "tabindex": 0, "role": "group", "aria-label": label}
    pairs = [_pair(f"pair-{index}-{number}", pair) for number, pair in enumerate(picture.network)]
    return html(
        "details",
        {"open": is_open, "class": "workload"},
        html("summary", None, title, told),
        html("div", grid, _grid(index, picture, numbers, label)),
        html("div", {"class": "answer", "aria-live": "polite", "hidden": True}),
        html(
            "details",
            {"class": "pairs"},
            html("summary", None, html_text("Every pair, with the way of a packet")),
            *pairs,
        ),
    )


def _ends(pairs: Sequence[NetworkPair]) -> list[tuple[str, str]]:
    """Return the ends with their roles, as a network's own order has them; the Internet is last."""
    ends = {pair.source: pair.source_role for pair in pairs} | {
        pair.destination: pair.destination_role for pair in pairs
    }
    return sorted(ends.items(), key=lambda end: (not end[1], list(ends).index(end[0])))


def _grid(index: int, picture: WorkloadPicture, numbers: dict[tuple[str, str], int], label: str) -> Html:
    ends = _ends(picture.network)
    head = [html("th", {"scope": "col"}, _name(name)) for name, _ in ends]
    rows = []
    for source, role in ends:
        cells = []
        for destination, _ in ends:
            number = numbers.get((source, destination))
            cells.append(_cell(index, number, picture.network[number]) if number is not None else _EMPTY)
        part = html("span", {"class": "soft"}, html_text(role.removeprefix("subnet/")))
        rows.append(html("tr", None, html("th", {"scope": "row"}, _name(source), part), *cells))
    corner = html("td", {"class": "corner"}, html_text("from ↓ to →"))
    return html(
        "table",
        {"class": "matrix"},
        html("caption", None, html_text(label)),
        html("thead", None, html("tr", None, corner, *head)),
        html("tbody", None, *rows),
    )


_EMPTY = html("td", {"class": "self"})


def _name(name: str) -> Html:
    return html("bdi", None, html_text(name))


def _answer(pair: NetworkPair) -> str:
    return _WORDS.get((pair.answer, pair.is_partial), "?")


def _cell(index: int, number: int, pair: NetworkPair) -> Html:
    answer = _answer(pair)
    css = {"?": "unknown"}.get(answer, answer)
    told = f"{pair.source} to {pair.destination}: {'not known' if answer == '?' else f'{answer} of it passes'}"
    link = html("a", {"href": f"#pair-{index}-{number}", "aria-label": told}, html_text(answer))
    return html("td", {"class": f"cell {css}"}, link)


def _pair(name: str, pair: NetworkPair) -> Html:
    lists = [
        html_join([html("h5", None, html_text(title)), html("ul", None, *(html("li", None, html_text(each)) for each in texts))])
        for title, texts in (
            ("Passes", pair.passes), ("Stopped", pair.stopped), ("Not known", pair.unknowns), ("Notes", pair.notes),
        )
        if texts
    ]  # fmt: skip
    title = f"{pair.source} → {pair.destination}: {'not known' if _answer(pair) == '?' else f'{_answer(pair)} passes'}"
    return html(
        "div",
        {"id": name, "class": "pair"},
        html("h4", None, html("bdi", None, html_text(title))),
        _packet(pair),
        *lists,
    )


def _packet(pair: NetworkPair) -> Html:
    if pair.packet is None:
        return NOTHING
    lines = path_of(pair.packet) or [f"{pair.packet['source']} → {pair.packet['destination']}", traffic_of(pair.packet)]
    assumed = pair.packet.get("assuming")
    if isinstance(assumed, list | tuple):
        lines = [*lines, *(f"if {each}" for each in assumed)]
    title = "A packet that is stopped" if pair.answer == "no" else "A packet that passes"
    steps = [html("span", {"class": "step"}, html_text(line)) for line in lines]
    return html_join([html("h5", None, html_text(title)), html("pre", None, html_join(steps, _NEW_LINE))])


_NEW_LINE = Html("\n")
