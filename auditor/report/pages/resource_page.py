"""Show in one page all that is known and judged of a resource."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Final

from auditor import resource_id as ids
from auditor.engine.dossier import ActorAt, DerivedFact, Dossier
from auditor.model import Finding, OpenGap, Report, Status
from auditor.report.escapes.json import JsonValues
from auditor.report.escapes.terminal import TerminalLines
from auditor.report.explanation import about
from auditor.report.finding_causes import cause_of
from auditor.report.layout import Layout, Linked
from auditor.report.portal import resource_link, rule_link
from auditor.report.selection import short_name
from auditor.report.summary import counted
from auditor.report.text import ordered, sentence, utc_text, value_text

SCHEMA_VERSION: Final = 1
_SHOWN: Final = 25
"""More rows of one block are counted; JSON and `-v` hold all of them."""
_WORDS: Final = {"yes": "can", "unknown": "may", "no": "cannot"}


def write(dossier: Dossier, report: Report, out: TerminalLines, layout: Layout, *, verbose: bool) -> None:
    """Write the page: what it is, what is wrong with it, where it stands, who can act on it, what was read of it."""
    out.lines(_Page(dossier, report, layout, verbose=verbose).lines())


def is_whole(dossier: Dossier, report: Report) -> bool:
    """Whether nothing that is not known could change what the page says."""
    judged = about(report, dossier.resource.id)
    return not dossier.unknowns and all(each.status is not Status.UNKNOWN for each in judged)


def gaps_at(dossier: Dossier, report: Report) -> Sequence[OpenGap]:
    """Return what is not known of the resource: at it, below it, or above it and below the root."""
    own = dossier.resource.key
    return [
        each
        for each in report.coverage.gaps
        if each.gap.scope not in {"", "/"} and (ids.is_under(own, each.gap.scope) or ids.is_under(each.gap.scope, own))
    ]


class _Page:
    """The blocks of the page in one layout."""

    def __init__(self, dossier: Dossier, report: Report, layout: Layout, *, verbose: bool) -> None:
        self._dossier = dossier
        self._report = report
        self._layout = layout
        self._shown = 0 if verbose else _SHOWN

    def lines(self) -> Iterator[str]:
        yield from self._identity()
        yield from self._findings()
        position = [fact for fact in self._dossier.facts if fact.is_position]
        yield from self._facts("Where it stands in the network", position)
        yield from self._facts("What else follows", [fact for fact in self._dossier.facts if not fact.is_position])
        yield from self._relations()
        yield from self._actors()
        yield from self._gaps()
        rows = [[each.path, value_text(each.value)] for each in self._dossier.properties]
        yield from self._block("What was read", ("Property", "Value"), rows)

    def _identity(self) -> Iterator[str]:
        resource, dossier = self._dossier.resource, self._dossier
        role = " of ".join(
            part for part in (dossier.component, dossier.workload and f"workload {dossier.workload}") if part
        )
        source = " ".join(
            part for part in (resource.source, resource.api_version, utc_text(resource.collected_at)) if part
        )
        rows = [
            ["type", resource.type],
            ["location", resource.location or "none"],
            ["plays", role or "no role of the architecture"],
            ["read from", source],
            *(
                [["tags", ", ".join(f"{key}={value_text(dossier.tags[key])}" for key in sorted(dossier.tags))]]
                if dossier.tags
                else []
            ),
        ]
        yield from self._layout.heading(resource.name)[1:]
        yield from self._layout.verbatim(resource.id)
        yield from self._layout.rows((), rows)

    def _findings(self) -> Iterator[str]:
        findings = about(self._report, self._dossier.resource.id)
        by_status = {status: [each for each in findings if each.status is status] for status in Status}
        told = " · ".join(f"{len(own):,} {status.value.replace('_', ' ')}" for status, own in by_status.items())
        yield from self._layout.heading(f"What is judged: {told}")
        for status in (Status.FAIL, Status.UNKNOWN):
            rows = [self._finding(each) for each in by_status[status]]
            header = (
                "Severity",
                "What is wrong" if status is Status.FAIL else "What is not known",
                "What mends it",
                "Rule",
            )
            yield from self._layout.rows(header, rows)
        passed = sorted({each.rule_id for each in by_status[Status.PASS]})
        if passed:
            yield from self._layout.paragraph(f"Passes {', '.join(passed)}.")

    def _finding(self, finding: Finding) -> Sequence[str | Linked]:
        rule, cause = self._report.rules[finding.rule_id], cause_of(finding)
        text = sentence(finding.message.removeprefix(f"{rule.title}: "))
        accepted = f" (accepted: {finding.exemption.id})" if finding.exemption else ""
        mends = finding.missing_permission or (cause.what if cause else "")
        return [finding.severity.value, text + accepted, mends, Linked(finding.rule_id, rule_link(rule))]

    def _facts(self, title: str, facts: Sequence[DerivedFact]) -> Iterator[str]:
        rows = [[" · ".join(part for part in (each.kind, each.part) if part), sentence(each.text)] for each in facts]
        yield from self._block(title, ("From", "What follows"), rows)

    def _relations(self) -> Iterator[str]:
        own, scope = self._dossier.resource.key, self._report.snapshot.scope
        rows: list[Sequence[str | Linked]] = []
        for each in self._dossier.relations:
            is_from = each.source == own
            other = each.target if is_from else each.source
            rows.append(["→" if is_from else "←", each.kind, Linked(short_name(other), resource_link(other, scope))])
        yield from self._block("What it is connected to", ("", "Relation", "Resource"), rows)

    def _actors(self) -> Iterator[str]:
        actors = self._dossier.actors
        if not actors and not self._dossier.unknowns:
            return
        yield from self._layout.heading(
            f"Who can act on it ({counted(len({each.name for each in actors}), 'principal')})"
        )
        rows = [[", ".join(_deed(each) for each in own), name, "; ".join(by)] for (name, by), own in _by_actor(actors)]
        yield from self._rows(("Does", "Who", "By"), rows)
        yield from self._layout.rows((), [["not known:", text] for text in self._dossier.unknowns])

    def _gaps(self) -> Iterator[str]:
        rows = [
            [each.gap.what, each.gap.reason, each.settled_by, f"{each.findings:,}" if each.findings else "none"]
            for each in gaps_at(self._dossier, self._report)
        ]
        yield from self._block("What is not known of it", ("What", "Why", "Settled by", "Unknown for it"), rows)

    def _block(self, title: str, header: Sequence[str], rows: Sequence[Sequence[str | Linked]]) -> Iterator[str]:
        if rows:
            yield from self._layout.heading(f"{title} ({len(rows):,})")
            yield from self._rows(header, rows)

    def _rows(self, header: Sequence[str], rows: Sequence[Sequence[str | Linked]]) -> Iterator[str]:
        listed = rows[: self._shown] if self._shown else rows
        yield from self._layout.rows(header, listed)
        if len(rows) > len(listed):
            yield from self._layout.paragraph(f"… and {len(rows) - len(listed):,} more (-v or -o json has all of them)")


def _by_actor(actors: Sequence[ActorAt]) -> Iterator[tuple[tuple[str, Sequence[str]], Sequence[ActorAt]]]:
    ranked = sorted(actors, key=lambda each: (each.answer != "yes", each.eligible, each.name.lower(), each.by))
    for (name, by), own in groupby(ranked, key=lambda each: (each.name, each.by)):
        yield (name, by), list(own)


def _deed(actor: ActorAt) -> str:
    last = actor.operation.rpartition("/")[2]
    deed = (
        "give access" if actor.operation.startswith("Microsoft.Authorization/") else {"write": "change"}.get(last, last)
    )
    after = "" if actor.is_direct else " after a step"
    return f"{_WORDS[actor.answer]} {deed}{after}" + (" once activated" if actor.eligible else "")


def write_json(dossier: Dossier, report: Report, out: JsonValues) -> None:
    """Write all of it, with lists as lists and keys in order."""
    out.value(ordered(_document(dossier, report)), indent=0)
    out.layout("\n")


def _document(dossier: Dossier, report: Report) -> Mapping[str, object]:
    resource = dossier.resource
    return {
        "schema_version": SCHEMA_VERSION,
        "resource": {
            "id": resource.id,
            "type": resource.type,
            "location": resource.location,
            "tags": dossier.tags,
            "source": resource.source,
            "api_version": resource.api_version,
            "collected_at": resource.collected_at,
        },
        "workload": dossier.workload,
        "component": dossier.component,
        "properties": [{"path": each.path, "value": each.value} for each in dossier.properties],
        "relations": [{"source": each.source, "kind": each.kind, "target": each.target} for each in dossier.relations],
        "facts": [{"kind": each.kind, "part": each.part, "text": each.text} for each in dossier.facts],
        "actors": [
            {
                "operation": each.operation,
                "name": each.name,
                "answer": each.answer,
                "eligible": each.eligible,
                "direct": each.is_direct,
                "by": list(each.by),
            }
            for each in dossier.actors
        ],
        "unknowns": list(dossier.unknowns),
        "findings": [_finding_of(each) for each in about(report, resource.id)],
        "gaps": [
            {"scope": each.gap.scope, "what": each.gap.what, "reason": each.gap.reason, "settled_by": each.settled_by}
            for each in gaps_at(dossier, report)
        ],
    }


def _finding_of(finding: Finding) -> Mapping[str, object]:
    cause = cause_of(finding)
    return {
        "rule_id": finding.rule_id,
        "severity": finding.severity.value,
        "status": finding.status.value,
        "sub_object": finding.sub_object,
        "message": finding.message,
        "cause": cause.what if cause else None,
        "exemption": finding.exemption.id if finding.exemption else None,
        "fingerprint": finding.fingerprint,
    }
