"""By which door somebody gets at something, asked from the command line of what Azure returns."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.command import estate, in_process

SUBSCRIPTION = "/subscriptions/00000000-0000-0000-0000-000000000001"
GROUP = f"{SUBSCRIPTION}/resourceGroups/rg"
CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"
OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
ACCESS_ADMINISTRATOR = "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9"
BLOB_READER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
SECRETS_USER = "4633458b-17de-408a-b874-0445c86b69e6"
WEBSITE_CONTRIBUTOR = "de139f84-1756-47ae-9be6-808fbbe84772"
BLOB = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read"
SECRET = "Microsoft.KeyVault/vaults/secrets/getSecret/action"  # noqa: S105 - an operation
EARLIER, NOW = "2024-02-20T12:00:00Z", "2026-02-20T12:00:00Z"
Body = dict[str, Any]


def resource(kind: str, name: str, properties: Mapping[str, Any], at: str = GROUP, /, **more: Any) -> Body:
    return {"id": f"{at}/providers/{kind}/{name}", "name": name, "type": kind, "properties": dict(properties), **more}


def assigned(principal: str, role: str, scope: str = GROUP, kind: str = "User") -> Body:
    definition = f"{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{role}"
    properties = {"principalId": principal, "principalType": kind, "roleDefinitionId": definition, "scope": scope}
    return resource("Microsoft.Authorization/roleAssignments", f"{principal}-{role[:8]}", properties, scope)


def delegated(at: str = GROUP, **authorization: Any) -> list[Body]:
    kind = "Microsoft.ManagedServices"
    offer = resource(f"{kind}/registrationDefinitions", "d", {"authorizations": [authorization]}, SUBSCRIPTION)
    named = {"registrationDefinitionId": offer["id"], "provisioningState": "Succeeded"}
    return [offer, resource(f"{kind}/registrationAssignments", "r", named, at)]


def asked(
    folder: Path, bodies: Sequence[Body], *words: str, complete: bool = True, as_of: str = NOW
) -> tuple[int, list[dict[str, Any]], list[str]]:
    source = folder / "estate.json"
    source.write_text(json.dumps(list(bodies)), encoding="utf-8")
    options = ["--complete"] if complete else []
    ended = in_process("access", *words, str(source), "-o", "json", "--as-of", as_of, *options, at=folder)
    answer = json.loads(ended.out)
    return ended.code, answer["records"], answer["unknowns"]


def who(
    folder: Path, bodies: Sequence[Body], operation: str, on: str, **options: Any
) -> dict[str, tuple[str, list[str]]]:
    code, records, unknowns = asked(folder, bodies, "who-can", operation, "--on", on, **options)
    assert code == 0, unknowns
    return {record["principal"]: (record["answer"], record["doors"]) for record in records}


LOCAL_AUTH: tuple[Body, Body] = ({"disableLocalAuth": False}, {"disableLocalAuth": True})


@pytest.mark.parametrize(
    ("kind", "on", "off", "operation"),
    [
        ("Microsoft.Storage/storageAccounts", {}, {"allowSharedKeyAccess": False}, BLOB),
        ("Microsoft.Storage/storageAccounts", {"allowSharedKeyAccess": None}, {"allowSharedKeyAccess": False}, BLOB),
        ("Microsoft.Storage/storageAccounts", {}, {"allowSharedKeyAccess": False},
         "Microsoft.Storage/storageAccounts/queueServices/queues/messages/read"),
        ("Microsoft.CognitiveServices/accounts", *LOCAL_AUTH, "data:Microsoft.CognitiveServices/accounts/OpenAI/x/action"),
        ("Microsoft.Search/searchServices", *LOCAL_AUTH, "Microsoft.Search/searchServices/indexes/documents/write"),
        ("Microsoft.AppConfiguration/configurationStores", {}, LOCAL_AUTH[1],
         "data:Microsoft.AppConfiguration/configurationStores/keyValues/read"),
        ("Microsoft.EventHub/namespaces", *LOCAL_AUTH, "data:Microsoft.EventHub/namespaces/messages/receive/action"),
        ("Microsoft.ServiceBus/namespaces", {}, LOCAL_AUTH[1], "data:Microsoft.ServiceBus/namespaces/messages/send/action"),
        ("Microsoft.DocumentDB/databaseAccounts", {}, LOCAL_AUTH[1],
         "data:Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers/items/read"),
        ("Microsoft.Cache/redis", {}, {"disableAccessKeyAuthentication": True}, "data:Microsoft.Cache/redis/data/read"),
        ("Microsoft.SignalRService/signalR", {}, LOCAL_AUTH[1], "data:Microsoft.SignalRService/SignalR/hub/send/action"),
    ],
)  # fmt: skip
def test_keys_open_data_where_the_service_accepts_them(
    kind: str, on: Body, off: Body, operation: str, tmp_path: Path
) -> None:
    holders = [assigned("editor", CONTRIBUTOR), assigned("reader", READER)]
    openai = {"kind": "OpenAI"} if kind == "Microsoft.CognitiveServices/accounts" else {}
    found = who(tmp_path, [resource(kind, "x", on, **openai), *holders], operation, "x")
    assert found["editor"] == ("yes", ["account key"])
    left = {"editor": ("after a step", ["gives itself access"])} if kind.startswith("Microsoft.DocumentDB") else {}
    assert who(tmp_path, [resource(kind, "x", off, **openai), *holders], operation, "x") == left


@pytest.mark.parametrize(("properties", "doors"), [({"adminUserEnabled": True}, 2), ({"adminUserEnabled": False}, 1)])
def test_the_admin_user_of_a_registry_is_a_door_beside_roles(properties: Body, doors: int, tmp_path: Path) -> None:
    registry = resource("Microsoft.ContainerRegistry/registries", "cr", properties)
    pull = "Microsoft.ContainerRegistry/registries/pull/read"
    found = who(tmp_path, [registry, assigned("editor", CONTRIBUTOR)], pull, "cr")
    assert found["editor"][1] == ["account key", "role assignment"][2 - doors :]


INDEX_READER = "1407120a-92aa-4202-b7e9-c0e197c71c8f"
TOKENS: Body = {"aadOrApiKey": {"aadAuthFailureMode": "http403"}}


@pytest.mark.parametrize(
    ("properties", "answer"),
    [
        ({"disableLocalAuth": False, "authOptions": {"apiKeyOnly": {}}}, None),
        ({"disableLocalAuth": False, "authOptions": None}, None),
        ({"disableLocalAuth": False, "authOptions": TOKENS}, "yes"),
        ({"disableLocalAuth": True, "authOptions": None}, "yes"),
        ({"disableLocalAuth": "true"}, "yes"),
        (None, "maybe"),
    ],
)
def test_roles_on_the_data_of_search_count_where_it_takes_tokens(
    properties: Body | None, answer: str | None, tmp_path: Path
) -> None:
    search = resource("Microsoft.Search/searchServices", "s", properties or {})
    if properties is None:
        del search["properties"]
    held = assigned("p", INDEX_READER, search["id"])
    operation = "Microsoft.Search/searchServices/indexes/documents/read"
    code, records, _ = asked(tmp_path, [search, held], "who-can", operation, "--on", "s")
    assert [record["answer"] for record in records] == ([] if answer is None else [answer])
    assert code == (2 if answer == "maybe" else 0)
    _, (grant,), _ = asked(tmp_path, [search, held], "what-can", "p")
    assert bool(grant["no_effect_on"]) is (answer is None)
    assert bool(grant["data_actions"]) is (answer is not None)


SIGNALR_SERVER = "420fcaa2-552c-430f-98ca-3264be4806c7"


@pytest.mark.parametrize(("off", "answers"), [(None, {"p": "yes"}), (False, {"p": "yes"}), (True, {})])
def test_a_hub_may_take_no_tokens(off: object, answers: Body, tmp_path: Path) -> None:
    hub = resource("Microsoft.SignalRService/SignalR", "s", {} if off is None else {"disableAadAuth": off})
    operation = "data:Microsoft.SignalRService/SignalR/serverConnection/write"
    _, records, _ = asked(tmp_path, [hub, assigned("p", SIGNALR_SERVER, hub["id"])], "who-can", operation, "--on", "s")
    assert {record["principal"]: record["answer"] for record in records} == answers


DATA_SCIENTIST = "f6c7c914-8db3-469d-8ca1-694a8f32e121"


@pytest.mark.parametrize(
    ("mode", "answer", "doors"),
    [
        ("Key", "yes", ["account key"]),
        ("AMLToken", "yes", ["role assignment"]),
        ("aadtoken", "yes", ["role assignment"]),
        (None, "maybe", ["account key", "role assignment"]),
    ],
)
@pytest.mark.parametrize("where", ["workspace", "endpoint"])
def test_an_endpoint_that_takes_keys_takes_no_roles(
    mode: str | None, answer: str, doors: list[str], where: str, tmp_path: Path
) -> None:
    workspace = resource("Microsoft.MachineLearningServices/workspaces", "mlw", {})
    endpoint = {
        "id": f"{workspace['id']}/onlineEndpoints/flow",
        "type": "Microsoft.MachineLearningServices/workspaces/onlineEndpoints",
        "name": "flow",
        "properties": {} if mode is None else {"authMode": mode},
    }
    held = assigned("p", DATA_SCIENTIST, (workspace if where == "workspace" else endpoint)["id"])
    operation = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints/score/action"
    code, [record], _ = asked(tmp_path, [workspace, endpoint, held], "who-can", operation, "--on", "flow")
    assert (code, record["answer"], sorted(record["doors"])) == (2 if answer == "maybe" else 0, answer, doors)


OPENAI_USER = "5e0bd9bd-7b93-4f28-af87-19fc36ad61bd"


@pytest.mark.parametrize(
    ("properties", "answer"),
    [
        ({"customSubDomainName": "ai"}, "yes"),
        ({"customSubDomainName": ""}, None),
        ({"customSubDomainName": None}, None),
        ({}, None),
        (None, "maybe"),
    ],
)
def test_tokens_are_taken_by_an_account_with_a_name_of_its_own(
    properties: Body | None, answer: str | None, tmp_path: Path
) -> None:
    account = resource("Microsoft.CognitiveServices/accounts", "ai", properties or {}, kind="OpenAI")
    if properties is None:
        del account["properties"]
    held = [assigned("user", OPENAI_USER, account["id"]), assigned("editor", CONTRIBUTOR, account["id"])]
    operation = "data:Microsoft.CognitiveServices/accounts/OpenAI/deployments/chat/completions/action"
    _, records, _ = asked(tmp_path, [account, *held], "who-can", operation, "--on", "ai")
    found = {record["principal"]: record["answer"] for record in records}
    assert found.get("user") == answer
    assert "editor" in found  # by its keys, whatever the account is called
    _, (grant,), _ = asked(tmp_path, [account, *held], "what-can", "user")
    assert bool(grant["no_effect_on"]) is (answer is None)


def test_a_translator_takes_tokens_without_a_name_of_its_own(tmp_path: Path) -> None:
    account = resource("Microsoft.CognitiveServices/accounts", "tr", {}, kind="TextTranslation")
    held = assigned("user", "a97b65f3-24c7-4388-baec-2e87135dc908", account["id"])
    operation = "data:Microsoft.CognitiveServices/accounts/TextTranslation/translate/action"
    _, records, _ = asked(tmp_path, [account, held], "who-can", operation, "--on", "tr")
    assert {record["principal"]: record["answer"] for record in records} == {"user": "yes"}


REPOSITORY_READER, PULLER = "b93aa761-3e63-49ed-ac28-beffa264f7ac", "7f951dda-4ed3-4680-a7ca-43fe172d538d"


@pytest.mark.parametrize(
    ("mode", "right"),
    [
        ({}, {"puller", "editor"}),
        ({"roleAssignmentMode": "LegacyRegistryPermissions"}, {"puller", "editor"}),
        ({"roleAssignmentMode": "AbacRepositoryPermissions"}, {"repository"}),
        ({"roleAssignmentMode": "abacrepositorypermissions", "adminUserEnabled": True}, {"repository", "editor"}),
    ],
)
def test_a_registry_that_decides_per_repository_is_pulled_from_by_other_roles(
    mode: Body, right: set[str], tmp_path: Path
) -> None:
    registry = resource("Microsoft.ContainerRegistry/registries", "cr", {"adminUserEnabled": False, **mode})
    held = [
        assigned("puller", PULLER),
        assigned("editor", CONTRIBUTOR),
        assigned("repository", REPOSITORY_READER),
    ]
    found = who(tmp_path, [registry, *held], "Microsoft.ContainerRegistry/registries/pull/read", "cr")
    assert set(found) == right


def test_an_endpoint_with_keys_is_called_with_them(tmp_path: Path) -> None:
    workspace = resource("Microsoft.MachineLearningServices/workspaces", "ws", {})
    kind, name = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints", f"{workspace['id']}/onlineEndpoints/e"
    keyed: Body = {"id": name, "name": "e", "type": kind, "properties": {"authMode": "Key"}}
    lister = assigned("lister", "aaaaaaaa-0000-0000-0000-000000000001")
    role = resource(
        "Microsoft.Authorization/roleDefinitions",
        "aaaaaaaa-0000-0000-0000-000000000001",
        {"roleName": "Lister", "type": "CustomRole", "permissions": [{"actions": [f"{kind}/listKeys/action"]}]},
        "",
    )
    bodies = [workspace, keyed, lister, role]
    assert who(tmp_path, bodies, f"{kind}/score/action", name) == {"lister": ("yes", ["account key"])}
    keyed["properties"]["authMode"] = "AADToken"
    assert who(tmp_path, bodies, f"{kind}/score/action", name) == {}


def test_a_workspace_lends_the_keys_of_its_storage_account(tmp_path: Path) -> None:
    store = resource("Microsoft.Storage/storageAccounts", "st", {}, f"{SUBSCRIPTION}/resourceGroups/data")
    workspace = resource("Microsoft.MachineLearningServices/workspaces", "ws", {"storageAccount": store["id"]})
    assert who(tmp_path, [store, workspace, assigned("editor", CONTRIBUTOR)], BLOB, "st") == {
        "editor": ("yes", ["account key"])
    }


def test_query_keys_of_search_write_nothing(tmp_path: Path) -> None:
    search = resource("Microsoft.Search/searchServices", "s", {})
    kind = "Microsoft.Search/searchServices"
    role = resource(
        "Microsoft.Authorization/roleDefinitions",
        "aaaaaaaa-0000-0000-0000-000000000001",
        {"roleName": "Q", "type": "CustomRole", "permissions": [{"actions": [f"{kind}/listQueryKeys/action"]}]},
        "",
    )
    bodies = [search, role, assigned("asker", role["name"])]
    assert set(who(tmp_path, bodies, f"{kind}/indexes/documents/read", "s")) == {"asker"}
    assert who(tmp_path, bodies, f"{kind}/indexes/documents/write", "s") == {}


def test_cosmos_keeps_roles_of_its_own(tmp_path: Path) -> None:
    account = resource(
        "Microsoft.DocumentDB/databaseAccounts", "db", {"disableLocalAuth": True}, kind="GlobalDocumentDB"
    )
    definition = f"{account['id']}/sqlRoleDefinitions/00000000-0000-0000-0000-000000000001"
    held = {
        "id": f"{account['id']}/sqlRoleAssignments/a",
        "name": "a",
        "type": "Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments",
        "properties": {"roleDefinitionId": definition, "principalId": "p1", "scope": account["id"]},
    }
    items = "data:Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers/items"
    assert who(tmp_path, [account, held], f"{items}/read", "db") == {"p1": ("yes", ["role inside Cosmos DB"])}
    assert who(tmp_path, [account, held], f"{items}/delete", "db") == {}
    code, _, unknowns = asked(tmp_path, [account], "who-can", f"{items}/read", "--on", "db", complete=False)
    assert code == 2
    assert any("roles inside" in text for text in unknowns)


def test_a_table_account_keeps_roles_of_another_form(tmp_path: Path) -> None:
    kind, capable = "Microsoft.DocumentDB/databaseAccounts", {"capabilities": [{"name": "EnableTable"}]}
    account = resource(kind, "db", {"disableLocalAuth": True, **capable}, kind="GlobalDocumentDB")
    definition = f"{account['id']}/tableRoleDefinitions/00000000-0000-0000-0000-000000000002"
    held = {
        "id": f"{account['id']}/tableRoleAssignments/a",
        "name": "a",
        "type": f"{kind}/tableRoleAssignments",
        "properties": {"roleDefinitionId": definition, "principalId": "p1", "scope": f"{account['id']}/tables/t"},
    }
    delete = f"data:{kind}/tables/containers/entities/delete"
    assert who(tmp_path, [account, held], delete, f"{account['id']}/tables/t") == {
        "p1": ("yes", ["role inside Cosmos DB"])
    }
    assert who(tmp_path, [account, held], delete, f"{account['id']}/tables/u") == {}


def test_a_database_is_asked_about_as_arm_names_it_or_as_cosmos_does(tmp_path: Path) -> None:
    kind = "Microsoft.DocumentDB/databaseAccounts"
    account = resource(kind, "db", {"disableLocalAuth": True}, kind="GlobalDocumentDB")
    definition = f"{account['id']}/sqlRoleDefinitions/00000000-0000-0000-0000-000000000002"
    held = {
        "id": f"{account['id']}/sqlRoleAssignments/a",
        "name": "a",
        "type": f"{kind}/sqlRoleAssignments",
        "properties": {"roleDefinitionId": definition, "principalId": "p1", "scope": f"{account['id']}/dbs/memory"},
    }
    delete = f"data:{kind}/sqlDatabases/containers/items/delete"
    for place in ("dbs/memory", "sqlDatabases/memory", "sqlDatabases/memory/containers/threads", "dbs/memory/colls/t"):
        found = who(tmp_path, [account, held], delete, f"{account['id']}/{place}")
        assert found == {"p1": ("yes", ["role inside Cosmos DB"])}
    assert who(tmp_path, [account, held], delete, f"{account['id']}/sqlDatabases/other") == {}
    assert who(tmp_path, [account, held], delete, account["id"]) == {}


COSMOS_OPERATOR, COSMOS_CONTRIBUTOR = "230815da-be43-4aae-9cb4-875f7bd000aa", "5bd9cd88-fe45-4216-938b-f97437e15450"


def test_who_may_write_the_roles_of_cosmos_gives_itself_one(tmp_path: Path) -> None:
    """To Azure they are resources like others; the operator's role leaves them out."""
    kind = "Microsoft.DocumentDB/databaseAccounts"
    account = resource(kind, "db", {"disableLocalAuth": True}, kind="GlobalDocumentDB")
    held = [assigned("operator", COSMOS_OPERATOR), assigned("editor", COSMOS_CONTRIBUTOR), assigned("reader", READER)]
    items = f"data:{kind}/sqlDatabases/containers/items/read"
    right = {"editor": ("after a step", ["gives itself access"])}
    assert who(tmp_path, [account, *held], items, "db") == right
    assert who(tmp_path, [account | {"kind": "MongoDB"}, *held], items, "db") == {}
    assert who(tmp_path, [account, *held], f"data:{kind}/tables/containers/entities/read", "db") == {}


