"""Tell which role each subnet of the workloads plays, and who sits in it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from auditor import resource_id as ids
from auditor.analysis.contract import Context
from auditor.architecture.workloads import Workload
from auditor.azure import body
from auditor.estate.graph import Estate
from auditor.estate.lookup import network_of
from auditor.model import Fact, Gap, Resource

SUBNET: Final = "inventory.subnet"

_NETWORK: Final = "vnet"
_SUBNET_ROLE: Final = "subnet/"
_SUBNETS: Final = "microsoft.network/virtualnetworks/subnets"
_ENDPOINTS: Final = "microsoft.network/privateendpoints"
_INTERFACES: Final = "microsoft.network/networkinterfaces"
# What an absent setting means, and the first API version that shows all its values.
# https://learn.microsoft.com/azure/private-link/disable-private-endpoint-network-policy
_POLICIES_DEFAULT: Final = "Disabled"
_POLICIES_SINCE: Final = "2023-09-01"
_ENFORCING: Final = frozenset({"enabled", "networksecuritygroupenabled"})
_DELEGATED_ROLE: Final = "subnet/app-service"
_DELEGATED_TO: Final = frozenset({"microsoft.web/serverfarms"})
_READ: Final = ("networkSecurityGroup.id", "privateEndpointNetworkPolicies", "delegations")
# These are attached to a subnet but do not occupy it.
_GUARDS: Final = frozenset(
    {
        "microsoft.network/networksecuritygroups",
        "microsoft.network/routetables",
        "microsoft.network/natgateways",
        "microsoft.network/publicipaddresses",
    }
)


def subnet_facts(context: Context) -> Iterator[Fact]:
    """Yield one fact for each subnet of the workloads' virtual networks, filed under the first workload that has it."""
    seen: set[str] = set()
    roles = _roles(context)
    for workload in context.workloads.all:
        for network in workload.resources(_NETWORK):
            if network.key in seen:
                continue
            seen.add(network.key)
            for subnet in context.estate.related(network.id, "child"):
                if subnet.type_key == _SUBNETS:
                    yield _subnet(context, workload, subnet, roles.get(subnet.key, {}))


def _subnet(context: Context, workload: Workload, subnet: Resource, roles: Mapping[str, str]) -> Fact:
    estate = context.estate
    belonging = {
        name.lower()
        for declaration in context.workloads.declared
        if declaration.name in roles
        for name in declaration.occupants
    }
    occupants = _occupants(estate, subnet)
    foreign = [item for item in occupants if roles and item["type"].lower() not in belonging]
    group = body.text(subnet.properties, "networkSecurityGroup.id")
    role = next(iter(roles), "")
    holds_endpoints = any(item["type"].lower() == _ENDPOINTS for item in occupants)
    policies = body.text(subnet.properties, "privateEndpointNetworkPolicies") or _POLICIES_DEFAULT
    return Fact(
        kind=SUBNET,
        id=f"{SUBNET}/{subnet.key}",
        subject=subnet.id,
        component=role or None,
        workload=workload.name,
        fields={
            "name": subnet.name,
            "role": role,
            "how": roles.get(role, ""),
            "roles": list(roles),
            "occupants": occupants,
            "foreign": foreign,
            "networkSecurityGroup": group,
            "hasPrivateEndpoints": holds_endpoints,
            "privateEndpointPolicies": policies,
            "delegations": _delegations(subnet),
        },
        uncollected=_subnet_gaps(estate, subnet, foreign),
        inputs=[(subnet.id, f"properties.{name}") for name in _READ],
        summary=_summary(subnet, workload, roles, foreign, policies if holds_endpoints else None),
    )


def _summary(
    subnet: Resource,
    workload: Workload,
    roles: Mapping[str, str],
    foreign: Sequence[Mapping[str, str]],
    policies: str | None,
) -> str:
    """Say what a subnet is and what is wrong with it; `policies` are those for its private endpoints, if it has any."""
    said = f"Subnet {subnet.name} of workload {workload.name} "
    said += f"plays the role {' and '.join(sorted(roles))}" if roles else "has no role"
    if foreign:
        said += f", holds {', '.join(ids.name_of(item['id']) for item in foreign)}, which does not belong there"
    if policies is not None and policies.lower() not in _ENFORCING:
        said += f", and applies no network security group to its private endpoints (network policies are {policies})"
    if _DELEGATED_ROLE in roles and not {name.lower() for name in _delegations(subnet)} & _DELEGATED_TO:
        said += ", and is not delegated to App Service plans"
    return f"{said}."


def _delegations(subnet: Resource) -> list[str]:
    found = (body.text(item, "properties.serviceName") for item in body.objects(subnet.properties, "delegations"))
    return [name for name in found if name]


def _roles(context: Context) -> Mapping[str, Mapping[str, str]]:
    """Return for each subnet the components that it is in any workload, and how each was found."""
    roles: dict[str, dict[str, str]] = defaultdict(dict)
    for workload in context.workloads.all:
        for name, bindings in workload.bindings.items():
            if name.startswith(_SUBNET_ROLE):
                for binding in bindings:
                    roles[binding.resource.key].setdefault(name, binding.how)
    return roles


def _subnet_gaps(estate: Estate, subnet: Resource, foreign: Sequence[Mapping[str, str]]) -> dict[str, Gap]:
    """Return what of a subnet is not known: whose an interface is that was not collected, and unseen endpoints."""
    gaps = {}
    attached = estate.sources(subnet.id, "attached")
    lost = [key for key in attached if _type_of(key).lower() == _INTERFACES and estate.get(key) is None]
    unseen = next((gap for key in lost if (gap := estate.unseen(key))), None)
    if unseen and not foreign:
        gaps["foreign"] = unseen
    path = "properties.privateEndpointNetworkPolicies"
    stated = body.text(subnet.properties, "privateEndpointNetworkPolicies")
    if gap := next((gap for gap in estate.path_gaps(subnet.id) if gap.what.lower().startswith(path.lower())), None):
        gaps["privateEndpointPolicies"] = gap
    elif stated is None and subnet.api_version and subnet.api_version[:10] < _POLICIES_SINCE:
        reason = f"API version {subnet.api_version} may not show it"
        gaps["privateEndpointPolicies"] = Gap(subnet.id, path, reason)
    gap = estate.type_gap(_ENDPOINTS)
    if gap and not any(_type_of(key).lower() == _ENDPOINTS for key in attached):
        gaps["hasPrivateEndpoints"] = gap
    return gaps


def _occupants(estate: Estate, subnet: Resource) -> list[dict[str, str]]:
    """Return id and type of what sits in a subnet; an interface stands for its machine or endpoint where it has one."""
    found = []
    for key in estate.sources(subnet.id, "attached"):
        resource = estate.get(key)
        shown = resource.type if resource else _type_of(key)
        if shown.lower() in _GUARDS:
            continue
        if shown.lower() == _INTERFACES and (resource is None or _has_owner(estate, key)):
            continue
        found.append({"id": resource.id if resource else key, "type": shown})
    return found


def _has_owner(estate: Estate, interface: str) -> bool:
    return any(network_of(owner) is None for owner in estate.targets(interface, "attached"))


def _type_of(resource_id: str) -> str:
    return ids.type_of(resource_id) or ""
