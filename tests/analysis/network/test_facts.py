"""What the analysis of networks says of the chat estate, of changes to it, and of what was not collected."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from typing import Any

import pytest

from auditor.analysis import network
from auditor.analysis.contract import Context
from auditor.errors import ContentError
from auditor.model import Gap
from tests.estates.chat import chat_bodies
from tests.estates.contexts import Body, chat_context, context_of
from tests.estates.derived import Derived, derive
from tests.estates.graph import hoisted

FactsOf = Callable[..., list[Derived]]
TRAFFIC, RULE, FLOW = "network.subnet-traffic", "network.rule", "network.flow"
GROUP = "/subscriptions/00000000-0000-0000-0000-0000000000a1/resourceGroups/rg-chat/providers/Microsoft.Network"


def traffic(facts_of: FactsOf, context: Context, role: str, direction: str) -> Derived:
    found = facts_of(network.ANALYSIS, context, TRAFFIC)
    return next(one for one in found if one.component == f"subnet/{role}" and one.fields["direction"] == direction)


def named(bodies: list[Body], name: str) -> Any:
    return next(body for body in bodies if body["name"] == name)["properties"]


def add_rule(group: str, name: str, priority: int, **fields: Any) -> Callable[[list[Body]], None]:
    body = {
        "priority": priority,
        "direction": "Inbound",
        "access": "Deny",
        "protocol": "*",
        "sourceAddressPrefix": "*",
        "sourcePortRange": "*",
        "destinationAddressPrefix": "*",
        "destinationPortRange": "*",
    } | fields

    def change(bodies: list[Body]) -> None:
        identity = f"{GROUP}/networkSecurityGroups/{group}/securityRules/{name}"
        named(bodies, group)["securityRules"].append({"id": identity, "name": name, "properties": body})

    return change


class TestReferenceEstate:
    def test_what_is_too_open_and_what_is_not(self, facts_of: FactsOf) -> None:
        found = facts_of(network.ANALYSIS, chat_context(), TRAFFIC)
        assert len(found) == 16
        assert {(one.component, one.fields["direction"]) for one in found if one.fields["tooOpen"]} == {
            ("subnet/agents", "Outbound"),
            ("subnet/app-gateway", "Outbound"),
            ("subnet/app-service", "Outbound"),
            ("subnet/bastion", "Inbound"),
            ("subnet/bastion", "Outbound"),
            ("subnet/jump-box", "Inbound"),
            ("subnet/jump-box", "Outbound"),
        }
        assert not [one for one in found if one.fields["broken"] or one.uncollected]

    def test_agents_are_open_because_the_deny_is_for_another_subnet(self, facts_of: FactsOf) -> None:
        fact = traffic(facts_of, chat_context(), "agents", "Outbound")
        assert fact.fields["excess"] == [{"traffic": "any protocol to Internet", "rules": ["AllowInternetOutBound"]}]
        assert fact.fields["idleDenies"] == [
            "its rule DenyAllOutBound matches no packet of subnet snet-agents: its source is 10.0.1.0/24 (snet-appGateway)"
        ]
        assert fact.witness == {
            "source": "10.0.2.36",
            "destination": "8.8.8.8",
            "protocol": "Tcp",
            "source_port": 49152,
            "destination_port": 443,
            "path": [
                {
                    "access": "Allow",
                    "default": True,
                    "direction": "Outbound",
                    "filter": "nsg-agentsSubnet",
                    "holder": "/subscriptions/00000000-0000-0000-0000-0000000000a1/resourceGroups/rg-chat/providers"
                    "/Microsoft.Network/networkSecurityGroups/nsg-agentsSubnet",
                    "priority": 65001,
                    "rule": "AllowInternetOutBound",
                }
            ],
        }

    def test_app_service_reaches_everything(self, facts_of: FactsOf) -> None:
        fact = traffic(facts_of, chat_context(), "app-service", "Outbound")
        lines = {one["traffic"] for one in fact.fields["excess"]}
        assert lines == {
            "any protocol to VirtualNetwork except snet-privateEndpoints",
            "any protocol to Internet outside AzureMonitor",
        }
        assert (fact.fields["excessInternet"], fact.fields["excessNetwork"], fact.fields["excessByDefault"]) == (
            True,
            True,
            True,
        )

    def test_inbound_rules_of_app_service_do_not_count(self, facts_of: FactsOf) -> None:
        fact = traffic(facts_of, chat_context(), "app-service", "Inbound")
        assert fact.fields["enforced"] is False

    def test_the_whole_network_reaches_the_jump_box(self, facts_of: FactsOf) -> None:
        fact = traffic(facts_of, chat_context(), "jump-box", "Inbound")
        assert {
            "traffic": "any protocol from VirtualNetwork except AzureBastionSubnet",
            "rules": ["AllowVnetInBound"],
        } in (fact.fields["excess"])
        assert fact.fields["excessNetwork"] is True
        assert fact.fields["excessInternet"] is False

    def test_the_group_of_private_endpoints_is_not_enforced(self, facts_of: FactsOf) -> None:
        fact = traffic(facts_of, chat_context(), "private-endpoints", "Inbound")
        assert (fact.fields["enforced"], fact.fields["group"]) == (False, "nsg-privateEndpointsSubnet")
        assert fact.fields["notEnforcedBecause"]

    def test_the_control_plane_of_the_gateway_is_open_to_all(self, facts_of: FactsOf) -> None:
        [fact] = facts_of(network.ANALYSIS, chat_context(), "network.gateway-ports")
        assert (fact.fields["managerAllowed"], fact.fields["openToInternet"], fact.fields["openToNetwork"]) == (
            True,
            True,
            True,
        )
        assert fact.fields["open"][0]["rules"] == ["AppGw.In.Allow.ControlPlane"]

    def test_one_rule_is_dead_and_some_change_nothing(self, facts_of: FactsOf) -> None:
        found = facts_of(network.ANALYSIS, chat_context(), RULE)
        assert [(one.fields["group"], one.fields["rule"]) for one in found if one.fields["dead"]] == [
            ("nsg-agentsSubnet", "DenyAllOutBound")
        ]
        assert {one.fields["rule"] for one in found if one.fields["redundant"]} == {
            "AppGw.Out.Allow.PrivateEndpoints",
            "AppPlan.Out.Allow.AzureMonitor",
            "AppPlan.Out.Allow.PrivateEndpoints",
            "Bastion.Out.Allow.AzureCloudCommunication",
            "Jumpbox.In.Allow.SshRdp",
        }

    def test_no_guarded_port_is_open_to_the_internet(self, facts_of: FactsOf) -> None:
        found = facts_of(network.ANALYSIS, chat_context(), "network.guarded-ports")
        assert [one.fields["open"] for one in found] == [False] * 8

    def test_explicit_denials(self, facts_of: FactsOf) -> None:
        found = facts_of(network.ANALYSIS, chat_context(), TRAFFIC)
        assert {(one.fields["subnet"], one.fields["direction"]) for one in found if one.fields["explicitlyDenied"]} == {
            ("snet-appGateway", "Inbound"),
            ("snet-privateEndpoints", "Outbound"),
            ("snet-training", "Outbound"),
            ("snet-scoring", "Outbound"),
        }

    def test_flows_that_nobody_planned(self, facts_of: FactsOf) -> None:
        found = facts_of(network.ANALYSIS, chat_context(), FLOW)
        assert len(found) == 49
        unplanned = {(one.fields["fromSubnet"], one.fields["toSubnet"]) for one in found if one.fields["unplanned"]}
        wide = {
            (one.fields["fromSubnet"], one.fields["toSubnet"])
            for one in found
            if any(line["traffic"] == "TCP/UDP" for line in one.fields["traffic"])
        }
        assert wide == {
            ("snet-appServicePlan", "snet-agents"),
            ("snet-appServicePlan", "snet-jumpbox"),
            ("snet-appServicePlan", "snet-training"),
            ("snet-appServicePlan", "snet-scoring"),
            ("snet-appGateway", "snet-appServicePlan"),
            ("snet-appGateway", "snet-agents"),
            ("snet-appGateway", "snet-jumpbox"),
            ("snet-appGateway", "snet-training"),
            ("snet-appGateway", "snet-scoring"),
            ("snet-agents", "snet-jumpbox"),
        }
        assert wide < unplanned
        assert not [pair for pair in unplanned if pair[0] in {"snet-jumpbox", "snet-training", "snet-scoring"}]

    def test_no_application_security_group_is_used(self, facts_of: FactsOf) -> None:
        [fact] = facts_of(network.ANALYSIS, chat_context(), "network.application-groups")
        assert (fact.fields["rulesWithGroups"], fact.fields["groups"]) == (0, [])


def _route_everything(bodies: list[Body]) -> None:
    table = f"{GROUP}/routeTables/rt"
    route = {"addressPrefix": "0.0.0.0/0", "nextHopType": "VirtualAppliance", "nextHopIpAddress": "10.0.9.4"}
    routes = [{"id": f"{table}/routes/all", "name": "all", "properties": route}]
    kind = "Microsoft.Network/routeTables"
    bodies.append({"id": table, "name": "rt", "type": kind, "properties": {"routes": routes}})
    for subnet in named(bodies, "vnet-chat01")["subnets"]:
        subnet["properties"]["routeTable"] = {"id": table}


class TestChanges:
    def test_a_deny_for_everything_closes_the_jump_box(self, facts_of: FactsOf) -> None:
        context = chat_context(add_rule("nsg-jumpboxSubnet", "rest", 4000))
        fact = traffic(facts_of, context, "jump-box", "Inbound")
        assert (fact.fields["tooOpen"], fact.fields["explicitlyDenied"], fact.fields["broken"]) == (False, True, False)
        assert fact.fields["stoppedBy"] == ["rest"]
        assert fact.witness is None

    def test_a_deny_before_what_is_needed_breaks_it(self, facts_of: FactsOf) -> None:
        context = chat_context(add_rule("nsg-jumpboxSubnet", "none", 90, destinationPortRange="3389"))
        fact = traffic(facts_of, context, "jump-box", "Inbound")
        assert fact.fields["broken"] is True
        assert fact.fields["lacking"] == [
            {
                "traffic": "TCP 3389 from AzureBastionSubnet to 10.0.2.132",
                "rules": ["none"],
                "why": "sessions through Bastion",
            }
        ]

    def test_a_group_on_the_interface_closes_what_the_subnet_leaves_open(self, facts_of: FactsOf) -> None:
        def change(bodies: list[Body]) -> None:
            identity = f"{GROUP}/networkSecurityGroups/nsg-nic"
            allow = {
                "priority": 100,
                "direction": "Inbound",
                "access": "Allow",
                "protocol": "Tcp",
                "sourceAddressPrefix": "10.0.2.64/26",
                "sourcePortRange": "*",
                "destinationAddressPrefix": "*",
                "destinationPortRanges": ["22", "3389"],
            }
            deny = allow | {
                "priority": 200,
                "access": "Deny",
                "protocol": "*",
                "sourceAddressPrefix": "*",
                "destinationPortRanges": ["*"],
            }
            rules = [{"name": "in", "properties": allow}, {"name": "rest", "properties": deny}]
            kind = "Microsoft.Network/networkSecurityGroups"
            bodies.append({"id": identity, "name": "nsg-nic", "type": kind, "properties": {"securityRules": rules}})
            named(bodies, "nic-jmp-chat01")["networkSecurityGroup"] = {"id": identity}

        fact = traffic(facts_of, chat_context(change), "jump-box", "Inbound")
        assert (fact.fields["tooOpen"], fact.fields["broken"]) == (False, False)

    def test_a_parameter_names_more_egress(self, facts_of: FactsOf) -> None:
        context = chat_context(jumpbox_egress_allow=["Internet"])
        assert traffic(facts_of, context, "jump-box", "Outbound").fields["tooOpen"] is False

    def test_a_parameter_that_is_no_address_is_refused(self) -> None:
        with pytest.raises(ContentError, match=r"10\.0\.0\.0/99"):
            derive(network.ANALYSIS, chat_context(jumpbox_egress_allow=["10.0.0.0/99"]))

    def test_policies_for_private_endpoints_make_the_group_count(self, facts_of: FactsOf) -> None:
        def change(bodies: list[Body]) -> None:
            for subnet in named(bodies, "vnet-chat01")["subnets"]:
                subnet["properties"]["privateEndpointNetworkPolicies"] = "NetworkSecurityGroupEnabled"

        fact = traffic(facts_of, chat_context(change), "private-endpoints", "Inbound")
        assert (fact.fields["enforced"], fact.fields["tooOpen"], fact.fields["broken"]) == (True, False, False)

    def test_an_open_port_is_named_with_the_rule(self, facts_of: FactsOf) -> None:
        change = add_rule("nsg-jumpboxSubnet", "oops", 90, access="Allow", protocol="Tcp", destinationPortRange="20-25")
        found = facts_of(network.ANALYSIS, chat_context(change), "network.guarded-ports")
        fact = next(one for one in found if one.fields["subnet"] == "snet-jumpbox")
        assert (fact.fields["open"], fact.fields["everyone"]) == (True, True)
        assert {port["name"]: port["traffic"] for port in fact.fields["ports"]} == {
            "SSH": ["TCP 22 from Internet, by rule oops"],
            "Telnet": ["TCP 23 from Internet, by rule oops"],
        }

    def test_a_port_that_is_open_to_azure_only_is_not_open_to_everyone(self, facts_of: FactsOf) -> None:
        change = add_rule(
            "nsg-jumpboxSubnet", "oops", 90, access="Allow", sourceAddressPrefix="AzureCloud", destinationPortRange="22"
        )
        found = facts_of(network.ANALYSIS, chat_context(change), "network.guarded-ports")
        fact = next(one for one in found if one.fields["subnet"] == "snet-jumpbox")
        assert (fact.fields["open"], fact.fields["everyone"]) == (True, False)

    def test_a_default_route_leaves_in_doubt_whom_it_may_let_in(self, facts_of: FactsOf) -> None:
        def change(bodies: list[Body]) -> None:
            _route_everything(bodies)
            subnet = named(bodies, "vnet-chat01")["subnets"][3]
            assert subnet["name"] == "snet-agents"
            address = {
                "subnet": {"id": subnet["id"]},
                "privateIPAddress": "10.0.2.40",
                "publicIPAddress": {"id": "/pip"},
            }
            interface = {"ipConfigurations": [{"name": "one", "properties": address}]}
            kind = "Microsoft.Network/networkInterfaces"
            bodies.append(
                {"id": f"{GROUP}/networkInterfaces/nic", "name": "nic", "type": kind, "properties": interface}
            )

        fact = traffic(facts_of, chat_context(change), "agents", "Inbound")
        assert fact.uncollected["tooOpen"].what == "properties.routeTable"
        assert "contains the prefix 0.0.0.0/0 of a route" in fact.uncollected["tooOpen"].reason
        assert "tooOpen" not in fact.fields

    def test_a_default_route_lets_nobody_in_where_there_is_no_entry(self, facts_of: FactsOf) -> None:
        before = traffic(facts_of, chat_context(), "agents", "Inbound")
        fact = traffic(facts_of, chat_context(_route_everything), "agents", "Inbound")
        assert fact.fields["tooOpen"] == before.fields["tooOpen"]

    def test_a_shadowed_rule_names_what_shadows_it(self, facts_of: FactsOf) -> None:
        context = chat_context(add_rule("nsg-jumpboxSubnet", "late", 4000, direction="Outbound"))
        found = {one.fields["rule"]: one for one in facts_of(network.ANALYSIS, context, RULE)}
        assert found["late"].fields["dead"] is True
        assert found["late"].fields["subnets"][0]["by"] == [
            "Jumpbox.Out.Allow.PrivateEndpoints",
            "Jumpbox.Out.Allow.Internet",
            "DenyAllOutBound",
        ]

    def test_names_of_rules_do_not_matter(self, facts_of: FactsOf) -> None:
        def change(bodies: list[Body]) -> None:
            for body in bodies:
                if body["type"].endswith("networkSecurityGroups"):
                    for place, rule in enumerate(body["properties"]["securityRules"]):
                        rule["name"] = f"rule-{place}"
                        rule["id"] = f"{body['id']}/securityRules/rule-{place}"

        keys = ("tooOpen", "broken", "explicitlyDenied", "excessInternet", "excessNetwork")
        verdicts = [
            [[one.fields[key] for key in keys] for one in facts_of(network.ANALYSIS, context, TRAFFIC)]
            for context in (chat_context(), chat_context(change))
        ]
        assert verdicts[0] == verdicts[1]


class TestUnknown:
    def test_a_group_that_was_not_collected(self, facts_of: FactsOf) -> None:
        def change(bodies: list[Body]) -> None:
            bodies[:] = [body for body in bodies if body["name"] != "nsg-agentsSubnet"]

        fact = traffic(facts_of, chat_context(change), "agents", "Outbound")
        assert "was not collected" in fact.uncollected["tooOpen"].reason
        assert not {"tooOpen", "explicitlyDenied"} & set(fact.fields)

    def test_a_group_whose_rules_were_not_collected(self, facts_of: FactsOf) -> None:
        gap = Gap(
            f"{GROUP}/networkSecurityGroups/nsg-agentsSubnet",
            "Microsoft.Network/networkSecurityGroups/securityRules",
            "forbidden",
        )
        fact = traffic(facts_of, chat_context(gaps=(gap,)), "agents", "Outbound")
        assert "forbidden" in fact.uncollected["tooOpen"].reason

    def test_an_interface_that_was_not_collected_may_have_a_group_of_its_own(self, facts_of: FactsOf) -> None:
        def change(bodies: list[Body]) -> None:
            bodies[:] = [body for body in bodies if body["name"] != "nic-jmp-chat01"]

        fact = traffic(facts_of, chat_context(change), "jump-box", "Inbound")
        assert "tooOpen" not in fact.fields
        assert fact.uncollected["tooOpen"].what == "microsoft.network/networkinterfaces"

    def test_a_gateway_may_teach_a_default_route_which_an_explicit_denial_settles(self, facts_of: FactsOf) -> None:
        def change(bodies: list[Body]) -> None:
            kind = "Microsoft.Network/virtualNetworkGateways"
            vnet = f"{GROUP}/virtualNetworks/vnet-chat01"
            place = {"id": f"{vnet}/subnets/GatewaySubnet"}
            inner = {"ipConfigurations": [{"properties": {"subnet": place}}]}
            bodies.append({"id": f"{GROUP}/virtualNetworkGateways/g", "name": "g", "type": kind, "properties": inner})
            subnet = {**place, "name": "GatewaySubnet", "properties": {"addressPrefix": "10.0.9.0/24"}}
            named(bodies, "vnet-chat01")["subnets"].append(subnet)

        context = chat_context(change)
        assert traffic(facts_of, context, "agents", "Outbound").fields["tooOpen"] is True
        inbound = traffic(facts_of, context, "agents", "Inbound")
        assert inbound.uncollected["tooOpen"].reason == "depends on the prefixes that a gateway has learned"
        closed = chat_context(lambda bodies: (change(bodies), add_rule("nsg-agentsSubnet", "rest", 4000)(bodies)))
        assert traffic(facts_of, closed, "agents", "Inbound").fields["tooOpen"] is False

    def test_routing_of_the_app_that_was_not_collected(self, facts_of: FactsOf) -> None:
        def change(bodies: list[Body]) -> None:
            bodies[:] = [body for body in bodies if body["type"].lower() != "microsoft.web/sites/config"]

        gap = Gap("/", "Microsoft.Web/sites/config", "forbidden")
        fact = traffic(facts_of, chat_context(change, gaps=(gap,)), "app-service", "Outbound")
        assert fact.uncollected["internetFiltered"] == gap

    def test_without_routing_only_private_destinations_count(self, facts_of: FactsOf) -> None:
        def change(bodies: list[Body]) -> None:
            for body in bodies:
                if body["type"].lower() == "microsoft.web/sites/config":
                    body["properties"]["vnetRouteAllEnabled"] = False

        fact = traffic(facts_of, chat_context(change), "app-service", "Outbound")
        assert (fact.fields["internetFiltered"], fact.fields["excessInternet"], fact.fields["excessNetwork"]) == (
            False,
            False,
            True,
        )


JUNK: tuple[Any, ...] = (None, "", "text", 0, -1, True, [], {}, [None], ["x"], [[]], {"id": 7}, {"x": {"y": []}})


@pytest.mark.parametrize("seed", range(40))
def test_no_shape_of_arm_json_breaks_the_analysis(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - the same shapes in each run
    bodies = hoisted(chat_bodies())
    spoiled = [body for body in bodies if "microsoft.network" in body["id"].lower()]
    for body in chance.sample(spoiled, 12):
        holder, key = body, "properties"
        while isinstance(holder[key], dict | list) and holder[key] and chance.random() < 0.8:
            holder = holder[key]
            key = chance.choice(sorted(holder) if isinstance(holder, dict) else range(len(holder)))
        holder[key] = copy.deepcopy(chance.choice(JUNK))
    found = derive(network.ANALYSIS, context_of(bodies))
    assert found
    assert len({fact.id for fact in found}) == len(found)
