"""What the rules on resource types say of the chat estate."""

from __future__ import annotations

from datetime import UTC, datetime

from auditor.engine.subjects import ResourceSubject
from auditor.engine.verdict import judge
from auditor.language.environment import Environment
from auditor.model import Status
from tests.estates.chat import chat_bodies
from tests.estates.graph import estate_of
from tests.rules.test_examples import rules_on_types

_NOW = datetime(2024, 3, 1, tzinfo=UTC)
_APPS = ("app-chat01", "app-chat01-pf")
_POLICIES = "basicPublishingCredentialsPolicies"
_SECRETS = ("apiKey", "chatApiKey", "gateway-public-cert", "openai-key")
_ENDPOINT = "mlw-chat01/onlineEndpoints/ept-chat01"
_FAILING = {
    "app-basic-auth-off": {f"{app}/{_POLICIES}/{name}" for app in _APPS for name in ("ftp", "scm")},
    "app-deployment-slot-exists": set(_APPS),
    "app-end-to-end-encryption": set(_APPS),
    "app-health-check-set": {f"{app}/config/web" for app in _APPS},
    "app-https-only": set(_APPS),
    "app-image-from-workload-registry": {"app-chat01-pf/config/web"},
    "app-image-tag-pinned": {"app-chat01-pf/config/web"},
    "app-users-signed-in": {"app-chat01/config/authsettingsV2"},
    "gateway-health-probes-mind-refusals": {"agw-chat01"},
    "gateway-host-name-kept": {"agw-chat01"},
    "app-service-defender-on": {"asp-app-chat01"},
    "autoscale-follows-own-metric": {"asp-app-chat01-autoscale"},
    "keyvault-deployment-access-off": {"kv-chat01"},
    "keyvault-public-network-access-off": {"kv-chat01"},
    "keyvault-purge-protection-on": {"kv-chat01"},
    "keyvault-secret-expiry-set": {f"kv-chat01/secrets/{name}" for name in _SECRETS},
    "keyvault-secret-in-use": {"kv-chat01/secrets/apiKey"},
    "ml-endpoint-monitored": {_ENDPOINT},
    "ml-flow-hosting-zone-resilient": {_ENDPOINT},
    "ml-workspace-datastores-use-identity": {"mlw-chat01"},
    "openai-outbound-hosts-as-declared": {"oai-chat01"},
    "registry-export-off": {"crchat01"},
    "storage-copies-stay-in-tenant": {"stchat01", "stmlchat01"},
    "monitor-alert-on-key-resource": {
        *_APPS,
        _ENDPOINT,
        "agw-chat01",
        "kv-chat01",
        "oai-chat01",
        "stchat01",
        "stmlchat01",
    },
    "openai-usage-alert-set": {"oai-chat01"},
    "resource-group-budget-alerts": {"rg-chat"},
    "resource-group-governed-by-policy": {"rg-chat"},
    "storage-key-expiration-policy": {"stchat01", "stmlchat01"},
    "storage-public-network-access-off": {"stchat01", "stmlchat01"},
    "workload-changed-by-pipelines": {
        "mlw-chat01/onlineEndpoints/ept-chat01",
        "mlw-chat01/onlineEndpoints/ept-chat01/deployments/ept-chat01",
        "oai-chat01/deployments/gpt35",
    },
    "vm-encryption-at-host-on": {"vm-jmp-chat01"},
}


def _short(resource_id: str) -> str:
    _, found, path = resource_id.rpartition("/providers/")
    return path.split("/", 2)[2] if found else resource_id.rpartition("/")[2]


def test_the_chat_estate_fails_what_it_is_known_to_get_wrong_and_nothing_else() -> None:
    estate = estate_of(chat_bodies())
    found: dict[tuple[str, Status], set[str]] = {}
    for rule in rules_on_types():
        parameters = {name: parameter.default for name, parameter in rule.parameters.items()}
        for resource in (one for name in rule.applies.types for one in estate.of_type(name)):
            subject = ResourceSubject(resource, estate)
            status = judge(rule, Environment(subject, subject, parameters, _NOW)).status
            found.setdefault((rule.id, status), set()).add(_short(resource.id))
    failing = {rule: names for (rule, status), names in found.items() if status is Status.FAIL}
    assert failing == _FAILING
    assert Status.UNKNOWN not in {status for _, status in found}
