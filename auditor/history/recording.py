"""Keep what an audit found, and say what is new in it.

A failure that was not seen before begins an episode; one that passes, or whose subject is gone, ends it. What nobody looked
at ends nothing: an unknown answer, a rule that is not in force, a scope that does not hold the subject, an open inventory.
An audit of an earlier time than one that is kept already finds its place between the others, so that writers may come in
any order.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final

import sqlalchemy as sa

from auditor import resource_id as ids
from auditor.history import notices
from auditor.history.database import History
from auditor.history.schema import EPISODES, FINDINGS, RUNS
from auditor.model import Finding, Report, Status
from auditor.report.text import compact, run_id
from auditor.snapshot.model import ANY_TYPE

_BATCH: Final = 400
_WORST_FIRST: Final = (Status.FAIL, Status.UNKNOWN, Status.PASS, Status.NOT_APPLICABLE)


@dataclass(frozen=True, slots=True)
class Recorded:
    """A report whose findings say since when they are there and what changed, and the episodes of its failures.

    `begun` are the episodes that this run has to tell of, by fingerprint: of failures that are new, that came back, or
    whose exemption ended. `running` are the open ones of all its failures.
    """

    report: Report
    begun: Mapping[str, int]
    running: Mapping[str, int]


@dataclass(slots=True)
class _Episode:
    """From when to when a finding failed. `id` is None where it is not stored yet."""

    opened_at: str
    closed_at: str | None = None
    how_closed: str = ""
    id: int | None = None
    is_changed: bool = False

    def values(self) -> dict[str, str | None]:
        return {"opened_at": self.opened_at, "closed_at": self.closed_at, "how_closed": self.how_closed}

    def covers(self, at: str) -> bool:
        return self.opened_at <= at and (self.closed_at is None or at < self.closed_at)


@dataclass(slots=True)
class _Kept:
    """A finding as it is stored, and what becomes of it."""

    row: dict[str, object]
    id: int | None = None
    episodes: list[_Episode] = field(default_factory=list)
    is_changed: bool = False

    def text(self, name: str) -> str:
        return str(self.row[name])

    def at(self, at: str) -> _Episode | None:
        return next((each for each in self.episodes if each.covers(at)), None)


@dataclass(frozen=True, slots=True)
class Audience:
    """Who is told of what a run has to tell: a receiver's identity, and whether a failure is worth telling it."""

    receiver: str
    is_told_of: Callable[[Finding], bool]


def record(history: History, report: Report, audience: Audience | None = None) -> Recorded:
    """Keep a report in one transaction; the same report twice is kept once.

    What is new in it is due to be told from the same transaction on: nothing that happens afterwards loses it.
    """
    with history.writing() as connection:
        run = _Run.of(report, connection)
        kept = _kept(connection, report.baseline_name)
        exempt = {key for key, each in kept.items() if each.row["is_exempt"]}
        judged = _by_fingerprint(report.findings)
        for fingerprint, finding in judged.items():
            if finding.status is Status.FAIL:
                if fingerprint not in kept:
                    kept[fingerprint] = _Kept(_row(finding, report, run))
                _fails(kept[fingerprint], finding, report, run)
            elif fingerprint in kept:
                _does_not_fail(kept[fingerprint], finding, run)
        gone = _Gone(report, run)
        for fingerprint, each in kept.items():
            if fingerprint not in judged and gone.is_gone(each):
                _ends(each, run, "gone")
                _answered(each, run, Status.NOT_APPLICABLE)
        _store(connection, kept.values())
        run.store(connection, report)
        recorded = _recorded(report, kept, run.at, exempt)
        if audience is not None:
            told = {each.fingerprint for each in report.findings if audience.is_told_of(each)}
            due = [episode for fingerprint, episode in recorded.begun.items() if fingerprint in told]
            notices.make_due(connection, due, audience.receiver)
    return recorded


