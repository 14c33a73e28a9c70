"""Choose and order the findings that a format lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from auditor import resource_id as ids
from auditor.model import Finding, Report, Status

COMPONENT_FACT: Final = "inventory.component"
"""The kind of fact behind findings on the components of the architecture."""

_SETTLED: Final = frozenset({Status.PASS, Status.NOT_APPLICABLE})


def _order(finding: Finding) -> tuple[int, str, str, str, str, str, str]:
    return (
        finding.severity.rank,
        finding.rule_id,
        ids.key(finding.resource_id or ""),
        finding.sub_object.lower(),
        (finding.workload or "").lower(),
        finding.fingerprint,
        finding.message.lower(),
    )


def listed(report: Report, *, include_passed: bool) -> Sequence[Finding]:
    """Return the findings to list, by severity, rule, resource and sub-object; never fewer than fail and unknown."""
    chosen = (each for each in report.findings if include_passed or each.status not in _SETTLED)
    return sorted(chosen, key=_order)


def is_missing_component(finding: Finding) -> bool:
    """Whether a finding says that a component of the architecture is missing."""
    is_absent = any(leaf.path == "bound" and leaf.actual == 0 for leaf in finding.evidence)
    return finding.status is Status.FAIL and finding.fact == COMPONENT_FACT and is_absent


def open_failures(findings: Sequence[Finding]) -> Sequence[Finding]:
    """Return the failures that no exemption covers, but for missing components."""
    failed = with_status(findings, Status.FAIL)
    return [each for each in failed if each.exemption is None and not is_missing_component(each)]


def missing_components(findings: Sequence[Finding]) -> Sequence[Finding]:
    """Return the missing components that no exemption covers."""
    return [each for each in findings if each.exemption is None and is_missing_component(each)]


def accepted(findings: Sequence[Finding]) -> Sequence[Finding]:
    """Return the failures that an exemption covers."""
    return [each for each in with_status(findings, Status.FAIL) if each.exemption is not None]


def with_status(findings: Sequence[Finding], status: Status) -> Sequence[Finding]:
    """Return the findings of one status, in the order given."""
    return [each for each in findings if each.status is status]
