"""Write a report as CSV, one row per finding, for auditors and spreadsheets."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Final, Generic, NamedTuple, TypeVar

from auditor import resource_id as ids
from auditor.engine.bounded_cache import BoundedCache
from auditor.engine.findings.shared_evidence import SharedEvidence, SharedLeaf, SharedLeaves
from auditor.engine.parallel.ordered_parts import in_turn
from auditor.engine.parallel.processes import Bytes
from auditor.inputs.collector import paused
from auditor.model import NOT_COMPARED, Evidence, Exemption, Finding, Report
from auditor.report.comparison import comparison
from auditor.report.escapes.csv import CsvRows, CsvText
from auditor.report.finding_causes import cause_of
from auditor.report.format import Format, View
from auditor.report.per_rule import PerRule
from auditor.report.selection import in_sections, streamed
from auditor.report.text import compact, name_cell, observed_as, reads_as_number, run_id, utc, utc_text, value_text

SCHEMA_VERSION: Final = 2
"""Rises only when a column changes its meaning; columns are added at the end."""

COLUMNS: Final = (
    "schema_version",
    "run_id",
    "snapshot_sha256",
    "scanned_at_utc",
    "tool_version",
    "baseline",
    "baseline_version",
    "rule_id",
    "rule_title",
    "severity",
    "status",
    "exempted",
    "subscription_id",
    "subscription_name",
    "resource_group",
    "resource_type",
    "resource_id",
    "resource_name",
    "sub_object",
    "workload",
    "component",
    "location",
    "message",
    "observed",
    "expected",
    "evidence_path",
    "evidence_source",
    "evidence_api_version",
    "collected_at_utc",
    "unknown_reason",
    "missing_permission",
    "exemption_id",
    "exemption_reason",
    "exemption_approved_by",
    "exemption_expires_on",
    "controls",
    "remediation",
    "fingerprint",
    "operator",
    "witness",
    "cause",
    "tags",
    "first_seen_utc",
    "change",
)
_AS_BYTES: Final[Bytes[Sequence[CsvText]]] = Bytes(pickle.dumps, pickle.loads)
_SUBJECTS: Final = 32_768
_REMEMBERED: Final = 16_384
_RECENT: Final = 256

Cells = TypeVar("Cells")
_ReadBy = tuple[str | None, str | None]
"""How a value was read, and with which API version."""


def write(report: Report, out: CsvRows, view: View) -> None:
    """Write one row per finding, RFC 4180. Open the stream with `newline=""`: the line ends are CR LF."""
    out.start(COLUMNS, view.style.csv)
    rows = FindingCells(report, out.cells, name_cell)

    def add(texts: Iterable[CsvText]) -> None:
        for text in texts:
            out.add(text)

    if view.processes == 1:
        findings = streamed(report, include_passed=view.include_passed)
        paused(lambda: add(out.lines(map(rows.row, findings))))
        return
    sections = in_sections(report, include_passed=view.include_passed)

    def texts_of(number: int) -> Sequence[CsvText]:
        return list(out.lines(map(rows.row, sections[number]())))

    in_turn(texts_of, len(sections), view.processes, _AS_BYTES, add)


class _RuleCells(NamedTuple, Generic[Cells]):
    """What findings of a rule have in common that are unknown for the same reason, or for none."""

    first: Cells
    """The run, the rule, severity and status."""
    why_unknown: Cells
    controls: Cells
    remedy: Cells
    """Where there is no command."""


class _SubjectCells(NamedTuple, Generic[Cells]):
    """What findings on one subject have in common."""

    place: Cells
    role: Cells
    collected: Cells
    tags: Cells
    tagged: Mapping[str, object]
    has_plain_tags: bool
    """Whether tags that are equal read alike: 1 and true do not."""


class _EvidenceCells(NamedTuple, Generic[Cells]):
    """What stands in the columns of evidence, which are in two places: what was there, what it was compared with, and how."""

    observed: Cells
    asked: Cells
    operator: Cells


class _Said(NamedTuple, Generic[Cells]):
    """What leaves say that decide, by how and with which version their `owners` were read: whose they are, they do not say.

    `shows_own`: what was there is each finding's own.
    """

    leaves: Sequence[SharedLeaf]
    owners: Sequence[int]
    shows_own: bool
    cells: dict[tuple[_ReadBy, ...], _EvidenceCells[Cells]]

    def read_by(self, evidence: SharedEvidence) -> Sequence[_ReadBy]:
        """Return how and with which version each leaf of some evidence was read."""
        return [
            (leaf.source, leaf.api_version) if owner is None or not was_read else evidence.origins[owner][1:3]
            for leaf, owner, was_read, _ in self.leaves
        ]

    def observed(self, evidence: SharedEvidence) -> str:
        """Return what was there, with the values of the finding's own."""
        return "; ".join(
            [
                _observed(leaf, leaf.actual if own is None or owner is None else evidence.own[own])
                for leaf, owner, _, own in self.leaves
            ]
        )


