"""A row that shows nothing but what it is leaves open what is said of its neighbours, in an input that is complete too."""

from __future__ import annotations

import pytest

from tests.audit.judging import judged
from tests.estates.networks import Body, network, security_group, subnet

RG = "/subscriptions/00000000-0000-0000-0000-0000000000a1/resourceGroups/rg/providers"
VNET = f"{RG}/Microsoft.Network/virtualNetworks/vnet"
ACCOUNT = f"{RG}/Microsoft.CognitiveServices/accounts/oai"
ENDPOINT = f"{RG}/Microsoft.Network/privateEndpoints/pep"


def _account() -> Body:
    properties = {"publicNetworkAccess": "Disabled", "customSubDomainName": "oai", "provisioningState": "Succeeded"}
    kind = {"type": "Microsoft.CognitiveServices/accounts", "kind": "OpenAI", "sku": {"name": "S0"}}
    return {"id": ACCOUNT, "name": "oai", "location": "westeurope", **kind, "properties": properties}


def _endpoint() -> Body:
    connection = {
        "privateLinkServiceId": ACCOUNT,
        "groupIds": ["account"],
        "privateLinkServiceConnectionState": {"status": "Approved"},
    }
    properties = {
        "subnet": {"id": f"{VNET}/subnets/pe"},
        "privateLinkServiceConnections": [{"name": "pep", "properties": connection}],
        "provisioningState": "Succeeded",
    }
    return {"id": ENDPOINT, "type": "Microsoft.Network/privateEndpoints", "name": "pep", "properties": properties}


def _listed(name: str, endpoint: str | None) -> Body:
    kind = "Microsoft.CognitiveServices/accounts/privateEndpointConnections"
    row: Body = {"id": f"{ACCOUNT}/privateEndpointConnections/{name}", "type": kind, "name": f"oai/{name}"}
    if endpoint is not None:
        state = {"status": "Approved"}
        row["properties"] = {"privateEndpoint": {"id": endpoint}, "privateLinkServiceConnectionState": state}
    return row


def _network() -> Body:
    return {"id": VNET, "type": "Microsoft.Network/virtualNetworks", "name": "vnet", "properties": {"subnets": []}}


@pytest.mark.parametrize(
    ("rows", "status"),
    [
        pytest.param([_listed("one", ENDPOINT)], "pass", id="the target lists the endpoint"),
        pytest.param([_listed("one", f"{ENDPOINT}2")], "fail", id="the target lists another one alone"),
        pytest.param([_listed("one", None)], "unknown", id="what the target lists was not read"),
        pytest.param([_listed("one", f"{ENDPOINT}2"), _listed("two", None)], "unknown", id="one of two was not read"),
        pytest.param([_listed("one", ENDPOINT), _listed("two", None)], "unknown", id="another may tell otherwise"),
    ],
)
def test_a_target_that_lists_what_was_not_read_may_list_an_endpoint(rows: list[Body], status: str) -> None:
    document = {"resources": [_account(), _network(), _endpoint(), *rows]}
    [found] = judged(document, "openai-private-endpoint-works").findings
    assert found.status.value == status


@pytest.mark.parametrize("stated", [["id"], ["id", "name"], ["id", "name", "type"], ["name"]])
@pytest.mark.parametrize(
    ("endpoints", "status"),
    [
        pytest.param([ENDPOINT], "pass", id="the target tells of the endpoint"),
        pytest.param([f"{ENDPOINT}2"], "fail", id="of another one alone"),
        pytest.param([None], "unknown", id="of none"),
        pytest.param([f"{ENDPOINT}2", None], "unknown", id="of one of two"),
    ],
)
def test_a_list_of_connections_that_are_only_named_tells_nothing_of_them(
    endpoints: list[str | None], status: str, stated: list[str]
) -> None:
    rows = [_listed(str(number), endpoint) for number, endpoint in enumerate(endpoints)]
    named = [{**one, "name": one["name"].rpartition("/")[2]} for one in rows]
    inline = [one if "properties" in one else {name: one[name] for name in stated} for one in named]
    account = _account()
    account["properties"]["privateEndpointConnections"] = inline
    document = {"resources": [account, _network(), _endpoint()]}
    [found] = judged(document, "openai-private-endpoint-works").findings
    assert found.status.value == status


@pytest.mark.parametrize(
    ("others", "complete", "statuses"),
    [
        pytest.param([], False, {"unknown"}, id="the subnet that the group names was not exported"),
        pytest.param([], True, {"not_applicable"}, id="there is no such subnet"),
        pytest.param([network(subnet("s", group="nsg"))], True, {"pass"}, id="the subnet was read"),
    ],
)
def test_what_the_rules_of_a_group_do_is_not_known_where_its_subnets_were_not_read(
    others: list[Body], statuses: set[str], *, complete: bool
) -> None:
    group = security_group("nsg")
    place = network(subnet("s"))
    allowance = {"name": "ssh", "properties": _ALLOWANCE}
    group["properties"] = {"securityRules": [allowance], "subnets": [{"id": f"{place['id']}/subnets/s"}]}
    found = judged({"resources": [group, *others]}, "security-rule-takes-effect", complete=complete).findings
    assert {one.status.value for one in found} == statuses


_ALLOWANCE = {
    "access": "Allow",
    "priority": 100,
    "direction": "Inbound",
    "protocol": "Tcp",
    "sourceAddressPrefix": "Internet",
    "sourcePortRange": "*",
    "destinationAddressPrefix": "*",
    "destinationPortRange": "22",
}
