"""Every door against a brute-force model over small estates, who-can against what-can, and what an unread door may change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.model import Gap
from auditor.rbac.access_graph import AccessGraph, read_access_graph
from auditor.rbac.assignments import memberships_of
from auditor.rbac.patterns import matches, normalise
from auditor.rbac.permissions import Plane
from auditor.rbac.queries import Grant, what_can, who_can
from auditor.truth import Truth
from tests.estates.access import estate_of

SUBSCRIPTION: Final = "/subscriptions/00000000-0000-0000-0000-0000000000a1"
GROUP: Final = f"{SUBSCRIPTION}/resourceGroups/rg"
STORE, VAULT, MACHINE, APP, IDENTITY = (
    f"{GROUP}/providers/{tail}"
    for tail in (
        "Microsoft.Storage/storageAccounts/st",
        "Microsoft.KeyVault/vaults/kv",
        "Microsoft.Compute/virtualMachines/vm",
        "Microsoft.Web/sites/app",
        "Microsoft.ManagedIdentity/userAssignedIdentities/id",
    )
)
BLOB: Final = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read"
SECRET: Final = "Microsoft.KeyVault/vaults/secrets/getSecret/action"  # noqa: S105 - an operation
LIST: Final = "Microsoft.Storage/storageAccounts/listKeys/action"
ASSIGN: Final = "Microsoft.Authorization/roleAssignments/write"
POLICIES: Final = "Microsoft.KeyVault/vaults/accessPolicies/write"
DEPLOY: Final = "Microsoft.KeyVault/vaults/deploy/action"
RUN: Final = "Microsoft.Compute/virtualMachines/runCommand/action"
PUBLISH: Final = "Microsoft.Web/sites/publish/action"
USE: Final = "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action"
EVERYONE: Final = "00000000-0000-0000-0000-000000000000"
MEMBERS: Final = {"team": ["ann", "inner"], "inner": ["bob", "of-vm"]}
GROUPS_OF: Final = {"ann": {"team"}, "inner": {"team"}, "bob": {"inner", "team"}, "of-vm": {"inner", "team"}}
PEOPLE: Final = ("ann", "bob", "team", "inner", "of-vm", "of-app")
SUBJECT: Final = "https://issuer.example repo:x"
QUESTIONS: Final = ((BLOB, STORE), (SECRET, VAULT), (LIST, STORE))
ROLES: Final[Mapping[str, tuple[Mapping[str, Sequence[str]], frozenset[str]]]] = {
    "everything": ({"actions": ["*"]}, frozenset({LIST, ASSIGN, POLICIES, DEPLOY, RUN, PUBLISH, USE})),
    "but-access": (
        {"actions": ["*"], "notActions": ["Microsoft.Authorization/*/write"]},
        frozenset({LIST, POLICIES, DEPLOY, RUN, PUBLISH, USE}),
    ),
    "keys": ({"actions": [LIST]}, frozenset({LIST})),
    "blobs": ({"dataActions": [BLOB]}, frozenset({BLOB})),
    "data": ({"dataActions": ["*"]}, frozenset({BLOB, SECRET})),
    "secrets": ({"dataActions": ["Microsoft.KeyVault/vaults/secrets/*"]}, frozenset({SECRET})),
    "deploys": ({"actions": [DEPLOY]}, frozenset({DEPLOY})),
    "commands": ({"actions": [RUN]}, frozenset({RUN})),
    "apps": ({"actions": [PUBLISH]}, frozenset({PUBLISH})),
    "grants": ({"actions": [ASSIGN]}, frozenset({ASSIGN})),
    "identities": ({"actions": [USE]}, frozenset({USE})),
}
SCOPES: Final = (SUBSCRIPTION, GROUP, STORE, VAULT, MACHINE, APP, IDENTITY)
Body = dict[str, Any]


@dataclass(frozen=True)
class Given:
    """A role for a principal at a scope, as an assignment or a delegation."""

    who: str
    role: str
    scope: str


@dataclass(frozen=True)
class Denied:
    """A deny of the operations of a role."""

    role: str
    scope: str
    named: str
    excluded: str | None
    children: bool
    audits: bool


@dataclass(frozen=True)
class World:
    """A small estate, in the terms of the model."""

    assigned: Sequence[Given]
    delegated: Sequence[Given]
    denied: Sequence[Denied]
    policies: Sequence[str]
    by_roles: bool | None
    keys: bool | None
    federated: bool
    templates: bool
    public: bool
    container: str


def worlds(*, denies: bool = True) -> st.SearchStrategy[World]:
    held = st.builds(Given, st.sampled_from(PEOPLE), st.sampled_from(sorted(ROLES)), st.sampled_from(SCOPES))
    outside = st.builds(Given, st.just("provider"), st.sampled_from(sorted(ROLES)), st.sampled_from(SCOPES[:2]))
    deny = st.builds(
        Denied,
        st.sampled_from(sorted(ROLES)),
        st.sampled_from(SCOPES),
        st.sampled_from((EVERYONE, "ann", "team", "inner")),
        st.sampled_from((None, "bob", "inner", "of-vm")),
        st.booleans(),
        st.booleans(),
    )
    return st.builds(
        World,
        st.lists(held, max_size=4),
        st.lists(outside, max_size=1),
        st.lists(deny, max_size=2) if denies else st.just([]),
        st.lists(st.sampled_from(PEOPLE), max_size=2, unique=True),
        st.sampled_from((True, False, None)),
        st.sampled_from((True, False, None)),
        st.booleans(),
        st.booleans(),
        st.booleans(),
        st.sampled_from(("None", "blob", "Container")),
    )


# the model


def is_within(who: str, holder: str) -> bool:
    return who == holder or holder in GROUPS_OF.get(who, set())


def is_at(scope: str, place: str) -> bool:
    return place == scope or place.startswith(f"{scope}/")


def is_denied(world: World, who: str, operation: str, place: str) -> bool:
    return any(
        not deny.audits
        and operation in ROLES[deny.role][1]
        and (is_at(deny.scope, place) if deny.children else deny.scope == place)
        and (deny.named == EVERYONE or is_within(who, deny.named))
        and not (deny.excluded and is_within(who, deny.excluded))
        for deny in world.denied
    )


def has(world: World, who: str, operation: str, place: str) -> bool:
    """Whether a principal may do an operation directly."""
    if operation == SECRET and not world.by_roles:
        return any(is_within(who, holder) for holder in world.policies)
    given = any(
        is_within(who, one.who) and is_at(one.scope, place) and operation in ROLES[one.role][1]
        for one in (*world.assigned, *world.delegated)
    )
    if given and not is_denied(world, who, operation, place):
        return True
    return operation == BLOB and world.keys is not False and has(world, who, LIST, place)


def escalates(world: World, who: str, operation: str, place: str) -> bool:
    by_policy = operation == SECRET and not world.by_roles and has(world, who, POLICIES, place)
    by_template = operation == SECRET and world.templates and has(world, who, DEPLOY, place)
    return by_policy or by_template or has(world, who, ASSIGN, place)


def becomes(world: World, who: str, identity: str) -> bool:
    if identity == "of-vm":
        return has(world, who, RUN, MACHINE)
    is_trusted = who == SUBJECT and world.federated
    return is_trusted or has(world, who, PUBLISH, APP) or has(world, who, USE, IDENTITY)


def everybody(world: World, operation: str, place: str) -> dict[str, str]:
    """Return who can, and whether directly (`direct`) or after a step (`step`)."""
    names = (*PEOPLE, "provider", SUBJECT)
    direct = {who for who in names if has(world, who, operation, place)}
    reach = direct | {who for who in names if escalates(world, who, operation, place)}
    while True:
        more = {w for w in names for i in ("of-vm", "of-app") if i in reach and w != i and becomes(world, w, i)}
        if more <= reach:
            found = {who: "direct" if who in direct else "step" for who in reach}
            is_open = operation == BLOB and world.public and world.container != "None"
            return found | ({"anybody": "direct"} if is_open else {})
        reach |= more


# the same as ARM JSON


def definition(name: str) -> Body:
    return {
        "id": f"/providers/Microsoft.Authorization/roleDefinitions/{name}",
        "name": name,
        "type": "Microsoft.Authorization/roleDefinitions",
        "properties": {"roleName": name, "type": "CustomRole", "permissions": [dict(ROLES[name][0])]},
    }


def below(scope: str, kind: str, name: str, /, **properties: Any) -> Body:
    return {"id": f"{scope}/providers/{kind}/{name}", "name": name, "type": kind, "properties": properties}


def type_of(who: str) -> str:
    return "Group" if who in MEMBERS else "ServicePrincipal" if who.startswith("of-") else "User"


def access_bodies(world: World) -> Iterable[Body]:
    for at, one in enumerate(world.assigned):
        yield below(
            one.scope,
            "Microsoft.Authorization/roleAssignments",
            f"a{at}",
            principalId=one.who,
            principalType=type_of(one.who),
            roleDefinitionId=definition(one.role)["id"],
            scope=one.scope,
        )
    for at, one in enumerate(world.delegated):
        offer = below(
            SUBSCRIPTION,
            "Microsoft.ManagedServices/registrationDefinitions",
            f"d{at}",
            authorizations=[{"principalId": one.who, "roleDefinitionId": one.role}],
        )
        yield offer
        kind = "Microsoft.ManagedServices/registrationAssignments"
        yield below(one.scope, kind, f"r{at}", registrationDefinitionId=offer["id"], provisioningState="Succeeded")
    for at, deny in enumerate(world.denied):
        kind = "SystemDefined" if deny.named == EVERYONE else type_of(deny.named)
        yield below(
            deny.scope,
            "Microsoft.Authorization/denyAssignments",
            f"n{at}",
            scope=deny.scope,
            doNotApplyToChildScopes=not deny.children,
            denyAssignmentEffect="audit" if deny.audits else "enforced",
            principals=[{"id": deny.named, "type": kind}],
            excludePrincipals=[{"id": deny.excluded, "type": type_of(deny.excluded)}] if deny.excluded else [],
            permissions=[dict(ROLES[deny.role][0])],
        )


def bodies_of(world: World) -> list[Body]:
    policies = [{"tenantId": "t", "objectId": who, "permissions": {"secrets": ["Get"]}} for who in world.policies]
    bodies = [
        {
            "id": STORE,
            "type": "Microsoft.Storage/storageAccounts",
            "properties": {"allowSharedKeyAccess": world.keys, "allowBlobPublicAccess": world.public},
        },
        {
            "id": f"{STORE}/blobServices/default/containers/c",
            "type": "Microsoft.Storage/storageAccounts/blobServices/containers",
            "properties": {"publicAccess": world.container},
        },
        {
            "id": VAULT,
            "type": "Microsoft.KeyVault/vaults",
            "properties": {
                "enableRbacAuthorization": world.by_roles,
                "accessPolicies": policies,
                "enabledForTemplateDeployment": world.templates,
            },
        },
        {
            "id": MACHINE,
            "type": "Microsoft.Compute/virtualMachines",
            "identity": {"type": "SystemAssigned", "principalId": "of-vm"},
            "properties": {},
        },
        {
            "id": APP,
            "type": "Microsoft.Web/sites",
            "identity": {"type": "UserAssigned", "userAssignedIdentities": {IDENTITY: {"principalId": "of-app"}}},
            "properties": {},
        },
        {
            "id": IDENTITY,
            "type": "Microsoft.ManagedIdentity/userAssignedIdentities",
            "properties": {"principalId": "of-app"},
        },
        *map(definition, ROLES),
        *access_bodies(world),
    ]
    if world.federated:
        issuer, subject = SUBJECT.split()
        credential = f"{IDENTITY}/federatedIdentityCredentials/f"
        kind = "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials"
        bodies.append({"id": credential, "type": kind, "properties": {"issuer": issuer, "subject": subject}})
    return [{"name": body["id"].rpartition("/")[2], **body} for body in bodies]


def graph_of(bodies: Iterable[Body], gaps: Sequence[Gap] = ()) -> AccessGraph:
    return read_access_graph(estate_of(bodies, gaps=gaps), memberships=memberships_of(MEMBERS))


def answered(graph: AccessGraph, operation: str, place: str) -> tuple[dict[str, str], bool]:
    """Return who surely can and how, and whether the answer is whole."""
    asked = who_can(graph, operation, place, Plane.CONTROL if operation == LIST else Plane.DATA)
    sure = {a.principal: "direct" if a.is_direct else "step" for a in asked.actors if a.answer is Truth.YES}
    return sure, asked.is_whole


@pytest.mark.parametrize(("operation", "place"), QUESTIONS)
@settings(max_examples=60, deadline=None)
@given(world=worlds())
def test_who_can_is_what_the_model_says(operation: str, place: str, world: World) -> None:
    sure, is_whole = answered(graph_of(bodies_of(world)), operation, place)
    assert is_whole
    assert sure == everybody(world, operation, place)


def lets(world: World, grant: Grant, operation: str, place: str) -> bool:
    """Whether a grant that what-can shows is enough for an operation at a place, by what it says of itself."""
    if grant.by.acts_as or not is_at(grant.scope, place) or grant.answer is not Truth.YES:
        return False
    steps = {"assign-roles"} | ({"change-vault-policies"} if operation == SECRET and not world.by_roles else set())
    allowed, excluded = grant.data_actions, grant.not_data_actions
    if operation == LIST:
        allowed, excluded = grant.actions, grant.not_actions
    named, out = (any(matches(normalise(each), normalise(operation)) for each in some) for some in (allowed, excluded))
    return bool(steps & set(grant.privileges)) or (named and not out and not (operation == SECRET and grant.ruled_out))


@pytest.mark.parametrize(("operation", "place"), QUESTIONS)
@settings(max_examples=40, deadline=None)
@given(world=worlds(denies=False))
def test_what_somebody_can_agrees_with_who_can(operation: str, place: str, world: World) -> None:
    graph = graph_of(bodies_of(world))
    sure, _ = answered(graph, operation, place)
    can = {who: what_can(graph, who).grants for who in (*PEOPLE, "provider", SUBJECT)}
    for who, grants in can.items():
        acts = {who, *(grant.by.acts_as for grant in grants if grant.by.acts_as)}
        found = any(lets(world, grant, operation, place) for name in acts for grant in can[name])
        assert found is (who in sure), who


@pytest.mark.parametrize(
    ("kind", "operation", "place"),
    [
        ("Microsoft.Authorization/roleAssignments", BLOB, STORE),
        ("Microsoft.Authorization/denyAssignments", BLOB, STORE),
        ("Microsoft.ManagedServices/registrationAssignments", LIST, STORE),
        ("Microsoft.ManagedServices/registrationAssignments", SECRET, VAULT),
    ],
)
@settings(max_examples=40, deadline=None)
@given(world=worlds())
def test_an_unread_door_leaves_the_answer_open_and_adds_nobody(
    kind: str, operation: str, place: str, world: World
) -> None:
    left = [body for body in bodies_of(world) if body["type"] != kind]
    sure, is_whole = answered(graph_of(left, [Gap(SUBSCRIPTION, kind, "forbidden")]), operation, place)
    right = everybody(world, operation, place)
    assert not is_whole
    assert set(sure) <= set(right)


@settings(max_examples=40, deadline=None)
@given(world=worlds())
def test_an_unread_resource_leaves_open_what_depends_on_it(world: World) -> None:
    bodies = bodies_of(world)
    sure, is_whole = answered(graph_of(bodies, [Gap(VAULT, "properties", "forbidden")]), SECRET, VAULT)
    assert not is_whole
    assert set(sure) <= set(everybody(world, SECRET, VAULT))
    sure, is_whole = answered(graph_of(bodies, [Gap(STORE, "properties", "forbidden")]), BLOB, STORE)
    right = everybody(world, BLOB, STORE)
    assert set(sure) <= set(right)
    assert not is_whole or set(sure) == set(right)
