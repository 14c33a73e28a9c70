"""Questions about networks whose answer is in routes, peerings, firewalls and ways out, asked from the command line."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.command import Ended, in_process
from tests.estates.arm import Body, path, reference, resource
from tests.estates.graph import hoisted
from tests.estates.hub import (
    ANY_TO_ANY,
    FIREWALL_ADDRESS,
    POLICIES,
    TABLES,
    application_rule,
    collection,
    firewall,
    hub_and_spokes,
    network,
    network_rule,
    peering,
    policy,
    routed,
    subnet_id,
    table,
    to_firewall,
)

AFW = path("Microsoft.Network/azureFirewalls", "afw")
BY_POLICY = {"firewallPolicy": reference(path(POLICIES, "p"))}
INTERFACES, ADDRESSES = "Microsoft.Network/networkInterfaces", "Microsoft.Network/publicIPAddresses"
NAT, BALANCERS = "Microsoft.Network/natGateways", "Microsoft.Network/loadBalancers"
POOL = f"{path(BALANCERS, 'lb')}/backendAddressPools/pool"


def query(bodies: Sequence[Body], at: Path, start: str, end: str, *more: str, complete: bool = True) -> Any:
    ended = asked(bodies, at, start, end, *more, "-o", "json", complete=complete)
    return json.loads(ended.out)["records"][0]


def asked(bodies: Sequence[Body], at: Path, start: str, end: str, *more: str, complete: bool = True) -> Ended:
    source = at / "estate.json"
    source.write_text(json.dumps({"resources": hoisted(bodies), "complete": complete}))
    return in_process("network", "query", source, "--from", start, "--to", end, *more, at=at, env={"COLUMNS": "120"})


def governed(*rules: Body) -> list[Body]:
    return [firewall(**BY_POLICY), *policy("p", (100, [collection("c", 100, "Allow", *rules)]))]


class TestHub:
    """Two spokes behind a firewall in a hub."""

    @pytest.mark.parametrize(
        ("beside", "port", "answer"),
        [
            ([firewall(**ANY_TO_ANY)], "443", "yes"),
            ([firewall()], "443", "no"),
            (governed(network_rule(destinationPorts=["22"])), "22", "yes"),
            (governed(network_rule(destinationPorts=["22"])), "443", "no"),
            (governed(network_rule(sourceAddresses=["10.9.0.0/16"])), "443", "no"),
            (governed(application_rule("example.org")), "443", "unknown"),
            (governed(application_rule("example.org")), "22", "no"),
            ([firewall(**BY_POLICY)], "443", "unknown"),
            ([], "443", "unknown"),
        ],
        ids=[
            "any",
            "none",
            "port",
            "other port",
            "other source",
            "hosts",
            "no hosts",
            "unread policy",
            "unread firewall",
        ],
    )
    def test_what_the_firewall_lets_through_gets_through(
        self, beside: list[Body], port: str, answer: str, tmp_path: Path
    ) -> None:
        found = query(hub_and_spokes(*beside), tmp_path, "one", "two", "--port", port)
        assert found["answer"] == answer
        assert found["inspected_by"] == ([AFW] if beside else "unknown")

    def test_the_hops_and_the_firewalls_rule_are_shown(self, tmp_path: Path) -> None:
        ended = asked(hub_and_spokes(firewall(**ANY_TO_ANY)), tmp_path, "one", "two", "--port", "443")
        assert ended.code == 0
        for line in ("one → firewall afw, by route r0", "AzureFirewallSubnet → peering blue", "through afw: rule"):
            assert line in ended.out
        assert "inspected by a firewall:  afw" in ended.out

    def test_a_machine_in_the_hub_may_do_anything(self, tmp_path: Path) -> None:
        configuration = {"privateIPAddress": "10.0.1.4", "subnet": reference(subnet_id("hub", "AzureFirewallSubnet"))}
        nic = resource(
            INTERFACES, "nva", properties={"ipConfigurations": [{"name": "one", "properties": configuration}]}
        )
        found = query(hub_and_spokes(nic), tmp_path, "one", "two", "--port", "443")
        assert (found["answer"], found["inspected_by"]) == ("unknown", [nic["id"]])

    def test_whether_a_peering_that_takes_in_nothing_forwarded_stops_it_is_not_known(self, tmp_path: Path) -> None:
        bodies = hub_and_spokes(*governed(network_rule(destinationPorts=["22"]), network_rule()))
        bodies[2] = network(
            "blue", "10.2.0.0/16", peering("hub", allowForwardedTraffic=False), two=routed("10.2.1.0/24", "rt-blue")
        )
        found = query(bodies, tmp_path, "one", "two", "--port", "22")
        assert found["answer"] == "unknown"
        assert any("allowForwardedTraffic" in unknown for unknown in found["unknowns"])
        assert query(bodies, tmp_path, "two", "one", "--port", "22")["answer"] == "yes"

    def test_what_an_application_rule_lets_pass_is_the_firewalls_own(self, tmp_path: Path) -> None:
        bodies = hub_and_spokes(*governed(application_rule("example.org")))
        bodies[2] = network(
            "blue", "10.2.0.0/16", peering("hub", allowForwardedTraffic=False), two=routed("10.2.1.0/24", "rt-blue")
        )
        assert query(bodies, tmp_path, "one", "two", "--port", "443")["answer"] == "unknown"

    def test_without_a_route_the_spokes_are_not_peered(self, tmp_path: Path) -> None:
        bodies = hub_and_spokes(firewall(**ANY_TO_ANY))
        bodies[1] = network("red", "10.1.0.0/16", peering("hub"), one="10.1.1.0/24")
        found = query(bodies, tmp_path, "one", "two", "--port", "443")
        assert (found["answer"], found["inspected_by"]) == ("no", "no")

    def test_without_a_way_back_no_connection_comes_about(self, tmp_path: Path) -> None:
        bodies = hub_and_spokes(firewall(**ANY_TO_ANY))
        bodies[2] = network("blue", "10.2.0.0/16", peering("hub"), two="10.2.1.0/24")
        found = query(bodies, tmp_path, "one", "two", "--port", "443")
        assert found["answer"] == "no"
        assert found["notes"] == ["Replies from two find no way back to one."]
        assert query(bodies, tmp_path, "one", "two", "--port", "443", "--protocol", "udp")["answer"] == "yes"

    def test_a_firewall_that_leads_back_to_itself_leads_nowhere(self, tmp_path: Path) -> None:
        bodies = hub_and_spokes(firewall(**ANY_TO_ANY), to_firewall("rt-hub", "10.2.0.0/16"))
        bodies[0]["properties"]["subnets"][0]["properties"]["routeTable"] = reference(path(TABLES, "rt-hub"))
        found = query(bodies, tmp_path, "one", "two", "--port", "443")
        assert (found["answer"], found["notes"]) == ("no", ["Routes lead back to firewall afw in a circle."])

    @pytest.mark.parametrize(
        ("beside", "answer", "ways_out"),
        [
            ([firewall(**ANY_TO_ANY)], "yes", [{"by": "firewall", "id": AFW}]),
            ([firewall()], "no", []),
            (governed(application_rule("example.org")), "unknown", [{"by": "firewall", "id": AFW}]),
        ],
        ids=["any", "none", "hosts"],
    )
    def test_the_firewall_is_the_door_to_the_internet(
        self, beside: list[Body], answer: str, ways_out: list[Any], tmp_path: Path
    ) -> None:
        bodies = hub_and_spokes(*beside, defaultOutboundAccess=False)
        found = query(bodies, tmp_path, "one", "Internet", "--port", "443")
        assert found["notes"] == []
        assert (found["answer"], found["ways_out"], found["inspected_by"]) == (answer, ways_out, [AFW])

    def test_a_firewall_without_public_address_sends_on_by_its_own_routes(self, tmp_path: Path) -> None:
        bodies = hub_and_spokes(
            tunnelled := firewall(**ANY_TO_ANY), table("rt-hub", ("0.0.0.0/0", "VirtualNetworkGateway"))
        )
        del tunnelled["properties"]["ipConfigurations"][0]["properties"]["publicIPAddress"]
        assert query(bodies, tmp_path, "one", "Internet", "--port", "443")["answer"] == "no"
        bodies[0]["properties"]["subnets"][0]["properties"]["routeTable"] = reference(path(TABLES, "rt-hub"))
        assert query(bodies, tmp_path, "one", "Internet", "--port", "443")["answer"] == "unknown"

    @pytest.mark.parametrize(
        ("port", "source", "answer"), [("22", "*", "yes"), ("23", "*", "no"), ("22", "10.0.0.0/8", "no")]
    )
    def test_what_comes_to_the_firewalls_public_address_is_led_on(
        self, port: str, source: str, answer: str, tmp_path: Path
    ) -> None:
        lead = {
            "name": "ssh", "ruleType": "NatRule", "ipProtocols": ["TCP"], "sourceAddresses": [source],
            "destinationAddresses": ["203.0.113.9"], "destinationPorts": ["2222"],
            "translatedAddress": "10.2.1.4", "translatedPort": "22",
        }  # fmt: skip
        guarded = {
            "name": "own", "properties": {
                "priority": 100, "direction": "Inbound", "access": "Deny", "protocol": "*", "sourcePortRange": "*",
                "destinationPortRange": "*", "sourceAddressPrefix": "Internet", "destinationAddressPrefix": "*",
            },
        }  # fmt: skip
        group = resource("Microsoft.Network/networkSecurityGroups", "nsg", properties={"securityRules": [guarded]})
        bodies = hub_and_spokes(
            firewall(**BY_POLICY), *policy("p", (100, [collection("in", 100, "DNAT", lead)])), group
        )
        bodies[2]["properties"]["subnets"][0]["properties"]["networkSecurityGroup"] = reference(group["id"])
        found = query(bodies, tmp_path, "Internet", "two", "--port", port)
        assert found["answer"] == answer
        if answer == "yes":
            assert found["inspected_by"] == [AFW]
        bodies[-2:-2] = policy("child", parent="p")
        bodies = [*bodies[:5], firewall(firewallPolicy=reference(path(POLICIES, "child"))), *bodies[6:]]
        inherited = query(bodies, tmp_path, "Internet", "two", "--port", port, "--allow-incomplete")
        assert inherited["answer"] == ("unknown" if answer == "yes" else "no")


def test_a_firewall_in_a_hub_of_virtual_wan_is_found_by_its_address(tmp_path: Path) -> None:
    """How the hub routes between networks is not in its firewall; what that denies is denied."""
    rules = policy("p", (100, [collection("c", 100, "Allow", network_rule(destinationPorts=["443"]))]))
    hub = {"privateIPAddress": "10.0.1.4", "publicIPs": {"count": 1, "addresses": [{"address": "203.0.113.4"}]}}
    secured = resource("Microsoft.Network/azureFirewalls", "afw", properties={"hubIPAddresses": hub, **BY_POLICY})
    spokes = [
        network(name, f"10.{place}.0.0/16", **{f"snet-{name}": routed(f"10.{place}.1.0/24", "rt")})
        for place, name in ((1, "red"), (2, "blue"))
    ]
    bodies = [*spokes, to_firewall("rt"), secured, *rules]
    ends = [("Internet", "443"), ("Internet", "22"), ("snet-blue", "443"), ("snet-blue", "22")]
    found = [query(bodies, tmp_path, "snet-red", end, "--port", port, "--allow-incomplete") for end, port in ends]
    assert [one["answer"] for one in found] == ["yes", "no", "unknown", "no"]
    assert found[0]["ways_out"] == [{"by": "firewall", "id": AFW}]


class TestPeeringOfSubnets:
    """A peering that joins some subnets only."""

    @pytest.mark.parametrize(
        ("start", "end", "answer"),
        [("l1", "r1", "yes"), ("r1", "l1", "yes"), ("l2", "r2", "no"), ("l1", "r2", "no"), ("l2", "r1", "no")],
    )
    @pytest.mark.parametrize("by", ["names", "prefixes"])
    def test_only_the_subnets_that_are_named_are_joined(
        self, start: str, end: str, answer: str, by: str, tmp_path: Path
    ) -> None:
        group = resource("Microsoft.Network/networkSecurityGroups", "nsg", properties={"securityRules": []})
        guard = {"networkSecurityGroup": reference(group["id"])}

        def half(own: str, far: str, space: str, far_space: str) -> Body:
            subnets = {"localSubnetNames": [f"{own}1"], "remoteSubnetNames": [f"{far}1"]}
            spaces = {"localAddressSpace": {"addressPrefixes": [f"{space}1.0/24"]}}
            spaces |= {"remoteAddressSpace": {"addressPrefixes": [f"{far_space}1.0/24"]}}
            joined = peering(f"net-{far}", peerCompleteVnets=False, **(subnets if by == "names" else {}), **spaces)
            prefixes = {f"{own}{place}": {"addressPrefix": f"{space}{place}.0/24", **guard} for place in (1, 2)}
            return network(f"net-{own}", f"{space}0.0/16", joined, **prefixes)

        bodies = [half("l", "r", "10.1.", "10.2."), half("r", "l", "10.2.", "10.1."), group]
        assert query(bodies, tmp_path, start, end, "--port", "443")["answer"] == answer

    def test_a_subnet_that_is_not_joined_does_not_take_in_the_other_network(self, tmp_path: Path) -> None:
        group = resource("Microsoft.Network/networkSecurityGroups", "nsg", properties={"securityRules": []})
        guard = {"networkSecurityGroup": reference(group["id"])}
        own = {f"l{place}": {"addressPrefix": f"10.1.{place}.0/24", **guard} for place in (1, 2)}
        joined = peering("far", peerCompleteVnets=False, localSubnetNames=["l1"], remoteSubnetNames=["r1"])
        bodies = [network("near", "10.1.0.0/16", joined, **own), network("far", "10.2.0.0/16", r1="10.2.1.0/24"), group]
        answers = {end: query(bodies, tmp_path, "10.2.9.9", end, "--port", "443")["answer"] for end in ("l1", "l2")}
        assert answers == {"l1": "no", "l2": "no"}  # the rest of the far network is nobody's peer
        inside = {end: query(bodies, tmp_path, "r1", end, "--port", "443")["answer"] for end in ("l1", "l2")}
        assert inside["l2"] == "no"


def alone(*more: Body, **properties: Any) -> list[Body]:
    return [network("vnet", "10.1.0.0/16", web={"addressPrefix": "10.1.1.0/24", **properties}), *more]


def machine(**configuration: Any) -> Body:
    own = {"privateIPAddress": "10.1.1.4", "subnet": reference(subnet_id("vnet", "web")), **configuration}
    return resource(INTERFACES, "nic", properties={"ipConfigurations": [{"name": "one", "properties": own}]})


def balancer(**properties: Any) -> Body:
    front = {"name": "front", "properties": {"publicIPAddress": reference(path(ADDRESSES, "pip"))}}
    own = {"frontendIPConfigurations": [front], **properties}
    return resource(BALANCERS, "lb", sku={"name": "Standard"}, properties=own)


OUTBOUND_RULE = {"outboundRules": [{"name": "out", "properties": {"backendAddressPool": reference(POOL)}}]}
PUBLIC = reference(path(ADDRESSES, "pip"))
IN_POOL = {"loadBalancerBackendAddressPools": [reference(POOL)]}
NAT_GATEWAY = resource(NAT, "nat", properties={"publicIpAddresses": [PUBLIC]})
PRIVATE = {"defaultOutboundAccess": False}
DOORS: dict[str, tuple[list[Body], str, list[str]]] = {
    "nobody chose one": (alone(machine()), "yes", ["default outbound access"]),
    "a private subnet": (alone(machine(), **PRIVATE), "no", []),
    "a private subnet with a NAT gateway": (
        alone(machine(), NAT_GATEWAY, natGateway=reference(NAT_GATEWAY["id"]), **PRIVATE),
        "yes",
        ["NAT gateway"],
    ),
    "a private subnet with a public address": (
        alone(machine(publicIPAddress=PUBLIC), **PRIVATE),
        "yes",
        ["instance address"],
    ),
    "a private subnet with outbound rules": (
        alone(machine(**IN_POOL), balancer(**OUTBOUND_RULE), **PRIVATE),
        "yes",
        ["load balancer"],
    ),
    "a private subnet with a load balancer that lets nothing out": (
        alone(machine(**IN_POOL), balancer(), **PRIVATE),
        "no",
        [],
    ),
    "a NAT gateway goes before a public address": (
        alone(machine(publicIPAddress=PUBLIC), NAT_GATEWAY, natGateway=reference(NAT_GATEWAY["id"])),
        "yes",
        ["NAT gateway"],
    ),
    "a route to nowhere": (
        alone(machine(), table("rt", ("0.0.0.0/0", "None")), routeTable=reference(path(TABLES, "rt"))),
        "no",
        [],
    ),
    "a private subnet of a service": (
        alone(delegations=[{"name": "web", "properties": {"serviceName": "Microsoft.App/environments"}}], **PRIVATE),
        "yes",
        ["the service's own address"],
    ),
}


@pytest.mark.parametrize("name", DOORS)
def test_the_door_to_the_internet_is_named(name: str, tmp_path: Path) -> None:
    bodies, answer, doors = DOORS[name]
    found = query(bodies, tmp_path, "web", "Internet", "--port", "443")
    assert (found["answer"], [way["by"] for way in found["ways_out"]]) == (answer, doors)
    assert (found["packet"] is not None) == (answer == "yes")


def test_a_private_subnet_of_which_not_all_was_seen_may_have_a_door(tmp_path: Path) -> None:
    found = query(alone(**PRIVATE), tmp_path, "web", "Internet", "--port", "443", "--allow-incomplete", complete=False)
    assert found["answer"] == "unknown"


def test_only_the_machine_with_an_address_has_a_door(tmp_path: Path) -> None:
    bodies = alone(machine(publicIPAddress=PUBLIC), **PRIVATE)
    assert query(bodies, tmp_path, "10.1.1.4", "Internet", "--port", "443")["answer"] == "yes"
    assert query(bodies, tmp_path, "10.1.1.5", "Internet", "--port", "443")["answer"] == "no"


class TestServiceTags:
    """Routes whose prefix is a service tag."""

    ROUTES = table("rt", ("0.0.0.0/0", "None"), ("AzureMonitor", "Internet"))
    DATA = resource(
        "Microsoft.Network/serviceTags",
        "westeurope",
        properties={"values": [{"name": "AzureMonitor", "properties": {"addressPrefixes": ["20.42.0.0/16"]}}]},
    )

    def bodies(self, *more: Body) -> list[Body]:
        return alone(self.ROUTES, *more, routeTable=reference(self.ROUTES["id"]))

    @pytest.mark.parametrize("end", ["AzureMonitor", "20.42.1.1", "20.1.1.1"])
    def test_without_data_nobody_knows_for_whom_they_hold(self, end: str, tmp_path: Path) -> None:
        assert query(self.bodies(), tmp_path, "web", end, "--port", "443", "--allow-incomplete")["answer"] == "unknown"

    @pytest.mark.parametrize(("end", "answer"), [("AzureMonitor", "yes"), ("20.42.1.1", "yes"), ("20.1.1.1", "no")])
    def test_with_data_the_longer_prefix_wins(self, end: str, answer: str, tmp_path: Path) -> None:
        assert query(self.bodies(self.DATA), tmp_path, "web", end, "--port", "443")["answer"] == answer

    def test_a_service_endpoint_goes_before_every_route(self, tmp_path: Path) -> None:
        closed = table("rt", ("0.0.0.0/0", "None"))
        endpoints = [{"service": "Microsoft.Storage"}]
        bodies = alone(closed, routeTable=reference(closed["id"]), serviceEndpoints=endpoints)
        answers = [query(bodies, tmp_path, "web", end, "--port", "443")["answer"] for end in ("Storage", "Sql")]
        assert answers == ["yes", "no"]

    @pytest.mark.parametrize(
        ("end", "state", "is_led"),
        [("Storage.WestEurope", "Succeeded", True), ("Storage.EastUS", "Succeeded", False), ("Storage", "Succeeded", True),
         ("Storage", "Failed", False)],
    )  # fmt: skip
    def test_a_service_endpoint_leads_to_its_regions_only(
        self, *, end: str, state: str, is_led: bool, tmp_path: Path
    ) -> None:
        closed = table("rt", ("0.0.0.0/0", "None"))
        endpoints = [{"service": "Microsoft.Storage", "locations": ["westeurope"], "provisioningState": state}]
        bodies = alone(closed, routeTable=reference(closed["id"]), serviceEndpoints=endpoints)
        found = query(bodies, tmp_path, "web", end, "--port", "443", "--allow-incomplete")
        assert (found["answer"] != "no") is is_led

    def test_a_service_endpoint_policy_that_was_not_read_may_stop_it(self, tmp_path: Path) -> None:
        policies = [reference(path("Microsoft.Network/serviceEndpointPolicies", "sep"))]
        endpoints = [{"service": "Microsoft.Storage"}]
        bodies = alone(serviceEndpoints=endpoints, serviceEndpointPolicies=policies)
        assert query(bodies, tmp_path, "web", "Storage", "--port", "443", "--allow-incomplete")["answer"] == "unknown"


@pytest.mark.parametrize(
    ("policies", "prefix", "answer", "inspected"),
    [
        ("Disabled", "10.1.0.0/16", "yes", "no"),
        ("NetworkSecurityGroupEnabled", "10.1.2.0/24", "yes", "no"),
        ("RouteTableEnabled", "10.1.0.0/16", "unknown", "unknown"),
        ("Enabled", "10.1.2.5/32", "unknown", "unknown"),
        ("Enabled", "10.0.0.0/15", "yes", "no"),
        ("Enabled", "0.0.0.0/0", "yes", "no"),
    ],
)
def test_routes_count_for_private_endpoints_by_their_policies_and_length(
    policies: str, prefix: str, answer: str, inspected: str, tmp_path: Path
) -> None:
    endpoint = resource(
        "Microsoft.Network/privateEndpoints", "pe", properties={"subnet": reference(subnet_id("vnet", "data"))}
    )
    own = {"privateIPAddress": "10.1.2.5", "subnet": reference(subnet_id("vnet", "data"))}
    about = {"privateEndpoint": reference(endpoint["id"]), "ipConfigurations": [{"name": "one", "properties": own}]}
    endpoint["properties"]["networkInterfaces"] = [reference(path(INTERFACES, "pe-nic"))]
    subnets = {
        "web": routed("10.1.1.0/24", "rt"),
        "data": {"addressPrefix": "10.1.2.0/24", "privateEndpointNetworkPolicies": policies},
    }
    bodies = [
        network("vnet", "10.1.0.0/16", **subnets),
        table("rt", (prefix, "VirtualAppliance", "10.1.9.9")),
        endpoint,
        resource(INTERFACES, "pe-nic", properties=about),
    ]
    found = query(bodies, tmp_path, "web", "pe", "--port", "443", "--allow-incomplete")
    assert (found["answer"], found["inspected_by"]) == (answer, inspected)
    assert ("10.1.9.9" in json.dumps(found)) == (answer == "unknown")


HUBS, TUNNELS = "Microsoft.Network/virtualHubs", "Microsoft.Network/virtualNetworkGateways"
CLOSED = resource("Microsoft.Network/networkSecurityGroups", "nsg", properties={"securityRules": []})
GUARDED = {"addressPrefix": "10.2.1.0/24", "networkSecurityGroup": reference(CLOSED["id"])}


def pair(red: Body | None, blue: Body | None, **two: Any) -> list[Body]:
    """Return two networks, each with a peering or without one."""
    return [
        network("red", "10.1.0.0/16", *([red] if red else []), one="10.1.1.0/24"),
        network("blue", "10.2.0.0/16", *([blue] if blue else []), two=two or "10.2.1.0/24"),
    ]


class TestPeering:
    """What a peering leads to, and whether it is known that nothing else does."""

    def test_space_that_is_not_synchronised_is_not_peered(self, tmp_path: Path) -> None:
        level = {
            "peeringSyncLevel": "LocalNotInSync",
            "remoteAddressSpace": {"addressPrefixes": ["10.2.0.0/16"]},
            "remoteVirtualNetworkAddressSpace": {"addressPrefixes": ["10.2.0.0/16", "10.3.0.0/16"]},
        }
        red = network("red", "10.1.0.0/16", peering("blue", **level), one="10.1.1.0/24")
        blue = network("blue", ["10.2.0.0/16", "10.3.0.0/16"], peering("red"), two="10.2.1.0/24", new="10.3.1.0/24")
        assert query([red, blue], tmp_path, "one", "two", "--port", "443")["answer"] == "yes"
        assert query([red, blue], tmp_path, "one", "new", "--port", "443")["answer"] == "no"
        level["peeringSyncLevel"] = "FullyInSync"
        red = network("red", "10.1.0.0/16", peering("blue", **level), one="10.1.1.0/24")
        assert query([red, blue], tmp_path, "one", "new", "--port", "443")["answer"] == "yes"

    @pytest.mark.parametrize("closed", ["red", "blue"])
    def test_without_access_the_tag_is_narrower_and_the_way_not_known(self, closed: str, tmp_path: Path) -> None:
        switch = {"allowVirtualNetworkAccess": False}
        ends = (
            peering("blue", **(switch if closed == "red" else {})),
            peering("red", **(switch if closed == "blue" else {})),
        )
        found = query(pair(*ends), tmp_path, "one", "two", "--port", "443")
        assert found["answer"] == "unknown"
        assert any("allowVirtualNetworkAccess" in unknown for unknown in found["unknowns"])
        # The rules of the far side let in VirtualNetwork, which without its own access lacks the near network.
        guarded = [*pair(*ends, **GUARDED), CLOSED]
        expected = "no" if closed == "blue" else "unknown"
        assert query(guarded, tmp_path, "one", "two", "--port", "443")["answer"] == expected

    @pytest.mark.parametrize(
        ("listed", "complete", "answer"), [(True, False, "no"), (False, False, "unknown"), (False, True, "no")]
    )
    def test_a_network_that_does_not_list_its_peerings_may_have_some(
        self, *, listed: bool, complete: bool, answer: str, tmp_path: Path
    ) -> None:
        bodies = pair(None, None)
        if not listed:
            for body in bodies:
                del body["properties"]["virtualNetworkPeerings"]
        assert query(bodies, tmp_path, "one", "two", "--port", "443", complete=complete)["answer"] == answer


def in_hub(name: str, **connection: Any) -> list[Body]:
    """Return the connection of a network to a hub of Virtual WAN."""
    own = {"remoteVirtualNetwork": reference(network(name, "10.0.0.0/8")["id"]), **connection}
    return [resource(f"{HUBS}/hubVirtualNetworkConnections", "vwan", f"to-{name}", location=None, properties=own)]


def tunnel(place: str, **properties: Any) -> Body:
    inside = {"name": "default", "properties": {"subnet": reference(subnet_id(place, "GatewaySubnet"))}}
    return resource(TUNNELS, "gw", properties={"ipConfigurations": [inside], **properties})


LEARNING: dict[str, tuple[list[Body], dict[str, Any], str]] = {
    "nothing": ([], {}, "yes"),
    "a hub that secures the Internet": (in_hub("red", enableInternetSecurity=True), {}, "unknown"),
    "a hub that does not say": (in_hub("red"), {}, "unknown"),
    "a hub that does not": (in_hub("red", enableInternetSecurity=False), {}, "yes"),
    "ExpressRoute": ([tunnel("red", gatewayType="ExpressRoute")], {}, "unknown"),
    "a tunnel": ([tunnel("red", gatewayType="Vpn", enableBgp=False)], {}, "yes"),
    "a tunnel whose far end announces": ([tunnel("red", gatewayType="Vpn", enableBgp=True)], {}, "unknown"),
    "forced tunnelling": ([tunnel("red", gatewayDefaultSite=reference("/s/x"))], {}, "unknown"),
    "ExpressRoute without propagation": (
        [
            tunnel("red", gatewayType="ExpressRoute"),
            resource(TABLES, "rt", properties={"routes": [], "disableBgpRoutePropagation": True}),
        ],
        routed("10.1.1.0/24", "rt"),
        "yes",
    ),
}


class TestLearnedRoutes:
    """What gateways, hubs and route servers may teach, which no route table shows."""

    @pytest.mark.parametrize("is_nested", [True, False])
    def test_networks_of_one_hub_are_perhaps_joined(self, *, is_nested: bool, tmp_path: Path) -> None:
        connections = [*in_hub("red"), *in_hub("blue")]
        listed = {"virtualNetworkConnections": connections}
        hub = resource(HUBS, "vwan", properties={"addressPrefix": "10.9.0.0/24", **(listed if is_nested else {})})
        beside = [hub, *(() if is_nested else connections)]
        assert query([*pair(None, None), *beside], tmp_path, "one", "two", "--port", "443")["answer"] == "unknown"
        assert (
            query([*pair(None, None), hub] if not is_nested else pair(None, None), tmp_path, "one", "two")["answer"]
            == "no"
        )

    @pytest.mark.parametrize("case", LEARNING)
    def test_a_default_route_may_be_learned(self, case: str, tmp_path: Path) -> None:
        beside, subnet, answer = LEARNING[case]
        red = network("red", "10.1.0.0/16", one=subnet or "10.1.1.0/24", GatewaySubnet="10.1.255.0/27")
        assert query([red, *beside], tmp_path, "one", "Internet", "--port", "443")["answer"] == answer

    def test_a_gateway_of_a_peer_that_was_not_read_may_teach_one(self, tmp_path: Path) -> None:
        red = network("red", "10.1.0.0/16", peering("hub", useRemoteGateways=True), one="10.1.1.0/24")
        assert query([red], tmp_path, "one", "Internet", "--port", "443")["answer"] == "unknown"

    def test_a_private_subnet_may_get_out_by_a_route_server(self, tmp_path: Path) -> None:
        one = {"addressPrefix": "10.1.1.0/24", "defaultOutboundAccess": False}
        red = network("red", "10.1.0.0/16", one=one, RouteServerSubnet="10.1.255.0/26")
        assert query([red], tmp_path, "one", "Internet", "--port", "443")["answer"] == "unknown"
        assert query([network("red", "10.1.0.0/16", one=one)], tmp_path, "one", "Internet")["answer"] == "no"


@pytest.mark.parametrize("prefixes", [["0.0.0.0/1", "128.0.0.0/1"], ["0.0.0.0/0", "20.0.0.0/8"], ["8.0.0.0/5"]])
def test_where_a_route_leads_the_internet_it_is_the_internet_still(prefixes: list[str], tmp_path: Path) -> None:
    bodies = hub_and_spokes(firewall(**ANY_TO_ANY))
    bodies[3] = table("rt-red", *((prefix, "VirtualAppliance", FIREWALL_ADDRESS) for prefix in prefixes))
    found = query(bodies, tmp_path, "one", "8.8.8.8", "--port", "443")
    assert (found["answer"], found["inspected_by"]) == ("yes", [AFW])
    assert query(bodies, tmp_path, "one", "Internet", "--port", "443")["answer"] == "yes"
    whole = query(bodies, tmp_path, "one", "Internet", "--port", "443")
    assert any("firewall" in way["by"] for way in whole["ways_out"])