CONTAINER = "Microsoft.Storage/storageAccounts/blobServices/containers"


@pytest.mark.parametrize(
    ("account", "container", "answer"),
    [
        ({"allowBlobPublicAccess": True}, {"publicAccess": "Blob"}, "yes"),
        ({"allowBlobPublicAccess": True}, {"publicAccess": "container"}, "yes"),
        ({"allowBlobPublicAccess": True}, {"publicAccess": None}, None),
        ({"allowBlobPublicAccess": True}, {"publicAccess": "None"}, None),
        ({"allowBlobPublicAccess": False}, {"publicAccess": "Container"}, None),
        ({}, {"publicAccess": "Container"}, "maybe"),
        ({"allowBlobPublicAccess": None}, {"publicAccess": "Blob"}, "maybe"),
    ],
)
def test_anybody_reads_what_is_public(account: Body, container: Body, answer: str | None, tmp_path: Path) -> None:
    store = resource("Microsoft.Storage/storageAccounts", "st", {"allowSharedKeyAccess": False, **account})
    inner = resource(CONTAINER, "c", container) | {"id": f"{store['id']}/blobServices/default/containers/c"}
    other = resource(CONTAINER, "d", {}) | {"id": f"{store['id']}/blobServices/default/containers/d"}
    for on in ("st", inner["id"], f"{inner['id']}/blobs/x", GROUP):
        _, records, _ = asked(tmp_path, [store, inner, other], "who-can", BLOB, "--on", on)
        assert [record["answer"] for record in records] == ([] if answer is None else [answer])
    if answer == "yes":
        assert records[0]["doors"] == ["anonymous access"]
        assert records[0]["by"][0].endswith(f"by {inner['id']}")
    _, records, _ = asked(tmp_path, [store, inner, other], "who-can", BLOB, "--on", other["id"])
    assert records == []


