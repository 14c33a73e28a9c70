"""Compare what two audits found: by fingerprint, status and what failures rest on; texts are never compared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from auditor import resource_id as ids
from auditor.diff.attribution import Attribution
from auditor.diff.drift import FindingChange, FindingDrift, MadeBy
from auditor.engine.accepted.finding_sets import grown
from auditor.engine.accepted.visibility import LookedAt
from auditor.engine.findings.shared_evidence import deciding
from auditor.model import Finding, FindingSet, Report, Status

_NO_CHANGES: Final = Attribution(())


def finding_changes(old: Report, new: Report, attribution: Attribution = _NO_CHANGES) -> FindingDrift:
    """Return what became of the findings of an audit in a later one."""
    before, after = ({one.fingerprint: one for one in report.findings} for report in (old, new))
    drift = _Sorted(old, attribution)
    for fingerprint, finding in after.items():
        drift.add(before.get(fingerprint), finding)
    gone = [before[fingerprint] for fingerprint in before if fingerprint not in after]
    drift.add_gone([finding for finding in gone if finding.status is Status.FAIL], LookedAt.of(old), LookedAt.of(new))
    return FindingDrift(
        new=drift.new,
        resolved=drift.resolved,
        widened=drift.widened,
        changed=drift.changed,
        failing=drift.failing,
        undecided=drift.undecided,
    )


class _Sorted:
    """The findings by what became of them."""

    def __init__(self, old: Report, attribution: Attribution) -> None:
        self.old = old
        self.attribution = attribution
        self.new: list[FindingChange] = []
        self.resolved: list[FindingChange] = []
        self.widened: list[FindingChange] = []
        self.changed: list[FindingChange] = []
        self.failing: list[FindingChange] = []
        self.undecided: list[str] = []

    def add(self, before: Finding | None, after: Finding) -> None:
        """File a finding of the later audit, given that of the earlier one."""
        if before is after and after.status is not Status.FAIL:
            return
        old = None if before is None else before.status
        if after.status is Status.UNKNOWN and old not in {None, Status.UNKNOWN, Status.NOT_APPLICABLE}:
            self.changed.append(self.change(after))
            self.undecided.append(f"whether {_subject(after)} still {_verb(old)} {after.rule_id}")
        elif after.status is Status.UNKNOWN and old is not Status.UNKNOWN:
            self.undecided.append(
                f"whether {_subject(after)}, of which that was not asked before, meets {after.rule_id}"
            )
        elif after.status is Status.FAIL:
            self._add_failure(before, after)
        elif before is not None and old is Status.FAIL:
            self.resolved.append(self.change(before))

    def add_gone(self, failures: Iterable[Finding], old: LookedAt, new: LookedAt) -> None:
        """File failures of which the later audit has no finding: what it did not look at is not resolved."""
        for failure in failures:
            reason = new.why_unasked(failure, old)
            if reason is None:
                self.resolved.append(self.change(failure))
            else:
                self.undecided.append(f"whether {_subject(failure)} still fails {failure.rule_id} ({reason})")

    def _add_failure(self, before: Finding | None, after: Finding) -> None:
        if before is None or before.status is not Status.FAIL or (before.exemption and not after.exemption):
            self.new.append(self.change(after))
            return
        if before is after:
            self.failing.append(FindingChange(after, since=self.old.as_of))
            return
        grew, shrank = _grown(after.rests_on, before.rests_on), _grown(before.rests_on, after.rests_on)
        if grew is not None:
            self.widened.append(self.change(after, grew, shrank, is_old=True))
        elif shrank is not None or before.severity is not after.severity:
            self.changed.append(self.change(after, grew, shrank, is_old=True))
        elif after.rests_on is None and _content(before) != _content(after):
            self.changed.append(self.change(after, is_old=True))
        else:
            self.failing.append(FindingChange(after, since=self.old.as_of))

    def change(
        self,
        finding: Finding,
        grew: FindingSet | None = None,
        shrank: FindingSet | None = None,
        *,
        is_old: bool = False,
    ) -> FindingChange:
        """Return a finding with the changes that made it so; `is_old`: it was there before."""
        return FindingChange(
            finding=finding,
            by=self._made_by(finding),
            grew=grew,
            shrank=shrank,
            since=self.old.as_of if is_old else None,
        )

    def _made_by(self, finding: Finding) -> tuple[MadeBy, ...]:
        if not self.attribution:
            return ()
        places = dict.fromkeys(_places(finding))
        return self.attribution.made_by(places) or self._around(places)

    def _around(self, places: Iterable[str]) -> tuple[MadeBy, ...]:
        """Return the changes of what the places lie in: a child, an extension."""
        found = (self.attribution.of(place) for place in places)
        return self.attribution.made_by(change.resource_id for change in found if change is not None)


def _places(finding: Finding) -> Iterator[str]:
    """Yield the ids of what a verdict rests on; of a whole subscription or group nothing but itself would be told."""
    named = (finding.resource_id, *(leaf.resource_id for leaf in finding.evidence))
    yield from (place for place in named if place is not None and ids.type_of(place) is not None)


def _grown(new: FindingSet | None, old: FindingSet | None) -> FindingSet | None:
    if new is None or old is None:
        return None
    try:
        return grown(new, old)
    except ValueError:
        return new if new != old else None


def _content(finding: Finding) -> object:
    return [(leaf.path, repr(leaf.actual), ids.key(leaf.resource_id or "")) for leaf in deciding(finding)]


def _subject(finding: Finding) -> str:
    return ids.name_of(finding.resource_id) if finding.resource_id else finding.component or "the estate"


def _verb(old: Status | None) -> str:
    return "fails" if old is Status.FAIL else "meets"
