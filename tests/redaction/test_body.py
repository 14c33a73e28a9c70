from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.redaction.body import Redactor
from auditor.redaction.marks import MARK

SECRET = "s3cr3t/Value+0123456789abcdefABCDEF=="  # noqa: S105 - made up
GUID = "11111111-2222-3333-4444-555555555555"
JWT = "eyJhbGciOiJub25lIn0.eyJvaWQiOiIxIn0abcdefghij.c2ln"

HIDDEN: dict[str, dict[str, Any]] = {
    "Application Insights keys": {
        "properties": {
            "InstrumentationKey": SECRET,
            "ConnectionString": f"InstrumentationKey={SECRET};IngestionEndpoint=https://x/",
        }
    },
    "telemetry key of a workspace": {"properties": {"sdkTelemetryAppInsightsKey": SECRET}},
    "environment of a deployment": {
        "properties": {"environmentVariables": {"OPENAI_KEY": SECRET, "NESTED": {"deep": [SECRET]}}}
    },
    "environment of a container app": {
        "properties": {"template": {"containers": [{"env": [{"name": "KEY", "value": SECRET}]}]}}
    },
    "secrets of a container app": {"properties": {"configuration": {"secrets": [{"name": "one", "value": SECRET}]}}},
    "application settings": {"properties": {"siteConfig": {"appSettings": [{"name": "KEY", "value": SECRET}]}}},
    "connection strings": {
        "properties": {
            "siteConfig": {"connectionStrings": [{"name": "db", "connectionString": SECRET, "type": "SQLAzure"}]}
        }
    },
    "machine key": {"properties": {"siteConfig": {"machineKey": {"validation": SECRET, "decryptionKey": SECRET}}}},
    "publishing credentials": {
        "properties": {"siteConfig": {"publishingPassword": SECRET, "publishingUsername": SECRET}}
    },
    "virtual machine": {
        "properties": {"osProfile": {"adminPassword": SECRET, "customData": SECRET}, "userData": SECRET}
    },
    "script of an extension": {
        "properties": {
            "settings": {"commandToExecute": f"join --password {SECRET}"},
            "protectedSettings": {"x": SECRET},
        }
    },
    "setup script of a compute": {
        "properties": {"setupScripts": {"scripts": {"creationScript": {"scriptData": SECRET}}}}
    },
    "API properties": {
        "properties": {"apiProperties": {"qnaAzureSearchEndpointKey": SECRET, "storageConnectionString": SECRET}}
    },
    "connection's credentials": {
        "properties": {"authType": "ApiKey", "credentials": {"key": SECRET, "sub": {"pat": SECRET}}}
    },
    "callback": {"properties": {"listCallbackUrl": f"https://h/?sig={SECRET}"}},
    "webhook": {
        "properties": {"webhookReceivers": [{"name": "hook", "serviceUri": f"https://hooks.example/{SECRET}"}]}
    },
    "what an alert hands to a webhook": {
        "properties": {"actions": [{"actionGroupId": "/g", "webHookProperties": {"auth": SECRET}}]}
    },
    "function and runbook of an action group": {
        "properties": {
            "azureFunctionReceivers": [{"name": "f", "httpTriggerUrl": f"https://f.azurewebsites.net/api/{SECRET}"}],
            "automationRunbookReceivers": [{"name": "r", "serviceUri": f"https://r.example/{SECRET}"}],
            "logicAppReceivers": [{"name": "l", "callbackUrl": f"https://l.example/{SECRET}"}],
        }
    },
    "SAS in any text": {
        "properties": {"packageUri": f"https://a.blob.core.windows.net/c/p.zip?sv=1&sig={SECRET}&se=2"}
    },
    "storage key in a text": {
        "properties": {"note": f"DefaultEndpointsProtocol=https;AccountName=a;AccountKey={SECRET};"}
    },
    "bus key in a text": {"tags": {"conn": f"Endpoint=sb://x/;SharedAccessKeyName=n;SharedAccessKey={SECRET}"}},
    "database password in a text": {"properties": {"value": f"Server=x;User=y;Password={SECRET};"}},
    "user and password in a URL": {
        "properties": {"remote": f"https://user:{SECRET.replace('/', '')}@git.example/repo"}
    },
    "function key": {"properties": {"endpoint": f"https://f.azurewebsites.net/api/x?code={SECRET}"}},
    "bearer token": {"properties": {"header": f"Bearer {SECRET}", "jwt": JWT}},
    "snake case": {"properties": {"environment_variables": {"K": SECRET}, "api_key": SECRET}},
    "keys in lower case": {"PROPERTIES": {"INSTRUMENTATIONKEY": SECRET}},
}

