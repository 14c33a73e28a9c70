"""What is a secret goes, wherever people write what they like; what only looks like one stays."""

from __future__ import annotations

import json
from typing import Any

import pytest

from auditor.redaction.body import Redactor
from tests.redaction.planted import KINDS, PLACES, Forge, Secret, secrets

KEY = b"the key of this test"
GUID = "0e3b8a5d-6c1f-4b7e-9a42-5d8c7f6e1b20"
GROUP = f"/subscriptions/{GUID}/resourceGroups/rg"
_FORGE = Forge(7)


def test_a_hundred_secrets_of_forty_kinds_are_planted() -> None:
    assert len(secrets()) >= 100
    assert len(KINDS) >= 40


@pytest.mark.parametrize("secret", secrets(), ids=lambda secret: secret.kind)
def test_a_secret_is_gone_from_a_text(secret: Secret) -> None:
    clean = Redactor(KEY).text(secret.text)

    assert [part for part in secret.parts if part in clean] == []
    assert Redactor(KEY).text(clean) == clean


@pytest.mark.parametrize("seed", range(2, 12))
def test_no_other_secret_of_a_kind_fares_better(seed: int) -> None:
    cleaned = [(secret, Redactor(KEY).text(secret.text)) for secret in secrets(seed)]

    assert [secret.kind for secret, clean in cleaned for part in secret.parts if part in clean] == []


@pytest.mark.parametrize("place", PLACES)
def test_a_secret_is_gone_from_every_place(place: str) -> None:
    for number, secret in enumerate(secrets()):
        body = PLACES[place](number, secret.text)
        text = json.dumps(Redactor(KEY).body(body))
        assert [part for part in secret.parts if part in text] == [], secret.kind


def test_an_argument_after_an_option_for_a_secret_is_one() -> None:
    password = _FORGE.password()

    clean = Redactor().body({"properties": {"command": ["run", "--password", password, "--user", "admin"]}})

    assert clean == {"properties": {"command": ["run", "--password", "redacted", "--user", "admin"]}}


@pytest.mark.parametrize("name", ["Authorization", "x-api-key", "DB_PASSWORD", "clientSecret", "Cookie"])
@pytest.mark.parametrize(
    "shape", [("name", "value"), ("key", "value"), ("headerName", "headerValue"), ("Name", "Value")]
)
def test_a_name_beside_a_value_says_what_it_is(name: str, shape: tuple[str, str]) -> None:
    pair = {shape[0]: name, shape[1]: "hunter"}

    assert Redactor().body({"properties": {"list": [pair]}}) == {
        "properties": {"list": [{**pair, shape[1]: "redacted"}]}
    }


def test_parameters_and_outputs_of_deployments_are_secret_by_their_names() -> None:
    properties = {
        "parameters": {"adminPassword": {"type": "String", "value": "hunter"}},
        "outputs": {
            "storageKey": {"type": "String", "value": "hunter"},
            "url": {"type": "String", "value": "https://x/a"},
        },
    }

    clean: Any = Redactor().body({"type": "Microsoft.Resources/deployments", "properties": properties})["properties"]

    assert clean["parameters"] == {"adminPassword": {"type": "String", "value": "redacted"}}
    assert clean["outputs"] == {
        "storageKey": {"type": "String", "value": "redacted"},
        "url": properties["outputs"]["url"],
    }


def test_variables_of_automation_are_secret_whatever_they_are_called() -> None:
    body = {
        "type": "Microsoft.Automation/automationAccounts/variables",
        "name": "v",
        "properties": {"value": '"hunter"', "isEncrypted": False},
    }

    assert Redactor().body(body) == {**body, "properties": {"value": "redacted", "isEncrypted": False}}