class FindingCells(Generic[Cells]):
    """The rows of findings. What cells are made of that many of them share is looked at once.

    A row comes in pieces, each of which `form` makes of the texts of cells that follow each other, in the order of the
    columns. A name is first made one by `as_name`: a spreadsheet may take numbers, times and truths for what they are, but a
    number in any other cell is a name.
    """

    def __init__(self, report: Report, form: Callable[[Sequence[str]], Cells], as_name: Callable[[str], str]) -> None:
        self._report = report
        self._form = form
        self._name = as_name
        self._rules = PerRule(partial(_rule_cells, report, _run_cells(report, as_name), form, as_name), _REMEMBERED)
        self._subjects: BoundedCache[tuple[object, ...], _SubjectCells[Cells]] = BoundedCache(_SUBJECTS)
        self._roles: BoundedCache[tuple[str | None, ...], Cells] = BoundedCache(_REMEMBERED)
        self._times: BoundedCache[str | None, Cells] = BoundedCache(_REMEMBERED)
        self._names: BoundedCache[str, Cells] = BoundedCache(_REMEMBERED)
        self._said: BoundedCache[SharedLeaves, _Said[Cells]] = BoundedCache(_REMEMBERED)
        self._recently_said: BoundedCache[SharedLeaves, _Said[Cells]] = BoundedCache(_RECENT)
        self._said_alike: BoundedCache[tuple[tuple[object, ...], ...], _Said[Cells]] = BoundedCache(_REMEMBERED)
        self._comparisons: BoundedCache[tuple[str, int], tuple[str, str, object]] = BoundedCache(_REMEMBERED)
        self._covered: Mapping[bool, Cells] = {True: form(["true"]), False: form(["false"])}
        self._nothing = form([as_name("")])
        self._no_evidence = _EvidenceCells(form([""]), form([""] * 4), self._nothing)
        self._unaccepted = form([""] * 4)
        self._no_comparison = form([""] * 2)

    def row(self, finding: Finding) -> tuple[Cells, ...]:
        """Return the pieces of a finding's row."""
        rule, subject, evidence = self._rules.of(finding), self._subject(finding), self._of_evidence(finding.evidence)
        exemption, named = finding.exemption, self._named
        cause = cause_of(finding)
        return (
            rule.first,
            self._covered[exemption is not None],
            subject.place,
            named(finding.sub_object) if finding.sub_object else self._nothing,
            subject.role,
            named(finding.message),
            evidence.observed,
            evidence.asked,
            subject.collected,
            rule.why_unknown,
            self._unaccepted if exemption is None else self._accepted(exemption),
            rule.controls,
            self._mended(finding) if finding.remediation_cli else rule.remedy,
            self._form([self._name(finding.fingerprint)]),
            evidence.operator,
            named(compact(finding.witness)) if finding.witness else self._nothing,
            named(cause.what) if cause else self._nothing,
            subject.tags,
            self._since(finding),
        )

    def _subject(self, finding: Finding) -> _SubjectCells[Cells]:
        resource_id, resource_type, tags = finding.resource_id, finding.resource_type, finding.tags
        role = (finding.workload, finding.component, finding.location)
        collected = finding.collected_at
        key = (resource_id, resource_type, role, collected)
        known = self._subjects.get(key)
        if known is not None and (known.tagged is tags or (known.has_plain_tags and known.tagged == tags)):
            return known
        form, name = self._form, self._name
        told = "; ".join(f"{tag}={value_text(tags[tag])}" for tag in sorted(tags))
        cells = _SubjectCells(
            place=form(list(map(name, _place_cells(resource_id or "", resource_type or "", self._report)))),
            role=self._role(role),
            collected=self._collected(collected),
            tags=form([name(told)]),
            tagged=tags,
            has_plain_tags=all(isinstance(value, str) for value in tags.values()),
        )
        return self._subjects.keep(key, cells)

    def _role(self, role: tuple[str | None, ...]) -> Cells:
        known = self._roles.get(role)
        return known or self._roles.keep(role, self._form([self._name(each or "") for each in role]))

    def _collected(self, text: str | None) -> Cells:
        known = self._times.get(text)
        return known or self._times.keep(text, self._form([utc_text(text or self._report.snapshot.collected_at)]))

    def _of_evidence(self, evidence: Sequence[Evidence]) -> _EvidenceCells[Cells]:
        if not isinstance(evidence, SharedEvidence):
            leaves = [leaf for leaf in evidence if leaf.decides]
            return self._evidence_cells(leaves, [(leaf.source, leaf.api_version) for leaf in leaves])
        shared = evidence.shared
        known = self._said if shared.is_kept else self._recently_said
        said = known.get(shared) or known.keep(shared, self._said_by(shared))
        read_by = tuple([evidence.origins[owner][1:3] for owner in said.owners])
        cells = said.cells.get(read_by)
        if cells is None:
            leaves = [each.leaf for each in said.leaves]
            cells = said.cells[read_by] = self._evidence_cells(leaves, said.read_by(evidence))
        return cells._replace(observed=self._form([said.observed(evidence)])) if said.shows_own else cells

    def _said_by(self, leaves: SharedLeaves) -> _Said[Cells]:
        """Return what leaves say, whatever is shown beside them."""
        deciding = [each for each in leaves.leaves if each.leaf.operator not in NOT_COMPARED]
        key = tuple([(id(each.leaf), *each[1:]) for each in deciding])
        said = self._said_alike.get(key)
        if said is None:
            owners = dict.fromkeys(each.owner for each in deciding if each.was_read and each.owner is not None)
            said = _Said(deciding, tuple(owners), any(each.own is not None for each in deciding), {})
            self._said_alike.keep(key, said)
        return said

    def _evidence_cells(self, leaves: Sequence[Evidence], read: Sequence[_ReadBy]) -> _EvidenceCells[Cells]:
        if not leaves:
            return self._no_evidence
        name = self._name
        asked = list(map(self._asked, leaves))
        told = [
            "; ".join([expected for _, expected, _ in asked]),
            name("; ".join([leaf.path for leaf in leaves])),
            name(_once([source or "" for source, _ in read])),
            name(_once([f"api-version={version}" if version else "" for _, version in read])),
        ]
        return _EvidenceCells(
            observed=self._form(["; ".join([_observed(leaf, leaf.actual) for leaf in leaves])]),
            asked=self._form(told),
            operator=self._form([name("; ".join([operator for operator, _, _ in asked]))]),
        )

    def _asked(self, leaf: Evidence) -> tuple[str, str, object]:
        """Return how a leaf compared, and with what: a rule asks all its subjects for the same."""
        key = (leaf.operator, id(leaf.expected))
        known = self._comparisons.get(key)
        if known is None:
            operator, words = comparison(leaf)
            # text that reads as a number stands in quotes, so that 1.10 stays 1.10
            is_text = isinstance(leaf.expected, str) and reads_as_number(words)
            known = self._comparisons.keep(key, (operator, compact(words) if is_text else words, leaf.expected))
        return known

    def _accepted(self, exemption: Exemption) -> Cells:
        names = map(self._name, (exemption.id, exemption.reason, exemption.approved_by))
        return self._form([*names, exemption.expires_on])

    def _mended(self, finding: Finding) -> Cells:
        mends = (part for part in (self._report.rules[finding.rule_id].remediation, finding.remediation_cli) if part)
        return self._form([self._name(" | ".join(mends))])

    def _since(self, finding: Finding) -> Cells:
        change = finding.change or finding.against_known
        if not finding.first_seen and not change:
            return self._no_comparison
        return self._form([finding.first_seen, self._name(change or "")])

    def _named(self, text: str) -> Cells:
        """Return the cell of a name or a sentence: a number in it stays text."""
        known = self._names.get(text)
        return self._names.keep(text, self._form([self._name(text)])) if known is None else known