def second(moment: datetime) -> str:
    """Return a time as a history keeps it: UTC, to the second, so that texts sort as times do."""
    return moment.astimezone(UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class _Run:
    """An audit among the others: its time, the time of the next of the same scope if there is one, and what it is known by."""

    at: str
    next_at: str | None
    scope: str
    digest: str

    @classmethod
    def of(cls, report: Report, connection: sa.Connection) -> _Run:
        at = second(report.as_of)
        scope = hashlib.sha256(compact(_asked_for(report)).encode()).hexdigest()
        answers = sorted(
            (each.fingerprint, each.status.value, each.severity.value, each.exemption is not None)
            for each in report.findings
        )
        digest = hashlib.sha256(json.dumps([run_id(report), scope, answers]).encode()).hexdigest()
        later = sa.select(sa.func.min(RUNS.c.at)).where(
            RUNS.c.baseline == report.baseline_name, RUNS.c.scope == scope, RUNS.c.at > at
        )
        return cls(at, connection.execute(later).scalar(), scope, digest)

    def store(self, connection: sa.Connection, report: Report) -> None:
        if connection.execute(sa.select(RUNS.c.id).where(RUNS.c.digest == self.digest)).first():
            return
        by_status = Counter(each.status for each in report.findings)
        connection.execute(
            RUNS.insert().values(
                digest=self.digest,
                run_id=run_id(report),
                at=self.at,
                snapshot_sha256=report.snapshot.sha256,
                scope=self.scope,
                baseline=report.baseline_name,
                baseline_version=report.baseline_version,
                tool_version=report.tool_version,
                resources=report.resources,
                passed=by_status[Status.PASS],
                failed=by_status[Status.FAIL],
                unknown=by_status[Status.UNKNOWN],
            )
        )


def _asked_for(report: Report) -> Mapping[str, object]:
    """Return the scope of an audit; an export does not say its own, and is about the subscriptions that it holds."""
    scope = report.snapshot.scope
    return scope if any(scope.values()) else {"subscriptions": sorted(_subscriptions(report))}


def _subscriptions(report: Report) -> set[str]:
    named = {ids.subscription_of(each.resource_id or "") or "" for each in report.findings}
    return {each.lower() for each in named if each}


def _by_fingerprint(findings: Sequence[Finding]) -> dict[str, Finding]:
    """Return the findings by fingerprint; of several with one, the worst."""
    by_fingerprint: dict[str, Finding] = {}
    for status in _WORST_FIRST:
        for finding in findings:
            if finding.status is status:
                by_fingerprint.setdefault(finding.fingerprint, finding)
    return by_fingerprint


def _kept(connection: sa.Connection, baseline: str) -> dict[str, _Kept]:
    kept: dict[int, _Kept] = {}
    for row in connection.execute(sa.select(FINDINGS).where(FINDINGS.c.baseline == baseline)).mappings():
        kept[row["id"]] = _Kept(dict(row), row["id"])
    its = sa.select(EPISODES).join(FINDINGS).where(FINDINGS.c.baseline == baseline).order_by(EPISODES.c.opened_at)
    for row in connection.execute(its).mappings():
        kept[row["finding"]].episodes.append(
            _Episode(row["opened_at"], row["closed_at"], row["how_closed"], id=row["id"])
        )
    return {each.text("fingerprint"): each for each in kept.values()}


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
        "scope": run.scope,
        "first_seen": run.at,
        "last_seen": run.at,
        "judged_at": run.at,
    }


