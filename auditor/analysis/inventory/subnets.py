"""Tell which role each subnet of the workloads plays, and who sits in it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal

from auditor import resource_id as ids
from auditor.analysis import facts
from auditor.analysis.contract import Context
from auditor.analysis.fact import Fact, Hidden, Known, Record, fact, record
from auditor.architecture import capabilities
from auditor.architecture.bind import BoundBy
from auditor.architecture.workloads import Workload, may_have_any
from auditor.azure import body
from auditor.estate.graph import Estate
from auditor.estate.lookup import INTERFACES, PRIVATE_ENDPOINTS, network_of
from auditor.estate.navigation import PLANS
from auditor.estate.network_relations import NAT_GATEWAYS, PUBLIC_ADDRESSES, ROUTE_TABLES, SECURITY_GROUPS, SUBNETS
from auditor.model import Gap, Resource

_SUBNET_ROLE: Final = "subnet/"
# What an absent setting means, and the first API version that shows all its values.
# https://learn.microsoft.com/azure/private-link/disable-private-endpoint-network-policy
_POLICIES_DEFAULT: Final = "Disabled"
_POLICIES_SINCE: Final = "2023-09-01"
_ENFORCING: Final = frozenset({"enabled", "networksecuritygroupenabled"})
_DELEGATED_TO: Final = frozenset({PLANS})
_READ: Final = ("networkSecurityGroup.id", "privateEndpointNetworkPolicies", "delegations")
# These are attached to a subnet but do not occupy it.
_GUARDS: Final = frozenset(
    {
        SECURITY_GROUPS,
        ROUTE_TABLES,
        NAT_GATEWAYS,
        PUBLIC_ADDRESSES,
    }
)


@record
class Occupant(Record, frozen=True, kw_only=True):
    """A resource in a subnet."""

    id: str
    """id of a resource in the subnet"""
    type: str
    """its type"""


@record
class ForeignOccupant(Record, frozen=True, kw_only=True):
    """A resource in a subnet that its role has no place for."""

    id: str
    """id of a resource that does not belong to the subnet's role"""
    type: str
    """its type"""


@fact("inventory.subnet", subject="the subnet")
class SubnetUse(Fact, frozen=True, kw_only=True):
    """Which role a subnet plays, and who sits in it."""

    name: str
    """name of the subnet"""
    role: Known[str]
    """component that the subnet is, or empty"""
    how: BoundBy | Literal[""]
    """how the role was found"""
    roles: tuple[str, ...]
    """all components that the subnet is"""
    occupants: tuple[Occupant, ...]
    """the resources in the subnet"""
    foreign: Known[tuple[ForeignOccupant, ...]]
    """those that do not belong to the subnet's role"""
    network_security_group: str | None
    """id of the network security group; absent without one"""
    has_private_endpoints: Known[bool]
    """whether a private endpoint is in the subnet"""
    private_endpoint_policies: Known[str]
    """network policies for its private endpoints, `Disabled` where absent"""
    delegations: tuple[str, ...]
    """services that the subnet is delegated to"""
    serves_web_apps: Hidden[bool]

    def sentence(self) -> str:
        """Say what the subnet is and what is wrong with it."""
        roles = " and ".join(sorted(role.rpartition("/")[2] for role in self.roles))
        faults = []
        if not self.occupants:
            faults.append("holds nothing that is known")
        if not isinstance(self.foreign, Gap) and self.foreign:
            names = ", ".join(ids.name_of(occupant.id) for occupant in self.foreign)
            faults.append(f"holds {names}, which does not belong there")
        policies = self.private_endpoint_policies
        if self.has_private_endpoints is True and not isinstance(policies, Gap) and policies.lower() not in _ENFORCING:
            faults.append(f"applies no security group to its private endpoints (network policies are {policies})")
        if self.serves_web_apps and not {name.lower() for name in self.delegations} & _DELEGATED_TO:
            faults.append("is not delegated to App Service plans")
        role = f"for {roles}" if roles else "without a role"
        sentence = f"Subnet {self.name} ({role} in workload {self.about.workload})"
        sentence += f" {' and '.join(faults)}" if faults else " is as its role calls for"
        return f"{sentence}."


def subnet_facts(context: Context) -> Iterator[Fact]:
    """Yield one fact for each subnet of the workloads' virtual networks, filed under the first workload that has it."""
    seen: set[str] = set()
    roles = _roles(context)
    for workload in context.workloads.all:
        for network in workload.giving(capabilities.NETWORK):
            if network.key in seen:
                continue
            seen.add(network.key)
            for subnet in context.estate.related(network.id, "child"):
                if subnet.type_key == SUBNETS:
                    yield _subnet(context, workload, subnet, roles.get(subnet.key, {}))