@pytest.mark.parametrize(
    ("public", "is_open"),
    [({"allowBlobPublicAccess": True}, True), ({}, True), ({"allowBlobPublicAccess": False}, False)],
)
def test_containers_that_were_not_read_may_be_public_unless_the_account_says_no(
    public: Body, is_open: object, tmp_path: Path
) -> None:
    store = resource("Microsoft.Storage/storageAccounts", "st", {"allowSharedKeyAccess": False, **public})
    _, _, unknowns = asked(tmp_path, [store], "who-can", BLOB, "--on", "st", complete=False)
    assert any("may let in anybody" in text for text in unknowns) is is_open


def test_anybody_pulls_where_nobody_has_to_sign_in(tmp_path: Path) -> None:
    pull = "Microsoft.ContainerRegistry/registries/pull/read"
    for public, right in ((True, {"anybody": ("yes", ["anonymous access"])}), (False, {}), (None, {})):
        registry = resource("Microsoft.ContainerRegistry/registries", "cr", {"anonymousPullEnabled": public})
        assert who(tmp_path, [registry], pull, "cr") == right


def test_who_may_deploy_templates_is_shown_secrets_where_the_vault_lets_them_in(tmp_path: Path) -> None:
    held = [assigned("editor", CONTRIBUTOR), assigned("reader", READER)]
    for lets_in, right in ((True, {"editor": ("after a step", ["template deployment"])}), (False, {}), (None, {})):
        properties = {"enableRbacAuthorization": True, "enabledForTemplateDeployment": lets_in}
        vault = resource("Microsoft.KeyVault/vaults", "kv", properties)
        assert who(tmp_path, [vault, *held], SECRET, "kv") == right
        assert who(tmp_path, [vault, *held], "data:Microsoft.KeyVault/vaults/keys/sign/action", "kv") == {}
        _, records, _ = asked(tmp_path, [vault, *held], "what-can", "editor")
        assert [one["data_actions"] for one in records if one["door"] == "template deployment"] == (
            [[SECRET]] if right else []
        )


