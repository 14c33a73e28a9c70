"""Facts about application security groups: whether a workload's rules name machines by what they do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from auditor.analysis import facts
from auditor.analysis.contract import Context
from auditor.architecture.workloads import Workload
from auditor.model import Fact, Gap
from auditor.network.security_rules import Direction, SecurityRule
from auditor.network.subnets import Subnets

KIND: Final = "network.application-groups"
FIELDS: Final[Mapping[str, str]] = {
    "rules": "how many rules of its own the workload's security groups hold",
    "rulesWithGroups": "how many of them name an application security group",
    "groups[*]": "names of the application security groups that rules name",
}
_SUBNETS: Final = "microsoft.network/virtualnetworks/subnets"


def group_facts(context: Context, places: Subnets) -> Iterator[Fact]:
    """Yield one fact for each workload that has a virtual network."""
    for workload in context.workloads.all:
        if workload.resources("vnet"):
            yield _fact(context, places, workload)


def _fact(context: Context, places: Subnets, workload: Workload) -> Fact:
    networks = workload.resources("vnet")
    found = [places.at(one) for network in networks for one in context.estate.children(network.key, _SUBNETS)]
    groups = {place.group.name.lower(): place.group for place in found if place.group is not None}
    rules = [r for one in groups.values() for d in Direction for r in one.rules[d] if r.is_custom]
    named = sorted({label for rule in rules for label in _groups(rule)})
    users = sum(1 for rule in rules if _groups(rule))
    lost = [one for one in groups.values() if one.undecidable]
    reason = next(iter(lost[0].undecidable.values())) if lost else ""
    gap = Gap(networks[0].id, "properties.securityRules", f"{lost[0].name}: {reason}") if lost and not named else None
    said = f"use {len(named)} application security groups" if named else "use no application security group"
    return facts.build(
        context,
        KIND,
        networks[0].id,
        {"rules": len(rules), "rulesWithGroups": users, "groups": named},
        sub_object=workload.name,
        summary=f"The security rules of workload {workload.name} {said}.",
        inputs=[(network.id, "properties.subnets") for network in networks],
        uncollected=dict.fromkeys(("rulesWithGroups", "groups", "rules"), gap) if gap else {},
        role=(workload.name, "vnet"),
    )


def _groups(rule: SecurityRule) -> list[str]:
    return [one.label for side in (rule.match.source, rule.match.destination) for one in side.symbols if one.is_group]