def _fails(kept: _Kept, finding: Finding, report: Report, run: _Run) -> None:
    """Note that a finding failed at the time of the run: an episode covers it, is drawn back to it, or begins."""
    seen = {
        "first_seen": min(kept.text("first_seen"), run.at),
        "last_seen": max(kept.text("last_seen"), run.at),
    }
    newest = _row(finding, report, run) if run.at >= kept.text("judged_at") else {}
    if run.next_at is not None and kept.id is None:  # a later audit of the same scope did not find it
        newest = {"status": Status.PASS.value, "judged_at": run.next_at}
    _change(kept, {**newest, **seen})
    if kept.at(run.at) is not None:
        return
    same = next((each for each in kept.episodes if each.opened_at == run.at), None)
    following = next((each for each in kept.episodes if each.opened_at > run.at), None)
    if same is not None:  # another audit of the same time saw it pass
        same.closed_at, same.how_closed, same.is_changed = run.next_at, "mended" if run.next_at else "", True
    elif following is not None and run.next_at is not None and following.opened_at <= run.next_at:
        following.opened_at, following.is_changed = run.at, True
    else:
        closed = run.next_at if following is None else min(run.next_at or following.opened_at, following.opened_at)
        kept.episodes.append(_Episode(run.at, closed, "mended" if closed else "", is_changed=True))
        kept.episodes.sort(key=lambda each: each.opened_at)


def _does_not_fail(kept: _Kept, finding: Finding, run: _Run) -> None:
    """Note another answer on a finding that once failed: a pass, or none that applies, ends the episode, unknown does not."""
    if finding.status is not Status.UNKNOWN:
        _ends(kept, run, "mended")
    _answered(kept, run, finding.status)


def _answered(kept: _Kept, run: _Run, status: Status) -> None:
    if run.at >= kept.text("judged_at"):
        _change(kept, {"status": status.value, "judged_at": run.at})


def _ends(kept: _Kept, run: _Run, how: str) -> None:
    """End the episode at the time of the run; where a later audit saw it fail again, it begins again there."""
    episode = kept.at(run.at)
    if episode is None:
        return
    closed_at, how_closed = episode.closed_at, episode.how_closed
    episode.closed_at, episode.how_closed, episode.is_changed = run.at, how, True
    if run.next_at is not None and (closed_at is None or run.next_at < closed_at):
        kept.episodes.append(_Episode(run.next_at, closed_at, how_closed, is_changed=True))
        kept.episodes.sort(key=lambda each: each.opened_at)


def _change(kept: _Kept, values: Mapping[str, object]) -> None:
    if any(kept.row[name] != value for name, value in values.items()):
        kept.row |= values
        kept.is_changed = True


class _Gone:
    """Whether a finding that a report does not hold is answered by that: its subject is gone, and somebody looked."""

    def __init__(self, report: Report, run: _Run) -> None:
        self._rules = report.rules.keys()
        self._run = run
        self._gaps = [each.gap for each in report.coverage.gaps if "/" in each.gap.what]
        self._open = [each.gap.scope for each in report.coverage.inventory]
        scope = report.snapshot.scope
        self._is_part = any(scope.get(name) for name in ("resource_groups", "tags"))
        self._subscriptions = _subscriptions(report)

    def is_gone(self, kept: _Kept) -> bool:
        """Return it: the rule is in force, the scope holds the subject, and no gap could."""
        resource_id = kept.text("resource_id")
        if kept.text("rule_id") not in self._rules or kept.at(self._run.at) is None:
            return False
        subscription = (ids.subscription_of(resource_id) or "").lower()
        is_asked = kept.text("scope") == self._run.scope or not self._is_part
        if not is_asked or (subscription and subscription not in self._subscriptions):
            return False
        if any(ids.is_under(resource_id, scope) for scope in self._open):
            return False
        types = {ANY_TYPE, kept.text("resource_type").lower()}
        return not any(gap.what.lower() in types and ids.is_under(resource_id, gap.scope) for gap in self._gaps)


def _store(connection: sa.Connection, kept: Iterable[_Kept]) -> None:
    """Write what changed: new findings at once, then their episodes."""
    all_kept = list(kept)
    new = [each for each in all_kept if each.id is None]
    changed = [each for each in all_kept if each.id is not None and each.is_changed]
    if new:
        connection.execute(FINDINGS.insert(), [each.row for each in new])
        _number(connection, new)
    names = [column.name for column in FINDINGS.c if column.name != "id"]
    columns: dict[str, sa.BindParameter[object]] = {
        name: sa.bindparam(f"new_{name}", type_=FINDINGS.c[name].type) for name in names
    }
    if changed:
        connection.execute(
            FINDINGS.update().where(FINDINGS.c.id == sa.bindparam("own_id")).values(columns),
            [{"own_id": each.id, **{f"new_{name}": each.row[name] for name in columns}} for each in changed],
        )
    _store_episodes(connection, all_kept)