KEPT: dict[str, dict[str, Any]] = {
    "permissions of an access policy": {
        "properties": {"accessPolicies": [{"permissions": {"secrets": ["get", "list"], "keys": ["get"]}}]}
    },
    "names of environment variables": {"properties": {"environmentVariables": {}}},
    "a reference to a vault": {
        "properties": {
            "siteConfig": {
                "appSettings": [{"name": "K", "value": "@Microsoft.KeyVault(SecretUri=https://kv/secrets/s)"}]
            }
        }
    },
    "a reference to a secret": {
        "properties": {"template": {"containers": [{"env": [{"name": "K", "secretRef": "one"}]}]}}
    },
    "key times": {
        "properties": {
            "keyCreationTime": {"key1": "2024-01-01T00:00:00Z"},
            "keyPolicy": {"keyExpirationPeriodInDays": 60},
        }
    },
    "switches": {
        "properties": {
            "allowSharedKeyAccess": True,
            "disableLocalAuth": False,
            "adminUserEnabled": False,
            "password": None,
        }
    },
    "customer-managed key": {
        "properties": {
            "encryption": {
                "keyVaultProperties": {
                    "keyName": "cmk",
                    "keyVaultUri": "https://kv.vault.azure.net/",
                    "keyVersion": GUID,
                }
            }
        }
    },
    "secret attributes": {
        "properties": {
            "attributes": {"enabled": True, "exp": 1},
            "secretUri": "https://kv/secrets/s",
            "contentType": "text",
        }
    },
    "sign-in settings": {"properties": {"registration": {"clientId": GUID, "clientSecretSettingName": "SETTING"}}},
    "which type a connection has": {
        "properties": {
            "authType": "ManagedIdentity",
            "credentials": {"clientId": GUID, "resourceId": "/subscriptions/s"},
        }
    },
    "plain URLs": {
        "properties": {"endpoint": "https://x.openai.azure.com/?api-version=1", "email": "person@example.com"}
    },
    "no secret set": {
        "properties": {"siteConfig": {"appSettings": None, "connectionStrings": []}, "ConnectionString": ""}
    },
}


@pytest.mark.parametrize("body", HIDDEN.values(), ids=HIDDEN.keys())
def test_a_secret_is_gone(body: dict[str, Any]) -> None:
    text = json.dumps(Redactor(b"k").body({"id": "/subscriptions/s", **body}))

    assert SECRET not in text
    assert SECRET.replace("/", "") not in text
    assert JWT not in text
    assert MARK in text


@pytest.mark.parametrize("body", KEPT.values(), ids=KEPT.keys())
def test_what_is_no_secret_stays(body: dict[str, Any]) -> None:
    assert Redactor(b"k").body(body) == body


def test_names_of_variables_stay() -> None:
    found = Redactor(b"k").body({"properties": {"environmentVariables": {"OPENAI_KEY": SECRET}}})

    assert list(found["properties"]["environmentVariables"]) == ["OPENAI_KEY"]


def test_a_change_is_seen_and_nothing_else_is() -> None:
    def hidden(value: str, key: bytes = b"k") -> Any:
        return Redactor(key).body({"id": "/subscriptions/S", "properties": {"ConnectionString": value}})["properties"]

    assert hidden(SECRET) == hidden(SECRET)
    assert hidden(SECRET) != hidden(SECRET + "x")
    assert hidden(SECRET) != hidden(SECRET, b"other")


def test_the_same_secret_looks_the_same_wherever_it_stands() -> None:
    found = Redactor(b"k").body({"properties": {"a": {"password": SECRET}, "b": {"note": f"password={SECRET}"}}})

    assert found["properties"]["b"]["note"] == f"password={found['properties']['a']['password']}"


def test_without_a_key_nothing_tells_one_secret_from_another() -> None:
    found = Redactor().body({"properties": {"password": SECRET, "sharedKey": SECRET + "x"}})["properties"]

    assert set(found.values()) == {MARK}


def test_people_are_hidden_only_when_asked() -> None:
    body = {"systemData": {"createdBy": "person@example.com", "createdByType": "User", "lastModifiedBy": GUID}}

    assert Redactor(b"k").body(body) == body
    hidden = Redactor(b"k", people=True).body(body)["systemData"]
    assert hidden["createdBy"].startswith(MARK)
    assert hidden["lastModifiedBy"] == GUID


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["env", "password", "x", "credentials", "secrets", "apiProperties", "key", "name", "value"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(st.dictionaries(st.text(), JSON, max_size=4))
def test_redaction_is_stable_and_takes_any_shape(body: dict[str, Any]) -> None:
    once = Redactor(b"k").body(body)

    assert Redactor(b"k").body(once) == once