def _rule_cells(
    report: Report,
    run: Sequence[str],
    form: Callable[[Sequence[str]], Cells],
    name: Callable[[str], str],
    finding: Finding,
) -> _RuleCells[Cells]:
    rule, controls = report.rules[finding.rule_id], finding.controls
    listed = "; ".join(f"{framework}:{each}" for framework in sorted(controls) for each in controls[framework])
    first = (rule.id, rule.title, finding.severity.value, finding.status.value)
    return _RuleCells(
        first=form([*run, *map(name, first)]),
        why_unknown=form([name(finding.unknown_reason or ""), name(finding.missing_permission or "")]),
        controls=form([name(listed)]),
        remedy=form([name(rule.remediation)]),
    )


def _run_cells(report: Report, as_name: Callable[[str], str]) -> Sequence[str]:
    return [
        str(SCHEMA_VERSION),
        as_name(run_id(report)),
        as_name(report.snapshot.sha256),
        utc(report.as_of),
        as_name(f"auditor {report.tool_version}"),
        as_name(report.baseline_name),
        as_name(f"{report.baseline_name} {report.baseline_version}"),
    ]


def _place_cells(resource_id: str, resource_type: str, report: Report) -> Sequence[str]:
    subscription = ids.subscription_of(resource_id) or ""
    return [
        subscription,
        report.snapshot.subscription_names.get(subscription.lower(), ""),
        ids.resource_group_of(resource_id) or "",
        resource_type,
        resource_id,
        ids.name_of(resource_id),
    ]


def _observed(leaf: Evidence, actual: object) -> str:
    """Return what was there; text that reads as a number stands in quotes, so that 1.10 stays 1.10."""
    is_number = isinstance(actual, str) and reads_as_number(actual)
    return compact(actual) if is_number else observed_as(leaf, actual)


def _once(texts: Sequence[str]) -> str:
    """Return the text that all leaves share, else one per leaf, in the order of the other evidence columns."""
    return texts[0] if len(set(texts)) == 1 else "; ".join(texts)


FORMAT: Final = Format("csv", write, CsvRows, lists_passes=True)
