"""The parts of the page that need no script: what was judged, the picture, causes, controls, coverage, gaps, exemptions."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Final

from auditor import resource_id as ids
from auditor.model import ControlCoverage, DrawnComponent, Exemption, Finding, Report, Severity, Status, WorkloadPicture
from auditor.report.areas import AreaCount, areas_of
from auditor.report.causes import causes_of, shown_places
from auditor.report.escapes.html import NOTHING, Attributes, Html, html, html_join, html_link, html_text
from auditor.report.finding_causes import groups_of
from auditor.report.html_page.drawing import drawing_of, shown_components, state_of_component
from auditor.report.html_page.states import pill, state_of, worst_of
from auditor.report.outcome import unless, why_not_trusted
from auditor.report.pages import framework_page
from auditor.report.pages.coverage_page import rests_on, still_open
from auditor.report.selection import short_name
from auditor.report.summary import counted, summarise, verdict, workloads_of
from auditor.report.text import compact, run_id, utc, utc_text

_OPEN_WORKLOADS: Final = 1
_MONTHS: Final = 24
_WORKLOADS: Final = 8
_LONG: Final = 15
"""A table of more rows than this shows so many until it is asked for all; without scripts and in print it shows all."""
_COUNTED: Final = ("fail", "unknown", "pass", "not_applicable")

ByComponent = Mapping[str, Sequence[Finding]]


def section(name: str, title: str, *inner: Html) -> Html:
    """Return a part of the page with its heading, as a landmark."""
    heading = html("h2", {"id": f"{name}-heading"}, html_text(title))
    return html("section", {"id": name, "aria-labelledby": f"{name}-heading"}, heading, *inner)


def table(caption: str, header: Sequence[str], rows: Iterable[Sequence[Html]], *, numbers: Sequence[int] = ()) -> Html:
    """Return a table that may be scrolled sideways, without empty columns; those of `numbers` are set to the right."""
    listed = [list(row) for row in rows]
    filled = [index for index in range(len(header)) if not listed or any(row[index] for row in listed)]
    header, listed = [header[index] for index in filled], [[row[index] for index in filled] for row in listed]
    numbers = [filled.index(index) for index in numbers if index in filled]
    css = [{"class": "number"} if index in numbers else None for index in range(len(header))]
    head = [html("th", {"scope": "col", **(css[index] or {})}, html_text(name)) for index, name in enumerate(header)]
    body = [html("tr", None, *(html("td", kind, cell) for cell, kind in zip(row, css, strict=True))) for row in listed]
    whole = html(
        "table",
        {"data-rows": len(listed) if len(listed) > _LONG else None},
        html("caption", None, html_text(f"{caption} ({len(listed):,})")),
        html("thead", None, html("tr", None, *head)),
        html("tbody", None, *body),
    )
    return html("div", {"class": "scroll", "tabindex": 0, "role": "group", "aria-label": caption}, whole)


def prose(text: str) -> Html:
    """Return a paragraph."""
    return html("p", None, html_text(text))


def code(text: str) -> Html:
    """Return a name of Azure's or of ours in code type, kept apart from the direction of the text around it."""
    return html("code", {"dir": "auto"}, html_text(text)) if text else NOTHING


def number(count: int) -> Html:
    """Return a count; nothing where there is none to count."""
    return html_text(f"{count:,}" if count else "")


def summary(report: Report) -> Html:
    """Return the outcome in a sentence, the counts, and what was judged by what."""
    counts = summarise(report)
    reason = why_not_trusted(report)
    warning = html("p", {"class": "warning"}, html_text(f"{unless(report)}: {reason}")) if reason else NOTHING
    severities = [
        _tile(
            counts.by_severity[each], f"{each.value} failures", each.value, {"status": "fail", "severity": each.value}
        )
        for each in Severity
    ]
    words = {"fail": "failures in all", "unknown": "unknown", "pass": "passed", "not_applicable": "do not apply"}
    statuses = [
        _tile(counts.by_status[Status(name)], words[name], name, {"status": name}) for name in ("fail", *_COUNTED[1:])
    ]
    accepted = (
        [_tile(counts.exempted, "accepted by exemption", "accepted", {"status": "accepted"})] if counts.exempted else []
    )
    return section(
        "summary",
        "Summary",
        html("p", {"class": "verdict"}, html_text(f"{verdict(counts)}.")),
        warning,
        html("ul", {"class": "tiles", "aria-label": "Failures by severity"}, *severities),
        html("ul", {"class": "tiles", "aria-label": "Checks by status"}, *statuses, *accepted),
        _areas(report),
        _identity(report),
    )


