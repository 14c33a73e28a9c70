"""What a run looked at, and what it answered on each of its subjects: kept, so that a run may come after later ones."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import asdict

from auditor import resource_id as ids
from auditor.history.schema import ANSWERS, RUNS
from auditor.model import Finding, Report, Status
from auditor.report.text import compact
from auditor.snapshot.left_out import LEFT_OUT
from auditor.snapshot.model import ANY_TYPE

_DIGEST: Final = 8
"""How many bytes stand for a fingerprint in the answers of a run."""


class SoughtFinding(Struct, frozen=True):
    """What a run must have looked at, to say that a finding is gone. `scopes`: since when runs of which scope saw it fail."""

    rule_id: str
    resource_id: str
    resource_type: str
    scopes: Mapping[str, str]


class Inspection(Struct, frozen=True):
    """What a run looked at: its rules, its subscriptions, and where there may be what it did not see.

    `is_part`: it asked for some resource groups only; `is_by_tag`: for resources with a tag, so that what it does not hold
    may only have lost its tag. `open` are scopes whose inventory is not known, `gaps` scopes with the type that is not.
    """

    rules: Sequence[str]
    subscriptions: Sequence[str]
    scope: str
    is_part: bool
    is_by_tag: bool
    open: Sequence[str]
    gaps: Sequence[Sequence[str]]

    @classmethod
    def of(cls, report: Report) -> Inspection:
        """Return what an audit looked at."""
        asked = report.snapshot.scope
        subscriptions = _subscriptions(report)
        told = {name: value for name, value in asked.items() if name != LEFT_OUT}  # by which rules, the rules tell
        told = told if any(told.values()) else {"subscriptions": subscriptions}
        return cls(
            rules=sorted(report.rules),
            subscriptions=subscriptions,
            scope=hashlib.sha256(compact(told).encode()).hexdigest(),
            is_part=bool(asked.get("resource_groups")),
            is_by_tag=bool(asked.get("tags")),
            open=sorted({each.gap.scope for each in report.coverage.inventory}),
            gaps=sorted(
                {(each.gap.scope, each.gap.what.lower()) for each in report.coverage.gaps if "/" in each.gap.what}
            ),
        )

    @classmethod
    def from_text(cls, text: str) -> Inspection:
        """Read what was stored."""
        return cls(**json.loads(text))

    def text(self) -> str:
        """Return what is stored."""
        return compact(asdict(self))

    def shows_gone(self, subject: SoughtFinding, at: str) -> bool:
        """Return whether it is gone, where a run of that time holds nothing of it.

        The rule is in force, the run asked for the subject, and no gap could hide it.
        """
        subscription = (ids.subscription_of(subject.resource_id) or "").lower()
        is_asked = not self.is_part or subject.scopes.get(self.scope, at) < at
        if subject.rule_id not in self.rules or self.is_by_tag or not is_asked:
            return False
        if subscription and subscription not in self.subscriptions:
            return False
        if any(ids.is_under(subject.resource_id, scope) for scope in self.open):
            return False
        types = {ANY_TYPE, subject.resource_type.lower()}
        return not any(what in types and ids.is_under(subject.resource_id, scope) for scope, what in self.gaps)


def _subscriptions(report: Report) -> list[str]:
    named = {ids.subscription_of(each.resource_id or "") or "" for each in report.findings}
    return sorted({each.lower() for each in named if each})


class StoredInspection(Struct, frozen=True):
    """A run that is kept: when it was, what it looked at, and its answers by digest of fingerprint, as far as asked for."""

    at: str
    inspection: Inspection
    answers: Mapping[bytes, Status]


def digest(fingerprint: str) -> bytes:
    """Return what stands for a fingerprint in the answers of a run."""
    return hashlib.sha256(fingerprint.encode()).digest()[:_DIGEST]


def iter_since(
    connection: sa.Connection, baseline: str, at: str, *, but: str, asked: Collection[bytes]
) -> Iterator[StoredInspection]:
    """Give the runs of a baseline from a time on, one after the other, with their answers on what is asked for.

    `but` is the digest of the run that asks. Runs of releases that kept no answers are left out: they say nothing.
    """
    query = sa.select(RUNS.c.id, RUNS.c.at, RUNS.c.looked_at).where(
        RUNS.c.baseline == baseline, RUNS.c.at >= at, RUNS.c.digest != but, RUNS.c.looked_at.is_not(None)
    )
    for number, time, looked_at in connection.execute(query.order_by(RUNS.c.at, RUNS.c.digest)).all():
        found: dict[bytes, Status] = {}
        its = sa.select(ANSWERS.c.status, ANSWERS.c.subjects).where(ANSWERS.c.run == number)
        for status, subjects in connection.execute(its):
            found |= dict.fromkeys(_split(bytes(subjects)) & set(asked), Status(status))
        yield StoredInspection(time, Inspection.from_text(looked_at), found)


def _split(subjects: bytes) -> set[bytes]:
    return {subjects[start : start + _DIGEST] for start in range(0, len(subjects), _DIGEST)}


def keep_answers(connection: sa.Connection, run: int, judged: Mapping[str, Finding]) -> None:
    """Keep what a run answered on each fingerprint."""
    by_status: dict[Status, list[bytes]] = {}
    for fingerprint, finding in judged.items():
        by_status.setdefault(finding.status, []).append(digest(fingerprint))
    rows = [
        {"run": run, "status": status.value, "subjects": b"".join(sorted(subjects))}
        for status, subjects in by_status.items()
    ]
    if rows:
        connection.execute(ANSWERS.insert(), rows)
