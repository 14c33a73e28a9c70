"""Which rules of a managed network are in effect."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from auditor.analysis.contract import Context
from auditor.analysis.managed_network.analysis import ANALYSIS
from auditor.model import Gap
from tests.estates.derived import Derived

Body = dict[str, Any]
FactsOf = Callable[..., list[Derived]]
Change = Callable[[dict[str, Body]], None]
Chat = Callable[..., Context]

RULE = "outboundRules/OpenAI"


@pytest.fixture
def openai_rule(chat: Chat, facts_of: FactsOf) -> Callable[..., Derived]:
    """Return a function that gives the fact on the endpoint to Azure OpenAI after a change to the chat estate."""

    def run(change: Change, **options: Any) -> Derived:
        found = facts_of(ANALYSIS, chat(change, **options), "managed_network.rule")
        return next(fact for fact in found if fact.sub_object == "oai-chat01/account")

    return run


def _inline(by_name: dict[str, Body]) -> dict[str, Body]:
    rules: dict[str, Body] = by_name["workspaces/mlw-chat01"]["properties"]["managedNetwork"]["outboundRules"]
    return rules


def test_rules_given_inline_only_are_read_as_well(openai_rule: Callable[..., Derived]) -> None:
    def change(by_name: dict[str, Body]) -> None:
        for name in [name for name in by_name if name.startswith("outboundRules/")]:
            del by_name[name]

    assert openai_rule(change).fields["effective"] is True


def test_a_rule_that_is_missing_or_inactive_is_not_in_effect(openai_rule: Callable[..., Derived]) -> None:
    def remove(by_name: dict[str, Body]) -> None:
        del by_name[RULE], _inline(by_name)["OpenAI"]

    def stop(by_name: dict[str, Body]) -> None:
        by_name[RULE]["properties"]["status"] = "Inactive"

    missing, inactive = openai_rule(remove), openai_rule(stop)
    assert (missing.fields["present"], missing.fields["effective"]) == (False, False)
    assert (inactive.fields["present"], inactive.fields["effective"]) == (True, False)


@pytest.mark.parametrize("status", ["Pending", "Rejected"])
def test_a_target_that_has_not_approved_decides_against_an_active_rule(
    openai_rule: Callable[..., Derived], status: str
) -> None:
    def change(by_name: dict[str, Body]) -> None:
        listed = by_name["accounts/oai-chat01"]["properties"]["privateEndpointConnections"]
        listed[1]["properties"]["privateLinkServiceConnectionState"]["status"] = status

    fact = openai_rule(change)
    assert (fact.fields["targetStatus"], fact.fields["effective"]) == (status, False)


def test_a_target_that_was_not_collected_leaves_the_effect_unknown(openai_rule: Callable[..., Derived]) -> None:
    group = "/subscriptions/00000000-0000-0000-0000-0000000000a1/resourceGroups/rg-chat"
    account = f"{group}/providers/Microsoft.CognitiveServices/accounts/oai-chat01"
    gap = Gap(account, "properties.privateEndpointConnections", "forbidden")
    fact = openai_rule(lambda _: None, gaps=[gap])
    assert {"effective", "targetStatus"} <= set(fact.uncollected)


def test_before_the_network_is_provisioned_every_fact_says_so(openai_rule: Callable[..., Derived]) -> None:
    def change(by_name: dict[str, Body]) -> None:
        by_name["workspaces/mlw-chat01"]["properties"]["managedNetwork"]["status"]["status"] = "Inactive"

    assert openai_rule(change).fields["provisioned"] is False


def test_an_api_version_that_cannot_show_the_network_leaves_it_unknown(openai_rule: Callable[..., Derived]) -> None:
    def change(by_name: dict[str, Body]) -> None:
        del by_name["workspaces/mlw-chat01"]["properties"]["managedNetwork"]

    assert "provisioned" in openai_rule(change, api_version="2023-04-01").uncollected
    assert openai_rule(change, api_version="2023-10-01").fields["provisioned"] is False


def test_wide_ways_out_are_marked(chat: Chat, facts_of: FactsOf) -> None:
    def change(by_name: dict[str, Body]) -> None:
        rules = _inline(by_name)
        rules["any"] = {"type": "FQDN", "destination": "*.contoso.com", "category": "UserDefined", "status": "Active"}
        rules["tag"] = {
            "type": "ServiceTag",
            "destination": {"serviceTag": "Storage.EastUS"},
            "category": "UserDefined",
        }

    found = facts_of(ANALYSIS, chat(change), "managed_network.rule")
    wide = {f.sub_object: (f.fields["wildcard"], f.fields["broad"]) for f in found if not f.fields["required"]}
    assert wide == {"any": (True, False), "tag": (False, True), "wikipedia": (False, False)}


def test_search_is_asked_for_only_where_the_baseline_does(chat: Chat, facts_of: FactsOf) -> None:
    context = chat(parameters={"ai_search_required": False})
    found = facts_of(ANALYSIS, context, "managed_network.rule")
    assert not [fact for fact in found if fact.fields.get("subresource") == "searchService"]
