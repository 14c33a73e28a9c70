"""Who may do what: each role taken away, widened, given to somebody else; identities shared and left out."""

from __future__ import annotations

import json
from collections.abc import Iterator

from tests.estates.arm import GROUP, SUBSCRIPTION, Body, guid, path, resource
from tests.estates.chat.identities import grant, principal
from tests.estates.draft import Change, Draft
from tests.estates.faults.fault import Fault
from tests.estates.faults.openness import SITES, VAULT
from tests.estates.roles import definition

ASSIGNMENTS = "Microsoft.Authorization/roleAssignments"
_WORKSPACE, _ENDPOINT, _COMPUTE = "id-amlworkspace", "id-amlonlineendpoint", "id-amlinstancecompute"
_UI, _FLOW, _GATEWAY = "id-app-chat01", "id-flow-chat01", "id-agw-chat01"
# who has which role, and the control that asks for it
ROWS: dict[tuple[str, str], str] = {
    (_WORKSPACE, "Contributor"): "IAM-RBAC-001",
    (_WORKSPACE, "Storage Blob Data Contributor"): "IAM-RBAC-002",
    (_WORKSPACE, "Storage File Data Privileged Contributor"): "IAM-RBAC-003",
    (_WORKSPACE, "Key Vault Administrator"): "IAM-RBAC-004",
    (_WORKSPACE, "AcrPush"): "IAM-RBAC-005",
    (_ENDPOINT, "AcrPull"): "IAM-RBAC-006",
    (_ENDPOINT, "Storage Blob Data Reader"): "IAM-RBAC-007",
    (_ENDPOINT, "Azure Machine Learning Workspace Connection Secrets Reader"): "IAM-RBAC-008",
    (_COMPUTE, "AcrPull"): "IAM-RBAC-009",
    (_COMPUTE, "Storage Blob Data Reader"): "IAM-RBAC-010",
    (_UI, "Key Vault Secrets User"): "IAM-RBAC-014",
    (_UI, "Storage Blob Data Reader"): "IAM-RBAC-014",
    (_FLOW, "AcrPull"): "IAM-RBAC-014",
    (_FLOW, "Key Vault Secrets User"): "IAM-RBAC-014",
    (_GATEWAY, "Key Vault Secrets User"): "IAM-RBAC-014",
}
PERSON = guid("a person")


def _find(draft: Draft, holder: str, role: str) -> Body:
    target = definition(role)["id"]
    [found] = [
        each
        for each in draft.of_type(ASSIGNMENTS)
        if each["properties"]["principalId"] == principal(holder) and each["properties"]["roleDefinitionId"] == target
    ]
    return found


def _taken(holder: str, role: str) -> Change:
    return lambda draft: draft.bodies.remove(_find(draft, holder, role))


def _widened(holder: str, role: str, scope: str) -> Change:
    def make(draft: Draft) -> None:
        found = _find(draft, holder, role)
        found["id"] = path(ASSIGNMENTS, found["name"], below=scope)
        found["properties"]["scope"] = scope

    return make


def _also(holder: str, role: str, scope: str, *, kind: str = "ServicePrincipal", **more: str) -> Change:
    """Return the gift of a role to one more; a person by its own id."""

    def make(draft: Draft) -> None:
        scoped = scope if scope.startswith("/subscriptions") else draft[scope]["id"]
        made = grant(holder, role, scoped)
        made["properties"] |= {"principalType": kind, **more}
        if definition(role)["id"] not in {each["id"] for each in draft.bodies}:
            draft.add(definition(role))
        draft.add(made)

    return make


