"""Choose and order the findings that a format lists, and name their subjects so that a reader can tell them apart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from typing import Final

from auditor import resource_id as ids
from auditor.engine.findings.held_findings import SETTLED, HeldFindings, settled_apart
from auditor.engine.findings.order import RuleOrder, in_order, order_of, rule_of
from auditor.engine.findings.shared_evidence import SharedEvidence
from auditor.model import AgainstKnown, Finding, Report, Status

_SECTION: Final = 1_000


def _order(finding: Finding) -> tuple[RuleOrder, tuple[str, ...]]:
    return rule_of(finding), order_of(finding)


def listed(report: Report, *, include_passed: bool) -> Sequence[Finding]:
    """Return the findings to list, by severity, rule, resource and sub-object; never fewer than fail and unknown."""
    findings = report.findings if include_passed else settled_apart(report.findings)[1]
    return in_order(_to_list(findings, include_passed))


def streamed(report: Report, *, include_passed: bool) -> Iterator[Finding]:
    """Go through the same as `listed`, without holding all of them where they are in order already."""
    findings = report.findings if include_passed else settled_apart(report.findings)[1]
    if not isinstance(findings, HeldFindings) and not _are_in_order(findings):
        findings = in_order(findings)
    yield from _to_list(findings, include_passed)


Section = Callable[[], Iterator[Finding]]
"""Goes through some findings that follow each other."""


def in_sections(report: Report, *, include_passed: bool) -> Sequence[Section]:
    """Return the same as `listed` in sections, each of which can be gone through for itself, in any process."""
    findings = report.findings
    if isinstance(findings, HeldFindings):
        sections = findings.sections()
    else:
        ordered = findings if _are_in_order(findings) else in_order(findings)
        sections = [ordered[first : first + _SECTION] for first in range(0, len(ordered), _SECTION)]
    return [partial(_to_list, section, include_passed) for section in sections]


def _to_list(section: Iterable[Finding], include_passed: bool) -> Iterator[Finding]:  # noqa: FBT001 - given in parts
    return (each for each in section if include_passed or each.status not in SETTLED)


def _are_in_order(findings: Iterable[Finding]) -> bool:
    """Whether findings are as `listed` orders them; where rule and resource tell, no more is looked at."""
    before, key_before = None, ""
    for finding in findings:
        key = ids.key(finding.resource_id or "")
        if before is not None:
            is_same_rule = finding.rule_id == before.rule_id and finding.severity is before.severity
            if not (is_same_rule and key > key_before) and _order(before) > _order(finding):
                return False
        before, key_before = finding, key
    return True


def open_failures(findings: Sequence[Finding]) -> Sequence[Finding]:
    """Return the failures that no exemption covers and that are not known, but for missing components."""
    failed = with_status(findings, Status.FAIL)
    return [each for each in failed if not each.is_accepted and not each.is_absence]


def missing_components(findings: Sequence[Finding]) -> Sequence[Finding]:
    """Return the missing components that no exemption covers and that are not known."""
    return [each for each in findings if not each.is_accepted and each.is_absence]


def accepted(findings: Sequence[Finding]) -> Sequence[Finding]:
    """Return the failures that an exemption covers."""
    return [each for each in with_status(findings, Status.FAIL) if each.exemption is not None]


def known(findings: Sequence[Finding]) -> Sequence[Finding]:
    """Return the failures that are known and have not grown, but for those that an exemption covers."""
    return [each for each in findings if each.against_known is AgainstKnown.KNOWN and each.exemption is None]


def with_status(findings: Sequence[Finding], status: Status) -> Sequence[Finding]:
    """Return the findings of one status, in the order given."""
    return [each for each in findings if each.status is status]


@lru_cache(maxsize=65_536)
def short_name(resource_id: str) -> str:
    """Return the names in an ARM id without types and groups (`account/deployment`); other ids as they are."""
    parts = ids.segments(resource_id)
    starts = [index for index, part in enumerate(parts) if part.lower() == "providers"]
    if not ids.is_resource_id(resource_id) or not starts:
        return ids.name_of(resource_id) if ids.is_resource_id(resource_id) else resource_id
    ends = [*starts[1:], len(parts)]
    names = [name for start, end in zip(starts, ends, strict=True) for name in parts[start + 3 : end : 2]]
    return "/".join(names) or ids.name_of(resource_id)


def _place(resource_id: str, subscription_names: Mapping[str, str]) -> str:
    subscription = ids.subscription_of(resource_id) or ""
    shown = subscription_names.get(subscription.lower()) or subscription
    return ", ".join(part for part in (ids.resource_group_of(resource_id), shown) if part)


def names_of(resource_ids: Iterable[str], subscription_names: Mapping[str, str]) -> Mapping[str, str]:
    """Return a name for each id, with resource group and subscription where names alone are ambiguous."""
    same_name: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for resource_id in resource_ids:
        same_name[short_name(resource_id).lower()].setdefault(ids.key(resource_id), resource_id)
    names: dict[str, str] = {}
    for group in same_name.values():
        for key, resource_id in group.items():
            name, place = short_name(resource_id), _place(resource_id, subscription_names)
            names[key] = f"{name} ({place})" if len(group) > 1 and place else name
    return names


def subjects_of(findings: Sequence[Finding], subscription_names: Mapping[str, str]) -> Sequence[str]:
    """Return one name per finding, in order: resource and sub-object, else component and workload."""
    names = names_of((each.resource_id for each in findings if each.resource_id), subscription_names)
    return [_subject(each, names) for each in findings]


def assignment_name(finding: Finding) -> str:
    """Return whose role a finding on a role assignment is about, whose own name is a GUID; empty for anything else."""
    if "/roleassignments/" not in (finding.resource_id or "").lower():
        return ""
    evidence = finding.evidence
    leaves = evidence.without_inputs() if isinstance(evidence, SharedEvidence) else evidence
    said = {leaf.path: str(leaf.actual) for leaf in leaves if leaf.actual}
    who, role = said.get("principalName"), said.get("role")
    return f"{who} → {role}" if who and role else ""


def _subject(finding: Finding, names: Mapping[str, str]) -> str:
    if assignment := assignment_name(finding):
        subject = assignment
    elif finding.resource_id:
        subject = names[ids.key(finding.resource_id)]
    else:
        subject = " of ".join(part for part in (finding.component, finding.workload) if part) or "(no resource)"
    return f"{subject} · {finding.sub_object}" if finding.sub_object else subject