def _areas(report: Report) -> Html:
    """Return how many failures each workload has in each area, and how bad the worst of them is."""
    failures = [each for each in report.findings if state_of(each) == Status.FAIL]
    if not failures:
        return NOTHING
    found = areas_of(failures, report.rules, _WORKLOADS)
    rows = [
        [html_text(area), *(_area(found.cells.get((area, name))) for name in found.workloads)] for area in found.areas
    ]
    return table("Open failures by area and workload", ("Area", *found.workloads), rows)


def _area(count: AreaCount | None) -> Html:
    if count is None or not count.failures:
        return NOTHING
    return pill(count.worst.value, f"{count.failures:,}, worst {count.worst.value}")


def _tile(count: int, words: str, css: str, chosen: Mapping[str, str]) -> Html:
    data = {f"data-{name}": value for name, value in chosen.items()}
    kind = f"tile {css.replace('_', '-')}{'' if count else ' none'}"
    inner = (html("strong", None, html_text(f"{count:,}")), html("span", None, html_text(f" {words}")))
    return html("li", None, html("a", {"href": "#findings", "class": kind, **data}, *inner))


def _identity(report: Report) -> Html:
    snapshot = report.snapshot
    told = {
        "Baseline": f"{report.baseline_name} {report.baseline_version}, {counted(len(report.rules), 'rule')} in force",
        "Judged as of": f"{utc(report.as_of)} (from {report.as_of_source})",
        "Collected": utc_text(snapshot.collected_at) or "not recorded",
        "Resources": f"{report.resources:,}",
        "Workloads": ", ".join(workloads_of(report)) or "none",
        "Subscriptions": ", ".join(f"{name} ({key})" for key, name in sorted(snapshot.subscription_names.items())),
        "Scope": compact(snapshot.scope) if snapshot.scope else "",
        "Snapshot, SHA-256": snapshot.sha256,
        "Run": run_id(report),
        "Tool": f"auditor {report.tool_version}",
        "Reference data": ", ".join(f"{name} {edition}" for name, edition in sorted(report.reference_data.items())),
    }
    pairs = [
        html("div", None, html("dt", None, html_text(name)), html("dd", {"dir": "auto"}, html_text(text)))
        for name, text in told.items()
        if text
    ]
    return html("dl", {"class": "identity"}, *pairs)


def architecture(report: Report) -> Html:
    """Return each workload as a picture, with the same as a table."""
    findings: dict[str, dict[str, list[Finding]]] = defaultdict(lambda: defaultdict(list))
    for each in report.findings:
        if each.workload and each.component:
            findings[each.workload][each.component].append(each)
    many = len(report.pictures) > _OPEN_WORKLOADS
    drawn = [_workload(picture, findings[picture.workload], is_open=not many) for picture in report.pictures]
    none = prose("The estate holds no workload of the baseline.") if not drawn else NOTHING
    return section("architecture", "Architecture", none, _LEGEND if drawn else NOTHING, *drawn)


_LEGEND: Final = html(
    "p",
    {"class": "legend"},
    html_text("Colour and sign: the worst of a component's findings. Each box leads to them. "),
    html("span", {"class": "key absent"}, html_text("dashed")),
    html_text(": required and missing. "),
    html("span", {"class": "key seen"}, html_text("solid arrow")),
    html_text(": a call that the configuration shows, "),
    html("span", {"class": "key unseen"}, html_text("dotted arrow")),
    html_text(": one that the reference architecture draws and the configuration does not tell."),
)


def _workload(picture: WorkloadPicture, findings: ByComponent, *, is_open: bool) -> Html:
    state = worst_of([each for own in findings.values() for each in own])
    missing = sum(not each.resource_ids for each in shown_components(picture))
    told = f" {counted(missing, 'component')} missing or not known" if missing else ""
    title = html("h3", None, html("bdi", None, html_text(picture.workload)))
    drawing = drawing_of(picture, findings, f"Architecture of {picture.workload}")
    region: Attributes = {
        "class": "scroll picture",
        "tabindex": 0,
        "role": "group",
        "aria-label": f"Picture of {picture.workload}",
    }
    rows = [_component(each, picture, findings.get(each.name, ())) for each in shown_components(picture)]
    as_table = table(
        f"Components of {picture.workload}", ("Component", "Played by", "Stands", "Fail", "Unknown", "Pass", "Calls"), rows,
        numbers=(3, 4, 5),
    )  # fmt: skip
    return html(
        "details",
        {"open": is_open, "class": "workload"},
        html("summary", None, title, html_text(" "), pill(state.css, state.words), html_text(told)),
        html("div", region, drawing),
        html("details", None, html("summary", None, html_text("The same as a table")), as_table),
    )


