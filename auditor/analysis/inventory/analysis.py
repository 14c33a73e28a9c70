"""Tell which components of the architecture exist."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from auditor import resource_id as ids
from auditor.analysis.contract import Analysis, Context
from auditor.analysis.inventory.profile import PROFILE, SIGNS, profile_fact
from auditor.analysis.inventory.subnets import SUBNET, subnet_facts
from auditor.architecture.declare import Declaration
from auditor.architecture.follow import dangling, provisioning_state
from auditor.architecture.workloads import Binding, Workload, unknown_because
from auditor.model import Fact, Gap

COMPONENT: Final = "inventory.component"


def derive_facts(context: Context) -> Iterator[Fact]:
    """Yield the facts of every workload, or the one fact that there is none."""
    if not context.workloads.all:
        yield _missing_architecture(context)
    subjects: set[tuple[str, str]] = set()
    for workload in context.workloads.all:
        for declaration in context.workloads.declared:
            if not declaration.internal and (declaration.required or workload.resources(declaration.name)):
                yield _component(context, workload, declaration, subjects)
        yield profile_fact(context, workload)
    yield from subnet_facts(context)


def _component(context: Context, workload: Workload, declaration: Declaration, subjects: set[tuple[str, str]]) -> Fact:
    name, estate = declaration.name, context.estate
    bindings = workload.bindings.get(name, ())
    lost = dangling(estate, declaration, workload.bound())
    subject = bindings[0].resource if bindings else workload.anchor
    is_shared = (subject.key, name) in subjects
    subjects.add((subject.key, name))
    gap = None if bindings else unknown_because(estate, context.workloads, workload, name)
    fields: dict[str, Any] = {
        "component": name,
        "title": declaration.title,
        "required": declaration.required,
        "types": list(declaration.types),
        "found": bool(bindings),
        "dangling": [{"property": path, "target": target} for _, path, target in lost],
    }
    uncollected = {"bound": gap, "resources": gap} if gap else {}
    if gap is None:
        fields["bound"] = len(bindings)
        fields["resources"] = [
            {
                "id": binding.resource.id,
                "name": binding.resource.name,
                "type": binding.resource.type,
                "how": binding.how,
                "provisioningState": provisioning_state(binding.resource),
            }
            for binding in bindings
        ]
    unseen = next((found for _, _, target in lost if (found := estate.unseen(target))), None if lost else gap)
    if unseen:
        del fields["dangling"]
        uncollected["dangling"] = unseen
    return Fact(
        kind=COMPONENT,
        id=f"{COMPONENT}/{workload.name}/{name}",
        subject=subject.id,
        sub_object=f"{name} of {workload.name}" if is_shared else name,
        component=name,
        workload=workload.name,
        fields=fields,
        uncollected=uncollected,
        inputs=[(resource_id, path) for resource_id, path, _ in lost]
        + [(binding.resource.id, "properties.provisioningState") for binding in bindings],
        summary=_component_summary(workload, declaration, gap, [target for _, _, target in lost]),
    )


def _component_summary(workload: Workload, declaration: Declaration, gap: Gap | None, lost: Sequence[str]) -> str:
    what, of = f"The architecture's {declaration.title}", f"workload {workload.name}"
    types = " or ".join(declaration.types) or "resource"
    bindings = workload.bindings.get(declaration.name, ())
    if bindings:
        summary = f"{what} in {of} is {', '.join(map(_shown, bindings))}"
    elif gap:
        summary = f"Whether {what[0].lower()}{what[1:]} exists in {of} is not known: {gap.what} is {gap.reason}"
    else:
        summary = f"{what} is missing: no {types} is connected to {of}"
    return f"{summary}; {', '.join(lost)} is pointed at but not in the estate." if lost else f"{summary}."


def _shown(binding: Binding) -> str:
    state = provisioning_state(binding.resource) or "Succeeded"
    said = f"{binding.resource.name} (bound by {binding.how}"
    return said + (")" if state.lower() == "succeeded" else f", provisioning state {state})")


def _missing_architecture(context: Context) -> Fact:
    """Return the fact that nothing of the architecture was found, filed under the first subscription of the estate."""
    estate = context.estate
    anchors = [declaration for declaration in context.workloads.declared if declaration.anchor is not None]
    types = sorted({name for declaration in anchors for name in declaration.types})
    gap = next((gap for name in types if (gap := estate.type_gap(name))), None)
    found = {subscription.lower() for r in estate.resources if (subscription := ids.subscription_of(r.id))}
    fields: dict[str, Any] = {
        "component": "architecture",
        "title": "architecture",
        "required": True,
        "types": types,
        "found": False,
    }
    if gap is None:
        fields |= {"bound": 0, "resources": [], "dangling": []}
    summary = f"None of the architecture is in the estate: there is no {' or '.join(types)}."
    return Fact(
        kind=COMPONENT,
        id=f"{COMPONENT}//architecture",
        subject=f"/subscriptions/{min(found)}" if found else "",
        sub_object="architecture",
        fields=fields,
        uncollected={"bound": gap, "resources": gap, "dangling": gap} if gap else {},
        summary=f"Whether the architecture exists is not known: {gap.what} is {gap.reason}." if gap else summary,
    )


ANALYSIS: Final = Analysis(
    name="inventory",
    facts={
        COMPONENT: {
            "component": "name of the component",
            "title": "what the component is",
            "required": "whether the baseline requires it",
            "types": "resource types it may be",
            "found": "whether a resource is bound to it, as far as resources were read",
            "bound": "number of resources bound to it",
            "resources[*].id": "id of a bound resource",
            "resources[*].name": "its name",
            "resources[*].type": "its type",
            "resources[*].how": "structure, parameter, name or only candidate",
            "resources[*].provisioningState": "its provisioning state",
            "dangling[*].property": "property that points at something missing",
            "dangling[*].target": "the id it points at",
        },
        PROFILE: {
            **{sign.field: sign.words for sign in SIGNS},
            "count": "how many of the marks are there; not known while fewer than two are seen and one is not known",
        },
        SUBNET: {
            "name": "name of the subnet",
            "role": "component that the subnet is, or empty",
            "how": "how the role was found",
            "roles": "all components that the subnet is",
            "occupants[*].id": "id of a resource in the subnet",
            "occupants[*].type": "its type",
            "foreign[*].id": "id of a resource that does not belong to the subnet's role",
            "foreign[*].type": "its type",
            "networkSecurityGroup": "id of the network security group, or null",
            "hasPrivateEndpoints": "whether a private endpoint is in the subnet",
            "privateEndpointPolicies": "network policies for its private endpoints, `Disabled` where absent",
            "delegations": "services that the subnet is delegated to",
        },
    },
    run=derive_facts,
    subjects={SUBNET: {"Microsoft.Network/virtualNetworks/subnets": [{}]}},
    reads=frozenset(
        {
            "microsoft.network/virtualnetworks",
            "microsoft.network/virtualnetworks/subnets",
            "microsoft.network/privateendpoints",
            "microsoft.network/networkinterfaces",
            "microsoft.network/publicipaddresses",
            "microsoft.network/applicationgateways",
            "microsoft.web/serverfarms",
        }
    ),
)
