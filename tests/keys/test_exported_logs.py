"""The age of keys through the front door: an estate and its activity log, as Azure and its tools give them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.command import in_process

SUBSCRIPTION = "00000000-0000-0000-0000-0000000000a1"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg"
OPENAI = f"{GROUP}/providers/Microsoft.CognitiveServices/accounts/oai"
SEARCH = f"{GROUP}/providers/Microsoft.Search/searchServices/srch"
ENDPOINT = f"{GROUP}/providers/Microsoft.MachineLearningServices/workspaces/mlw/onlineEndpoints/ept"
VAULT = f"{GROUP}/providers/Microsoft.KeyVault/vaults/kv"
SITE = f"{GROUP}/providers/Microsoft.Web/sites/app"
REGENERATE = "Microsoft.CognitiveServices/accounts/regenerateKey/action"
NOW = "2024-03-01T00:00:00Z"
Body = dict[str, Any]


def old(resource_id: str, of_type: str, /, **more: Any) -> Body:
    """Return a resource that came to be long ago."""
    return {
        "id": resource_id,
        "name": resource_id.rpartition("/")[2],
        "type": of_type,
        "location": "eastus2",
        "systemData": {"createdAt": "2022-01-01T00:00:00Z"},
        "properties": {},
        **more,
    }


def account(**properties: Any) -> Body:
    return old(OPENAI, "Microsoft.CognitiveServices/accounts", kind="OpenAI", sku={"name": "S0"}, properties=properties)


def endpoint(mode: str = "Key") -> Body:
    kind = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints"
    return old(ENDPOINT, kind, kind="Managed", properties={"authMode": mode})


def event(day: str, operation: str = REGENERATE, on: str = OPENAI, status: str = "Succeeded", **more: Any) -> Body:
    """Return an entry as `az monitor activity-log list` prints it."""
    return {
        "id": f"{on}/events/{day}/ticks/1",
        "eventTimestamp": f"{day}T00:00:00.1234567Z",
        "eventDataId": day,
        "operationName": {"value": operation, "localizedValue": "Regenerate Key"},
        "status": {"value": status, "localizedValue": status},
        "resourceId": on,
        "caller": "person@example.com",
        **more,
    }


def named(key: str) -> Body:
    """Return the properties of an entry that holds the body of the request."""
    return {"properties": {"requestbody": json.dumps({"keyName": key})}}


def row(day: str, operation: str = REGENERATE.upper(), on: str = OPENAI, **more: Any) -> Body:
    """Return a row of the table AzureActivity, as `az monitor log-analytics query` prints it."""
    return {
        "TableName": "PrimaryResult",
        "TimeGenerated": f"{day}T00:00:00Z",
        "OperationNameValue": operation,
        "ActivityStatusValue": "Success",
        "_ResourceId": on.lower(),
        "Caller": "person@example.com",
        **more,
    }


def covering(start: str, events: Sequence[Body], end: str = "2024-03-01", **more: Any) -> Body:
    """Return a log with the time that it covers."""
    window = {"from": f"{start}T00:00:00Z", "to": f"{end}T00:00:00Z", "subscriptions": [SUBSCRIPTION]}
    return {**window, "activityLog": list(events), **more}


Keys = Callable[..., dict[str, Body]]


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    """Return a function that lists the keys of an estate given with logs, by key."""

    def listed(resources: Sequence[Body], *logs: Any, options: Sequence[str] = ()) -> dict[str, Body]:
        paths = []
        for number, content in enumerate([{"complete": True, "resources": list(resources)}, *logs]):
            paths.append(tmp_path / f"{number}.json")
            paths[-1].write_text(json.dumps(content))
        run = in_process(
            "keys", *map(str, paths), "--as-of", NOW, "--allow-incomplete", "-o", "json", *options, at=tmp_path
        )
        assert run.code == 0, run.err
        return {record["key"]: record for record in json.loads(run.out)["keys"]}

    return listed


def states(listed: dict[str, Body]) -> dict[str, str]:
    return {key: record["state"] for key, record in listed.items()}


def test_without_a_log_nothing_is_known_of_the_keys_of_an_old_account(keys: Keys) -> None:
    listed = keys([account()])

    assert states(listed) == {"key1": "unknown", "key2": "unknown"}
    assert listed["key1"]["age_at_most_days"] == 790
    assert "the activity log was not read" in listed["key1"]["reason"]


def test_a_list_of_entries_proves_what_it_holds_and_no_more(keys: Keys) -> None:
    listed = keys([account()], [event("2024-02-10", **named("Key1"))])

    assert states(listed) == {"key1": "within limit", "key2": "unknown"}
    assert listed["key1"]["age_at_most_days"] == 19
    assert listed["key1"]["last_rotated"] is None


def test_a_log_of_a_declared_time_proves_what_did_not_happen(keys: Keys) -> None:
    listed = keys([account()], covering("2023-06-01", [event("2024-02-10", **named("key2"))]))

    assert states(listed) == {"key1": "too old", "key2": "within limit"}
    assert listed["key1"]["not_rotated_since"] == "2023-06-01T00:00:00Z"
    assert listed["key2"]["last_rotated"] == "2024-02-10T00:00:00.123456Z"


def test_a_regeneration_that_names_no_key_may_be_of_either(keys: Keys) -> None:
    listed = keys([account()], covering("2023-06-01", [event("2024-02-10")]))

    assert states(listed) == {"key1": "unknown", "key2": "unknown"}
    assert "the log does not say whether this one" in listed["key1"]["reason"]
    assert (listed["key1"]["age_at_least_days"], listed["key1"]["age_at_most_days"]) == (19, 790)


def test_a_log_of_88_days_leaves_a_limit_of_90_open_and_says_what_it_proves(keys: Keys) -> None:
    listed = keys([account()], covering("2023-12-04", []))

    assert states(listed) == {"key1": "unknown", "key2": "unknown"}
    assert "not rotated in the last 88 days; older is not known" in listed["key1"]["reason"]


def test_a_log_that_ends_early_proves_nothing_of_its_end(keys: Keys) -> None:
    listed = keys([account()], covering("2023-01-01", [], end="2024-02-28"))

    assert "the activity log that was read ends on 2024-02-28" in listed["key1"]["reason"]


def test_a_young_account_needs_no_log(keys: Keys) -> None:
    listed = keys([{**account(), "systemData": {"createdAt": "2024-02-01T00:00:00Z"}}])

    assert states(listed) == {"key1": "within limit", "key2": "within limit"}


@pytest.mark.parametrize(
    ("entry", "counts"),
    [
        (event("2024-02-10", operation=REGENERATE.upper(), **named("key1")), True),
        (event("2024-02-10", operation=REGENERATE.replace("regenerateKey", "listKeys"), **named("key1")), False),
        (event("2024-02-10", status="Failed", **named("key1")), False),
        (event("2024-02-10", status="Started", **named("key1")), False),
        (row("2024-02-10", Properties=json.dumps({"requestbody": json.dumps({"keyName": "Key1"})})), True),
        (row("2024-02-10", ActivityStatusValue="Failure", Properties=json.dumps({"keyName": "key1"})), False),
        (row("2024-02-10", on=f"{OPENAI}-two", Properties=json.dumps({"keyName": "key1"})), False),
    ],
    ids=["capitals", "keys were read", "failed", "started", "table", "failed in the table", "another account"],
)
def test_only_a_regeneration_that_succeeded_is_a_rotation(keys: Keys, entry: Body, *, counts: bool) -> None:
    listed = keys([account()], [entry])

    assert (listed["key1"]["state"] == "within limit") is counts


def test_the_first_entry_of_a_request_names_the_key_of_all(keys: Keys) -> None:
    started = event("2024-02-09", status="Started", correlationId="c", **named("key2"))
    listed = keys([account()], covering("2023-06-01", [started, event("2024-02-10", correlationId="c")]))

    assert states(listed) == {"key1": "too old", "key2": "within limit"}


def test_an_answer_of_log_analytics_and_pages_of_the_log_s_interface_are_read(keys: Keys) -> None:
    columns = ["TimeGenerated", "OperationNameValue", "ActivityStatusValue", "_ResourceId", "Properties_d"]
    cells = ["2024-02-10T00:00:00Z", REGENERATE.upper(), "Success", OPENAI, {"keyName": "key1"}]
    answer = {"tables": [{"name": "PrimaryResult", "columns": [{"name": name} for name in columns], "rows": [cells]}]}
    page = {"value": [event("2024-02-11", **named("key2"))], "nextLink": "https://management.azure.com/next"}

    assert states(keys([account()], answer, page)) == {"key1": "within limit", "key2": "within limit"}


def test_logs_of_several_files_reach_as_far_as_all_of_them(keys: Keys) -> None:
    logs = [covering("2023-06-01", [], end="2024-01-01"), covering("2024-01-01", [])]

    assert keys([account()], *logs)["key1"]["not_rotated_since"] == "2023-06-01T00:00:00Z"


def test_a_log_of_one_provider_tells_nothing_of_the_others(keys: Keys) -> None:
    search = old(SEARCH, "Microsoft.Search/searchServices", sku={"name": "standard"})
    log = covering("2023-06-01", [], providers=["Microsoft.CognitiveServices"])

    assert states(keys([account(), search], log)) == {
        "key1": "too old",
        "key2": "too old",
        "primary": "unknown",
        "secondary": "unknown",
    }


def test_an_operation_logged_at_an_address_of_its_own_is_its_service_s(keys: Keys) -> None:
    search = old(SEARCH, "Microsoft.Search/searchServices", sku={"name": "standard"})
    operation = "Microsoft.Search/searchServices/regenerateAdminKey/action"
    log = covering("2023-06-01", [event("2024-02-10", operation, on=f"{SEARCH}/regenerateAdminKey/primary")])

    assert states(keys([search], log)) == {"primary": "within limit", "secondary": "too old"}


def test_endpoints_that_take_tokens_have_no_keys_to_rotate(keys: Keys) -> None:
    assert set(states(keys([endpoint("AADToken")])).values()) == {"not accepted"}
    assert set(states(keys([endpoint("Key")])).values()) == {"unknown"}


def test_keys_in_vaults_are_as_old_as_their_current_version(keys: Keys) -> None:
    made = {"attributes": {"enabled": True, "created": 1706745600}}
    listed = keys([old(f"{VAULT}/keys/cmk", "Microsoft.KeyVault/vaults/keys", properties=made)])

    assert listed["current version"]["last_rotated"] == "2024-02-01T00:00:00Z"
    assert listed["current version"]["state"] == "within limit"


@pytest.mark.parametrize(
    ("replaced", "state"),
    [
        pytest.param("2024-01-01T00:00:00Z", "within limit", id="before"),
        pytest.param("2024-03-01T12:00:00Z", "within limit", id="while the estate was read"),
        pytest.param("2024-06-01T00:00:00Z", "unknown", id="long after"),
    ],
)
def test_a_key_tells_nothing_of_a_time_before_it_was_replaced(keys: Keys, replaced: str, state: str) -> None:
    stated = {"keyCreationTime": dict.fromkeys(("key1", "key2"), replaced)}
    store = old(
        f"{GROUP}/providers/Microsoft.Storage/storageAccounts/st",
        "Microsoft.Storage/storageAccounts",
        properties=stated,
    )

    listed = keys([store])

    assert states(listed) == dict.fromkeys(("key1", "key2"), state)
    assert ("after the time of judgement" in (listed["key1"]["reason"] or "")) is (state == "unknown")


def test_a_limit_of_the_baseline_s_own_is_asked_of_every_key(keys: Keys) -> None:
    log = covering("2023-12-04", [])

    assert keys([account()], log, options=["--set", "key_max_age_days.aoai=60"])["key1"]["state"] == "too old"


def secret(name: str, day: int, **attributes: Any) -> Body:
    """Return a secret that was made on a day of February 2024."""
    kind = "Microsoft.KeyVault/vaults/secrets"
    made = {"enabled": True, "created": 1706745600 + (day - 1) * 86_400, **attributes}
    return old(f"{VAULT}/secrets/{name}", kind, properties={"attributes": made})


def reference(setting: str, name: str) -> Body:
    """Return what Azure tells of an app setting that refers to a secret."""
    return old(
        f"{SITE}/config/configreferences/appsettings/{setting}",
        "Microsoft.Web/sites/config/appsettings",
        properties={"vaultName": "kv", "secretName": name, "status": "Resolved"},
    )


def copies(listed: dict[str, Body]) -> list[tuple[str, str, str]]:
    found = listed["key1"]["copies"]
    return [(copy["secret"].rpartition("/")[2], copy["bound_by"], copy["state"]) for copy in found]


VAULT_BODY = old(VAULT, "Microsoft.KeyVault/vaults", properties={"vaultUri": "https://kv.vault.azure.net/"})


@pytest.mark.parametrize(
    ("made", "state"),
    [
        (secret("openai-key", 20), "current"),
        (secret("openai-key", 5), "outdated"),
        (secret("openai-key", 20, enabled=False), "disabled"),
        (secret("openai-key", 20, exp=1708992000), "expired"),
    ],
    ids=["after the rotation", "before the rotation", "disabled", "expired"],
)
def test_a_copy_has_to_be_newer_than_the_last_rotation(keys: Keys, made: Body, state: str) -> None:
    log = covering("2024-01-01", [event("2024-02-10")])

    assert copies(keys([account(), VAULT_BODY, made], log)) == [("openai-key", "name", state)]


def test_the_log_has_to_cover_the_life_of_the_copy(keys: Keys) -> None:
    estate = [account(), VAULT_BODY, secret("openai-key", 5)]

    assert copies(keys(estate, covering("2024-02-06", []))) == [("openai-key", "name", "unknown")]
    assert copies(keys(estate, covering("2024-02-05", []))) == [("openai-key", "name", "current")]


def test_a_reference_of_an_app_finds_the_copy_before_a_name_does(keys: Keys) -> None:
    estate = [account(), VAULT_BODY, secret("openai-key", 5), secret("model-secret", 20)]
    estate += [old(SITE, "Microsoft.Web/sites"), reference("openai-key", "model-secret")]

    assert copies(keys(estate, covering("2024-01-01", []))) == [("model-secret", "reference", "current")]


def test_a_copy_stays_right_when_the_other_key_is_regenerated(keys: Keys) -> None:
    turns = [event("2024-02-09", **named("key2")), event("2024-02-12", **named("key1"))]
    estate = [account(), VAULT_BODY, secret("openai-key", 10)]

    assert copies(keys(estate, covering("2024-01-01", turns))) == [("openai-key", "name", "current")]


def test_the_keys_as_csv_have_one_row_each(tmp_path: Path) -> None:
    path = tmp_path / "estate.json"
    path.write_text(json.dumps({"complete": True, "resources": [account()]}))

    run = in_process("keys", str(path), "--as-of", NOW, "-o", "csv", at=tmp_path)

    rows = run.rows
    assert run.code == 2, "what is not known could change the answer"
    assert [(one["key"], one["state"], one["limit_days"]) for one in rows] == [
        ("key1", "unknown", "90"),
        ("key2", "unknown", "90"),
    ]


def test_who_may_read_and_regenerate_a_key_is_told(keys: Keys) -> None:
    role = "/providers/Microsoft.Authorization/roleDefinitions/b24988ac-6180-42a0-ab88-20f7382dd24c"
    kind = "Microsoft.Authorization/roleAssignments"
    held = {"principalId": "p1", "principalType": "User", "roleDefinitionId": role, "scope": GROUP}
    assignment = {"id": f"{GROUP}/providers/{kind}/a", "name": "a", "type": kind, "properties": held}

    [key, _] = keys([account(), assignment]).values()

    assert (key["may_read"], key["may_regenerate"]) == (["p1"], ["p1"])


@pytest.mark.parametrize(
    "declaration",
    [
        {"activityLog": []},
        {"from": NOW, "to": NOW, "subscriptions": [SUBSCRIPTION], "activityLog": []},
        {"from": "2023-01-01", "to": NOW, "subscriptions": [], "activityLog": []},
        {"from": "2023-01-01", "to": NOW, "subscriptions": [SUBSCRIPTION], "activityLog": "none"},
        {"from": [], "to": {}, "subscriptions": 3, "activityLog": None},
    ],
)
def test_a_declaration_that_says_too_little_is_refused_with_what_is_needed(tmp_path: Path, declaration: Body) -> None:
    estate, log = tmp_path / "estate.json", tmp_path / "log.json"
    estate.write_text(json.dumps([account()]))
    log.write_text(json.dumps(declaration))

    run = in_process("keys", str(estate), str(log), at=tmp_path)

    assert run.code == 2
    assert "log.json" in run.err
    assert '"subscriptions"' in run.err


@pytest.mark.parametrize("content", [[event("2024-02-10")], covering("2024-01-01", [])], ids=["list", "declared"])
def test_a_log_alone_is_no_estate(tmp_path: Path, content: Any) -> None:
    log = tmp_path / "log.json"
    log.write_text(json.dumps(content))

    run = in_process("keys", str(log), at=tmp_path)

    assert run.code == 2
    assert "an activity log, which says what was done" in run.err


def test_entries_of_any_shape_do_not_crash(keys: Keys) -> None:
    junk = [
        {"operationName": 3, "eventTimestamp": []},
        {"OperationNameValue": REGENERATE, "TimeGenerated": "soon", "_ResourceId": OPENAI, "ActivityStatusValue": 1},
        {**event("2024-02-10"), "properties": "{", "resourceId": {"x": 1}},
        {**event("2024-02-10"), "properties": {"requestbody": ["key1"]}, "status": None},
    ]

    assert states(keys([account()], covering("2023-06-01", junk))) == {"key1": "unknown", "key2": "unknown"}


@pytest.mark.parametrize(
    ("days", "enabled", "status"),
    [(180, True, "pass"), (180, False, "fail"), (90, False, "not_applicable")],
    ids=["exported", "not exported", "no limit is longer than the log"],
)
def test_a_limit_longer_than_the_log_needs_its_export(tmp_path: Path, days: int, status: str, *, enabled: bool) -> None:
    setting = {"workspaceId": "/w", "logs": [{"category": "Administrative", "enabled": enabled}]}
    own = f"subscriptions/{SUBSCRIPTION}"
    bodies = [
        {"id": f"/{own}", "type": "Microsoft.Resources/subscriptions", "displayName": "prod"},
        {
            "id": f"{own}/providers/microsoft.insights/diagnosticSettings/export",  # Azure leaves out the first slash
            "name": "export",
            "type": "Microsoft.Insights/diagnosticSettings",
            "properties": setting,
        },
    ]
    path = tmp_path / "estate.json"
    path.write_text(json.dumps({"complete": True, "resources": [*bodies, account()]}))
    rule = "subscription-activity-log-exported"
    choice = ["--select", rule, "--set", f"key_max_age_days.aoai={days}", "--include-passed", "--no-progress"]

    run = in_process("evaluate", str(path), *choice, "-o", "json", at=tmp_path)

    assert [finding["status"] for finding in run.findings] == [status]