def _component(component: DrawnComponent, picture: WorkloadPicture, findings: Sequence[Finding]) -> Sequence[Html]:
    state = state_of_component(component, findings)
    counts = Counter(one.status for one in findings)
    calls = [call.target for call in picture.calls if call.source == component.name]
    return (
        html_text(component.title),
        html_join([code(short_name(one)) for one in component.resource_ids], html_text(", ")),
        pill(state.css, state.words),
        *(number(counts[status]) for status in (Status.FAIL, Status.UNKNOWN, Status.PASS)),
        html_text(", ".join(calls)),
    )


def causes(report: Report) -> Html:
    """Return what would have to change, and what it would mend."""
    groups = groups_of(report.findings)
    rows = [
        (
            pill(group.severity.value) if group.status is Status.FAIL else pill("unknown"),
            html("bdi", None, html_text(group.cause.what)),
            html(
                "a", {"href": "#findings", "data-cause": group.cause.id}, html_text(counted(group.findings, "finding"))
            ),
            html_text(", ".join(report.rules[rule].title for rule in sorted(group.rules))),
            _place(group.cause.resource_id),
        )
        for group in groups
    ]
    mended = sum(group.findings for group in groups if group.status is Status.FAIL)
    lead = f"What one change each would mend, the worst first: {counted(len(groups), 'cause')}, {mended:,} failures."
    header = ("Worst", "What would have to change", "Mends", "Rules", "Where")
    return section("causes", "What to change first", prose(lead), table("Causes", header, rows))


def _place(resource_id: str | None) -> Html:
    """Return of what type a resource is and in which group; its name is told beside."""
    if resource_id is None:
        return NOTHING
    group = ids.resource_group_of(resource_id)
    return html_join([code(ids.type_of(resource_id) or resource_id), html_text(f" in {group}" if group else "")])


def controls(report: Report) -> Html:
    """Return each framework with its controls."""
    frameworks: dict[str, list[ControlCoverage]] = defaultdict(list)
    for each in report.coverage.controls:
        frameworks[each.framework].append(each)
    inner = [_requirements(report)] if report.framework else []
    inner += [_framework(name, listed, is_open=number == 0) for number, (name, listed) in enumerate(frameworks.items())]
    lead = prose(
        "The status of a control is the worst of its findings: what the evidence of these rules shows, no more."
    )
    return section("controls", "Controls by framework", lead, *inner)


def _framework(name: str, listed: Sequence[ControlCoverage], *, is_open: bool) -> Html:
    counts = Counter(each.status.value for each in listed)
    shown = html_join(
        [pill(state, f"{counts[state]:,} {_word(state)}") for state in _COUNTED if counts[state]], html_text(" ")
    )
    rows = [
        (
            html("a", {"href": "#findings", "data-control": f"{each.framework} {each.id}"}, html_text(each.id)),
            pill(each.status.value),
            *(number(each.by_status[Status(state)]) for state in _COUNTED[:3]),
            html_text(rests_on(each)),
            html_text(still_open(each)),
        )
        for each in sorted(listed, key=lambda each: _COUNTED.index(each.status.value))
    ]
    header = ("Control", "Status", "Fail", "Unknown", "Pass", "Rests on", "Could still change it")
    title = html("summary", None, html("h3", None, html_text(name)), html_text(" "), shown)
    return html("details", {"open": is_open}, title, table(f"Controls of {name}", header, rows, numbers=(2, 3, 4)))


def _word(state: str) -> str:
    return "do not apply" if state == "not_applicable" else state


def _requirements(report: Report) -> Html:
    framework = report.framework
    if framework is None:
        return NOTHING
    rows = [
        (
            html_link(each.link, each.id), html_text(each.title), pill(each.state),
            *(number(each.by_status[Status(state)]) for state in _COUNTED[:3]), html_text(framework_page.row(each)[-1]),
        )
        for each in framework.requirements
    ]  # fmt: skip
    header = ("Requirement", "Title", "Status", "Fail", "Unknown", "Pass", "By a person")
    title = f"Requirements of {framework_page.heading(framework)}"
    return html(
        "details",
        {"open": True},
        html("summary", None, html("h3", None, html_text(title))),
        table(title, header, rows, numbers=(3, 4, 5)),
    )


