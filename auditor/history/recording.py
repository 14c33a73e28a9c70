"""Keep what an audit found, and say what is new in it.

A failure that was not seen before begins an episode; one that passes, or whose subject is gone, ends it. What nobody looked
at ends nothing: an unknown answer, a rule that is not in force, a scope that does not hold the subject, an open inventory.
Each run keeps what it looked at and answered, so that one that comes late finds its place between the others, and runs that
come in any order leave the same behind.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace

from auditor.engine.accepted.finding_sets import as_document
from auditor.engine.findings.held_findings import SETTLED
from auditor.history import inspections, kept_findings, notices
from auditor.history.database import History
from auditor.history.inspections import Inspection
from auditor.history.kept_findings import KeptFinding
from auditor.history.schema import RUNS
from auditor.history.timeline import Sight, growth
from auditor.model import AgainstKnown, Finding, Report, Status
from auditor.report.text import compact, run_id

_UNCHANGED: Final = "unchanged"
_WORST_FIRST: Final = (Status.FAIL, Status.UNKNOWN, Status.PASS, Status.NOT_APPLICABLE)


class Recorded(Struct, frozen=True):
    """A report whose findings say since when they are there and what changed, and the episodes of its failures.

    `begun` are the episodes that this run has to tell of, by fingerprint: of failures that are new, that came back, that go
    further than before, or whose exemption ended. `running` are the open ones of all its failures.
    """

    report: Report
    begun: Mapping[str, int]
    running: Mapping[str, int]


class _RunAnswer(Struct, frozen=True):
    """What a run answered on a finding; `how_closed` where that ends an episode."""

    at: str
    status: Status
    how_closed: str = ""

    @property
    def order(self) -> tuple[str, int]:
        """Return what answers are compared by: the later one counts, of one time the worse."""
        return self.at, -_WORST_FIRST.index(self.status)


class Audience(Struct, frozen=True):
    """Who is told of what a run has to tell: a receiver's identity, and whether a failure is worth telling it."""

    receiver: str
    is_told_of: Callable[[Finding], bool]


def record(history: History, report: Report, audience: Audience | None = None) -> Recorded:
    """Keep a report in one transaction; the same report twice is kept once.

    What is new in it is due to be told from the same transaction on: nothing that happens afterwards loses it.
    """
    run = _Run.of(report)
    with history.writing() as connection:
        kept = kept_findings.load(connection, report.baseline_name)
        exempt = {key for key, each in kept.items() if each.row["is_exempt"] and each.text("last_seen") <= run.at}
        report, outgrown = _without_growth(report, kept, run.at)
        judged = _by_fingerprint(report.findings)
        _note_failures(kept, judged, report, run)
        answers = _answers(kept, judged, run, connection)
        for fingerprint, its in answers.items():
            _take_in(kept[fingerprint], its, judged.get(fingerprint))
        kept_findings.store(connection, kept.values())
        run.store(connection, report, judged)
        recorded = _recorded(report, kept, run.at, exempt, outgrown)
        if audience is not None:
            told = {each.fingerprint for each in recorded.report.findings if audience.is_told_of(each)}
            due = [episode for fingerprint, episode in recorded.begun.items() if fingerprint in told]
            notices.make_due(connection, due, audience.receiver, run.at)
    return recorded


