"""Compare failures with those that are known: what is new among them, and which has grown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime

from msgspec import Struct, field
from msgspec.structs import replace

from auditor import resource_id as ids
from auditor.engine.accepted.finding_sets import beyond
from auditor.engine.accepted.set_words import how_it_grew
from auditor.engine.accepted.visibility import LookedAt
from auditor.engine.findings.held_findings import changed
from auditor.model import AgainstKnown, Finding, FindingSet, Report, Status


class KnownFailure(Struct, frozen=True):
    """A failure as it was when it was written down. `rests_on` is None where it is about no set."""

    fingerprint: str
    rule_id: str
    resource_id: str | None
    sub_object: str
    rests_on: FindingSet | None = None

    @classmethod
    def of(cls, finding: Finding) -> KnownFailure:
        """Return a failure as it is now."""
        return cls(finding.fingerprint, finding.rule_id, finding.resource_id, finding.sub_object, finding.rests_on)

    @property
    def order(self) -> tuple[str, str, str, str]:
        """Return what the failures of a file are sorted by."""
        return (self.rule_id, ids.key(self.resource_id or ""), self.sub_object, self.fingerprint)


class KnownFailures(Struct, frozen=True):
    """The failures that are known, by fingerprint. One may have been written down several times: each counts."""

    by_fingerprint: Mapping[str, Sequence[KnownFailure]] = field(default_factory=dict)

    @classmethod
    def of(cls, failures: Iterable[KnownFailure]) -> KnownFailures:
        """Return failures by fingerprint."""
        found: dict[str, list[KnownFailure]] = {}
        for failure in failures:
            found.setdefault(failure.fingerprint, []).append(failure)
        return cls(found)

    @property
    def listed(self) -> Sequence[KnownFailure]:
        """Return all failures, in order."""
        several = (failure for same in self.by_fingerprint.values() for failure in same)
        return sorted(several, key=lambda failure: failure.order)

    def sets_of(self, fingerprint: str) -> Sequence[FindingSet]:
        """Return what a failure is known to rest on."""
        known = self.by_fingerprint.get(fingerprint, ())
        return [failure.rests_on for failure in known if failure.rests_on is not None]

    def change_of(self, failure: KnownFailure) -> AgainstKnown:
        """Return how a failure stands to those that are known."""
        if failure.fingerprint not in self.by_fingerprint:
            return AgainstKnown.NEW
        more = beyond(failure.rests_on, self.sets_of(failure.fingerprint))
        return AgainstKnown.KNOWN if more is None else AgainstKnown.WIDENED

    def growth_of(self, failure: KnownFailure) -> str:
        """Return in words how far a failure goes beyond what is known of it; nothing where it does not."""
        before = self.sets_of(failure.fingerprint)
        more = beyond(failure.rests_on, before)
        return how_it_grew(failure.rests_on, before, more) if more is not None and failure.rests_on is not None else ""


def compared(findings: Sequence[Finding], known: KnownFailures) -> Sequence[Finding]:
    """Return findings with each failure's change; one that has grown says how."""
    return changed(findings, lambda _, finding: _compared(finding, known) if finding.status is Status.FAIL else finding)


def _compared(finding: Finding, known: KnownFailures) -> Finding:
    failure = KnownFailure.of(finding)
    change = known.change_of(failure)
    if change is not AgainstKnown.WIDENED:
        return replace(finding, against_known=change)
    return replace(
        finding, against_known=change, message=f"{finding.message} Wider than known: {known.growth_of(failure)}."
    )


class JudgedFailures(Struct, frozen=True):
    """What a report says of failures that are known: which there are, and which are gone and not only unseen.

    `settled` are fingerprints of what passed or does not apply. `answered` are the rules of which nothing is unknown.
    `is_closed`: it is known what there is, so that what has no finding is gone. `exempted` are those of failures that an
    exemption covers: they are accepted until a day, and not mended. `at` is the time of judgement,
    `looked_at` what was asked for.
    """

    failures: Sequence[KnownFailure]
    settled: AbstractSet[str]
    answered: AbstractSet[str]
    is_closed: bool
    exempted: AbstractSet[str] = frozenset()
    at: datetime | None = None
    looked_at: LookedAt | None = None

    @classmethod
    def of(cls, report: Report) -> JudgedFailures:
        """Return the outcome of an audit. What an exemption covers is not known for good, but accepted until a day."""
        failed = [each for each in report.findings if each.status is Status.FAIL and each.exemption is None]
        return cls(
            failures=[KnownFailure.of(each) for each in failed],
            settled={each.fingerprint for each in report.findings if each.status not in {Status.FAIL, Status.UNKNOWN}},
            answered=report.rules.keys() - {each.rule_id for each in report.findings if each.status is Status.UNKNOWN},
            is_closed=not report.coverage.inventory,
            exempted={each.fingerprint for each in report.findings if each.exemption is not None},
            at=report.as_of,
            looked_at=LookedAt.of(report),
        )

    def is_gone(self, known: KnownFailure) -> bool:
        """Whether a known failure that is none now is gone, and not only unseen: of a rule that was not asked, say."""
        if known.fingerprint in self.exempted:
            return False
        if known.fingerprint in self.settled:
            return True
        is_seen = self.looked_at is None or self.looked_at.why_open(known.rule_id, known.resource_id or "") is None
        return is_seen and self.is_closed and known.rule_id in self.answered


class Ratcheted(Struct, frozen=True):
    """What is known after a look at what fails now, and what fails now that was not known."""

    known: KnownFailures
    gone: Sequence[KnownFailure]
    narrower: int
    more: Sequence[KnownFailure]


def ratcheted(known: KnownFailures, outcome: JudgedFailures, *, allow_growth: bool) -> Ratcheted:
    """Return the known failures without what is gone, and no wider than they are now; with what is new only if allowed."""
    now = KnownFailures.of(outcome.failures)
    kept: list[KnownFailure] = []
    more: list[KnownFailure] = []
    gone: list[KnownFailure] = []
    narrower = 0
    for failure in outcome.failures:
        if known.change_of(failure) is not AgainstKnown.KNOWN:
            more.append(failure)
            kept += [failure] if allow_growth else known.by_fingerprint.get(failure.fingerprint, ())
        else:
            narrower += now.change_of(known.by_fingerprint[failure.fingerprint][0]) is not AgainstKnown.KNOWN
            kept.append(failure)
    for failure in known.listed:
        if failure.fingerprint not in now.by_fingerprint:
            (gone if outcome.is_gone(failure) else kept).append(failure)
    return Ratcheted(KnownFailures.of(kept), gone, narrower, more)
