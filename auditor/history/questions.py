"""Ask a history: which findings there are and how old they are, how many there were at each run, what became of one."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

import sqlalchemy as sa
from msgspec import Struct

from auditor.errors import AuditorError
from auditor.history.database import History
from auditor.history.inspections import Inspection
from auditor.history.recording import second
from auditor.history.schema import EPISODES, EXTENTS, FINDINGS, RUNS
from auditor.history.timeline import Episode, Timeline, Widening
from auditor.model import Severity
from auditor.yaml_source import suggestion

_SHORTEST: Final = 6
"""How many characters of a fingerprint, or of a run's id, name it at least."""


class FindingFilter(Struct, frozen=True):
    """Which findings are meant: those that match all that is given. `owner` is the value of the tag `owner_tag`."""

    owner_tag: str = "owner"
    owner: str | None = None
    severities: Sequence[Severity] = ()
    rule: str | None = None
    baseline: str | None = None

    def holds(self, finding: StoredFinding) -> bool:
        """Return whether a finding matches."""
        return (
            (self.owner is None or finding.owner.lower() == self.owner.lower())
            and (not self.severities or finding.severity in self.severities)
            and (self.rule is None or finding.rule_id == self.rule)
            and (self.baseline is None or finding.baseline == self.baseline)
        )


class StoredEpisode(Struct, frozen=True):
    """From when to when a finding failed; one that is open has no end. `how_closed`: `mended`, `gone`, or empty."""

    opened_at: str
    closed_at: str | None
    how_closed: str

    def covers(self, at: str) -> bool:
        """Return whether it failed at a time."""
        return self.opened_at <= at and (self.closed_at is None or at < self.closed_at)

    def days(self, at: str) -> int:
        """Return its whole days, to a time where it is open."""
        return days_between(self.opened_at, self.closed_at or at)


class StoredFinding(Struct, frozen=True):
    """A failure that there is, or was, with its episodes and the times at which it went further, the oldest first."""

    fingerprint: str
    baseline: str
    rule_id: str
    title: str
    severity: Severity
    status: str
    is_exempt: bool
    resource_id: str
    resource_type: str
    sub_object: str
    workload: str
    message: str
    owner: str
    first_seen: str
    last_seen: str
    episodes: Sequence[StoredEpisode]
    widenings: Sequence[Widening]

    @property
    def is_open(self) -> bool:
        """Return whether it fails, or nobody could say since that it does not."""
        return any(each.closed_at is None for each in self.episodes)

    @property
    def open_since(self) -> str | None:
        """Return when the episode began that is open."""
        return next((each.opened_at for each in self.episodes if each.closed_at is None), None)

    @property
    def resolved_at(self) -> str | None:
        """Return when its last episode ended; None while one is open."""
        return None if self.is_open else max((each.closed_at or "" for each in self.episodes), default=None)

    @property
    def reopened(self) -> int:
        """Return how often it came back."""
        return len(self.episodes) - 1

    def age(self, at: str) -> int:
        """Return the whole days from when it was first seen to a time, or to its end."""
        return days_between(self.first_seen, self.resolved_at or at)

    def open_days(self, at: str) -> int | None:
        """Return the whole days since it failed without a break; None where it does not fail."""
        return None if self.open_since is None else days_between(self.open_since, at)


class StoredRun(Struct, frozen=True):
    """An audit that is kept."""

    run_id: str
    at: str
    snapshot_sha256: str
    baseline: str
    baseline_version: str
    tool_version: str
    resources: int
    passed: int
    failed: int
    unknown: int


class TrendPoint(Struct, frozen=True):
    """How many findings were open once a run had been, and what it changed."""

    run: StoredRun
    open: int
    by_severity: Mapping[Severity, int]
    by_owner: Mapping[str, int]
    new: int
    reopened: int
    widened: int
    resolved: int


def days_between(start: str, end: str) -> int:
    """Return the whole days between two times as a history keeps them."""
    return max(0, (datetime.fromisoformat(end) - datetime.fromisoformat(start)).days)


def findings(history: History, wanted: FindingFilter) -> list[StoredFinding]:
    """Return the findings that match, the worst first, then the oldest."""
    episodes: dict[int, list[StoredEpisode]] = defaultdict(list)
    with history.reading() as connection:
        _refuse_unknown(connection, wanted)
        for row in connection.execute(sa.select(EPISODES).order_by(EPISODES.c.opened_at)).mappings():
            episodes[row["finding"]].append(StoredEpisode(row["opened_at"], row["closed_at"], row["how_closed"]))
        extents: dict[int, dict[str, str]] = defaultdict(dict)
        for row in connection.execute(sa.select(EXTENTS)).mappings():
            extents[row["finding"]][row["at"]] = row["rests_on"]
        rows = [dict(row) for row in connection.execute(sa.select(FINDINGS)).mappings()]
    stored = (_finding(row, episodes[row["id"]], extents[row["id"]], wanted.owner_tag) for row in rows)
    matching = [each for each in stored if wanted.holds(each)]
    return sorted(matching, key=lambda each: (each.severity.rank, each.first_seen, each.rule_id, each.fingerprint))


