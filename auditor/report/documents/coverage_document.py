"""The JSON of a report's coverage, and its shape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pydantic import ConfigDict, with_config
from typing_extensions import TypedDict  # pydantic needs this one before Python 3.12

from auditor.model import ControlCoverage, Coverage, OpenGap, Status, TypeCoverage
from auditor.report.causes import causes_of, shown_places

_documented: Final = ConfigDict(use_attribute_docstrings=True)


class GrantDocument(TypedDict):
    """A permission, and how many unknown findings it settles together with those that are listed before it."""

    permission: str
    settles: int


@with_config(_documented)
class TypeCoverageDocument(TypedDict):
    """What became of the resources of one type: `collected` is the sum of the three after it."""

    type: str
    collected: int
    judged: int
    """A rule in force has an answer on them, or would have if more were known."""
    used_as_evidence: int
    """Not judged themselves, but rules in force, or the analyses behind them, read their type."""
    not_looked_at: int
    gaps: int
    """How many gaps there are in the type."""


class UnmetRuleDocument(TypedDict):
    """A rule in force that judged nothing, and why."""

    rule_id: str
    reason: str


@with_config(_documented)
class OpenDocument(TypedDict):
    """What could still change the answer to a control."""

    what: str
    where: list[str]
    """The first of the places; `gaps` lists all of them."""
    places: int
    """In how many places it is so."""
    reason: str
    permission: str | None
    settled_by: str
    """What to do about it, in the first of the places: a permission to grant, a command, an option."""


@with_config(_documented)
class ControlCoverageDocument(TypedDict):
    """What the answer to one control rests on."""

    framework: str
    control: str
    status: Status
    """The worst of its findings: fail, unknown, pass, not_applicable."""
    by_status: dict[Status, int]
    rules: list[str]
    """The rules in force that answer it."""
    judged: dict[str, int]
    """How many resources were judged, by type."""
    evidence: list[str]
    """The other types that its rules read, as far as there are resources of them."""
    facts: list[str]
    """The kinds of derived facts that it rests on."""
    open: list[OpenDocument]


@with_config(_documented)
class OpenGapDocument(TypedDict):
    """A gap that the snapshot declares or that judging came upon, with what hangs on it."""

    scope: str
    what: str
    reason: str
    permission: str | None
    settled_by: str
    findings: int
    """How many findings are unknown for it; 0 where no rule in force depends on it."""
    rules: list[str]
    controls: dict[str, list[str]]
    """The controls that it leaves open, by framework."""
    is_of_inventory: bool
    """Whether resources of any type may be missing."""


@with_config(_documented)
class CoverageDocument(TypedDict):
    """How complete the audit is."""

    permissions: list[GrantDocument]
    """Those that settle the most unknowns come first."""
    types: list[TypeCoverageDocument]
    unmet_rules: list[UnmetRuleDocument]
    controls: list[ControlCoverageDocument]
    gaps: list[OpenGapDocument]
    """Those of the inventory first, then those that leave the most findings unknown."""


def document_of(coverage: Coverage) -> CoverageDocument:
    """Return the coverage of an audit as JSON."""
    return {
        "permissions": [{"permission": each.permission, "settles": each.settles} for each in coverage.grants],
        "types": [_type(each) for each in coverage.types],
        "unmet_rules": [{"rule_id": rule, "reason": coverage.unmet[rule]} for rule in sorted(coverage.unmet)],
        "controls": [_control(each) for each in coverage.controls],
        "gaps": [_gap(each) for each in coverage.gaps],
    }


def _type(each: TypeCoverage) -> TypeCoverageDocument:
    return {
        "type": each.name,
        "collected": each.collected,
        "judged": each.judged,
        "used_as_evidence": each.used_as_evidence,
        "not_looked_at": each.not_looked_at,
        "gaps": each.gaps,
    }


def _control(each: ControlCoverage) -> ControlCoverageDocument:
    return {
        "framework": each.framework,
        "control": each.id,
        "status": each.status,
        "by_status": dict(each.by_status),
        "rules": list(each.rules),
        "judged": dict(each.judged),
        "evidence": list(each.evidence),
        "facts": list(each.facts),
        "open": _open(each.gaps),
    }


def _open(gaps: Sequence[OpenGap]) -> list[OpenDocument]:
    return [
        {
            "what": cause.what,
            "where": list(shown_places(cause)),
            "places": len(cause.places),
            "reason": cause.reason,
            "permission": cause.permission,
            "settled_by": cause.settled_by,
        }
        for cause in causes_of(gaps)
    ]


def _gap(each: OpenGap) -> OpenGapDocument:
    controls: dict[str, list[str]] = {}
    for framework, control in each.controls:
        controls.setdefault(framework, []).append(control)
    return {
        "scope": each.gap.scope,
        "what": each.gap.what,
        "reason": each.gap.reason,
        "permission": each.gap.permission,
        "settled_by": each.settled_by,
        "findings": each.findings,
        "rules": list(each.rules),
        "controls": controls,
        "is_of_inventory": each.is_of_inventory,
    }
