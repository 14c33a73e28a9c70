"""Tell which role each subnet of the workloads plays, and who sits in it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from auditor import resource_id as ids
from auditor.analysis.contract import Context
from auditor.estate.components import Workload
from auditor.estate.graph import Estate
from auditor.estate.lookup import network_of
from auditor.estate.reading import objects, text
from auditor.model import Fact, Gap, Resource

SUBNET: Final = "inventory.subnet"

_NETWORK: Final = "vnet"
_SUBNET_ROLE: Final = "subnet/"
_SUBNETS: Final = "microsoft.network/virtualnetworks/subnets"
_ENDPOINTS: Final = "microsoft.network/privateendpoints"
_INTERFACES: Final = "microsoft.network/networkinterfaces"
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
    group = text(subnet.properties, "networkSecurityGroup", "id")
    delegations = objects(subnet.properties, "delegations")
    names = [name for item in delegations if (name := text(item, "properties", "serviceName"))]
    role = next(iter(roles), "")
    described = f"Subnet {subnet.name} of workload {workload.name} " + (f"is {role}" if role else "has no role")
    shown = ", ".join(ids.name_of(item["id"]) for item in foreign)
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
            "hasPrivateEndpoints": any(item["type"].lower() == _ENDPOINTS for item in occupants),
            "delegations": names,
        },
        uncollected=_subnet_gaps(estate, subnet, foreign),
        inputs=[(subnet.id, "properties.networkSecurityGroup.id"), (subnet.id, "properties.delegations")],
        summary=f"{described} and holds {shown}, which does not belong there" if foreign else described,
    )


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
    if lost and not foreign:
        gaps["foreign"] = estate.type_gap(_INTERFACES, lost[0]) or Gap(lost[0], _INTERFACES, "not in the snapshot")
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
