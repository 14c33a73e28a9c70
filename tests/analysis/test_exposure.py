"""Every way in from the Internet is found, with what decides about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from auditor.analysis.contract import Context
from auditor.analysis.exposure import analysis
from auditor.analysis.exposure.analysis import entries
from auditor.analysis.exposure.entry import EntryState
from auditor.model import Gap
from auditor.network.subnets import Subnets
from tests.estates import hub
from tests.estates.arm import path
from tests.estates.chat import chat_bodies
from tests.estates.contexts import chat_context
from tests.estates.derived import Derived
from tests.estates.graph import hoisted

Body = dict[str, Any]
Make = Callable[..., Context]
FactsOf = Callable[..., list[Derived]]
GROUP = "/subscriptions/0a/resourceGroups/rg/providers"
NETWORK = f"{GROUP}/Microsoft.Network/virtualNetworks/vnet"
PREFIXES = {
    "snet-appGateway": "192.168.1.0/24",
    "AzureBastionSubnet": "192.168.2.64/26",
    "snet-jumpBoxes": "192.168.2.128/28",
    "s": "192.168.9.0/24",
}


def at(kind: str, name: str) -> str:
    return f"{GROUP}/{kind}/{name}"


def address(name: str, sku: str = "Standard", **properties: Any) -> Body:
    kind = "Microsoft.Network/publicIPAddresses"
    return {"id": at(kind, name), "type": kind, "sku": {"name": sku}, "properties": properties}


def network(groups: Mapping[str, Any], routes: Sequence[Sequence[str]] = ()) -> list[Body]:
    """Return one virtual network with the known subnets, their groups, and one route table for all of them."""
    table = {"routeTable": {"id": at("Microsoft.Network/routeTables", "rt")}} if routes else {}
    subnets = []
    found: list[Body] = []
    for name, prefix in PREFIXES.items():
        properties: Body = {"addressPrefix": prefix, **table}
        if name in groups:
            group = at("Microsoft.Network/networkSecurityGroups", f"nsg-{name}")
            properties["networkSecurityGroup"] = {"id": group}
            rules = {"securityRules": groups[name]["rules"]}
            found.append({"id": group, "type": "Microsoft.Network/networkSecurityGroups", "properties": rules})
        subnets.append({"id": f"{NETWORK}/subnets/{name}", "name": name, "properties": properties})
    space = {"addressSpace": {"addressPrefixes": ["192.168.0.0/16"]}, "subnets": subnets}
    found.append({"id": NETWORK, "type": "Microsoft.Network/virtualNetworks", "properties": space})
    if routes:
        table_id = at("Microsoft.Network/routeTables", "rt")
        listed = [
            {"id": f"{table_id}/routes/r{i}", "name": f"r{i}", "properties": {"addressPrefix": p, "nextHopType": hop}}
            for i, (p, hop) in enumerate(routes)
        ]
        found.append({"id": table_id, "type": "Microsoft.Network/routeTables", "properties": {"routes": listed}})
    return found


def interface(name: str, subnet: str, ip: str, **properties: Any) -> Body:
    kind = "Microsoft.Network/networkInterfaces"
    inner = {"privateIPAddress": ip, "subnet": {"id": f"{NETWORK}/subnets/{subnet}"}, **properties}
    return {"id": at(kind, name), "type": kind, "properties": {"ipConfigurations": [{"properties": inner}]}}


def public(name: str) -> Body:
    return {"publicIPAddress": {"id": at("Microsoft.Network/publicIPAddresses", name)}}


RULE = {
    "name": "a",
    "priority": 100,
    "access": "Allow",
    "direction": "Inbound",
    "protocol": "Tcp",
    "sourceAddressPrefix": "Internet",
    "destinationAddressPrefix": "*",
    "sourcePortRange": "*",
    "destinationPortRange": "3389",
}


def test_a_machine_that_is_open_names_port_rule_and_path(make: Make, facts_of: FactsOf) -> None:
    machine = interface("nic", "s", "192.168.9.4", **public("pip"))
    context = make(hoisted([*network({"s": {"rules": [RULE]}}), machine, address("pip")]))
    [fact] = [one for one in facts_of(analysis.ANALYSIS, context, "exposure.entry") if one.fields["state"] == "open"]
    assert fact.fields["notes"] == ["TCP 3389 from Internet, by rule a"]
    assert [one.rpartition("/")[2] for one in fact.fields["path"]] == ["pip", "nic"]
    assert fact.fields["allowed"] is False


def test_a_few_public_addresses_are_a_restriction(make: Make) -> None:
    rule = {**RULE, "sourceAddressPrefix": "203.0.113.0/24"}
    machine = interface("nic", "s", "192.168.9.4", **public("pip"))
    context = make(hoisted([*network({"s": {"rules": [rule]}}), machine, address("pip")]))
    states = {one.resource.name: one.state for one in entries(context, Subnets(context.estate))}
    assert states["nic"] is EntryState.RESTRICTED


@pytest.mark.parametrize(("sku", "state"), [("Basic", "open"), ("Standard", "closed"), (None, "unknown")])
def test_without_a_group_the_kind_of_address_decides_which_must_have_been_read(
    make: Make, sku: str | None, state: str
) -> None:
    beside = [address("pip", sku)] if sku else []
    context = make(hoisted([*network({}), interface("nic", "s", "192.168.9.4", **public("pip")), *beside]))
    assert [one.state for one in entries(context, Subnets(context.estate)) if one.resource.name == "nic"] == [state]


@pytest.mark.parametrize(
    ("sku", "properties", "state"),
    [
        ("Developer", {}, "open"),
        ("Developer", {"networkAcls": {"ipRules": [{"addressPrefix": "203.0.113.0/24"}]}}, "restricted"),
        (
            "Developer",
            {"networkAcls": {"ipRules": [{"addressPrefix": f"{half}.0.0.0/1"} for half in (0, 128)]}},
            "open",
        ),
        ("Standard", {}, "unknown"),
        ("Standard", {"ipConfigurations": []}, "closed"),
    ],
)
def test_a_bastion_is_reached_by_a_front_end_that_may_be_shared(
    make: Make, sku: str, properties: Body, state: str
) -> None:
    kind = "Microsoft.Network/bastionHosts"
    bastion = {"id": at(kind, "bas"), "type": kind, "sku": {"name": sku}, "properties": properties}
    context = make([bastion], complete=False)
    assert [one.state for one in entries(context, Subnets(context.estate))] == [state]


@pytest.mark.parametrize(
    ("led", "let_in", "state"),
    [
        ("Udp", "Udp", "open"),
        ("Udp", "Tcp", "closed"),
        ("Tcp", "Udp", "closed"),
        ("All", "Udp", "open"),
        ("Tcp", "*", "open"),
    ],
)
def test_a_load_balancer_leads_on_its_own_protocol(make: Make, led: str, let_in: str, state: str) -> None:
    kind = "Microsoft.Network/loadBalancers"
    pool = {"id": f"{at(kind, 'lb')}/backendAddressPools/be"}
    leads = {"frontendPort": 53, "backendPort": 53, "protocol": led, "backendAddressPool": pool}
    properties = {
        "frontendIPConfigurations": [{"name": "fe", "properties": public("pip")}],
        "backendAddressPools": [{"name": "be", **pool, "properties": {}}],
        "loadBalancingRules": [{"name": "dns", "properties": leads}],
    }
    balancer = {"id": at(kind, "lb"), "type": kind, "sku": {"name": "Standard"}, "properties": properties}
    rule = {**RULE, "protocol": let_in, "destinationPortRange": "53"}
    machine = interface("nic", "s", "192.168.9.4", loadBalancerBackendAddressPools=[pool])
    for complete in (True, False):  # what is open is so although its rules for translation are not listed
        bodies = hoisted([*network({"s": {"rules": [rule]}}), machine, balancer, address("pip")])
        context = make(bodies, complete=complete)
        found = {one.state for one in entries(context, Subnets(context.estate)) if one.resource.name == "lb"}
        assert found == ({state} if complete else {state, "unknown"} - {"closed"})


def test_everybody_with_an_address_of_ipv6_is_everybody(make: Make) -> None:
    found = network({"s": {"rules": [{**RULE, "sourceAddressPrefix": "::/0"}]}})
    place = next(one for one in found if one["id"] == NETWORK)
    place["properties"]["addressSpace"]["addressPrefixes"].append("fd00:1::/48")
    subnet = next(one for one in place["properties"]["subnets"] if one["name"] == "s")
    subnet["properties"]["addressPrefixes"] = [subnet["properties"].pop("addressPrefix"), "fd00:1::/64"]
    machine = interface("nic", "s", "fd00:1::4", **public("pip"))
    context = make(hoisted([*found, machine, address("pip")]))
    assert [one.state for one in entries(context, Subnets(context.estate)) if one.resource.name == "nic"] == ["open"]


@pytest.mark.parametrize(
    ("action", "ranges", "state"),
    [
        ("Deny", ["0.0.0.0/0"], "closed"),
        ("Deny", ["0.0.0.0/1", "128.0.0.0/1"], "closed"),
        ("Deny", ["203.0.113.0/24"], "open"),
        ("Allow", ["0.0.0.0/1", "128.0.0.0/1"], "open"),
        ("Allow", ["203.0.113.0/24"], "restricted"),
    ],
)
def test_an_ingress_refuses_whom_its_restrictions_name(make: Make, action: str, ranges: list[str], state: str) -> None:
    restrictions = [{"name": text, "action": action, "ipAddressRange": text} for text in ranges]
    context = make(_container_app({"external": True, "ipSecurityRestrictions": restrictions}))
    assert [one.state for one in entries(context, Subnets(context.estate)) if one.resource.name == "ca"] == [state]


def _container_app(ingress: Body) -> list[Body]:
    """Return a container app `ca` with an ingress, in an environment."""
    environment = at("Microsoft.App/managedEnvironments", "env")
    kind = "Microsoft.App/containerApps"
    properties = {"environmentId": environment, "configuration": {"ingress": ingress}}
    return [
        {"id": environment, "type": "Microsoft.App/managedEnvironments", "properties": {}},
        {"id": at(kind, "ca"), "type": kind, "properties": properties},
    ]


@pytest.mark.parametrize(("further", "state"), [(True, "open"), (False, "closed")])
def test_an_app_may_take_more_ports_than_its_main_one(make: Make, *, further: bool, state: str) -> None:
    ports = [{"external": further, "targetPort": 5432}]
    context = make(_container_app({"external": False, "additionalPortMappings": ports}))
    assert [one.state for one in entries(context, Subnets(context.estate)) if one.resource.name == "ca"] == [state]


@pytest.mark.parametrize(("listed", "states"), [("httpListeners", ["open"]), ("listeners", ["open"]), ("", [])])
def test_a_gateway_listens_for_tcp_too(make: Make, listed: str, states: list[str]) -> None:
    kind = "Microsoft.Network/applicationGateways"
    ends = {"frontendIPConfiguration": {"id": f"{at(kind, 'agw')}/frontendIPConfigurations/fe"}}
    ends["frontendPort"] = {"id": f"{at(kind, 'agw')}/frontendPorts/p"}
    place = {"name": "ip", "properties": {"subnet": {"id": f"{NETWORK}/subnets/s"}}}
    properties = {
        "gatewayIPConfigurations": [place],
        "frontendIPConfigurations": [{"name": "fe", "properties": public("pip")}],
        "frontendPorts": [{"name": "p", "properties": {"port": 1433}}],
        "httpListeners": [],
    }
    properties |= {listed: [{"name": "l", "properties": ends}]} if listed else {}
    gateway = {"id": at(kind, "agw"), "type": kind, "properties": properties}
    for complete in (True, False):
        context = make(hoisted([*network({}), gateway, address("pip")]), complete=complete)
        found = [one for one in entries(context, Subnets(context.estate)) if one.resource.name == "agw"]
        assert [one.state for one in found] == states


@pytest.mark.parametrize("kind", ["applicationGateways", "loadBalancers", "networkInterfaces"])
def test_who_does_not_show_its_addresses_is_not_closed(make: Make, kind: str) -> None:
    holder = {"id": at(f"Microsoft.Network/{kind}", "x"), "type": f"Microsoft.Network/{kind}", "properties": {}}
    context = make([holder], complete=False)
    assert [one.state for one in entries(context, Subnets(context.estate))] == ["unknown"]


def test_a_network_manager_leaves_everything_open_to_doubt(make: Make) -> None:
    manager = {"id": at("Microsoft.Network/networkManagers", "m"), "type": "Microsoft.Network/networkManagers"}
    machine = interface("nic", "s", "192.168.9.4", **public("pip"))
    found = [*network({"s": {"rules": [RULE]}}), machine, address("pip"), {**manager, "properties": {}}]
    context = make(hoisted(found))
    [entry] = [one for one in entries(context, Subnets(context.estate)) if one.resource.name == "nic"]
    assert entry.state is EntryState.UNKNOWN
    assert entry.gap is not None
    assert entry.gap.reason == "security-admin rules were not collected"


def test_a_firewall_whose_policy_was_not_collected_is_unknown(make: Make) -> None:
    policy = at("Microsoft.Network/firewallPolicies", "p")
    kind = "Microsoft.Network/azureFirewalls"
    firewall = {"id": at(kind, "fw"), "type": kind, "properties": {"firewallPolicy": {"id": policy}}}
    gap = Gap("/subscriptions/0a", "Microsoft.Network/firewallPolicies/ruleCollectionGroups", "forbidden")
    context = make([firewall], gaps=[gap])
    assert [one.state for one in entries(context, Subnets(context.estate))] == [EntryState.UNKNOWN]


_LEADS_IN = hub.collection(
    *("in", 100, "DNAT"),
    {
        "ruleType": "NatRule",
        "name": "ssh",
        "ipProtocols": ["TCP"],
        "sourceAddresses": ["*"],
        "destinationAddresses": ["203.0.113.9"],
        "destinationPorts": ["22"],
        "translatedAddress": "10.1.1.4",
        "translatedPort": "22",
    },
)


@pytest.mark.parametrize(
    ("policies", "state"),
    [
        ([], EntryState.UNKNOWN),
        (hub.policy("own", (100, [])), EntryState.CLOSED),
        (hub.policy("own", (100, [_LEADS_IN])), EntryState.OPEN),
        (hub.policy("own", (100, [_LEADS_IN]), parent="gone"), EntryState.OPEN),
        (hub.policy("own", (100, []), parent="gone"), EntryState.UNKNOWN),
        ([*hub.policy("own", (100, []), parent="up"), *hub.policy("up", (100, [_LEADS_IN]))], EntryState.UNKNOWN),
        ([*hub.policy("own", (100, []), parent="up"), *hub.policy("up", (100, []))], EntryState.CLOSED),
    ],
    ids=["elsewhere", "none", "own", "own, parent elsewhere", "parent elsewhere", "parent's", "none in either"],
)
def test_a_firewall_is_closed_only_where_all_that_it_inherits_is_known(
    make: Make, policies: list[Body], state: EntryState
) -> None:
    firewall = hub.firewall(firewallPolicy={"id": path(hub.POLICIES, "own")})
    context = make(hoisted([firewall, *policies]))
    [entry] = [one for one in entries(context, Subnets(context.estate)) if one.kind == "azureFirewall"]
    assert entry.state is state


def test_a_switch_that_was_not_collected_is_unknown(make: Make, facts_of: FactsOf) -> None:
    kind = "Microsoft.KeyVault/vaults"
    vault = {"id": at(kind, "kv"), "type": kind, "properties": {}}
    gap = Gap(vault["id"], "properties.publicNetworkAccess", "masked")  # type: ignore[arg-type]
    context = make([vault], gaps=[gap])
    [fact] = facts_of(analysis.ANALYSIS, context, "exposure.entry")
    assert fact.uncollected["state"] == gap


class TestChatEstate:
    def test_gateway_and_bastion_are_the_ways_in(self, make: Make) -> None:
        context = make(hoisted(chat_bodies()))
        found = {
            (one.resource.name, one.name, one.port)
            for one in entries(context, Subnets(context.estate))
            if one.state is EntryState.OPEN
        }
        telemetry = {
            (name, kind, "443")
            for name in ("appi-chat01", "appinsights-app-chat01", "log-chat01")
            for kind in ("ingestion", "query")
        }
        assert found == {("agw-chat01", "WebAppListener", "443"), ("ab-chat01", "", "443")} | telemetry

    def test_the_workload_has_no_other_way_in(self, facts_of: FactsOf) -> None:
        [fact] = facts_of(analysis.ANALYSIS, chat_context(), "exposure.workload")
        assert (fact.fields["unexpected"], fact.fields["telemetry"], fact.fields["gatewayOpen"]) == (0, 6, True)

    def test_authors_come_through_bastion(self, facts_of: FactsOf) -> None:
        [fact] = facts_of(analysis.ANALYSIS, chat_context(), "exposure.author-access")
        assert fact.fields["bastion"] == "ab-chat01"
        assert fact.fields["publicAddress"] is False
        assert fact.fields["privatePath"] is True

    def test_a_public_address_on_the_jump_box_is_a_way_past_the_gateway(self, facts_of: FactsOf) -> None:
        def change(bodies: list[Body]) -> None:
            for body in bodies:
                if body["name"] == "nic-jmp-chat01":
                    inner = body["properties"]["ipConfigurations"][0]["properties"]
                    inner["publicIPAddress"] = {
                        "id": f"{body['id'].rpartition('/providers/')[0]}/providers/Microsoft.Network/publicIPAddresses/pip-x"
                    }
                if body["name"] == "nsg-jumpboxSubnet":
                    body["properties"]["securityRules"].append({"name": "x", "properties": RULE})

        context = chat_context(change)
        [fact] = facts_of(analysis.ANALYSIS, context, "exposure.workload")
        assert fact.fields["unexpected"] == 1
        [author] = facts_of(analysis.ANALYSIS, context, "exposure.author-access")
        assert author.fields["exposed"] is True


_APP, _ENVIRONMENT = at("Microsoft.App/containerApps", "x"), at("Microsoft.App/managedEnvironments", "env")
_COMPUTE = "Microsoft.MachineLearningServices/workspaces/w/computes"
_DOOR = at("Microsoft.Cdn/profiles", "x") + "/afdEndpoints/e"
PARTS: dict[str, tuple[list[Body], Gap]] = {
    "ingress": (
        [{"id": _APP, "type": "Microsoft.App/containerApps", "properties": {"configuration": {}}}],
        Gap(_APP, "properties.configuration.ingress", "not selected"),
    ),
    "environment": (
        [
            {
                "id": _APP,
                "type": "Microsoft.App/containerApps",
                "properties": {"environmentId": _ENVIRONMENT, "configuration": {"ingress": {"external": True}}},
            },
            {"id": _ENVIRONMENT, "type": "Microsoft.App/managedEnvironments", "properties": {}},
        ],
        Gap(_ENVIRONMENT, "properties.vnetConfiguration", "not selected"),
    ),
    "compute": (
        [
            {
                "id": at(_COMPUTE, "x"),
                "type": "Microsoft.MachineLearningServices/workspaces/computes",
                "properties": {"computeType": "ComputeInstance"},
            }
        ],
        Gap(at(_COMPUTE, "x"), "properties.properties", "not selected"),
    ),
    "delivery": (
        [
            {"id": at("Microsoft.Cdn/profiles", "x"), "type": "Microsoft.Cdn/profiles", "properties": {}},
            {"id": _DOOR, "type": "Microsoft.Cdn/profiles/afdEndpoints", "properties": {}},
        ],
        Gap(_DOOR, "properties.enabledState", "not selected"),
    ),
}


@pytest.mark.parametrize("part", PARTS)
def test_a_part_that_was_not_read_closes_nothing(make: Make, part: str) -> None:
    bodies, gap = PARTS[part]
    context = make(bodies, gaps=[gap])
    states = {one.state for one in entries(context, Subnets(context.estate)) if one.resource.name == "x"}
    assert states == {EntryState.UNKNOWN}