LIST = "Microsoft.Storage/storageAccounts/listKeys/action"
REMOVE = "Microsoft.Storage/storageAccounts/delete"


def lock(level: str, at: str) -> Body:
    return resource("Microsoft.Authorization/locks", "keep", {"level": level}, at)


@pytest.mark.parametrize(
    ("operation", "level", "is_shut"),
    [
        (LIST, "ReadOnly", True),
        (LIST, "readonly", True),
        (LIST, "CanNotDelete", False),
        (LIST, "NotSpecified", False),
        (BLOB, "ReadOnly", True),
        (REMOVE, "CanNotDelete", True),
        (REMOVE, "ReadOnly", True),
        ("Microsoft.Storage/storageAccounts/read", "ReadOnly", False),
        ("Microsoft.Authorization/locks/delete", "ReadOnly", False),
    ],
)
def test_past_a_lock_gets_only_who_may_remove_it(operation: str, level: str, is_shut: object, tmp_path: Path) -> None:
    store = resource("Microsoft.Storage/storageAccounts", "st", {})
    held = [assigned("editor", CONTRIBUTOR), assigned("owner", OWNER)]
    for at in (store["id"], GROUP, GROUP.upper()):
        found = who(tmp_path, [store, *held, lock(level, at)], operation, "st")
        steps = {who for who, (answer, _) in found.items() if answer == "after a step"}
        assert found == {} or steps == ({"owner"} if is_shut else set())
        assert set(found) - {"owner"} == (set() if is_shut or "locks" in operation else {"editor"})
        if is_shut:
            assert found["owner"][1] == ["removes a lock"]
    assert "owner" not in who(tmp_path, [store, *held, lock("ReadOnly", SUBSCRIPTION)], LIST, "st")


