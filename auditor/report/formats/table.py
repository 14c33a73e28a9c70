"""Write a report for a person at a terminal: what to act on first, the verdict in the last line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Final

from auditor.model import Finding, Gap, Report, RuleInfo, Status
from auditor.report import coverage_page, framework_page, selection
from auditor.report.escapes.terminal import TerminalLines
from auditor.report.format import Format, View
from auditor.report.layout import Layout
from auditor.report.outcome import unless, why_not_trusted
from auditor.report.selection import short_name, subjects_of
from auditor.report.summary import Summary, counted, summarise, verdict
from auditor.report.text import observed, requirement, sentence, utc, utc_text

_NARROWEST: Final = 40
_SHOWN_PER_GROUP: Final = 20
"""More rows of one rule than this teach nothing new; `verbose` and the other formats hold all of them."""


def write(report: Report, out: TerminalLines, view: View) -> None:
    """Write failures by severity, unknowns with what would settle them, gaps, coverage, the summary and the verdict.

    No line is longer than `width` (at least 40 cells), but for whole ids and commands, which `verbose` adds on lines
    of their own, and for the last line of a report that cannot be trusted as it is: why, and what would settle it.
    Findings that do not apply are only counted.
    """
    page = _TablePage(report, Layout(max(view.width, _NARROWEST), view.color), verbose=view.verbose)
    summary = summarise(report)
    out.lines([*page.blocks(include_passed=view.include_passed), *page.summary(summary), *page.outcome()])


class _TablePage:
    """The blocks of one report in one layout."""

    def __init__(self, report: Report, layout: Layout, *, verbose: bool) -> None:
        self._report = report
        self._layout = layout
        self._verbose = verbose
        self._names = report.snapshot.subscription_names

    def blocks(self, *, include_passed: bool) -> Iterator[str]:
        findings = selection.listed(self._report, include_passed=include_passed)
        yield from self._missing(selection.missing_components(findings))
        yield from self._by_rule("Failures", selection.open_failures(findings))
        yield from self._accepted(selection.accepted(findings))
        yield from self._unknown(selection.with_status(findings, Status.UNKNOWN))
        yield from self._gaps(self._report.gaps)
        yield from self._by_rule("Passed", selection.with_status(findings, Status.PASS))
        yield from self._notices(sorted(self._report.notices))
        if self._report.framework is not None:
            yield from framework_page.lines(self._report.framework, self._layout)
        yield from self._coverage()

    def summary(self, summary: Summary) -> Iterator[str]:
        report = self._report
        collected = utc_text(report.snapshot.collected_at) or "at an unknown time"
        rows = [
            ["baseline", f"{report.baseline_name} {report.baseline_version}"],
            ["snapshot", f"{report.snapshot.sha256[:12]}, collected {collected}"],
            ["as of", f"{utc(report.as_of)} (from {report.as_of_source})"],
            *([["Azure data", _editions(report.reference_data)]] if report.reference_data else []),
            ["workloads", ", ".join(summary.workloads) or "none"],
            ["scope", f"{counted(summary.rules, 'rule')}, {counted(summary.resources, 'resource')}"],
            ["findings", _counts((status.value.replace("_", " "), n) for status, n in summary.by_status.items())],
            ["failures", _counts((severity.value, n) for severity, n in summary.by_severity.items())],
        ]
        yield from self._layout.heading("Summary")
        yield from self._layout.rows((), rows)
        yield ""
        yield from self._layout.paragraph(verdict(summary), indent=0)

    def outcome(self) -> Iterator[str]:
        if reason := why_not_trusted(self._report):
            yield from self._layout.verbatim(f"{unless(self._report)}: {sentence(reason)}", indent=0)

    def _coverage(self) -> Iterator[str]:
        coverage = self._report.coverage
        if self._verbose:
            yield from coverage_page.whole(coverage, self._layout)
        yield from coverage_page.short(coverage, len(self._report.rules), self._layout)

    def _missing(self, findings: Sequence[Finding]) -> Iterator[str]:
        if not findings:
            return
        yield from self._heading("Missing components", len(findings))
        rows = [
            [
                each.severity.value,
                each.component or each.sub_object or each.rule_id,
                each.workload or "",
                sentence(each.message),
            ]
            for each in findings
        ]
        yield from self._layout.rows(("Severity", "Component", "Workload", "What is missing"), rows)

    def _by_rule(self, title: str, findings: Sequence[Finding]) -> Iterator[str]:
        if not findings:
            return
        yield from self._heading(title, len(findings))
        for (severity, rule_id), group in groupby(findings, key=lambda each: (each.severity, each.rule_id)):
            members = list(group)
            yield from self._layout.labelled(severity, sentence(self._report.rules[rule_id].title))
            yield from self._layout.paragraph(f"{rule_id} · {counted(len(members), 'finding')}")
            yield from self._details(members) if self._verbose else self._members(members)

    def _members(self, findings: Sequence[Finding]) -> Iterator[str]:
        messages = [_without_title(each, self._report.rules[each.rule_id]) for each in findings]
        subjects = self._subjects(findings)
        if len(set(messages)) == 1:
            yield from self._layout.paragraph(messages[0])
            yield from self._capped(("Resource",), [[subject] for subject in subjects])
        else:
            yield from self._capped(("Resource", "Found"), list(map(list, zip(subjects, messages, strict=True))))

    def _details(self, findings: Sequence[Finding]) -> Iterator[str]:
        for subject, each in zip(self._subjects(findings), findings, strict=True):
            yield ""
            yield from self._layout.paragraph(subject, 4)
            if each.resource_id:
                yield from self._layout.verbatim(each.resource_id, 6)
            yield from self._layout.paragraph(sentence(each.message), 6)
            for leaf in each.evidence:
                origin = ", ".join(part for part in (leaf.source, leaf.api_version) if part)
                text = f"{requirement(leaf)}: {observed(leaf)}"
                yield from self._layout.paragraph(f"{text} ({origin})" if origin else text, 6)
            remediation = self._report.rules[each.rule_id].remediation
            if remediation and each.status is Status.FAIL:
                yield from self._layout.paragraph(f"Remedy: {sentence(remediation)}", 6)
            if each.remediation_cli and each.status is Status.FAIL:
                yield from self._layout.verbatim(each.remediation_cli, 6)

    def _accepted(self, findings: Sequence[Finding]) -> Iterator[str]:
        if not findings:
            return
        yield from self._heading("Failures accepted by exemption", len(findings))
        rows = [
            [each.severity.value, each.rule_id, subject, each.exemption.id, each.exemption.expires_on]
            for subject, each in zip(self._subjects(findings), findings, strict=True)
            if each.exemption
        ]
        yield from self._capped(("Severity", "Rule", "Resource", "Exemption", "Until"), rows)

    def _unknown(self, findings: Sequence[Finding]) -> Iterator[str]:
        if not findings:
            return
        yield from self._heading(
            "Unknown: neither passed nor failed, because something could not be read", len(findings)
        )

        def cause(finding: Finding) -> tuple[str, str]:
            return (finding.missing_permission or "", finding.unknown_reason or "no reason given")

        for (permission, reason), group in groupby(sorted(findings, key=cause), key=cause):
            members = list(group)
            yield ""
            yield from self._layout.paragraph(_settling(permission, reason))
            rows = [[each.rule_id, subject] for each, subject in zip(members, self._subjects(members), strict=True)]
            yield from self._capped(("Rule", "Resource"), rows)
            if self._verbose:
                for resource_id in sorted({each.resource_id for each in members if each.resource_id}):
                    yield from self._layout.verbatim(resource_id, 4)

    def _gaps(self, gaps: Sequence[Gap]) -> Iterator[str]:
        if not gaps:
            return
        yield from self._heading("Gaps: in scope, but not collected", len(gaps))

        def cause(gap: Gap) -> tuple[str, str]:
            return (gap.permission or "", gap.reason)

        for (permission, reason), group in groupby(
            sorted(gaps, key=lambda gap: (cause(gap), gap.scope, gap.what)), key=cause
        ):
            yield ""
            yield from self._layout.paragraph(_settling(permission, reason))
            yield from self._capped(
                ("What", "Scope"), [[gap.what, gap.scope if self._verbose else short_name(gap.scope)] for gap in group]
            )

    def _notices(self, notices: Sequence[str]) -> Iterator[str]:
        if not notices:
            return
        yield from self._heading("Notices", len(notices))
        for notice in notices:
            yield from self._layout.paragraph(f"- {sentence(notice)}")

    def _heading(self, title: str, count: int) -> list[str]:
        return self._layout.heading(f"{title} ({count:,})")

    def _subjects(self, findings: Sequence[Finding]) -> Sequence[str]:
        return subjects_of(findings, self._names)

    def _capped(self, header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
        shown = rows if self._verbose else rows[:_SHOWN_PER_GROUP]
        yield from self._layout.rows(header, shown)
        if len(rows) > len(shown):
            yield from self._layout.paragraph(f"… and {len(rows) - len(shown):,} more (-v lists them all)")


def _editions(reference_data: Mapping[str, str]) -> str:
    """Return the day of each data set that ships; the JSON report has their hashes, too."""
    return ", ".join(f"{name} {reference_data[name].partition('+')[0]}" for name in sorted(reference_data))


def _without_title(finding: Finding, rule: RuleInfo) -> str:
    """Return what was found, without the rule's title, which stands above."""
    return sentence(finding.message.removeprefix(f"{rule.title}: "))


def _settling(permission: str, reason: str) -> str:
    return f"{reason}: grant {permission}" if permission else reason


def _counts(pairs: Iterable[tuple[str, int]]) -> str:
    return " · ".join(f"{count:,} {name}" for name, count in pairs)


FORMAT: Final = Format("table", write, TerminalLines, shows_notices=True, ends_with_outcome=True)