def _number(connection: sa.Connection, new: Sequence[_Kept]) -> None:
    """Learn the numbers that the database gave to new findings."""
    by_fingerprint = {each.text("fingerprint"): each for each in new}
    baseline = new[0].text("baseline")
    fingerprints = list(by_fingerprint)
    for start in range(0, len(fingerprints), _BATCH):
        some = fingerprints[start : start + _BATCH]
        query = sa.select(FINDINGS.c.id, FINDINGS.c.fingerprint).where(
            FINDINGS.c.baseline == baseline, FINDINGS.c.fingerprint.in_(some)
        )
        for number, fingerprint in connection.execute(query):
            by_fingerprint[fingerprint].id = number


def _store_episodes(connection: sa.Connection, kept: Iterable[_Kept]) -> None:
    """Write new and changed episodes at once, and learn the numbers that the database gave to new ones."""
    new: dict[tuple[int | None, str], _Episode] = {}
    changed: list[dict[str, object]] = []
    for each in kept:
        for episode in each.episodes:
            if episode.id is None:
                new[each.id, episode.opened_at] = episode
            elif episode.is_changed:
                changed.append(
                    {"own_id": episode.id, **{f"new_{name}": value for name, value in episode.values().items()}}
                )
    if changed:
        values = {name: sa.bindparam(f"new_{name}", type_=sa.Text) for name in ("opened_at", "closed_at", "how_closed")}
        connection.execute(EPISODES.update().where(EPISODES.c.id == sa.bindparam("own_id")).values(values), changed)
    if new:
        rows = [{"finding": finding, **episode.values()} for (finding, _), episode in new.items()]
        connection.execute(EPISODES.insert(), rows)
    numbers = sorted({finding for finding, _ in new if finding is not None})
    for start in range(0, len(numbers), _BATCH):
        its = EPISODES.c.finding.in_(numbers[start : start + _BATCH])
        query = sa.select(EPISODES.c.id, EPISODES.c.finding, EPISODES.c.opened_at).where(its)
        for number, finding, opened_at in connection.execute(query):
            if (finding, opened_at) in new:
                new[finding, opened_at].id = number


def _recorded(report: Report, kept: Mapping[str, _Kept], at: str, exempt: set[str]) -> Recorded:
    begun: dict[str, int] = {}
    running: dict[str, int] = {}
    findings: list[Finding] = []
    for finding in report.findings:
        its = kept.get(finding.fingerprint)
        findings.append(finding if its is None else _told(finding, its, at))
        episode = its.at(at) if its is not None and finding.status is Status.FAIL else None
        if episode is None or episode.id is None or finding.exemption is not None:
            continue
        running[finding.fingerprint] = episode.id
        if episode.opened_at == at or finding.fingerprint in exempt:
            begun[finding.fingerprint] = episode.id
    return Recorded(replace(report, findings=findings), begun, running)


def _told(finding: Finding, kept: _Kept, at: str) -> Finding:
    """Return a finding with since when it is there, and what changed with this run."""
    episode = kept.at(at)
    if finding.status in {Status.PASS, Status.NOT_APPLICABLE}:
        is_resolved = any(each.closed_at == at for each in kept.episodes)
        return replace(finding, first_seen=kept.text("first_seen"), change="resolved") if is_resolved else finding
    if episode is None:
        return finding
    change = "unchanged"
    if finding.status is Status.FAIL and episode.opened_at == at:
        change = "reopened" if any(each.opened_at < at for each in kept.episodes) else "new"
    return replace(finding, first_seen=kept.text("first_seen"), change=change)
