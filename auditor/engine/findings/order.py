"""The order of findings: by severity, rule, resource and part of it, and what else tells two of them apart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from auditor import resource_id as ids
from auditor.model import Finding, Severity

RuleOrder = tuple[int, str]
"""The rank of a severity, and the id of a rule."""
Place = tuple[str, str]
"""The key of a resource, and the part of it in lower case."""
_RANKS: Final = {severity: severity.rank for severity in Severity}


def rule_of(finding: Finding) -> RuleOrder:
    """Return which findings it stands among."""
    return (_RANKS[finding.severity], finding.rule_id)


def place_of(finding: Finding) -> Place:
    """Return where it stands among those of its rule."""
    resource, part = finding.resource_id, finding.sub_object
    return (ids.key(resource) if resource else "", part.lower() if part else "")


def order_of(finding: Finding) -> tuple[str, ...]:
    """Return what puts two findings of a rule in an order that does not depend on how they came."""
    return (*place_of(finding), (finding.workload or "").lower(), finding.fingerprint, finding.message.lower())


def in_order(found: Iterable[Finding]) -> list[Finding]:
    """Return findings in their order. Those of a rule are nearly in order as they come, and mostly on different places."""
    by_rule: dict[RuleOrder, list[Finding]] = defaultdict(list)
    for finding in found:
        by_rule[rule_of(finding)].append(finding)
    return [finding for rule in sorted(by_rule) for finding in _sorted(by_rule[rule])]


def _sorted(found: list[Finding]) -> list[Finding]:
    places = list(map(place_of, found))
    if len(set(places)) < len(places):
        return sorted(found, key=order_of)
    return [found[number] for number in sorted(range(len(places)), key=places.__getitem__)]
