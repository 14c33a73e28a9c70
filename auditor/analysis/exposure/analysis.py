"""Find every way from the Internet into an estate, and say whether the gateway is the only one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from auditor import resource_id as ids
from auditor.analysis import facts
from auditor.analysis.contract import Analysis, Context
from auditor.analysis.exposure.addresses import ADDRESSES, HOLDERS, address_entries
from auditor.analysis.exposure.authors import AUTHORS, AUTHORS_FIELDS, author_facts
from auditor.analysis.exposure.entry import EntryPoint, EntryState
from auditor.analysis.exposure.services import TELEMETRY, service_entries
from auditor.architecture.workloads import Workload
from auditor.azure import body
from auditor.azure.catalogue import shipped
from auditor.azure.resource_type import Reach
from auditor.model import Fact, Gap, Resource
from auditor.network.subnets import Subnets

ENTRY: Final = "exposure.entry"
ENTRY_FIELDS: Final[Mapping[str, str]] = {
    "kind": "the holder's role: `applicationGateway`, `bastion`, `networkInterface`, `service`, `telemetry`, …",
    "name": "tells several ways to one resource apart: a listener, `ingestion`, `scm`",
    "port": "the port that the Internet sees",
    "state": "`open`, `restricted` (some public addresses, or any Azure customer) or `closed`",
    "allowed": "whether the baseline lets this kind of holder face the Internet",
    "by": "what decides",
    "path[*]": "ids that traffic passes, from the outside in",
    "notes[*]": "what is let through, and what else to know",
}
WORKLOAD: Final = "exposure.workload"
WORKLOAD_FIELDS: Final[Mapping[str, str]] = {
    "entries": "how many ways in there are that are not closed",
    "unexpected": "how many of them belong to no allowed kind of holder, monitoring endpoints not counted",
    "telemetry": "how many of them take or show monitoring data",
    "ways[*].resource": "the id of what is reached by an unexpected way",
    "ways[*].name": "its name, with the part that is reached",
    "ways[*].port": "the port",
    "ways[*].state": "`open` or `restricted`",
    "ways[*].by": "what decides",
    "gatewayOpen": "whether the Application Gateway is reached at all",
}
_ROLES: Final = "public_ip_allow_roles"
_OPEN: Final = frozenset({EntryState.OPEN, EntryState.RESTRICTED})
_LEVEL: Final = {state: place for place, state in enumerate(EntryState)}
# Top-level types without a way in of their own: what they hold is judged where it is reached.
_SILENT_SPACES: Final = (
    "microsoft.authorization/", "microsoft.compute/", "microsoft.insights/", "microsoft.managedidentity/",
    "microsoft.network/", "microsoft.resources/", "microsoft.security/", "microsoft.web/", "microsoft.consumption/",
    "microsoft.alertsmanagement/", "microsoft.operationsmanagement/", "microsoft.policyinsights/", "microsoft.support/",
    "microsoft.recoveryservices/", "microsoft.management/", "microsoft.portal/",
)  # fmt: skip
_CHILD: Final = 2
_ENDPOINTS: Final = frozenset(item.key for item in shipped() if item.way_in and item.way_in.by is Reach.ENDPOINT)


def entries(context: Context, places: Subnets) -> list[EntryPoint]:
    """Return every way in that the resource types of the estate can have, by resource and name; closed ones too."""
    found: list[EntryPoint] = []
    for kind in context.estate.types():
        for resource in context.estate.of_type(kind):
            found += _of(context, places, resource, kind)
    return sorted(found, key=lambda one: (one.resource.key, one.name, one.port, _LEVEL[one.state]))


def _of(context: Context, places: Subnets, resource: Resource, kind: str) -> Iterator[EntryPoint]:
    known = context.estate.catalogue.get(kind)
    way_in = known.way_in if known else None
    if way_in is not None and way_in.by is Reach.ENDPOINT:
        yield from service_entries(context, resource, way_in)
    elif kind == ADDRESSES:
        yield from address_entries(context, resource)
    elif kind in HOLDERS:
        yield from HOLDERS[kind](context, places, resource)
    elif way_in is None and kind.count("/") < _CHILD and (known or not kind.startswith(_SILENT_SPACES)):
        gap = Gap(resource.id, kind, "whether this type faces the Internet is not known")
        said = "the type is not known here"
        yield EntryPoint(resource, "service", "", "", EntryState.UNKNOWN, said, (resource.id,), gap=gap)


def run(context: Context) -> Iterator[Fact]:
    """Yield every way in, one verdict for each workload, and how authors get in."""
    places = Subnets(context)
    allowed = {role.lower() for role in body.text_or_texts(facts.parameter(context, _ROLES, []))} | {"natgateway"}
    found = entries(context, places)
    seen: set[tuple[str, str]] = set()
    for entry in found:
        sub = f"{entry.name} {entry.port}".strip()
        if (entry.resource.key, sub) not in seen:  # the widest of several back ends comes first
            seen.add((entry.resource.key, sub))
            yield _entry_fact(context, entry, sub, is_allowed=entry.kind.lower() in allowed)
    for workload in context.workloads.all:
        yield _workload_fact(context, workload, found, allowed)
    yield from author_facts(context, found)


def _entry_fact(context: Context, entry: EntryPoint, sub: str, *, is_allowed: bool) -> Fact:
    title = f"{entry.resource.name}" + (f" ({entry.name})" if entry.name else "")
    built = facts.build(
        context,
        ENTRY,
        entry.resource.id,
        {
            "kind": entry.kind,
            "name": entry.name,
            "port": entry.port,
            "state": entry.state.value,
            "allowed": is_allowed,
            "by": entry.by,
            "path": list(entry.path),
            "notes": list(entry.notes),
        },
        sub_object=sub,
        summary=f"From the Internet {title} is {_said(entry)}: {entry.by}.",
        inputs=entry.inputs or tuple((one, "id") for one in entry.path),
        uncollected={"state": _gap(entry)} if entry.state is EntryState.UNKNOWN else {},
    )
    return replace(built, witness={"path": list(entry.path)}) if entry.path else built


def _said(entry: EntryPoint) -> str:
    port = f" on port {entry.port}" if entry.port.isdigit() and entry.state in _OPEN else ""
    return {
        EntryState.OPEN: f"open{port}",
        EntryState.RESTRICTED: f"open to some{port}",
        EntryState.CLOSED: "closed",
        EntryState.UNKNOWN: "open or closed, which is not known",
    }[entry.state]


def _gap(entry: EntryPoint) -> Gap:
    return entry.gap or Gap(entry.resource.id, "properties", entry.by)


def _belongs(context: Context, workload: Workload, entry: EntryPoint) -> bool:
    """Whether a way in leads into a workload: to its resources, its networks, or into the resource group of its anchor."""
    if context.workloads.role_of(entry.resource.key)[0] == workload.name:
        return True
    networks = {network.key for network in workload.resources("vnet")}
    if networks & set(context.estate.targets(entry.resource.key, "in-network")):
        return True
    group, own = ids.resource_group_of(entry.resource.id), ids.resource_group_of(workload.anchor.id)
    same = ids.subscription_of(entry.resource.key) == ids.subscription_of(workload.anchor.key)
    return same and group is not None and own is not None and group.lower() == own.lower()


def _workload_fact(context: Context, workload: Workload, found: Sequence[EntryPoint], allowed: set[str]) -> Fact:
    own = [entry for entry in found if _belongs(context, workload, entry)]
    ways = [entry for entry in own if entry.state in _OPEN]
    telemetry = [entry for entry in ways if entry.kind == TELEMETRY]
    strange = [entry for entry in ways if entry.kind.lower() not in {*allowed, TELEMETRY}]
    doubts = [
        entry for entry in own if entry.state is EntryState.UNKNOWN and entry.kind.lower() not in {*allowed, TELEMETRY}
    ]
    fields: dict[str, Any] = {
        "entries": len(ways),
        "unexpected": len(strange),
        "ways": [
            {
                "resource": entry.resource.id,
                "name": entry.resource.name + (f" ({entry.name})" if entry.name else ""),
                "port": entry.port,
                "state": entry.state.value,
                "by": entry.by,
            }
            for entry in strange
        ],
        "telemetry": len(telemetry),
        "gatewayOpen": any(entry.kind == "applicationGateway" for entry in ways),
    }
    gaps = {"unexpected": _gap(doubts[0])} if doubts and not strange else {}
    names = sorted({entry.resource.name for entry in strange})
    if names:
        said = f"is reached from the Internet past its gateway: {facts.listed(names)}"
    elif doubts:
        said = f"may be reached from the Internet past its gateway: {doubts[0].resource.name}, {doubts[0].by}"
    else:
        said = "is reached from the Internet through allowed ways only"
    return facts.build(
        context,
        WORKLOAD,
        workload.anchor.id,
        fields,
        sub_object=workload.name,
        summary=f"Workload {workload.name} {said}.",
        inputs=[(entry.resource.id, "properties") for entry in strange or ways],
        uncollected=gaps,
        role=(workload.name, None),
    )


ANALYSIS: Final = Analysis(
    name="exposure",
    facts={ENTRY: ENTRY_FIELDS, WORKLOAD: WORKLOAD_FIELDS, AUTHORS: AUTHORS_FIELDS},
    run=run,
    reads=frozenset({*_ENDPOINTS, *HOLDERS, ADDRESSES, "microsoft.compute/virtualmachines"}),
    parameters=frozenset({_ROLES}),
    subjects={WORKLOAD: {"Microsoft.MachineLearningServices/workspaces": [{}]}},
)
