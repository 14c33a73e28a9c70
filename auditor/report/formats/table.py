"""Write a report for a person at a terminal: what to act on first, the verdict in the last line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Final

from auditor import resource_id as ids
from auditor.model import Finding, Gap, Report, RuleInfo, Status
from auditor.report import selection
from auditor.report.areas import AreaCount, areas_of
from auditor.report.escapes.terminal import TerminalLines
from auditor.report.finding_causes import cause_of
from auditor.report.format import Format, View
from auditor.report.group_by import GroupBy
from auditor.report.grouping import FindingGroup, grouped, place_of
from auditor.report.layout import Cell, Layout, Linked
from auditor.report.layout import of as layout_of
from auditor.report.outcome import unless, why_not_trusted
from auditor.report.pages import coverage_page, framework_page
from auditor.report.portal import resource_link, rule_link
from auditor.report.selection import names_of, short_name, subjects_of
from auditor.report.summary import Summary, counted, summarise, verdict, workloads_of
from auditor.report.text import observed, requirement, sentence, utc, utc_text

_GROUPS_SHOWN: Final = 20
_PER_GROUP: Final = 5
"""More of one group than this teach nothing new; `verbose` and the other formats hold all of them."""
_ROWS_SHOWN: Final = 10
_CELL: Final = 14
"""How wide a column of the table by workload and area is, about."""


def write(report: Report, out: TerminalLines, view: View) -> None:
    """Write what to change first, failures, unknowns with what would settle them, gaps, coverage, summary and verdict.

    In a pipe or a file the worst comes first; at a terminal it comes last, above the summary, where the eye rests.
    No line is longer than `width` (at least 40 cells), but for whole ids and commands, which `verbose` adds on lines
    of their own, and for the last line of a report that cannot be trusted as it is: why, and what would settle it.
    Findings that do not apply are only counted.
    """
    page = _TablePage(report, layout_of(view.width, color=view.color, is_for_person=view.is_for_person), view)
    summary = summarise(report)
    out.lines([*page.misfit(), *page.body(), *page.summary(summary), *page.outcome()])


class _TablePage:
    """The blocks of one report in one layout."""

    def __init__(self, report: Report, layout: Layout, view: View) -> None:
        self._report = report
        self._layout = layout
        self._view = view
        self._verbose = view.verbose
        self._names = report.snapshot.subscription_names

    def misfit(self) -> Iterator[str]:
        """Yield that the estate looks like another edition, where it does: all that follows is to be read so."""
        if self._report.misfit:
            yield from self._layout.paragraph(sentence(self._report.misfit), indent=0)
            yield ""

    def body(self) -> Iterator[str]:
        """Yield all blocks above the summary: what matters most is first, or last for a person."""
        blocks = [list(block) for block in self._blocks()]
        for block in reversed(blocks) if self._view.is_for_person else blocks:
            yield from block

    def _blocks(self) -> Iterator[Iterable[str]]:
        findings = selection.listed(self._report, include_passed=self._view.include_passed)
        failures = selection.open_failures(findings)
        missing = selection.missing_components(findings)
        yield self._areas([*missing, *failures])
        yield self._missing(missing)
        yield self._groups("Failures", failures)
        yield self._accepted(selection.accepted(findings))
        yield self._known(selection.known(findings))
        yield self._unknown(selection.with_status(findings, Status.UNKNOWN))
        yield self._gaps(self._report.gaps)
        yield self._groups("Passed", selection.with_status(findings, Status.PASS))
        yield self._notices(sorted(self._report.notices))
        if self._report.framework is not None:
            yield framework_page.lines(self._report.framework, self._layout)
        yield self._coverage()

    def summary(self, summary: Summary) -> Iterator[str]:
        report = self._report
        collected = utc_text(report.snapshot.collected_at) or "at an unknown time"
        rows = [
            ["baseline", f"{report.baseline_name} {report.baseline_version}"],
            ["snapshot", f"{report.snapshot.sha256[:12]}, collected {collected}"],
            ["as of", f"{utc(report.as_of)} (from {report.as_of_source})"],
            *([["Azure data", _editions(report.reference_data)]] if report.reference_data else []),
            ["workloads", ", ".join(workloads_of(report)) or "none"],
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
        yield from self._capped(("Severity", "Component", "Workload", "What is missing"), rows)

    def _areas(self, failures: Sequence[Finding]) -> Iterator[str]:
        """Yield how many failures each workload has in each area, and how bad the worst of them is."""
        if not failures:
            return
        table = areas_of(failures, self._report.rules, max(1, self._layout.width // _CELL - 2))
        yield from self._heading("Failures by area and workload", len(failures))
        rows = [
            [area, *(self._area_cell(table.cells.get((area, workload))) for workload in table.workloads)]
            for area in table.areas
        ]
        yield from self._layout.one_liners(("Area", *table.workloads), rows)

    @staticmethod
    def _area_cell(count: AreaCount | None) -> str:
        return f"{count.failures:,} {count.worst.value}" if count and count.failures else ""

    def _groups(self, title: str, findings: Sequence[Finding]) -> Iterator[str]:
        """Yield findings in groups: as many groups, and findings in each, as a person reads."""
        if not findings:
            return
        chosen = self._view.grouping
        groups = grouped(findings, chosen.by, self._report)
        limit = chosen.top if chosen.top is not None else 0 if self._verbose else _GROUPS_SHOWN
        listed = groups[:limit] if limit else groups
        blocks: list[list[str]] = [list(self._title(title, groups, findings, chosen.by))]
        if chosen.compact:
            blocks.append(list(self._overview(listed, chosen.by)))
        else:
            blocks += [list(self._group(group, chosen.by)) for group in listed]
        if hidden := groups[len(listed) :]:
            blocks.append(list(self._more(hidden, chosen.by)))
        if self._view.is_for_person and not chosen.compact:
            blocks = [blocks[0], *reversed(blocks[1:])]
        for block in blocks:
            yield from block

    def _title(
        self, title: str, groups: Sequence[FindingGroup], findings: Sequence[Finding], by: GroupBy
    ) -> Iterator[str]:
        yield from self._heading(title, len(findings))
        if by is GroupBy.CAUSE and title == "Failures":
            causes = {cause.id for each in findings if (cause := cause_of(each))}
            text = f"{counted(len(causes), 'change')} of {counted(len(groups), 'kind')} would mend them."
        else:
            text = f"By {by.value}: {counted(len(groups), by.noun)}."
        yield from self._layout.paragraph(text)

    def _more(self, hidden: Sequence[FindingGroup], by: GroupBy) -> Iterator[str]:
        findings = len({each.fingerprint or id(each) for group in hidden for each in group.findings})
        kinds = "kind of change" if by is GroupBy.CAUSE else by.noun
        plural = kinds.replace("kind", "kinds", 1) if by is GroupBy.CAUSE else f"{kinds}s"
        yield ""
        yield from self._layout.paragraph(
            f"… and {len(hidden):,} more {kinds if len(hidden) == 1 else plural} with {counted(findings, 'finding')} "
            f"(--top 0 shows all; --compact or --group-by {GroupBy.WORKLOAD.value} shows them in short)"
        )

    def _overview(self, groups: Sequence[FindingGroup], by: GroupBy) -> Iterator[str]:
        yield ""
        rows: list[Sequence[Cell]] = [
            [group.severity.value, f"{len(group.findings):,}", self._linked(group), self._places(group)]
            for group in (reversed(groups) if self._view.is_for_person else groups)
        ]
        name = "What to change" if by is GroupBy.CAUSE else by.value.capitalize()
        yield from self._layout.one_liners(("Worst", "Mends" if by is GroupBy.CAUSE else "Findings", name, "On"), rows)

    def _linked(self, group: FindingGroup) -> Cell:
        return Linked(group.title, resource_link(group.resource_id or "", self._report.snapshot.scope))

    def _places(self, group: FindingGroup) -> str:
        if group.is_named_whole:
            return ""
        named = list(names_of(group.places.values(), self._names).values())
        return ", ".join(named[:1]) + (f" and {len(named) - 1:,} more" if len(named) > 1 else "")

    def _group(self, group: FindingGroup, by: GroupBy) -> Iterator[str]:
        rules = sorted({each.rule_id for each in group.findings})
        said = [counted(len(group.findings), "finding")]
        if by is not GroupBy.RESOURCE and group.places and not group.is_named_whole:
            said.insert(0, f"on {self._places(group)}")
        if by is not GroupBy.RULE:
            said.append(", ".join(rules[:3]) + (f" and {len(rules) - 3:,} more" if len(rules) > 3 else ""))
        yield from self._layout.labelled(group.severity, sentence(group.title))
        yield from self._layout.paragraph(" · ".join(said))
        yield from self._details(group.findings) if self._verbose else self._members(group, by)

    def _members(self, group: FindingGroup, by: GroupBy) -> Iterator[str]:
        """Yield one line for each of the first findings: the subject, what is wrong, and how bad where that differs."""
        findings = sorted(group.findings, key=lambda each: (each.severity.rank, ids.key(place_of(each) or "")))[
            :_PER_GROUP
        ]
        subjects = self._subjects(findings)
        scope, is_mixed = self._report.snapshot.scope, len({each.severity for each in group.findings}) > 1
        places = [place_of(each) or "" for each in findings]
        is_elsewhere = any(
            ids.key(place) != ids.key(each.resource_id or "") for place, each in zip(places, findings, strict=True)
        )
        columns: list[tuple[str, list[Cell]]] = []
        if is_mixed:
            columns.append(("Severity", [each.severity.value for each in findings]))
        if is_elsewhere and len(group.places) > 1:
            columns.append(("Change", [Linked(short_name(place), resource_link(place, scope)) for place in places]))
        if by is not GroupBy.RESOURCE or any(each.sub_object for each in findings):
            links = [resource_link(each.resource_id or "", scope) for each in findings]
            columns.append(("Resource", list(map(Linked, subjects, links))))
        wrong = [_without_title(each, self._report.rules[each.rule_id]) for each in findings]
        pages = [rule_link(self._report.rules[each.rule_id]) for each in findings]
        columns.append(("Found", list(map(Linked, wrong, pages))))
        header = tuple(name for name, _ in columns)
        yield from self._layout.one_liners(header, list(zip(*(cells for _, cells in columns), strict=True)), indent=4)
        if len(group.findings) > len(findings):
            yield from self._layout.paragraph(
                f"… and {len(group.findings) - len(findings):,} more (-v lists them all)", 4
            )

    def _details(self, findings: Sequence[Finding]) -> Iterator[str]:
        for subject, each in zip(self._subjects(findings), findings, strict=True):
            yield ""
            yield from self._layout.paragraph(subject, 4)
            if each.resource_id:
                yield from self._layout.verbatim(each.resource_id, 6)
            yield from self._layout.verbatim(f"fingerprint {each.fingerprint}", 6)
            yield from self._layout.paragraph(sentence(each.message), 6)
            for claim in each.claims:
                yield from self._layout.paragraph(
                    f"Called exempt in Azure, which decides nothing here: {sentence(claim)}", 6
                )
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

    def _known(self, findings: Sequence[Finding]) -> Iterator[str]:
        if not findings:
            return
        yield from self._heading("Known failures, no wider than they were", len(findings))
        if self._verbose:
            rows = zip(findings, self._subjects(findings), strict=True)
            yield from self._layout.rows(
                ("Severity", "Rule", "Resource"), [[each.severity.value, each.rule_id, name] for each, name in rows]
            )
        else:
            yield from self._layout.paragraph("-v lists them")

    def _unknown(self, findings: Sequence[Finding]) -> Iterator[str]:
        if not findings:
            return
        yield from self._heading(
            "Unknown: neither passed nor failed, because something could not be read", len(findings)
        )

        def cause(finding: Finding) -> tuple[str, str]:
            return (finding.missing_permission or "", finding.unknown_reason or "no reason given")

        groups = [(key, list(group)) for key, group in groupby(sorted(findings, key=cause), key=cause)]
        if not self._verbose:
            rows = [
                [
                    f"{len(members):,}",
                    _settling(*key),
                    _such_as(
                        [
                            f"{each.rule_id} on {subject}"
                            for each, subject in zip(members, self._subjects(members), strict=True)
                        ]
                    ),
                ]
                for key, members in sorted(groups, key=lambda group: (-len(group[1]), group[0]))
            ]
            yield from self._capped(("Checks", "What is not known, and what settles it", "Such as"), rows)
            return
        for key, members in groups:
            yield ""
            yield from self._layout.paragraph(_settling(*key))
            rows = [[each.rule_id, subject] for each, subject in zip(members, self._subjects(members), strict=True)]
            yield from self._capped(("Rule", "Resource"), rows)
            for resource_id in sorted({each.resource_id for each in members if each.resource_id}):
                yield from self._layout.verbatim(resource_id, 4)

    def _gaps(self, gaps: Sequence[Gap]) -> Iterator[str]:
        if not gaps:
            return
        yield from self._heading("Gaps: in scope, but not collected", len(gaps))

        def cause(gap: Gap) -> tuple[str, str]:
            return (gap.permission or "", gap.reason)

        ordered = sorted(gaps, key=lambda gap: (cause(gap), gap.scope, gap.what))
        groups = [(key, list(group)) for key, group in groupby(ordered, key=cause)]
        if not self._verbose:
            rows = [
                [f"{len(own):,}", _settling(*key), _such_as([each.what for each in own]), short_name(own[0].scope)]
                for key, own in sorted(groups, key=lambda group: (-len(group[1]), group[0]))
            ]
            yield from self._capped(("Gaps", "Why, and what settles it", "What", "Where"), rows)
            return
        for key, own in groups:
            yield ""
            yield from self._layout.paragraph(_settling(*key))
            yield from self._capped(("What", "Scope"), [[gap.what, gap.scope] for gap in own])

    def _notices(self, notices: Sequence[str]) -> Iterator[str]:
        if not notices:
            return
        yield from self._heading("Notices", len(notices))
        listed = notices if self._verbose else notices[:_ROWS_SHOWN]
        for notice in listed:
            yield from self._layout.paragraph(f"- {sentence(notice)}")
        if len(notices) > len(listed):
            yield from self._layout.paragraph(f"… and {len(notices) - len(listed):,} more (-v lists them all)")

    def _heading(self, title: str, count: int) -> list[str]:
        return self._layout.heading(f"{title} ({count:,})")

    def _subjects(self, findings: Sequence[Finding]) -> Sequence[str]:
        return subjects_of(findings, self._names)

    def _capped(self, header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
        listed = rows if self._verbose else rows[:_ROWS_SHOWN]
        yield from self._layout.rows(header, listed)
        if len(rows) > len(listed):
            yield from self._layout.paragraph(f"… and {len(rows) - len(listed):,} more (-v lists them all)")


def _editions(reference_data: Mapping[str, str]) -> str:
    """Return the day of each data set that ships; the JSON report has their hashes, too."""
    return ", ".join(f"{name} {reference_data[name].partition('+')[0]}" for name in sorted(reference_data))


def _without_title(finding: Finding, rule: RuleInfo) -> str:
    """Return what was found, without the rule's title, which stands above."""
    return sentence(finding.message.removeprefix(f"{rule.title}: "))


def _such_as(names: Sequence[str]) -> str:
    """Return the first of some names, and how many more there are."""
    known = list(dict.fromkeys(names))
    return known[0] + (f" and {len(known) - 1:,} more" if len(known) > 1 else "")


def _settling(permission: str, reason: str) -> str:
    return f"{reason}: grant {permission}" if permission else reason


def _counts(pairs: Iterable[tuple[str, int]]) -> str:
    return " · ".join(f"{count:,} {name}" for name, count in pairs)


FORMAT: Final = Format("table", write, TerminalLines, shows_notices=True, ends_with_outcome=True)
