"""Write a report as Markdown for a pull request: the verdict, what failed, and the rest folded away."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from auditor.engine.findings.shared_evidence import deciding
from auditor.model import ControlCoverage, Coverage, Finding, Gap, Report, Status, TypeCoverage
from auditor.report import selection
from auditor.report.causes import Cause, causes_of
from auditor.report.escapes.gfm import Gfm, GfmPage, gfm, gfm_code, gfm_text
from auditor.report.format import Format, View
from auditor.report.outcome import unless, why_not_trusted
from auditor.report.pages import framework_page
from auditor.report.pages.coverage_page import rests_on, still_open
from auditor.report.selection import subjects_of
from auditor.report.summary import Summary, counted, summarise, verdict, workloads_of
from auditor.report.text import observed, requirement, utc, utc_text

_LIMIT: Final = 65_000
"""A GitHub comment holds 65,536 characters."""
_SECTION_RESERVE: Final = 400
"""What a section that lists nothing for want of room still takes: its heading, table head and the line that says so."""
_PROSE_LIMIT: Final = 500
_NAME_LIMIT: Final = 2_000  # longer than any id that Azure gives

Row = Sequence[Gfm]
Words = Sequence[str]


def write(report: Report, out: GfmPage, view: View) -> None:
    """Write GitHub-flavoured Markdown of less than 65,000 characters; where rows are left out, a line counts them."""
    findings = selection.listed(report, include_passed=view.include_passed)
    summary = summarise(report)
    page = _MarkdownPage(sections_left=15)
    page.add(
        *_misfit(report), gfm("## {}\n\n", escaped(verdict(summary))), *_summary(report, summary), *_outcome(report)
    )
    names = report.snapshot.subscription_names
    failures = selection.open_failures(findings)
    if report.framework is not None:
        page.table(
            f"Requirements of {framework_page.heading(report.framework)}",
            framework_page.HEADER,
            (list(map(escaped, framework_page.row(each))) for each in report.framework.requirements),
        )
    page.table(
        "Missing components",
        ("Severity", "Component", "Workload", "Message"),
        map(_missing, selection.missing_components(findings)),
    )
    page.table("Failures", ("Severity", "Rule", "Resource", "Message"), _rows(failures, names, _failure))
    unknown = selection.with_status(findings, Status.UNKNOWN)
    page.table(
        "Unknown", ("Rule", "Resource", "Why", "Permission that would settle it"), _rows(unknown, names, _unknown)
    )
    accepted = selection.accepted(findings)
    page.table(
        "Accepted by exemption",
        ("Rule", "Resource", "Exemption", "Until"),
        _rows(accepted, names, _accepted),
        fold=True,
    )
    page.table(
        "Known failures, no wider than they were",
        ("Rule", "Resource"),
        _rows(selection.known(findings), names, _plain),
        fold=True,
    )
    page.table(
        "Gaps", ("What", "Scope", "Why", "Permission that would settle it"), map(_gap, sorted(report.gaps)), fold=True
    )
    page.table(
        "Evidence of the failures", ("Rule", "Resource id", "Expected", "Observed"), map(_evidence, failures), fold=True
    )
    page.table("Notices", ("Notice",), ((escaped(each),) for each in sorted(report.notices)), fold=True)
    passed = selection.with_status(findings, Status.PASS)
    page.table("Passed", ("Rule", "Resource"), _rows(passed, names, _plain), fold=True)
    skipped = selection.with_status(findings, Status.NOT_APPLICABLE)
    page.table("Not applicable", ("Rule", "Resource"), _rows(skipped, names, _plain), fold=True)
    for title, header, rows in _coverage(report.coverage):
        page.table(title, header, rows, fold=True)
    out.write(page.text())


class _MarkdownPage:
    """Text that never outgrows the limit: each section leaves room for those that follow to say what they leave out."""

    def __init__(self, sections_left: int) -> None:
        self._parts: list[Gfm] = []
        self._room = _LIMIT - 1
        self._sections_left = sections_left

    def add(self, *parts: Gfm) -> None:
        self._parts.extend(parts)
        self._room -= sum(map(len, parts))

    def text(self) -> Gfm:
        return Gfm("".join(self._parts))

    def table(self, title: str, header: Words, rows: Iterable[Row], *, fold: bool = False) -> None:
        """Add a table with as many rows as there is room for, or nothing where there are no rows."""
        self._sections_left -= 1
        lines = [_line(row) for row in rows]
        if not lines:
            return
        opening = "\n<details><summary>{} ({})</summary>\n\n" if fold else "\n### {} ({})\n\n"
        closing = Gfm("\n</details>\n" if fold else "")
        self.add(
            gfm(opening, escaped(title), len(lines)),
            _line(list(map(escaped, header))),
            _line([Gfm("---")] * len(header)),
        )
        self._add_fitting(lines, len(closing))
        self.add(closing)

    def _add_fitting(self, lines: Sequence[Gfm], closing: int) -> None:
        room = self._room - closing - _SECTION_RESERVE * (self._sections_left + 1)
        for index, line in enumerate(lines):
            if len(line) > room:
                left_out = len(lines) - index
                self.add(
                    gfm("\n{} more left out for want of room; the CSV and JSON reports hold all of them.\n", left_out)
                )
                return
            self.add(line)
            room -= len(line)


def _coverage(coverage: Coverage) -> Iterable[tuple[str, Words, Iterable[Row]]]:
    """Yield title, header and rows of what would settle most, what is not known, and what became of everything."""
    yield (
        "Permissions that would settle the most",
        ("Permission", "Unknowns settled"),
        ((code(each.permission), _number(each.settles)) for each in coverage.grants),
    )
    yield (
        "What is not known",
        ("What", "Places", "Why", "Unknown", "Settled by"),
        map(_cause, causes_of(coverage.gaps)),
    )
    yield (
        "Coverage by type",
        ("Type", "Collected", "Judged", "Used as evidence", "Not looked at", "Gaps"),
        map(_type, coverage.types),
    )
    yield (
        "Rules that met nothing to judge",
        ("Rule", "Why"),
        ((code(rule), escaped(coverage.unmet[rule])) for rule in sorted(coverage.unmet)),
    )
    yield (
        "Coverage by control",
        ("Framework", "Control", "Status", "Rests on", "Could still change it"),
        map(_control, coverage.controls),
    )


def _cause(cause: Cause) -> Row:
    counts = _number(len(cause.places)), _number(cause.findings)
    return (code(cause.what), counts[0], escaped(cause.reason), counts[1], escaped(cause.settled_by))


def _type(each: TypeCoverage) -> Row:
    counts = (each.collected, each.judged, each.used_as_evidence, each.not_looked_at, each.gaps)
    return (code(each.name), *map(_number, counts))


def _control(control: ControlCoverage) -> Row:
    words = (control.framework, control.id, control.status.value, rests_on(control), still_open(control))
    return tuple(map(escaped, words))


def _number(count: int) -> Gfm:
    return gfm("{}", count)


def _misfit(report: Report) -> Iterable[Gfm]:
    """Say that the estate looks like another edition."""
    if report.misfit:
        yield gfm("{}\n\n", escaped(report.misfit))


def _outcome(report: Report) -> Iterable[Gfm]:
    """Say why the report cannot be trusted as it is."""
    if reason := why_not_trusted(report):
        yield gfm("\n{}: {}\n", escaped(unless(report)), escaped(reason))


def escaped(text: str) -> Gfm:
    """Return prose, cut where it is very long."""
    return gfm_text(_cut(text, _PROSE_LIMIT))


def code(text: str) -> Gfm:
    """Return a name in code type, cut where it is longer than any."""
    return gfm_code(_cut(text, _NAME_LIMIT))


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[:limit]}… (cut)"


def _line(cells: Row) -> Gfm:
    return gfm("| {} |\n", Gfm(" | ".join(cells)))


def _summary(report: Report, summary: Summary) -> Iterable[Gfm]:
    collected = utc_text(report.snapshot.collected_at) or "unknown"
    severities = (each.value.title() for each in summary.by_severity)
    yield _line(list(map(escaped, ("Pass", "Fail", "Unknown", "Not applicable", *severities))))
    yield _line([Gfm("---")] * (len(summary.by_status) + len(summary.by_severity)))
    yield _line(list(map(_number, (*summary.by_status.values(), *summary.by_severity.values()))))
    yield gfm(
        "\nBaseline {}, {}, {}{}.\nSnapshot {}, collected {}; judged as of {} (from {}).\n",
        code(f"{report.baseline_name} {report.baseline_version}"),
        escaped(counted(summary.rules, "rule")),
        escaped(counted(summary.resources, "resource")),
        _workloads(workloads_of(report)),
        code(report.snapshot.sha256[:12]),
        escaped(collected),
        escaped(utc(report.as_of)),
        escaped(report.as_of_source),
    )


def _workloads(workloads: Sequence[str]) -> Gfm:
    shown = Gfm(", ".join(map(code, workloads[:10])))
    more = gfm(" and {} more", len(workloads) - 10) if len(workloads) > 10 else Gfm("")
    noun = Gfm("workload" if len(workloads) == 1 else "workloads")
    return gfm(", {} {}{}", noun, shown, more) if workloads else Gfm("")


def _rows(findings: Sequence[Finding], names: Mapping[str, str], row: Callable[[Finding, Gfm], Row]) -> Iterable[Row]:
    return map(row, findings, map(code, subjects_of(findings, names)))


def _missing(finding: Finding) -> Row:
    component = code(finding.component or finding.sub_object or finding.rule_id)
    return (escaped(finding.severity.value), component, code(finding.workload or ""), escaped(finding.message))


def _failure(finding: Finding, subject: Gfm) -> Row:
    return (escaped(finding.severity.value), code(finding.rule_id), subject, escaped(finding.message))


def _unknown(finding: Finding, subject: Gfm) -> Row:
    permission = code(finding.missing_permission or "")
    return (code(finding.rule_id), subject, escaped(finding.unknown_reason or finding.message), permission)


def _accepted(finding: Finding, subject: Gfm) -> Row:
    exemption = finding.exemption
    reason = escaped(f"{exemption.id}: {exemption.reason}, approved by {exemption.approved_by}" if exemption else "")
    return (code(finding.rule_id), subject, reason, escaped(exemption.expires_on if exemption else ""))


def _gap(gap: Gap) -> Row:
    return (code(gap.what), code(gap.scope), escaped(gap.reason), code(gap.permission or ""))


def _evidence(finding: Finding) -> Row:
    expected = "; ".join(map(requirement, deciding(finding)))
    seen = "; ".join(map(observed, deciding(finding)))
    return (
        code(finding.rule_id),
        code(finding.resource_id or ""),
        code(_cut(expected, _PROSE_LIMIT)),
        code(_cut(seen, _PROSE_LIMIT)),
    )


def _plain(finding: Finding, subject: Gfm) -> Row:
    return (code(finding.rule_id), subject)


FORMAT: Final = Format("markdown", write, GfmPage, explains_passes=False, shows_notices=True)
