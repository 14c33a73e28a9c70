"""Facts about application security groups: whether a workload's rules name machines by what they do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from auditor.analysis import facts
from auditor.analysis.contract import Context
from auditor.analysis.fact import Fact, Known, fact
from auditor.architecture import capabilities
from auditor.architecture.workloads import Workload, better_anchor
from auditor.estate.network_relations import SUBNETS
from auditor.model import Gap, Resource
from auditor.network.security_rules import Direction, SecurityGroup, SecurityRule
from auditor.network.subnets import Subnets


@fact("network.application-groups", subject="the first virtual network of the workload")
class ApplicationGroupUse(Fact, frozen=True, kw_only=True):
    """Whether the security rules of a workload name application security groups."""

    rules: Known[int]
    """how many rules of its own the workload's security groups hold"""
    rules_with_groups: Known[int]
    """how many of them name an application security group"""
    groups: Known[tuple[str, ...]]
    """names of the application security groups that rules name"""

    def sentence(self) -> str:
        """Say how many application security groups the rules use."""
        used = len(self.groups) if isinstance(self.groups, tuple) else 0
        said = f"use {used} application security groups" if used else "use no application security group"
        return f"The security rules of workload {self.about.workload} {said}."


def group_facts(context: Context, subnets: Subnets) -> Iterator[ApplicationGroupUse]:
    """Yield one fact for each workload that has a virtual network."""
    for workload in context.workloads.all:
        networks = workload.giving(capabilities.NETWORK)
        if networks:
            yield _fact(context, workload, networks, _groups_of(context, subnets, networks))


def _groups_of(context: Context, subnets: Subnets, networks: Sequence[Resource]) -> list[SecurityGroup]:
    inside = [subnet for network in networks for subnet in context.estate.children(network.key, SUBNETS)]
    attached = [group for subnet in inside if (group := subnets.at(subnet).group) is not None]
    return list({group.name.lower(): group for group in attached}.values())


def _fact(
    context: Context, workload: Workload, networks: Sequence[Resource], groups: list[SecurityGroup]
) -> ApplicationGroupUse:
    rules = [rule for group in groups for way in Direction for rule in group.rules[way] if rule.is_custom]
    named = tuple(sorted({label for rule in rules for label in _labels(rule)}))
    # a workload that was not seen may own the network, and more of them
    unsure = _unread(networks[0], groups) or better_anchor(context.estate, context.workloads, workload)
    gap = None if named else unsure
    return ApplicationGroupUse(
        about=facts.about(
            context,
            networks[0].id,
            sub_object=workload.name,
            inputs=[(network.id, "properties.subnets") for network in networks],
            role=(workload.name, context.workloads.role_of(networks[0].key)[1]),
        ),
        rules=gap or len(rules),
        rules_with_groups=gap or sum(1 for rule in rules if _labels(rule)),
        groups=gap or named,
    )


def _unread(network: Resource, groups: list[SecurityGroup]) -> Gap | None:
    """Return why the rules are not all known, or None where they are."""
    group = next((group for group in groups if group.undecidable), None)
    if group is None:
        return None
    reason = next(iter(group.undecidable.values()))
    return Gap(network.id, "properties.securityRules", f"{group.name}: {reason}")


def _labels(rule: SecurityRule) -> list[str]:
    sides = (rule.match.source, rule.match.destination)
    return [symbol.label for side in sides for symbol in side.symbols if symbol.is_group]
