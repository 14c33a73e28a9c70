"""Read what Azure Lighthouse delegates to another tenant: roles for its principals at a subscription or resource group.

https://learn.microsoft.com/azure/lighthouse/concepts/tenants-users-roles
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from msgspec.structs import replace

from auditor.azure import body
from auditor.estate.graph import Estate
from auditor.model import Gap, Resource
from auditor.rbac.assignments import UNREADABLE_PRINCIPAL, Assignment, AssignmentState, DoorKind, Role
from auditor.rbac.permissions import perhaps

DELEGATIONS: Final = "Microsoft.ManagedServices/registrationAssignments"
OFFERS: Final = "Microsoft.ManagedServices/registrationDefinitions"
_IN_FORCE: Final = frozenset({"", "succeeded"})
_GONE: Final = frozenset({"deleted", "canceled"})


def read_delegations(estate: Estate, role_of: Callable[[str], Role]) -> Sequence[Assignment]:
    """Return what is delegated, as assignments: all that share an id are of one delegation. `role_of` takes a GUID."""
    return [
        assignment
        for resource in estate.of_type(DELEGATIONS)
        for assignment in _delegated(resource, _offer(estate, resource), role_of)
    ]


def delegations_gap(estate: Estate, scope: str) -> Gap | None:
    """Return why it is not known what is delegated at, below or above a scope, or None where it is."""
    if gap := estate.type_gap(DELEGATIONS, scope):
        return gap
    return next((gap for _, gap in undefined(estate)), None)


def undefined(estate: Estate) -> Iterator[tuple[Resource, Gap]]:
    """Yield the delegations of which it is not known what they delegate, with why."""
    for delegation in estate.of_type(DELEGATIONS):
        state = (body.text(delegation.properties, "provisioningState") or "").lower()
        if state not in _GONE and _offer(estate, delegation) is None:
            offer = body.text(delegation.properties, "registrationDefinitionId") or delegation.id
            reason = "the definition of a delegation was not read"
            yield delegation, Gap(offer, "properties.authorizations", reason, f"{OFFERS}/read")


def _offer(estate: Estate, delegation: Resource) -> object:
    """Return the properties of a delegation's definition: what came within it, else what its id names, else None."""
    within = body.value(delegation.properties, "registrationDefinition.properties")
    if isinstance(body.value(within, "authorizations"), list):
        return within
    named = estate.get(body.text(delegation.properties, "registrationDefinitionId") or "")
    properties = None if named is None else named.properties
    return properties if isinstance(body.value(properties, "authorizations"), list) else None


def _delegated(delegation: Resource, offer: object, role_of: Callable[[str], Role]) -> Iterator[Assignment]:
    state = (body.text(delegation.properties, "provisioningState") or "").lower()
    if state in _GONE:
        return
    at = delegation.id.lower().rfind(f"/providers/{DELEGATIONS.lower()}/")
    for path, standing in (
        ("authorizations", AssignmentState.ACTIVE),
        ("eligibleAuthorizations", AssignmentState.ELIGIBLE),
    ):
        for entry in body.objects(offer, path):
            role = role_of(body.text(entry, "roleDefinitionId") or "")
            if state not in _IN_FORCE:
                role = replace(role, key=f"{role.key}?", permissions=perhaps(role.at_most))
            limited = body.value(entry, "delegatedRoleDefinitionIds")
            yield Assignment(
                id=delegation.id,
                principal=(body.text(entry, "principalId") or UNREADABLE_PRINCIPAL).lower(),
                principal_type="",
                role=role,
                scope=delegation.id[: max(at, 0)] or "/",
                state=standing,
                door=DoorKind.DELEGATION,
                principal_name=body.text(entry, "principalIdDisplayName"),
                may_be_group=False,
                can_assign=tuple(map(role_of, body.texts(entry, "delegatedRoleDefinitionIds")))
                if isinstance(limited, list) and limited
                else None,
            )