def test_a_lock_shuts_no_data_that_roles_open(tmp_path: Path) -> None:
    store = resource("Microsoft.Storage/storageAccounts", "st", {"allowSharedKeyAccess": False})
    found = who(tmp_path, [store, assigned("p", BLOB_READER), lock("ReadOnly", GROUP)], BLOB, "st")
    assert found == {"p": ("yes", ["role assignment"])}


def test_locks_that_were_not_read_may_stand_against_it(tmp_path: Path) -> None:
    store = resource("Microsoft.Storage/storageAccounts", "st", {})
    unread = lock("ReadOnly", GROUP)
    del unread["properties"]
    code, _, unknowns = asked(tmp_path, [store, assigned("p", CONTRIBUTOR), unread], "who-can", LIST, "--on", "st")
    assert code == 2
    assert [text for text in unknowns if text.startswith("locks")]


def classic_administrators() -> list[Body]:
    kind = "Microsoft.Authorization/classicAdministrators"
    roles = ["ServiceAdministrator;AccountAdministrator", "CoAdministrator", "AccountAdministrator"]
    return [
        resource(kind, str(at), {"emailAddress": f"{at}@contoso.com", "role": role}, SUBSCRIPTION)
        for at, role in enumerate(roles)
    ]


@pytest.mark.parametrize(
    ("as_of", "code", "answer"),
    [
        pytest.param(EARLIER, 0, "yes", id="as owners have"),
        pytest.param("2024-08-31T23:59:59Z", 0, "yes", id="on the last day"),
        pytest.param("2024-09-01T00:00:00Z", 2, "maybe", id="retired, and not yet owners by a role"),
        pytest.param("2026-05-31T23:59:59Z", 2, "maybe", id="before the last of them were gone"),
        pytest.param("2026-06-01T00:00:00Z", 0, None, id="gone, whoever is listed"),
    ],
)
def test_classic_administrators_have_what_owners_have_while_there_are_any(
    as_of: str, code: int, answer: str | None, tmp_path: Path
) -> None:
    store = resource("Microsoft.Storage/storageAccounts", "st", {"allowSharedKeyAccess": False})
    words = ("who-can", "Microsoft.Storage/storageAccounts/listKeys/action", "--on", "st")
    ended, records, _ = asked(tmp_path, [store, *classic_administrators()], *words, as_of=as_of)
    able = {record["principal"]: record["answer"] for record in records}
    assert (ended, able) == (code, dict.fromkeys(["0@contoso.com", "1@contoso.com"], answer) if answer else {})