def _refuse_unknown(connection: sa.Connection, wanted: FindingFilter) -> None:
    """Refuse a baseline or rule that no run has asked: that it found nothing would be no answer."""
    rows = connection.execute(sa.select(RUNS.c.baseline, RUNS.c.looked_at)).all()
    baselines = sorted({str(row.baseline) for row in rows})
    if wanted.baseline is not None and wanted.baseline not in baselines:
        raise AuditorError(f"no run was judged by the baseline '{wanted.baseline}'", f"known: {', '.join(baselines)}")
    if wanted.rule is None or any(row.looked_at is None for row in rows):
        return  # runs of older releases do not say what they asked
    rules = {rule for row in rows for rule in Inspection.from_text(row.looked_at).rules}
    rules |= set(connection.execute(sa.select(FINDINGS.c.rule_id).distinct()).scalars())
    if wanted.rule not in rules:
        raise AuditorError(f"no run asked the rule '{wanted.rule}'", suggestion(wanted.rule, rules))


def _finding(
    row: Mapping[str, object], episodes: Sequence[StoredEpisode], extents: Mapping[str, str], owner_tag: str
) -> StoredFinding:
    texts = {
        name: str(row[name])
        for name in (
            *("fingerprint", "baseline", "rule_id", "title", "status", "resource_id", "resource_type"),
            *("sub_object", "workload", "message", "first_seen", "last_seen"),
        )
    }
    return StoredFinding(
        **texts,
        severity=Severity(str(row["severity"])),
        is_exempt=bool(row["is_exempt"]),
        owner=_owner(str(row["tags"]), owner_tag),
        episodes=episodes,
        widenings=Timeline([Episode(each.opened_at, each.closed_at) for each in episodes], dict(extents)).widenings(),
    )


def _owner(tags: str, name: str) -> str:
    """Return the value of a tag, whose name Azure compares without case; empty where there is none."""
    stored = json.loads(tags)
    return next((str(value) for key, value in stored.items() if key.lower() == name.lower()), "")


def runs(history: History, baseline: str | None = None) -> list[StoredRun]:
    """Return the audits, the oldest first."""
    with history.reading() as connection:
        rows = connection.execute(sa.select(RUNS).order_by(RUNS.c.at, RUNS.c.id)).mappings()
        stored = [StoredRun(**{name: row[name] for name in StoredRun.__struct_fields__}) for row in rows]
    return [each for each in stored if baseline is None or each.baseline == baseline]


def trend(history: History, wanted: FindingFilter) -> list[TrendPoint]:
    """Return how many findings were open once each run had been; several runs of one time are one point."""
    by_time = {(each.baseline, each.at): each for each in runs(history, wanted.baseline)}
    matching = findings(history, wanted)
    return [_point(run, [each for each in matching if each.baseline == run.baseline]) for run in by_time.values()]


def _point(run: StoredRun, matching: Sequence[StoredFinding]) -> TrendPoint:
    at = run.at
    open_ones = [each for each in matching if any(episode.covers(at) for episode in each.episodes)]
    opened = [each for each in matching if any(episode.opened_at == at for episode in each.episodes)]
    again = [each for each in opened if each.episodes[0].opened_at < at]
    closed = [each for each in matching if any(episode.closed_at == at for episode in each.episodes)]
    severities = Counter(each.severity for each in open_ones)
    return TrendPoint(
        run=run,
        open=len(open_ones),
        by_severity={severity: severities[severity] for severity in Severity},
        by_owner=Counter(each.owner for each in open_ones),
        new=len(opened) - len(again),
        reopened=len(again),
        widened=sum(widening.at == at for each in matching for widening in each.widenings),
        resolved=len(closed),
    )


def named(stored: Sequence[StoredFinding], start: str) -> StoredFinding:
    """Return the finding whose fingerprint begins so."""
    matching = [each for each in stored if each.fingerprint.startswith(start.lower())]
    if len(start) < _SHORTEST:
        raise AuditorError(f"'{start}' is too short for a fingerprint", f"write {_SHORTEST} characters or more")
    if not matching:
        raise AuditorError(
            f"the history has no finding whose fingerprint begins with '{start}'", "auditor history list"
        )
    if len({each.fingerprint for each in matching}) > 1 or len(matching) > 1:
        raise AuditorError(f"'{start}' begins {len(matching)} fingerprints", "write more of it, or name a --baseline")
    return matching[0]


class Pruned(Struct, frozen=True):
    """How much a pruning takes away, or would."""

    runs: int
    findings: int
    before: str


def prune(history: History, before: datetime, *, is_rehearsal: bool) -> Pruned:
    """Remove runs before a time, and findings that were resolved before it; what is open is never removed."""
    limit = second(before)
    is_old_run = RUNS.c.at < limit
    lasting = sa.select(EPISODES.c.finding).where(sa.or_(EPISODES.c.closed_at.is_(None), EPISODES.c.closed_at >= limit))
    is_old = FINDINGS.c.id.not_in(lasting)
    with history.writing() as connection:
        counted = Pruned(
            connection.execute(sa.select(sa.func.count()).select_from(RUNS).where(is_old_run)).scalar_one(),
            connection.execute(sa.select(sa.func.count()).select_from(FINDINGS).where(is_old)).scalar_one(),
            limit,
        )
        if not is_rehearsal:
            connection.execute(RUNS.delete().where(is_old_run))
            connection.execute(FINDINGS.delete().where(is_old))
    return counted
