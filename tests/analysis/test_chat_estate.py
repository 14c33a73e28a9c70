"""What the analyses say about the chat estate as deployed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from auditor.analysis import registry
from auditor.analysis.allowlist import ANALYSIS as ADDRESS_RANGES
from auditor.analysis.content_filter.analysis import ANALYSIS as CONTENT_FILTER
from auditor.analysis.contract import Context
from auditor.analysis.gateway.analysis import ANALYSIS as GATEWAY
from auditor.analysis.managed_network.analysis import ANALYSIS as MANAGED_NETWORK
from auditor.analysis.private_link.analysis import ANALYSIS as PRIVATE_LINK
from auditor.analysis.resilience.analysis import ANALYSIS as ZONES
from tests.estates.chat import chat_bodies
from tests.estates.derived import Derived, derive

FactsOf = Callable[..., list[Derived]]
Chat = Callable[..., Context]


def test_each_service_has_one_working_endpoint_whose_names_resolve(chat: Chat, facts_of: FactsOf) -> None:
    found = facts_of(PRIVATE_LINK, chat(), "private_link.endpoint")
    assert sorted((fact.subject.rpartition("/")[2], fact.fields["groupId"]) for fact in found) == [
        ("app-chat01", "sites"),
        ("app-chat01-pf", "sites"),
        ("crchat01", "registry"),
        ("kv-chat01", "vault"),
        ("mlw-chat01", "amlworkspace"),
        ("oai-chat01", "account"),
        ("stchat01", "blob"),
        ("stmlchat01", "blob"),
        ("stmlchat01", "file"),
    ]
    for fact in found:
        assert fact.fields["effective"] == 1
        assert fact.fields["problems"] == []
        assert fact.fields["dnsComplete"] is True
        assert fact.fields["networkScope"] == "workload"
        assert not fact.uncollected
        assert (fact.workload, bool(fact.component)) == ("chat", True)


def test_an_endpoint_without_record_sets_is_registered_all_the_same(chat: Chat, facts_of: FactsOf) -> None:
    found = facts_of(PRIVATE_LINK, chat(), "private_link.endpoint")
    workspace = next(fact for fact in found if fact.fields["service"] == "workspace")
    assert [zone["name"] for zone in workspace.fields["dnsZones"]] == [
        "privatelink.api.azureml.ms",
        "privatelink.notebooks.azure.net",
    ]
    assert not any("recordsMatch" in zone for zone in workspace.fields["dnsZones"])


def test_every_connection_is_healthy_and_explained(chat: Chat, facts_of: FactsOf) -> None:
    found = facts_of(PRIVATE_LINK, chat(), "private_link.connection")
    assert all(fact.fields["healthy"] for fact in found)
    explained = [fact.fields["explainedBy"] for fact in found if fact.fields["side"] == "target"]
    assert sorted(explained) == ["managed outbound rule"] * 6 + ["workload endpoint"] * 9
    assert sum(fact.fields["side"] == "endpoint" for fact in found) == 9


def test_every_zone_is_linked_without_registration(chat: Chat, facts_of: FactsOf) -> None:
    found = facts_of(PRIVATE_LINK, chat(), "private_link.zone")
    assert len(found) == 8
    assert {(fact.fields["linked"], fact.fields["registrationEnabled"]) for fact in found} == {(True, False)}
    assert {fact.workload for fact in found} == {"chat"}


def test_the_managed_network_has_its_endpoints_and_one_name_of_the_users_own(chat: Chat, facts_of: FactsOf) -> None:
    found = facts_of(MANAGED_NETWORK, chat(), "managed_network.rule")
    required = [fact for fact in found if fact.fields["required"]]
    assert sorted(fact.sub_object for fact in required) == [
        "crchat01/registry",
        "kv-chat01/vault",
        "mlw-chat01/amlworkspace",
        "oai-chat01/account",
        "stmlchat01/blob",
        "stmlchat01/file",
    ]
    assert all(fact.fields["effective"] and fact.fields["targetStatus"] == "Approved" for fact in required)
    assert all(fact.fields["provisioned"] for fact in found)
    others = [fact.fields for fact in found if not fact.fields["required"]]
    assert [(item["ruleType"], item["destination"], item["wildcard"]) for item in others] == [
        ("FQDN", "en.wikipedia.org", False)
    ]


def test_the_deployment_is_filtered_as_the_architecture_asks(chat: Chat, facts_of: FactsOf) -> None:
    (fact,) = facts_of(CONTENT_FILTER, chat(), "content_filter.deployment")
    assert fact.fields["policyKind"] == "custom"
    assert (fact.fields["harmMet"], fact.fields["jailbreakMet"], fact.fields["profanityMet"]) == (True, True, True)
    assert fact.fields["weakestHarm"] == 3
    assert len(fact.fields["filters"]) == 11
    assert (fact.workload, fact.component) == ("chat", "openai")
    (policy,) = facts_of(CONTENT_FILTER, chat(), "content_filter.policy")
    assert policy.fields["used"] is True


def test_zonal_resources_are_spread(chat: Chat, facts_of: FactsOf) -> None:
    found = facts_of(ZONES, chat(), "zones.resource")
    assert sorted(fact.fields["service"] for fact in found) == [
        "bastion",
        "bastion-address",
        "gateway",
        "gateway-address",
        "plan",
        "registry",
        "storage",
        "storage",
    ]
    (bastion,) = [fact for fact in found if fact.fields["service"] == "bastion"]
    assert (bastion.fields["redundant"], bastion.fields["evidenceGrade"]) == (False, "none")  # it names no zones
    for fact in (one for one in found if one is not bastion):
        assert fact.fields["redundant"] is True
        assert fact.fields["evidenceGrade"] == "explicit"
        assert fact.fields["regionHasZones"] is True
    assert [fact.component for fact in found if fact.fields["service"] == "gateway-address"] == ["gateway"]


def test_three_instances_stay_everywhere(chat: Chat, facts_of: FactsOf) -> None:
    found = facts_of(ZONES, chat(), "zones.instances")
    assert {fact.fields["service"]: fact.fields["instances"] for fact in found} == {
        "plan": 3,
        "gateway": 3,
        "online-deployment": 3,
    }
    plan = next(fact.fields for fact in found if fact.fields["service"] == "plan")
    assert (plan["scalesOut"], plan["scalesIn"], plan["autoscaleMaximum"]) == (True, False, 5)


def test_the_gateway_is_encrypted_firewalled_and_private(chat: Chat, facts_of: FactsOf) -> None:
    (listener,) = facts_of(GATEWAY, chat(), "gateway.listener")
    assert (listener.fields["encrypted"], listener.fields["wafBound"], listener.fields["wafPrevents"]) == (True,) * 3
    (tls,) = facts_of(GATEWAY, chat(), "gateway.tls")
    assert (tls.fields["minimumVersion"], tls.fields["weakCiphers"]) == ("1.2", [])
    (backend,) = facts_of(GATEWAY, chat(), "gateway.backend")
    assert backend.fields["siteComponent"] == "chat-ui"
    assert (backend.fields["privateEndpointOk"], backend.fields["dnsComplete"], backend.fields["private"]) == (
        True,
    ) * 3


def test_firewalls_are_closed_or_select_networks(chat: Chat, facts_of: FactsOf) -> None:
    found = facts_of(ADDRESS_RANGES, chat(), "firewall.allowlist")
    assert sorted((fact.subject.rpartition("/")[2], fact.fields["exposure"]) for fact in found) == [
        ("crchat01", "closed"),
        ("kv-chat01", "selected networks"),
        ("mlw-chat01", "closed"),
        ("oai-chat01", "closed"),
        ("stchat01", "selected networks"),
        ("stmlchat01", "selected networks"),
    ]


def _swapped(value: Any, *, is_id: bool = False) -> Any:
    """Return ARM JSON with ids, types and property names in upper case, as some providers spell them."""
    if isinstance(value, dict):
        return {
            (
                name.upper()
                if name in {"privateLinkServiceId", "serverFarmId", "zoneRedundant", "raiPolicyName"}
                else name
            ): _swapped(
                inner, is_id=name in {"id", "type", "privateLinkServiceId", "targetResourceUri", "serviceResourceId"}
            )
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [_swapped(inner) for inner in value]
    if isinstance(value, str) and (is_id or value.startswith("/subscriptions/")):
        return value.upper()
    return value


@pytest.mark.parametrize("analysis", registry.ANALYSES, ids=lambda analysis: analysis.name)
def test_neither_order_nor_case_changes_a_verdict(
    analysis: Any,
    make: Callable[..., Context],
    chat: Chat,
) -> None:
    spelled = chat()
    roles = {
        component: [resource.id for resource in spelled.workloads.all[0].resources(component)]
        for component in spelled.workloads.all[0].bindings
    }
    swapped = make(list(reversed([_swapped(body) for body in chat_bodies()])), roles=roles)

    def essence(context: Context) -> list[tuple[Any, ...]]:
        return [
            (fact.id, fact.workload, fact.component, json.dumps(fact.fields, sort_keys=True).lower())
            for fact in derive(analysis, context)
        ]

    assert essence(swapped) == essence(spelled)
    assert essence(spelled) or analysis.name == "egress"  # the edition leads nothing through a firewall


def test_each_kind_of_fact_belongs_to_one_analysis() -> None:
    declared = [kind.fact_kind for analysis in registry.ANALYSES for kind in analysis.kinds]
    assert len(declared) == len(set(declared))
    assert set(registry.kinds()) == set(declared)
    assert [analysis.name for analysis in registry.ANALYSES] == sorted(analysis.name for analysis in registry.ANALYSES)