@pytest.mark.parametrize(
    ("listed", "as_of", "status"),
    [
        (["CoAdministrator"], EARLIER, "fail"),
        (["CoAdministrator"], "2026-05-31T00:00:00Z", "fail"),
        (["CoAdministrator"], "2026-06-01T00:00:00Z", "pass"),
        (["AccountAdministrator"], EARLIER, "pass"),
        (["AccountAdministrator", "ServiceAdministrator"], EARLIER, "fail"),
    ],
)
def test_only_classic_administrators_who_may_still_act_are_left(
    listed: Sequence[str], as_of: str, status: str, tmp_path: Path
) -> None:
    subscription = {"id": SUBSCRIPTION, "name": "s", "type": "Microsoft.Resources/subscriptions", "properties": {}}
    kind = "Microsoft.Authorization/classicAdministrators"
    named = [resource(kind, role, {"role": role}, SUBSCRIPTION) for role in listed]
    source = estate(tmp_path, subscription, *named, complete=True)
    words = ("--select", "access-no-classic-administrators", "--include-passed", "-o", "json", "--as-of", as_of)
    [found] = in_process("evaluate", source, *words, at=tmp_path).findings
    assert found["status"] == status


@pytest.mark.parametrize(("as_of", "is_asked"), [(EARLIER, True), (NOW, False)])
def test_classic_administrators_are_missed_only_while_there_were_any(
    as_of: str, is_asked: object, tmp_path: Path
) -> None:
    store = resource("Microsoft.Storage/storageAccounts", "st", {})
    _, _, unknowns = asked(tmp_path, [store], "who-can", BLOB, "--on", "st", complete=False, as_of=as_of)
    assert any("classic administrators" in text for text in unknowns) is is_asked


