"""Build estates for tests: from ARM bodies, from the chat estate, and from that with something changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from ruamel.yaml import YAML

from auditor.analysis.access import ANALYSIS
from auditor.analysis.contract import Context
from auditor.architecture.workloads import Binding, Workload, Workloads
from auditor.estate.graph import Estate
from auditor.model import Gap, Resource
from auditor.snapshot.model import Metadata, Snapshot
from tests.checkout import BASELINE
from tests.estates.chat import chat_bodies
from tests.estates.derived import Derived, derive
from tests.estates.givers import chat_givers

SUBSCRIPTION = "/subscriptions/00000000-0000-0000-0000-0000000000a1"
GROUP = f"{SUBSCRIPTION}/resourceGroups/rg-chat"
ROOT_GROUP = "/providers/Microsoft.Management/managementGroups/platform"
TABLE = BASELINE / "roles.yaml"
Body = dict[str, Any]
Bodies = dict[str, Body]

_PLACES = {
    "workspace": "Microsoft.MachineLearningServices/workspaces/mlw-chat01",
    "workspace-storage": "Microsoft.Storage/storageAccounts/stmlchat01",
    "workspace-vault": "Microsoft.KeyVault/vaults/kv-chat01",
    "registry": "Microsoft.ContainerRegistry/registries/crchat01",
    "online-endpoint": "Microsoft.MachineLearningServices/workspaces/mlw-chat01/onlineEndpoints/ept-chat01",
    "compute-instance": "Microsoft.MachineLearningServices/workspaces/mlw-chat01/computes/amli-chat01",
    "openai": "Microsoft.CognitiveServices/accounts/oai-chat01",
    "gateway": "Microsoft.Network/applicationGateways/agw-chat01",
    "chat-ui": "Microsoft.Web/sites/app-chat01",
    "flow-app": "Microsoft.Web/sites/app-chat01-pf",
    "app-storage": "Microsoft.Storage/storageAccounts/stchat01",
    "app-vault": "Microsoft.KeyVault/vaults/kv-chat01",
    "jump-box": "Microsoft.Compute/virtualMachines/vm-jmp-chat01",
}


def place(component: str) -> str:
    """Return the id of the resource that plays a component in the chat estate."""
    return f"{GROUP}/providers/{_PLACES[component]}"


@cache
def table() -> Any:
    return YAML(typ="safe").load(TABLE.read_text())


def chat_by_id() -> Bodies:
    """Return fresh bodies of the chat estate by id."""
    return {body["id"]: body for body in chat_bodies()}


def estate_of(bodies: Iterable[Mapping[str, Any]], *, complete: bool = True, gaps: Iterable[Gap] = ()) -> Estate:
    resources = sorted((Resource.of(body) for body in bodies), key=lambda resource: resource.key)
    return Estate(Snapshot(resources, tuple(gaps), Metadata(complete=complete), "0" * 64))


def workloads_of(estate: Estate) -> Workloads:
    found = {name: estate.get(place(name)) for name in _PLACES}
    bindings = {name: (Binding(name, found[name], "structure"),) for name in found if found[name] is not None}
    anchor = estate.get(place("workspace"))
    if anchor is None:
        return Workloads()
    roles = {one[0].resource.key: ("chat01", name) for name, one in sorted(bindings.items(), reverse=True)}
    return Workloads([Workload("chat01", anchor, bindings, givers=chat_givers())], (), roles, givers=chat_givers())


def analyse(
    estate: Estate, *, workloads: Workloads | None = None, parameters: Mapping[str, Any] | None = None
) -> list[Derived]:
    known = workloads_of(estate) if workloads is None else workloads
    now = datetime(2024, 2, 20, 12, tzinfo=UTC)
    return derive(ANALYSIS, Context(estate, known, parameters or {}, {"roles": table()}, now))


def facts_after(change: Callable[[Bodies], None], **options: Any) -> list[Derived]:
    """Return the facts of the chat estate after a change of its bodies."""
    bodies = chat_by_id()
    change(bodies)
    gaps, complete = options.pop("gaps", ()), options.pop("complete", True)
    return analyse(estate_of(bodies.values(), gaps=gaps, complete=complete), **options)


def of_kind(facts: Iterable[Derived], kind: str) -> list[Derived]:
    return [fact for fact in facts if fact.kind == kind]


def rows(facts: Iterable[Derived]) -> dict[str, Derived]:
    """Return the facts about rows by the row's label."""
    return {str(fact.fields["row"]): fact for fact in of_kind(facts, "access.row")}


def assignments(facts: Iterable[Derived]) -> dict[str, Derived]:
    return {fact.subject: fact for fact in of_kind(facts, "access.assignment")}


def find(bodies: Bodies, role: str, principal: str, scope: str) -> Body:
    """Return the one assignment of a role (by name) to the identity of a component on a component."""
    definition = next(b for b in bodies.values() if b.get("properties", {}).get("roleName") == role)
    held = principal_of(bodies, principal)
    return next(
        body
        for body in bodies.values()
        if body["type"].endswith("roleAssignments")
        and body["properties"]["principalId"] == held
        and body["properties"]["roleDefinitionId"].endswith(definition["name"])
        and body["properties"]["scope"] == scope
    )


def principal_of(bodies: Bodies, component: str) -> str:
    identities = bodies[place(component)]["identity"]["userAssignedIdentities"]
    return str(next(iter(identities.values()))["principalId"])


def role_definition(name: str, permissions: list[Body], guid: str = "aaaaaaaa-0000-0000-0000-000000000001") -> Body:
    return {
        "id": f"{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{guid}",
        "name": guid,
        "type": "Microsoft.Authorization/roleDefinitions",
        "properties": {
            "roleName": name,
            "type": "CustomRole",
            "assignableScopes": [SUBSCRIPTION],
            "permissions": permissions,
        },
    }


def assignment(
    principal: str, role_id: str, scope: str, *, kind: str = "User", name: str = "a1", **properties: Any
) -> Body:
    at = "" if scope == "/" else scope
    return {
        "id": f"{at}/providers/Microsoft.Authorization/roleAssignments/{name}",
        "name": name,
        "type": "Microsoft.Authorization/roleAssignments",
        "properties": {
            "principalId": principal,
            "principalType": kind,
            "roleDefinitionId": role_id,
            "scope": scope,
            **properties,
        },
    }


def deny_assignment(scope: str, permissions: Body, **properties: Any) -> Body:
    return {
        "id": f"{scope}/providers/Microsoft.Authorization/denyAssignments/d1",
        "name": "d1",
        "type": "Microsoft.Authorization/denyAssignments",
        "properties": {
            "scope": scope,
            "permissions": [permissions],
            "principals": [{"id": "00000000-0000-0000-0000-000000000000", "type": "SystemDefined"}],
            "excludePrincipals": [],
            "doNotApplyToChildScopes": False,
            **properties,
        },
    }


def add(bodies: Bodies, body: Body) -> None:
    bodies[body["id"]] = body