def coverage(report: Report) -> Html:
    """Return what became of everything that was collected."""
    own = report.coverage
    types = [
        (
            code(each.name),
            *map(number, (each.collected, each.judged, each.used_as_evidence, each.not_looked_at, each.gaps)),
        )
        for each in own.types
    ]
    unmet = [(code(rule), html_text(own.unmet[rule])) for rule in sorted(own.unmet)]
    header = ("Type", "Collected", "Judged", "Used as evidence", "Not looked at", "Gaps")
    idle = table("Rules that met nothing to judge", ("Rule", "Why"), unmet) if unmet else NOTHING
    return section("coverage", "Coverage", table("Resources by type", header, types, numbers=(1, 2, 3, 4, 5)), idle)


def gaps(report: Report) -> Html:
    """Return what is not known, and what would settle it."""
    own = report.coverage
    rows = [
        (
            code(cause.what),
            html_text(cause.reason),
            html_join([code(short_name(place)) for place in shown_places(cause)], html_text(", ")),
            number(len(cause.places)),
            number(cause.findings),
            html_text(cause.settled_by),
        )
        for cause in causes_of(own.gaps)
    ]
    if not rows:
        return section("gaps", "Gaps", prose("Nothing in scope was left unread."))
    grants = [(code(each.permission), number(each.settles)) for each in own.grants]
    header = ("What", "Why", "Where", "Places", "Unknown for it", "Settled by")
    settle = ("Permission", "Unknowns settled")
    granted = table("Permissions that would settle the most", settle, grants, numbers=(1,)) if grants else NOTHING
    return section("gaps", "Gaps", granted, table("What is not known", header, rows, numbers=(3, 4)))


def exemptions(report: Report) -> Html:
    """Return what was accepted, by whom and until when, as a calendar and as a table."""
    accepted: Counter[Exemption] = Counter(each.exemption for each in report.findings if each.exemption)
    if not accepted:
        return section("exemptions", "Exemptions", prose("No finding is accepted by an exemption."))
    today = report.as_of.date()
    listed = sorted(accepted, key=lambda each: (each.expires_on, each.id, each.scope))
    rows = [
        (
            html_text(each.expires_on),
            html_text(_left(each, today)),
            code(each.id),
            html("a", {"href": "#findings", "data-text": each.id}, html_text(counted(accepted[each], "finding"))),
            html_text(each.reason),
            html_text(each.approved_by),
            html_text(each.ticket),
        )
        for each in listed
    ]
    header = ("Until", "Left", "Exemption", "Accepts", "Because", "Approved by", "Ticket")
    return section("exemptions", "Exemptions", _calendar(listed, today), table("Accepted deviations", header, rows))


def _day(exemption: Exemption) -> date | None:
    try:
        return date.fromisoformat(exemption.expires_on)
    except ValueError:
        return None


def _left(exemption: Exemption, today: date) -> str:
    last = _day(exemption)
    return "" if last is None else counted((last - today).days, "day")


def _calendar(listed: Sequence[Exemption], today: date) -> Html:
    """Return the months from the time of judgement to the last expiry, each with how many exemptions end in it."""
    ends = Counter((last.year, last.month) for each in listed if (last := _day(each)))
    if not ends:
        return NOTHING
    start, end = today.year * 12 + today.month - 1, max(year * 12 + month - 1 for year, month in ends)
    months = [(at // 12, at % 12 + 1) for at in range(start, min(end, start + _MONTHS - 1) + 1)]
    items = [_month(f"{month[0]}-{month[1]:02}", ends[month]) for month in months]
    if later := sum(count for month, count in ends.items() if month > months[-1]):
        items.append(_month("later", later))
    return html("ol", {"class": "calendar", "aria-label": "Exemptions that end, by month"}, *items)


def _month(name: str, count: int) -> Html:
    shown = html_text(f"{count:,}" if count else "\N{EN DASH}")
    return html(
        "li", {"class": "busy" if count else None}, html("span", None, html_text(name)), html("strong", None, shown)
    )


def notices(report: Report) -> Html:
    """Return the remarks on the run."""
    if not report.notices:
        return section("notices", "Notices", prose("None."))
    return section(
        "notices", "Notices", html("ul", None, *(html("li", None, html_text(each)) for each in sorted(report.notices)))
    )