def test_who_is_delegated_the_giving_of_roles_gives_only_those_listed(tmp_path: Path) -> None:
    store = resource("Microsoft.Storage/storageAccounts", "st", {"allowSharedKeyAccess": False})
    given = {"principalId": "p9", "roleDefinitionId": ACCESS_ADMINISTRATOR}
    for roles, right in (([BLOB_READER], {"p9": ("after a step", ["gives itself access"])}), ([READER], {})):
        bodies = [store, *delegated(delegatedRoleDefinitionIds=roles, **given)]
        assert who(tmp_path, bodies, BLOB, "st") == right


def acting() -> list[Body]:
    """Return a vault that an app's identity reads, with a federated credential, and somebody who may publish to the app."""
    vault = resource("Microsoft.KeyVault/vaults", "kv", {"enableRbacAuthorization": True})
    identity = resource("Microsoft.ManagedIdentity/userAssignedIdentities", "id", {"principalId": "of-app"})
    carried = {"type": "UserAssigned", "userAssignedIdentities": {identity["id"]: {"principalId": "of-app"}}}
    app = resource("Microsoft.Web/sites", "app", {}, identity=carried)
    kind = "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials"
    credential = {
        "id": f"{identity['id']}/federatedIdentityCredentials/f",
        "name": "f",
        "type": kind,
        "properties": {"issuer": "https://issuer.example", "subject": "repo:x"},
    }
    roles = [
        assigned("of-app", SECRETS_USER, vault["id"], "ServicePrincipal"),
        assigned("dev", WEBSITE_CONTRIBUTOR, app["id"]),
        assigned("admin", ACCESS_ADMINISTRATOR, vault["id"]),
    ]
    return [vault, identity, app, credential, *roles]


