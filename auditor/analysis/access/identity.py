"""Facts about managed identities: who shares one, who has none, and which have roles on both sides of a boundary."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from auditor import resource_id as ids
from auditor.analysis import facts
from auditor.analysis.access.access_graph import AccessGraph
from auditor.analysis.access.expected import Boundary
from auditor.azure import body
from auditor.azure.catalogue import shipped
from auditor.estate.lookup import USER_IDENTITIES
from auditor.model import Fact, Gap, Resource
from auditor.rbac.assignments import Assignment, AssignmentState
from auditor.rbac.operation_sets import NOTHING
from auditor.rbac.principals import ManagedIdentity, Part
from auditor.rbac.scopes import kind_of
from auditor.truth import Truth

KIND: Final = "access.identity"
RESOURCE_KIND: Final = "access.managed_identity"

FIELDS: Final[Mapping[str, str]] = {
    "principalId": "The identity's principal.",
    "identity": "The id of the user-assigned identity, or of the resource whose own identity it is.",
    "isUserAssigned": "Whether it is a resource of its own.",
    "usedBy": "Ids of the resources that run as it.",
    "components": "The components that run as it.",
    "isShared": "Whether different components, through different resources, run as it.",
    "roles": "Its active role assignments.",
    "roles[*].id": "An assignment.",
    "roles[*].role": "Its role.",
    "roles[*].scope": "Its scope.",
    "roles[*].scopeKind": "What its scope is.",
    "hasRoles": "Whether it has any active role assignment of its own.",
    "hasDataAccess": "Whether one of them permits any operation on data.",
    "crosses": "Names of the boundaries that it has roles on both sides of.",
    "crossesBoundary": "Whether there is such a boundary.",
}

RESOURCE_FIELDS: Final[Mapping[str, str]] = {
    "type": "The resource's type.",
    "identityType": "The kind of identity, as Azure spells it; `None` without one.",
    "hasManagedIdentity": "Whether it runs as any managed identity.",
    "hasSystemAssigned": "Whether it has an identity of its own.",
    "hasUserAssigned": "Whether it has a user-assigned identity.",
    "hasPrimaryIdentity": "Whether it names one of its user-assigned identities as the primary one.",
    "userAssigned": "Ids of its user-assigned identities.",
    "principals": "The principals that it acts as.",
    "vaultReferenceIdentity": "The identity that an app reads Key Vault references with.",
    "readsVaultAsUserAssigned": "Whether that is one of its own user-assigned identities.",
    "sharesIdentityWith": "Ids of resources of other components that run as one of its identities.",
    "sharesIdentityWithComponents": "Those components.",
    "sharesIdentityWithComponents[*]": "One of them.",
}

CAPABLE: Final = frozenset(item.key for item in shipped() if item.calls_others)
_SURE: Final = frozenset({Truth.YES})
_PERHAPS: Final = frozenset({Truth.YES, Truth.UNKNOWN})
READS: Final = CAPABLE | {USER_IDENTITIES}


def derive_facts(scene: AccessGraph) -> Iterator[Fact]:
    """Yield one fact per managed identity, and one per resource of a type that can have one."""
    held: dict[str, list[Assignment]] = {}
    for assignment in scene.observed.grants.assignments:
        if assignment.state is AssignmentState.ACTIVE:
            held.setdefault(assignment.principal, []).append(assignment)
    for identity in scene.principals.identities.values():
        yield _identity(scene, identity, held.get(identity.principal, []))
    for item in scene.context.estate.catalogue:
        for resource in scene.context.estate.of_type(item.key) if item.calls_others else ():
            yield _resource(scene, resource)


def _identity(scene: AccessGraph, identity: ManagedIdentity, assignments: Sequence[Assignment]) -> Fact:
    parts = scene.parts.get(identity.principal, ())
    components = sorted({part.component for part in parts})
    crossed = [b.name for b in scene.table.boundaries if _crosses(scene, b, assignments, _SURE)]
    fields: dict[str, Any] = {
        "principalId": identity.principal,
        "identity": identity.id,
        "isUserAssigned": identity.is_user_assigned,
        "usedBy": [resource.id for resource in identity.users],
        "components": components,
        "isShared": _is_shared(parts),
        "roles": [
            {"id": a.id, "role": a.role.name, "scope": a.scope, "scopeKind": kind_of(a.scope).value}
            for a in assignments
        ],
        "hasRoles": bool(assignments),
        "hasDataAccess": any(a.permissions.data.may != NOTHING for a in assignments if a.role.permissions),
        "crosses": crossed,
        "crossesBoundary": bool(crossed),
    }
    used = f"is used by {', '.join(components) or f'{len(identity.users)} resources'}"
    beyond = f" and has roles on both sides of {', '.join(crossed)}" if crossed else ""
    return facts.build(
        scene.context,
        KIND,
        identity.id,
        fields,
        role=(parts[0].workload, parts[0].component) if parts else None,
        uncollected=_identity_gaps(scene, fields, assignments),
        inputs=[(resource.id, "identity") for resource in identity.users],
        summary=f"Identity {ids.name_of(identity.id)} {used}{beyond}.",
    )


def _identity_gaps(
    scene: AccessGraph, fields: Mapping[str, Any], assignments: Sequence[Assignment]
) -> Mapping[str, Gap]:
    """Return what further assignments, or roles that were not read, could change; what is found stays found."""
    missing = scene.assignment_gap()
    undefined = next((gap for a in assignments if (gap := scene.definition_gap(a))), None)
    found = {} if missing is None else dict.fromkeys(("roles", "hasRoles", "crosses", "crossesBoundary"), missing)
    if fields["crossesBoundary"]:
        found = {}
    elif any(_crosses(scene, b, assignments, _PERHAPS) for b in scene.table.boundaries):
        reason = "the condition or the size of a role decides"
        open_gap = undefined or Gap(assignments[0].id, "properties.condition", reason)
        found = dict.fromkeys(("crosses", "crossesBoundary"), open_gap) | found
    if not fields["hasDataAccess"] and (gap := missing or undefined):
        found["hasDataAccess"] = gap
    return found


def _is_shared(parts: Sequence[Part]) -> bool:
    """Whether two resources with no component in common are among the parts."""
    roles: dict[str, set[str]] = {}
    for part in parts:
        roles.setdefault(part.resource.key, set()).add(part.component)
    groups = list(roles.values())
    return any(not left & right for at, left in enumerate(groups) for right in groups[at + 1 :])


def _crosses(
    scene: AccessGraph, boundary: Boundary, assignments: Sequence[Assignment], answers: frozenset[Truth]
) -> bool:
    """Whether assignments permit something on resources of at least two sides; one of several sides counts for none."""
    reached: set[int] = set()
    for assignment in assignments:
        roles: dict[str, set[str]] = {}
        for part in scene.touched(assignment.scope):
            if scene.acts_on(assignment, part.resource.type_key) in answers:
                roles.setdefault(part.resource.key, set()).add(part.component)
        for components in roles.values():
            sides = {at for at, side in enumerate(boundary.sides) if side & components}
            if len(sides) == 1:
                reached |= sides
    return len(reached) > 1


def _resource(scene: AccessGraph, resource: Resource) -> Fact:
    attached = scene.principals.attached_to(resource)
    kind = body.text(resource.body, "identity.type")
    reference = body.text(resource.properties, "keyVaultReferenceIdentity")
    primary = body.text(resource.properties, "primaryUserAssignedIdentity")
    own = {ids.key(identity) for identity in attached.user_assigned}
    shared = _shared_with(scene, resource)
    fields: dict[str, Any] = {
        "type": resource.type,
        "identityType": kind or "None",
        "hasManagedIdentity": attached.has_any,
        "hasSystemAssigned": attached.has_system,
        "hasUserAssigned": bool(attached.user_assigned),
        "hasPrimaryIdentity": primary is not None and ids.key(primary) in own,
        "userAssigned": list(attached.user_assigned),
        "principals": list(attached.principals),
        "vaultReferenceIdentity": reference,
        "readsVaultAsUserAssigned": reference is not None and ids.key(reference) in own,
        "sharesIdentityWith": sorted({part.resource.id for part in shared}),
        "sharesIdentityWithComponents": sorted({part.component for part in shared}),
    }
    gap = _identity_gap(scene, resource)
    return facts.build(
        scene.context,
        RESOURCE_KIND,
        resource.id,
        fields,
        uncollected=dict.fromkeys(set(fields) - {"type", "vaultReferenceIdentity"}, gap) if gap else None,
        inputs=[(resource.id, "identity")],
        summary=_resource_summary(resource.name, kind, fields),
    )


def _resource_summary(name: str, kind: str | None, fields: Mapping[str, Any]) -> str:
    told = f"{name} runs as {kind if fields['hasManagedIdentity'] else 'no managed identity'}"
    others = fields["sharesIdentityWithComponents"]
    return f"{told}, and shares an identity with {' and '.join(others)}." if others else f"{told}."


def _identity_gap(scene: AccessGraph, resource: Resource) -> Gap | None:
    gaps = scene.context.estate.path_gaps(resource.id)
    return next((gap for gap in gaps if gap.what.lower().split(".")[0] == "identity"), None)


def _shared_with(scene: AccessGraph, resource: Resource) -> Sequence[Part]:
    """Return the parts of other components that run as an identity of a resource which is itself part of a workload."""
    parts = [p for one in scene.principals.attached_to(resource).principals for p in scene.parts.get(one, ())]
    own = {part.component for part in parts if part.resource.key == resource.key}
    return [p for p in parts if own and p.resource.key != resource.key and p.component not in own]
