"""Findings on exemptions themselves: one for each kind of defect, however many exemptions have it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct

from auditor.engine.findings.finding import fingerprint, identity
from auditor.lazy_imports import lazy_imports
from auditor.model import Defect, Finding, ItemSet, MendingChange, RuleInfo, Severity, Status

with lazy_imports(__name__):
    from auditor.engine.accepted import exemptions

_SUBJECT: Final = "exemptions"
_MENDED: Final = MendingChange("the exemptions that are given")
_REFERENCES: Final = ("https://csrc.nist.gov/glossary/term/risk_acceptance",)


class _ExemptionQuestion(Struct, frozen=True):
    """What is asked of exemptions, and which defects answer no."""

    id: str
    title: str
    severity: Severity
    defects: Sequence[Defect]
    rationale: str
    remedy: str


_QUESTIONS: Final = (
    _ExemptionQuestion(
        "exemption-expired",
        "Exemptions are within their dates",
        Severity.LOW,
        (Defect.EXPIRED,),
        "What was accepted until a day is accepted no more: the exemption has no effect.",
        "Mend what it covered, renew it (`auditor exemption renew`), or take it out (`auditor exemption prune`).",
    ),
    _ExemptionQuestion(
        "exemption-expiring",
        "Exemptions last for more than thirty days",
        Severity.INFO,
        (Defect.EXPIRING,),
        "What it covers fails again after its last day.",
        "Mend what it covers, or have it accepted for longer (`auditor exemption renew`).",
    ),
    _ExemptionQuestion(
        "exemption-outgrown",
        "Exemptions cover what they are about",
        Severity.INFO,
        (Defect.OUTGROWN,),
        "A failure goes further than what was accepted of it, and counts.",
        "Take back what has grown, or have it accepted as it is now (`auditor exemption add`).",
    ),
    _ExemptionQuestion(
        "exemption-too-wide",
        "Exemptions accept no more than somebody has looked at",
        Severity.MEDIUM,
        (Defect.TOO_WIDE, Defect.UNLIMITED),
        "An exemption of a whole subscription, of every rule, or without a limit hides failures that nobody has seen yet.",
        "Name the rule and the resource, and write down how far it goes: `auditor exemption add` does both.",
    ),
    _ExemptionQuestion(
        "exemption-unused",
        "Exemptions cover a failure",
        Severity.INFO,
        (Defect.UNUSED,),
        "An exemption that fits no failure waits for one that nobody has looked at.",
        "Take it out (`auditor exemption prune`).",
    ),
)


def rules(file: str) -> Mapping[str, RuleInfo]:
    """Return what is asked of exemptions, as rules; `file` is where the exemptions stand."""
    return {
        each.id: RuleInfo(
            id=each.id,
            title=each.title,
            severity=each.severity,
            rationale=each.rationale,
            remediation=each.remedy,
            references=_REFERENCES,
            controls={},
            file=file,
            line=1,
        )
        for each in _QUESTIONS
    }


def is_on_exemptions(rule: str) -> bool:
    """Whether a rule is asked of exemptions, and of nothing in the estate."""
    return any(each.id == rule for each in _QUESTIONS)


def findings(matched: exemptions.Matched) -> list[Finding]:
    """Return a failure for each question that exemptions answer no to; it rests on those that do."""
    return [finding for each in _QUESTIONS if (finding := _finding(each, matched)) is not None]


def _finding(asked: _ExemptionQuestion, matched: exemptions.Matched) -> Finding | None:
    wrong = {each.exemption.id for each in matched.states if set(asked.defects) & set(each.defects)}
    if not wrong:
        return None
    notices = [notice for defect in asked.defects if (notice := matched.notice(defect))]
    return Finding(
        rule_id=asked.id,
        severity=asked.severity,
        status=Status.FAIL,
        resource_id=None,
        resource_type=None,
        message=f"{'; '.join(notices)}.",
        fingerprint=fingerprint(asked.id, identity(_SUBJECT, "")),
        rests_on=ItemSet(_SUBJECT, tuple(sorted(wrong))),
        mended_by=_MENDED,
    )