def test_who_can_be_an_identity_can_what_it_can_and_the_witness_says_how(tmp_path: Path) -> None:
    _, records, unknowns = asked(tmp_path, acting(), "who-can", SECRET, "--on", "kv")
    assert unknowns == []
    assert {record["principal"]: (record["answer"], record["doors"]) for record in records} == {
        "of-app": ("yes", ["role assignment"]),
        "dev": ("after a step", ["acts as an identity"]),
        "https://issuer.example repo:x": ("after a step", ["federated credential"]),
        "admin": ("after a step", ["gives itself access"]),
    }
    by = {record["principal"]: record["by"][0] for record in records}
    assert "then acts as of-app" in by["dev"]
    assert by["dev"].endswith("/dev-de139f84")
    assert by["https://issuer.example repo:x"].endswith("/federatedIdentityCredentials/f")


def test_what_can_shows_whom_somebody_can_be_and_what_that_one_may(tmp_path: Path) -> None:
    code, records, _ = asked(tmp_path, acting(), "what-can", "dev")
    assert code == 0
    assert [(record["door"], record["acts_as"], record["dangers"]) for record in records] == [
        ("role assignment", "", ["read-keys", "run-code", "change-network"]),
        ("acts as an identity", "of-app", ["read-secrets"]),
    ]
    _, records, _ = asked(tmp_path, acting(), "what-can", "https://issuer.example repo:x")
    assert [(record["door"], record["acts_as"]) for record in records] == [("federated credential", "of-app")]
    assert records[0]["assignment"].endswith("/federatedIdentityCredentials/f")


def test_a_door_after_a_step_that_may_be_closed_leaves_the_answer_open(tmp_path: Path) -> None:
    bodies = acting()
    bodies[4]["properties"]["condition"] = "@Resource[a:b] StringEquals 'c'"
    code, records, _ = asked(tmp_path, bodies, "who-can", SECRET, "--on", "kv")
    assert code == 2
    assert {record["principal"]: record["answer"] for record in records}["dev"] == "maybe"


def test_a_vault_that_does_not_say_who_its_policies_let_in_is_a_door_unread(tmp_path: Path) -> None:
    vault = resource("Microsoft.KeyVault/vaults", "kv", {"enableRbacAuthorization": False})
    code, records, unknowns = asked(tmp_path, [vault], "who-can", SECRET, "--on", "kv")
    assert (code, records) == (2, [])
    assert "own policies is not known" in unknowns[0]


def test_of_several_of_a_name_the_one_is_meant_that_the_operation_is_for(tmp_path: Path) -> None:
    """The record of a service in a private zone has the name of the service."""
    account = resource("Microsoft.Storage/storageAccounts", "st", {"allowSharedKeyAccess": False})
    zone = resource("Microsoft.Network/privateDnsZones", "privatelink.blob.core.windows.net", {})
    record = resource("Microsoft.Network/privateDnsZones/A", "st", {}) | {"id": f"{zone['id']}/A/st"}
    bodies = [account, zone, record, assigned("p", BLOB_READER)]
    assert who(tmp_path, bodies, BLOB, "st") == {"p": ("yes", ["role assignment"])}
    source = tmp_path / "estate.json"
    words = ("who-can", "Microsoft.Compute/virtualMachines/read", "--on", "st")
    assert "names 2 resources" in in_process("access", *words, str(source), "--complete", at=tmp_path).err


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        ("Microsoft.App/containerApps", "after a step"),
        ("Microsoft.Compute/virtualMachineScaleSets", "after a step"),
        ("Microsoft.Automation/automationAccounts", "maybe"),
        ("Microsoft.ContainerInstance/containerGroups", "maybe"),
        ("Microsoft.Logic/workflows", "maybe"),
        ("Microsoft.Network/applicationGateways", None),
    ],
)
def test_who_may_change_what_runs_as_an_identity_may_be_it_unless_that_is_known_to_run_nothing(
    kind: str, answer: str | None, tmp_path: Path
) -> None:
    store = resource("Microsoft.Storage/storageAccounts", "st", {"allowSharedKeyAccess": False})
    host = resource(kind, "h", {}, identity={"type": "SystemAssigned", "principalId": "of-h"})
    held = [assigned("of-h", BLOB_READER, store["id"], "ServicePrincipal"), assigned("editor", CONTRIBUTOR)]
    code, records, _ = asked(tmp_path, [store, host, *held], "who-can", BLOB, "--on", "st")
    found = {record["principal"]: record["answer"] for record in records}
    assert found == {"of-h": "yes"} | ({} if answer is None else {"editor": answer})
    assert code == (2 if answer == "maybe" else 0)