def _subnet(context: Context, workload: Workload, subnet: Resource, roles: Mapping[str, BoundBy]) -> SubnetUse:
    belonging = {
        name.lower()
        for declaration in context.workloads.declared
        if declaration.name in roles
        for name in declaration.occupants
    }
    occupants = _occupants(context.estate, subnet)
    strangers = [item for item in occupants if roles and item.type.lower() not in belonging]
    role = next(iter(roles), "")
    return SubnetUse(
        about=facts.about(
            context,
            subnet.id,
            role=(workload.name, role or None),
            inputs=[(subnet.id, f"properties.{name}") for name in _READ],
        ),
        name=subnet.name,
        role=role or _unknown_role(context, workload) or "",
        how=roles.get(role, ""),
        roles=tuple(roles),
        occupants=occupants,
        foreign=_foreign(context.estate, subnet, strangers),
        network_security_group=body.text(subnet.properties, "networkSecurityGroup.id"),
        has_private_endpoints=_has_endpoints(context.estate, subnet, occupants),
        private_endpoint_policies=_endpoint_policies(context.estate, subnet),
        delegations=_delegations(subnet),
        serves_web_apps=any(
            name in roles for name in context.workloads.components_giving(capabilities.INTEGRATION_SUBNET)
        ),
    )


def _unknown_role(context: Context, workload: Workload) -> Gap | None:
    """Return why a subnet may play a role of a workload though it is not known to, or None."""
    roles = (one.name for one in context.workloads.declared if one.name.startswith(_SUBNET_ROLE))
    return may_have_any(context.estate, context.workloads, workload, roles)


def _delegations(subnet: Resource) -> tuple[str, ...]:
    names = (body.text(item, "properties.serviceName") for item in body.objects(subnet.properties, "delegations"))
    return tuple(name for name in names if name)


def _roles(context: Context) -> Mapping[str, Mapping[str, BoundBy]]:
    """Return for each subnet the components that it is in any workload, and how each was found."""
    roles: dict[str, dict[str, BoundBy]] = defaultdict(dict)
    for workload in context.workloads.all:
        for name, bindings in workload.bindings.items():
            if name.startswith(_SUBNET_ROLE):
                for binding in bindings:
                    roles[binding.resource.key].setdefault(name, binding.how)
    return roles


def _foreign(estate: Estate, subnet: Resource, strangers: Sequence[Occupant]) -> Known[tuple[ForeignOccupant, ...]]:
    """Return who does not belong; an interface that was not collected may be somebody's, unless one is seen anyway."""
    if not strangers:
        attached = estate.sources(subnet.id, "attached")
        interfaces = [key for key in attached if _type_of(key).lower() == INTERFACES and estate.get(key) is None]
        if unseen := next((gap for key in interfaces if (gap := estate.unseen(key))), None):
            return unseen
    return tuple(ForeignOccupant(id=item.id, type=item.type) for item in strangers)


def _has_endpoints(estate: Estate, subnet: Resource, occupants: Sequence[Occupant]) -> Known[bool]:
    """Return whether a private endpoint is in a subnet; those that were not collected may be."""
    attached = estate.sources(subnet.id, "attached")
    is_named = any(_type_of(key).lower() == PRIVATE_ENDPOINTS for key in attached)
    gap = None if is_named else estate.type_gap(PRIVATE_ENDPOINTS)
    return gap or any(item.type.lower() == PRIVATE_ENDPOINTS for item in occupants)


def _endpoint_policies(estate: Estate, subnet: Resource) -> Known[str]:
    path = "properties.privateEndpointNetworkPolicies"
    stated = body.text(subnet.properties, "privateEndpointNetworkPolicies")
    if gap := next((gap for gap in estate.path_gaps(subnet.id) if gap.what.lower().startswith(path.lower())), None):
        return gap
    if stated is None and subnet.api_version and subnet.api_version[:10] < _POLICIES_SINCE:
        return Gap(subnet.id, path, f"API version {subnet.api_version} may not show it")
    return stated or _POLICIES_DEFAULT


def _occupants(estate: Estate, subnet: Resource) -> tuple[Occupant, ...]:
    """Return what sits in a subnet; an interface stands for its machine or endpoint where it has one."""
    occupants = []
    for key in estate.sources(subnet.id, "attached"):
        resource = estate.get(key)
        shown = resource.type if resource else _type_of(key)
        if shown.lower() in _GUARDS:
            continue
        if shown.lower() == INTERFACES and (resource is None or _has_owner(estate, key)):
            continue
        occupants.append(Occupant(id=resource.id if resource else key, type=shown))
    return tuple(occupants)


def _has_owner(estate: Estate, interface: str) -> bool:
    return any(network_of(owner) is None for owner in estate.targets(interface, "attached"))


def _type_of(resource_id: str) -> str:
    return ids.type_of(resource_id) or ""