LOOKALIKES: dict[str, dict[str, Any]] = {
    "GUID": {"principalId": GUID, "note": GUID, "list": [GUID.upper()]},
    "resource id": {
        "subnet": {
            "id": f"/subscriptions/{GUID}/resourceGroups/Rg1/providers/Microsoft.Network/virtualNetworks/Vnet2/subnets/S3nE4t"
        },
        "workspaceResourceId": f"{GROUP}/providers/Microsoft.OperationalInsights/workspaces/Law-9aB8c7D6e5F4g3",
    },
    "digest of an image": {
        "image": f"registry.azurecr.io/app@sha256:{_FORGE.word(64, '0123456789abcdef')}",
        "linuxFxVersion": f"DOCKER|r.azurecr.io/a@sha256:{_FORGE.word(64, '0123456789abcdef')}",
    },
    "digest of a file": {
        "contentHash": _FORGE.base64(32),
        "integrity": "sha384-" + _FORGE.base64(48),
        "text": "sha256-" + _FORGE.base64(32),
    },
    "etag": {
        "etag": 'W/"0x8DCBD3B5C1E3A20"',
        "eTag": _FORGE.base64(16),
        "note": "W/\"datetime'2024-01-01T00%3A00%3A00'\"",
    },
    "name of a key": {
        "keyName": "cmk-openai-2024-Rotated01",
        "keyVaultProperties": {
            "keyName": "Key1",
            "keyIdentifier": f"https://kv.vault.azure.net/keys/cmk/{_FORGE.word(32, '0123456789abcdef')}",
        },
        "note": "SharedAccessKeyName=RootManageSharedAccessKey",
    },
    "version of a key": {
        "keyVersion": _FORGE.word(32, "0123456789abcdef"),
        "currentKeyVersion": _FORGE.word(32, "0123456789abcdef"),
    },
    "thumbprint": {
        "thumbprint": _FORGE.word(40, "0123456789ABCDEF"),
        "x5t": _FORGE.word(27),
        "certificateThumbprint": _FORGE.word(40, "0123456789ABCDEF"),
    },
    "public certificate": {
        "publicCertData": "MII" + "DazCCAlOgAwIBAgIU" + _FORGE.base64(400),
        "data": "MII" + "C5zCCAc+gAwIBAgIB" + _FORGE.base64(400),
        "cer": "MII" + "D" + _FORGE.base64(300),
    },
    "armoured certificate": {
        "text": "-----BEGIN CERTIFICATE-----\nMII" + "DazCCAlOgAwIBAgIU\n-----END CERTIFICATE-----"
    },
    "public key of SSH": {
        "publicKeys": [
            {"path": "/home/u/.ssh/authorized_keys", "keyData": "ssh-rsa AAAAB3NzaC1yc2EAAAADAQAB" + _FORGE.base64(60)}
        ]
    },
    "version": {
        "version": "4.0.30319.42000",
        "nodeVersion": "~18",
        "runtime": "DOTNETCORE|8.0",
        "minTlsVersion": "1.2",
    },
    "subnet prefix": {
        "addressPrefix": "10.0.0.0/24",
        "addressPrefixes": ["10.0.1.0/24", "fd00:db8:deca::/48"],
        "ipRules": [{"value": "203.0.113.0/24"}],
    },
    "reference to a vault": {
        "siteConfig": {
            "appSettings": [
                {
                    "name": "K",
                    "value": "@Microsoft.KeyVault(SecretUri=https://kv.vault.azure.net/secrets/s/0123456789abcdef0123456789abcdef)",
                }
            ]
        },
        "secretUri": "https://kv.vault.azure.net/secrets/s",
        "keyVaultSecretId": "https://kv.vault.azure.net/secrets/cert",
        "password": "https://kv.vault.azure.net/secrets/s",
    },
    "KQL": {
        "query": "SigninLogs | where ResultType == 50126 and Password == false "
        "| extend token=count(), key = tostring(Key1) | summarize by bin(TimeGenerated, 5m)"
    },
    "id of a role": {
        "roleDefinitionId": f"/subscriptions/{GUID}/providers/Microsoft.Authorization/roleDefinitions/{GUID}"
    },
    "size of a machine": {
        "vmSize": "Standard_NC24ads_A100_v4",
        "size": "Standard_E16-4ads_v5",
        "skuName": "Standard_DC16as_cc_v5",
    },
    "name in words": {
        "policy": "MicrosoftWindowsServer2022DatacenterAzureEdition",
        "extension": "AzureMonitorLinuxAgent",
        "solution": "ChangeTracking(Workspace1)",
    },
    "host": {
        "fqdn": "kjh3g4kjh34g.swedencentral-01.azurewebsites.net",
        "endpoint": "https://aoai-Prod-01.openai.azure.com/",
        "queue": "https://st1abc2def3.queue.core.windows.net/",
    },
    "time": {
        "createdAt": "2024-02-20T12:00:00.1234567Z",
        "keyCreationTime": {"key1": "2024-01-01T00:00:00Z"},
        "primaryMasterKey": {"generationTime": "2024-01-01T00:00:00Z"},
    },
    "switch": {
        "disableLocalAuth": True,
        "allowSharedKeyAccess": False,
        "authOptions": {"aadOrApiKey": {"aadAuthFailureMode": "http401WithBearerChallenge"}},
        "customSubDomainName": "x",
    },
    "parameter and variable": {
        "password": "[parameters('adminPassword')]",
        "run": "login --password $(PASSWORD) --token ${TOKEN}",
        "value": "@{parameters('secret')}",
        "header": "Authorization: {{named-value}}",
    },
    "prose": {
        "description": "Basic authentication is off. The password must be changed; ask the token service "
        "for a bearer token and mind the secret rotation."
    },
    "user and group of a container": {
        "command": ["docker", "run", "-u", "1000:1000", "image"],
        "text": "docker run -u 1000:1000 image",
    },
    "port in an address": {"url": "http://localhost:8080/a@b", "probe": "https://x.contoso.com:443/health"},
    "regular expression": {"pattern": "^[a-z0-9]{3,24}$", "match": "https?://[^/]+/api/v[0-9]+"},
    "Base64 of plain words": {"content": "SGVsbG8sIHRoaXMgaXMgYSBwbGFpbiB0ZXh0IHdpdGhvdXQgYW55IHNlY3JldA=="},
    "what was taken out": {
        "password": "redacted",
        "connectionString": "redacted:0123456789abcdef",
        "note": "Server=x;Password=redacted:0123456789abcdef;",
    },
    "name of a header": {
        "subscriptionKeyParameterNames": {"header": "Ocp-Apim-Subscription-Key", "query": "subscription-key"}
    },
    "permissions": {
        "accessPolicies": [{"permissions": {"secrets": ["get", "list"], "keys": ["get"]}}],
        "actions": ["Microsoft.Storage/storageAccounts/listKeys/action"],
    },
    "partition key": {"partitionKey": {"paths": ["/tenantId"]}, "rowKey": "Region2Tenant3User4"},
}


@pytest.mark.parametrize("properties", LOOKALIKES.values(), ids=LOOKALIKES.keys())
def test_what_only_looks_like_a_secret_stays(properties: dict[str, Any]) -> None:
    body = {"id": "/subscriptions/s", "type": "Microsoft.Any/things", "name": "n", "properties": properties}

    assert Redactor(KEY).body(body) is body