def second(moment: datetime) -> str:
    """Return a time as a history keeps it: UTC, to the second, so that texts sort as times do."""
    return moment.astimezone(UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")


class _Run(Struct, frozen=True):
    """An audit among the others: its time, what it looked at, and what it is known by."""

    at: str
    inspection: Inspection
    digest: str

    @classmethod
    def of(cls, report: Report) -> _Run:
        inspection = Inspection.of(report)
        answers = sorted(
            (each.fingerprint, each.status.value, each.severity.value, each.exemption is not None, _extent(each))
            for each in report.findings
        )
        digest = hashlib.sha256(json.dumps([run_id(report), inspection.scope, answers]).encode()).hexdigest()
        return cls(second(report.as_of), inspection, digest)

    def store(self, connection: sa.Connection, report: Report, judged: Mapping[str, Finding]) -> None:
        if connection.execute(sa.select(RUNS.c.id).where(RUNS.c.digest == self.digest)).first():
            return
        by_status = Counter(each.status for each in report.findings)
        stored = connection.execute(
            RUNS.insert().values(
                digest=self.digest,
                run_id=run_id(report),
                at=self.at,
                snapshot_sha256=report.snapshot.sha256,
                scope=self.inspection.scope,
                baseline=report.baseline_name,
                baseline_version=report.baseline_version,
                tool_version=report.tool_version,
                resources=report.resources,
                passed=by_status[Status.PASS],
                failed=by_status[Status.FAIL],
                unknown=by_status[Status.UNKNOWN],
                looked_at=self.inspection.text(),
            )
        )
        for number in stored.inserted_primary_key or ():
            inspections.keep_answers(connection, number, judged)


def _by_fingerprint(findings: Sequence[Finding]) -> dict[str, Finding]:
    """Return the findings by fingerprint; of several with one, the worst."""
    by_fingerprint: dict[str, Finding] = {}
    for status in _WORST_FIRST:
        for finding in findings:
            if finding.status is status:
                by_fingerprint.setdefault(finding.fingerprint, finding)
    return by_fingerprint


def _extent(finding: Finding) -> str:
    """Return what a failure rests on as it is stored."""
    is_about_one = finding.status is Status.FAIL and finding.rests_on is not None
    return compact(as_document(finding.rests_on)) if is_about_one and finding.rests_on is not None else ""


def _without_growth(report: Report, kept: Mapping[str, KeptFinding], at: str) -> tuple[Report, Mapping[str, str]]:
    """Return a report in which no exemption without a limit covers more than when it was first seen to cover a failure.

    What failures go further by is told beside it, in words, by fingerprint.
    """
    outgrown: dict[str, str] = {}
    findings = []
    for finding in report.findings:
        its = kept.get(finding.fingerprint)
        how = ""
        if its is not None and finding.exemption is not None and finding.exemption.accepts is None:
            since, before = its.accepted.get(finding.exemption.id, (at, ""))
            how = growth(_extent(finding), before) if since < at else ""
        if how:
            outgrown[finding.fingerprint] = how
        findings.append(replace(finding, exemption=None) if how else finding)
    return replace(report, findings=findings), outgrown


def _row(finding: Finding, report: Report, run: _Run) -> dict[str, object]:
    """Return what is stored of a failure; what is not in it cannot leak from a history."""
    return {
        "baseline": report.baseline_name,
        "fingerprint": finding.fingerprint,
        "rule_id": finding.rule_id,
        "title": report.rules[finding.rule_id].title,
        "severity": finding.severity.value,
        "status": finding.status.value,
        "is_exempt": finding.exemption is not None,
        "resource_id": finding.resource_id or "",
        "resource_type": finding.resource_type or "",
        "sub_object": finding.sub_object,
        "workload": finding.workload or "",
        "message": finding.message,
        "tags": compact(finding.tags),
        "scope": run.inspection.scope,
        "first_seen": run.at,
        "last_seen": run.at,
        "judged_at": run.at,
    }


def _note_failures(kept: dict[str, KeptFinding], judged: Mapping[str, Finding], report: Report, run: _Run) -> None:
    """Keep what failed at the time of the run: what it is, since when and by whom it is seen."""
    for fingerprint, finding in judged.items():
        if finding.status is not Status.FAIL:
            continue
        row = _row(finding, report, run)
        its = kept.setdefault(fingerprint, KeptFinding({**row, "scopes": "{}", "accepted": "{}"}))
        seen = {
            "first_seen": min(its.text("first_seen"), run.at),
            "last_seen": max(its.text("last_seen"), run.at),
            "judged_at": its.text("judged_at"),
            "status": its.text("status"),
        }
        its.change({**(row if run.at >= its.text("last_seen") else {}), **seen})
        its.scopes[run.inspection.scope] = min(its.scopes.get(run.inspection.scope, run.at), run.at)
        if finding.exemption is not None and finding.exemption.accepts is None:
            first = its.accepted.get(finding.exemption.id, (run.at, _extent(finding)))
            its.accepted[finding.exemption.id] = min(first, (run.at, _extent(finding)))
        its.change({"scopes": compact(its.scopes), "accepted": compact(its.accepted)})


def _answers(
    kept: Mapping[str, KeptFinding], judged: Mapping[str, Finding], run: _Run, connection: sa.Connection
) -> dict[str, list[_RunAnswer]]:
    """Return what this run answers on findings that are kept, and after it what runs of its time and later ones do."""
    answers: dict[str, list[_RunAnswer]] = {}
    for fingerprint, its in kept.items():
        finding = judged.get(fingerprint)
        answer = _answer(its, None if finding is None else finding.status, run.inspection, run.at)
        if answer is not None:
            answers[fingerprint] = [answer]
    by_digest = {inspections.digest(fingerprint): fingerprint for fingerprint in answers}
    baseline = next((each.text("baseline") for each in kept.values()), "")
    for other in inspections.iter_since(connection, baseline, run.at, but=run.digest, asked=by_digest.keys()):
        for short, fingerprint in by_digest.items():
            answer = _answer(kept[fingerprint], other.answers.get(short), other.inspection, other.at)
            if answer is not None:
                answers[fingerprint].append(answer)
    return answers


def _answer(kept: KeptFinding, status: Status | None, inspection: Inspection, at: str) -> _RunAnswer | None:
    """Return what a run answers on a finding: its status, or that its subject is gone; None where it did not look."""
    match status:
        case None:
            return _RunAnswer(at, Status.NOT_APPLICABLE, "gone") if inspection.shows_gone(kept.subject, at) else None
        case Status.FAIL | Status.UNKNOWN:
            return _RunAnswer(at, status)
        case _:
            return _RunAnswer(at, status, "mended")


def _take_in(kept: KeptFinding, answers: Sequence[_RunAnswer], finding: Finding | None) -> None:
    """Note what a run answered on a finding, the first of the answers; the others are of its time or later."""
    own = answers[0]
    if own.status is not Status.UNKNOWN:
        sights = [Sight(each.at, each.how_closed) for each in answers if each.status is not Status.UNKNOWN]
        if kept.id is not None and kept.text("last_seen") >= own.at:
            sights.append(Sight(kept.text("last_seen")))
        failures = [sight.at for sight in sights if sight.fails]
        failures += [each.opened_at for each in kept.timeline.episodes]
        kept.timeline.see(sights, own.at)
        if finding is not None and own.status is Status.FAIL:
            later = (at for at in failures if at > own.at)
            kept.timeline.extend(own.at, _extent(finding), min(later, default=None))
    newest = max(answers, key=lambda each: each.order)
    stored = _RunAnswer(kept.text("judged_at"), Status(kept.text("status")))
    if newest.order > stored.order:
        kept.change({"status": newest.status.value, "judged_at": newest.at})


def _recorded(
    report: Report, kept: Mapping[str, KeptFinding], at: str, exempt: set[str], outgrown: Mapping[str, str]
) -> Recorded:
    begun: dict[str, int] = {}
    running: dict[str, int] = {}
    findings: list[Finding] = []
    for finding in report.findings:
        its = kept.get(finding.fingerprint)
        told = finding if its is None else _told(finding, its, at, outgrown.get(finding.fingerprint, ""))
        findings.append(told)
        episode = its.timeline.at(at) if its is not None and finding.status is Status.FAIL else None
        if episode is None or episode.id is None or finding.exemption is not None or episode.closed_at is not None:
            continue
        running[finding.fingerprint] = episode.id
        if told.change != _UNCHANGED or finding.fingerprint in exempt:
            begun[finding.fingerprint] = episode.id
    return Recorded(replace(report, findings=findings), begun, running)


def _told(finding: Finding, kept: KeptFinding, at: str, outgrown: str) -> Finding:
    """Return a finding with since when it is there, and what changed with this run."""
    episodes = kept.timeline.episodes
    first_seen = kept.text("first_seen")
    if finding.status in SETTLED:
        is_resolved = any(each.closed_at == at for each in episodes)
        return replace(finding, first_seen=first_seen, change="resolved") if is_resolved else finding
    episode = kept.timeline.at(at)
    if episode is None:
        return finding
    if finding.status is Status.FAIL and episode.opened_at == at:
        change = "reopened" if any(each.opened_at < at for each in episodes) else "new"
        return replace(finding, first_seen=first_seen, change=change)
    widened = next((each.how for each in kept.timeline.widenings() if each.at == at), "")
    is_wider = finding.status is Status.FAIL and bool(widened or outgrown)
    message = finding.message
    if is_wider and finding.against_known is not AgainstKnown.WIDENED:
        than = "when it was accepted" if outgrown else "at the run before"
        message = f"{message} Wider than {than}: {outgrown or widened}."
    change = "widened" if is_wider and widened else _UNCHANGED
    return replace(finding, first_seen=first_seen, change=change, message=message)