def _table() -> Iterator[Fault]:
    for (holder, role), control in ROWS.items():
        yield Fault(f"{holder} lost {role}", (control,), _taken(holder, role))
        if role == "Contributor":
            # also a workload identity with wide rights above its group
            found = (control, "IAM-RBAC-011", "IAM-RBAC-012")
            yield Fault(f"{holder} has {role} on the subscription", found, _widened(holder, role, SUBSCRIPTION))
            continue
        # whoever reads secrets of the whole group reads those of every reader of the vault
        more = ("KV-SEC-003",) if role == "Key Vault Secrets User" else ()
        # the group holds more than the table names: for the identities of machine learning that is a control of its own
        # (what AcrPush permits, the workspace's Contributor on the group permits already)
        more += () if control == "IAM-RBAC-014" or role == "AcrPush" else ("IAM-RBAC-011",)
        yield Fault(f"{holder} has {role} on the group", (control, *more), _widened(holder, role, GROUP))


def _extras() -> Iterator[Fault]:
    for holder in (_WORKSPACE, _ENDPOINT, _COMPUTE):
        # Contributor on the group reads it already
        found = () if holder == _WORKSPACE else ("IAM-RBAC-011",)
        yield Fault(f"{holder} reads the group, too", found, _also(holder, "Reader", GROUP))
    for holder in (_UI, _FLOW, _GATEWAY):
        more = _also(holder, "Reader", GROUP)
        yield Fault(f"{holder} reads the group, too", ("IAM-RBAC-014",), more)
    # who a person is, and whether it is still there, only the directory tells, which no export holds
    user = {"kind": "User", "principalId": PERSON}
    untold = ("IAM-RBAC-015",)
    for role, scope in {
        "Storage Blob Data Contributor": "storageAccounts/stchat01",
        "Key Vault Secrets User": VAULT,
        "Storage Blob Data Reader": "storageAccounts/stmlchat01",
        "Search Index Data Contributor": "searchServices/srch-chat01",
    }.items():
        yield Fault(f"a person has {role}", ("IAM-RBAC-015",), _also("person", role, scope, **user), untold)
    caller = _also("person", "Cognitive Services OpenAI User", "accounts/oai-chat01", **user)
    yield Fault("a person calls the model", ("IAM-RBAC-015", "COST-CLIENT-001"), caller, untold)
    reader = _also("person", "Reader", GROUP, **user)
    yield Fault("a person reads the group", (), reader, untold)


def _federated(draft: Draft) -> None:
    kind = "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials"
    trust = {"issuer": "https://token.actions.githubusercontent.com", "audiences": ["api://AzureADTokenExchange"]}
    subject = {"subject": "repo:somebody/somewhere:ref:refs/heads/main"}
    draft.add(resource(kind, "id-amlworkspace", "github", location=None, properties={**trust, **subject}))


def _custom_role(draft: Draft) -> None:
    kind = "Microsoft.Authorization/roleDefinitions"
    role = resource(kind, guid("custom"), below=SUBSCRIPTION, location=None)
    block = {
        "actions": ["Microsoft.Authorization/roleAssignments/write"],
        "notActions": [],
        "dataActions": [],
        "notDataActions": [],
    }
    role["properties"] = {
        "roleName": "Helper",
        "type": "CustomRole",
        "assignableScopes": [SUBSCRIPTION],
        "permissions": [block],
    }
    draft.add(json.loads(json.dumps(role)))


def _identities() -> Iterator[Fault]:
    yield Fault("an identity trusts somebody's repository", ("IAM-FED-001",), _federated)
    yield Fault("a role of their own can grant", ("IAM-RBAC-012",), _custom_role)

    def own_identity(draft: Draft) -> None:
        own = guid("own principal of the flow")
        draft[SITES[1]]["identity"] = {"type": "SystemAssigned", "principalId": own}
        draft.drop(SITES[1], "keyVaultReferenceIdentity")

    # it has none of the roles that the table asks for, and who had them is of no use any more, and still reads a secret
    found = ("APP-IAM-002", "IAM-RBAC-014", "IAM-RBAC-015")
    yield Fault("the flow runs as an identity of the system's", found, own_identity)


FAULTS = (*_table(), *_extras(), *_identities())
