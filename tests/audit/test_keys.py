"""What is found about keys and secrets in estates that are given whole, in part, and with a log."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.model import Status
from tests.audit.judging import judged

SUBSCRIPTION = "/subscriptions/00000000-0000-0000-0000-0000000000a1"
GROUP = f"{SUBSCRIPTION}/resourceGroups/rg"
ACCOUNT = f"{GROUP}/providers/Microsoft.CognitiveServices/accounts/oai"
VAULT = f"{GROUP}/providers/Microsoft.KeyVault/vaults/kv"
WORKSPACE = f"{GROUP}/providers/Microsoft.MachineLearningServices/workspaces/mlw"
Body = dict[str, Any]


def body(resource_id: str, kind: str, /, properties: Body | None = None, **more: Any) -> Body:
    name = resource_id.rpartition("/")[2]
    return {
        "id": resource_id,
        "name": name,
        "type": kind,
        "location": "eastus2",
        "properties": properties or {},
        **more,
    }


def log(start: str, *events: Body) -> Body:
    """Return an activity log as a collection writes it."""
    window = {"from": start, "to": "2024-03-01T00:00:00Z", "providers": ["Microsoft.CognitiveServices"]}
    kind = "Microsoft.Insights/eventtypes/management"
    return body(f"{SUBSCRIPTION}/providers/{kind}", kind, {**window, "events": list(events)})


def regenerated(at: str, key: str | None) -> Body:
    return {
        "operationName": "Microsoft.CognitiveServices/accounts/regenerateKey/action",
        "status": "Succeeded",
        "eventTimestamp": at,
        "resourceId": ACCOUNT,
        "keyName": key,
    }


def statuses(rule: str, *resources: Body, complete: bool = True) -> dict[str, Status]:
    report = judged({"resources": list(resources)}, rule, complete=complete)
    return {finding.sub_object or str(finding.resource_id): finding.status for finding in report.findings}


OLD = body(ACCOUNT, "Microsoft.CognitiveServices/accounts", {"dateCreated": "2022-01-01T00:00:00Z"}, kind="OpenAI")


@pytest.mark.parametrize(
    ("given", "first", "second"),
    [
        ([log("2023-12-02T00:05:00Z")], Status.FAIL, Status.FAIL),
        ([log("2023-12-04T00:00:00Z")], Status.UNKNOWN, Status.UNKNOWN),
        ([log("2023-12-02T00:05:00Z", regenerated("2024-02-01T00:00:00Z", "key1"))], Status.PASS, Status.FAIL),
        ([log("2023-12-02T00:05:00Z", regenerated("2024-02-01T00:00:00Z", None))], Status.UNKNOWN, Status.UNKNOWN),
        ([], Status.UNKNOWN, Status.UNKNOWN),
    ],
    ids=["ninety days without one", "eighty-eight days", "of the first key", "of either key", "no log"],
)
def test_each_key_is_judged_by_what_the_log_proves_of_it(given: list[Body], first: Status, second: Status) -> None:
    assert statuses("openai-keys-rotated", OLD, *given) == {"key1": first, "key2": second}


def test_an_unknown_age_names_its_bound_and_the_permission() -> None:
    report = judged({"resources": [OLD, log("2023-12-04T00:00:00Z")]}, "openai-keys-rotated")

    finding = report.findings[0]
    assert "not rotated in the last 88 days; older is not known" in finding.message
    assert finding.missing_permission == "Microsoft.Insights/eventtypes/values/read"


def secret(name: str) -> Body:
    return body(f"{VAULT}/secrets/{name}", "Microsoft.KeyVault/vaults/secrets", {"attributes": {"enabled": True}})


VAULT_BODY = body(VAULT, "Microsoft.KeyVault/vaults", {"vaultUri": "https://kv.vault.azure.net/"})
SITE = f"{GROUP}/providers/Microsoft.Web/sites/app"


def test_a_secret_is_in_use_where_an_app_a_gateway_or_a_certificate_is_set_up_to_read_it() -> None:
    names = ("setting", "listener", "certificate", "leftover")
    certificate = {"properties": {"keyVaultSecretId": "https://KV.vault.azure.net/secrets/listener/0123"}}
    readers = [
        body(SITE, "Microsoft.Web/sites"),
        body(
            f"{SITE}/config/configreferences/appsettings/Token",
            "Microsoft.Web/sites/config/appsettings",
            {"vaultName": "KV", "secretName": "Setting"},
        ),
        body(
            f"{GROUP}/providers/Microsoft.Network/applicationGateways/agw",
            "Microsoft.Network/applicationGateways",
            {"sslCertificates": [{"name": "web", **certificate}]},
        ),
        body(
            f"{GROUP}/providers/Microsoft.Web/certificates/c",
            "Microsoft.Web/certificates",
            {"keyVaultId": VAULT, "keyVaultSecretName": "certificate"},
        ),
    ]

    found = statuses("keyvault-secret-in-use", VAULT_BODY, *map(secret, names), *readers)

    assert {key.rpartition("/")[2]: status for key, status in found.items()} == {
        "setting": Status.PASS,
        "listener": Status.PASS,
        "certificate": Status.PASS,
        "leftover": Status.FAIL,
    }


@pytest.mark.parametrize(("sign_in", "status"), [("ApiKey", Status.UNKNOWN), ("AAD", Status.FAIL)])
def test_a_workspace_whose_connections_have_keys_may_be_the_reader(sign_in: str, status: Status) -> None:
    kind = "Microsoft.MachineLearningServices/workspaces"
    workspace = body(WORKSPACE, kind, {"keyVault": VAULT})
    connection = body(
        f"{WORKSPACE}/connections/c", f"{kind}/connections", {"authType": sign_in, "category": "AzureOpenAI"}
    )

    found = statuses("keyvault-secret-in-use", VAULT_BODY, secret("leftover"), workspace, connection)

    assert set(found.values()) == {status}


def test_of_a_part_of_an_estate_nobody_knows_which_secrets_are_in_use() -> None:
    found = statuses("keyvault-secret-in-use", VAULT_BODY, secret("leftover"), complete=False)

    assert Status.FAIL not in found.values()
    assert Status.UNKNOWN in found.values()
