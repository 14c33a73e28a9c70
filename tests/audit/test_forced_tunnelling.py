"""A default route to a firewall on all subnets: what was decided stays decided, but for what the route decides itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from auditor.model import Finding, Report
from tests.audit.judging import judged
from tests.e2e.command import GROUP, sample
from tests.estates.arm import Body
from tests.estates.chat import chat_document

Document = dict[str, Any]
FIREWALL = "192.168.255.4"
CHOSEN = "subnet-outbound-way-chosen"
"""The rule that a default route is the remedy for."""


def tunnelled(document: Document, *more: Body) -> Document:
    """Return an estate with a route for everything to a firewall on each subnet; `more` stands beside."""
    network = next(one for one in document["resources"] if one["type"].lower() == "microsoft.network/virtualnetworks")
    table = network["id"].rpartition("/virtualNetworks/")[0] + "/routeTables/rt"
    route = {"addressPrefix": "0.0.0.0/0", "nextHopType": "VirtualAppliance", "nextHopIpAddress": FIREWALL}
    routes = [{"name": "all", "properties": route}]
    for subnet in network["properties"]["subnets"]:
        subnet["properties"]["routeTable"] = {"id": table}
    kind = "Microsoft.Network/routeTables"
    beside = [
        {"id": table, "name": "rt", "type": kind, "location": network["location"], "properties": {"routes": routes}}
    ]
    return {**document, "resources": [*document["resources"], *beside, *more]}


def statuses(report: Report) -> Mapping[tuple[str, str | None, str | None], Finding]:
    return {(one.rule_id, one.resource_id, one.sub_object): one for one in report.findings}


def firewall(document: Document, **properties: Any) -> list[Body]:
    """Return a hub that is peered with the estate's network, with a firewall in it."""
    network = next(one for one in document["resources"] if one["type"].lower() == "microsoft.network/virtualnetworks")
    place = network["id"].rpartition("/virtualNetworks/")[0]
    hub = f"{place}/virtualNetworks/vnet-hub"
    joined = {"peeringState": "Connected", "allowVirtualNetworkAccess": True, "allowForwardedTraffic": True}
    network["properties"]["virtualNetworkPeerings"] = [
        {"name": "hub", "properties": {**joined, "remoteVirtualNetwork": {"id": hub}}}
    ]
    subnet = {"name": "AzureFirewallSubnet", "id": f"{hub}/subnets/AzureFirewallSubnet"}
    inside = {
        "addressSpace": {"addressPrefixes": ["192.168.255.0/24"]},
        "subnets": [{**subnet, "properties": {"addressPrefix": "192.168.255.0/26"}}],
        "virtualNetworkPeerings": [
            {"name": "spoke", "properties": {**joined, "remoteVirtualNetwork": {"id": network["id"]}}}
        ],
    }
    address = {
        "privateIPAddress": FIREWALL,
        "subnet": {"id": subnet["id"]},
        "publicIPAddress": {"id": f"{place}/publicIPAddresses/pip-afw"},
    }
    own = {"ipConfigurations": [{"name": "one", "properties": address}], **properties}
    return [
        {"id": hub, "name": "vnet-hub", "type": "Microsoft.Network/virtualNetworks", "properties": inside},
        {
            "id": f"{place}/azureFirewalls/afw",
            "name": "afw",
            "type": "Microsoft.Network/azureFirewalls",
            "properties": own,
        },
    ]


@pytest.mark.parametrize("of", [sample, chat_document], ids=["sample", "chat"])
@pytest.mark.parametrize("beside", ["nothing", "a firewall"])
def test_nothing_becomes_unknown(of: Any, beside: str) -> None:
    before = statuses(judged(of()))
    document = of()
    more = firewall(document) if beside == "a firewall" else []
    after = statuses(judged(tunnelled(document, *more)))
    changed = {key for key, one in before.items() if key in after and after[key].status is not one.status}
    assert {key[0] for key in changed} <= {CHOSEN}


def test_an_open_port_is_never_unsaid() -> None:
    document = sample()
    before = [one for one in judged(document, "subnet-guarded-ports-closed").findings if one.status.value == "fail"]
    after = statuses(judged(tunnelled(document), "subnet-guarded-ports-closed"))
    assert before
    assert all(after[one.rule_id, one.resource_id, one.sub_object].status is one.status for one in before)


def test_where_the_route_decides_the_doubt_names_it() -> None:
    """The agents may send to VirtualNetwork only; whether that is everything decides, since the firewall lets it pass."""
    document = sample()
    every = {"sourceAddresses": ["*"], "destinationAddresses": ["*"], "destinationPorts": ["*"], "protocols": ["Any"]}
    allowing = {"priority": 100, "action": {"type": "Allow"}, "rules": [{"name": "all", **every}]}
    more = firewall(document, networkRuleCollections=[{"name": "open", "properties": allowing}])
    report = judged(tunnelled(document, *more), "subnet-agents-restricted")
    [outbound] = [one for one in report.findings if one.sub_object == "Outbound"]
    assert outbound.status.value == "unknown"
    assert "whether VirtualNetwork contains the prefix 0.0.0.0/0 of a route" in outbound.message
    assert "collected" not in outbound.message


@pytest.mark.parametrize(("secured", "status"), [(True, "unknown"), (False, "fail")])
def test_a_hub_that_may_teach_a_default_route_leaves_the_implicit_way_open(*, secured: bool, status: str) -> None:
    network = f"{GROUP}/providers/Microsoft.Network/virtualNetworks/vnet"
    hub = f"{GROUP}/providers/Microsoft.Network/virtualHubs/hub"
    inside = {"name": "ip", "properties": {"privateIPAddress": "10.0.1.4", "subnet": {"id": f"{network}/subnets/s"}}}
    machine = f"{GROUP}/providers/Microsoft.Compute/virtualMachines/vm"
    interface = f"{GROUP}/providers/Microsoft.Network/networkInterfaces/nic"
    connection = {"remoteVirtualNetwork": {"id": network}, "enableInternetSecurity": secured}
    subnet = {"id": f"{network}/subnets/s", "name": "s", "properties": {"addressPrefix": "10.0.1.0/24"}}
    bodies: list[tuple[str, str, dict[str, Any]]] = [
        (network, "virtualNetworks", {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}, "subnets": [subnet]}),
        (interface, "networkInterfaces", {"ipConfigurations": [inside], "virtualMachine": {"id": machine}}),
        (f"{hub}/hubVirtualNetworkConnections/c", "virtualHubs/hubVirtualNetworkConnections", connection),
    ]
    resources = [
        {"id": key, "name": key.rpartition("/")[2], "type": f"Microsoft.Network/{kind}", "properties": properties}
        for key, kind, properties in bodies
    ]
    resources.append({"id": machine, "name": "vm", "type": "Microsoft.Compute/virtualMachines", "properties": {}})
    [found] = judged({"resources": resources, "complete": True}, CHOSEN).findings
    assert found.status.value == status
