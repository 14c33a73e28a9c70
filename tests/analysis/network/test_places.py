"""Ports are judged where filters take effect: at scale sets, in platform subnets, and at groups without their network."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from auditor.analysis.exposure.analysis import entries
from auditor.network.search import Search
from auditor.network.subnets import Subnets
from auditor.truth import Truth
from tests.e2e.command import in_process
from tests.estates.contexts import context_of
from tests.estates.graph import hoisted
from tests.estates.networks import (
    NETWORK,
    application_group,
    at,
    configuration,
    interface,
    load_balancer,
    network,
    public_address,
    rule,
    scale_set,
    security_group,
    subnet,
    thing,
    to,
)
from tests.network.ask import chain_of
from tests.network.ask import rule as written

Body = dict[str, Any]
PORTS = "subnet-guarded-ports-closed"
CLOSED = rule(4000, "Deny", protocol="*", destinationPortRange="*")
PUBLIC: Body = {"publicIPAddress": to("publicIPAddresses", "pip")}
INSTANCES: Body = {"publicIPAddressConfiguration": {"name": "pip", "properties": {"idleTimeoutInMinutes": 4}}}


def judged(folder: Path, bodies: Sequence[Body], *options: str) -> dict[tuple[str, str], tuple[str, str]]:
    """Return (status, message) by rule and name of the resource."""
    source = folder / "estate.json"
    source.write_text(json.dumps(list(bodies)))
    ended = in_process("evaluate", source, "--include-passed", "--no-progress", "-o", "json", *options, at=folder)
    return {
        (one["rule_id"], str(one["resource_id"]).rpartition("/")[2]): (one["status"], one["message"])
        for one in ended.findings
    }


def ports(folder: Path, *bodies: Body, name: str = "s", complete: bool = True) -> str:
    return judged(folder, bodies, *(["--complete"] if complete else []))[PORTS, name][0]


def test_ssh_open_to_the_world_on_a_scale_set_fails(tmp_path: Path) -> None:
    groups = [application_group("asg"), security_group("nsg", rule(100, groups=["asg"]), CLOSED)]
    place = network(subnet("s", group="nsg"))
    assert ports(tmp_path, place, *groups, scale_set("x", configuration(groups=["asg"]))) == "fail"
    assert ports(tmp_path, place, *groups, scale_set("x", configuration())) == "pass"


def test_a_scale_set_counts_beside_machines_with_groups_of_their_own(tmp_path: Path) -> None:
    shut = [security_group("shut", CLOSED), interface("n", configuration(privateIPAddress="10.0.1.9"), "shut")]
    place = [network(subnet("s", group="nsg")), security_group("nsg", rule(100), CLOSED)]
    assert ports(tmp_path, *place, *shut) == "pass"
    assert ports(tmp_path, *place, *shut, scale_set("x", configuration())) == "fail"
    assert ports(tmp_path, *place, *shut, scale_set("x", configuration(), "shut")) == "pass"


def test_the_group_in_a_profile_closes_what_the_subnet_leaves_open(tmp_path: Path) -> None:
    shut, opened = security_group("shut", CLOSED), security_group("open", rule(100))
    assert ports(tmp_path, network(subnet("s")), shut, scale_set("x", configuration(), "shut")) == "pass"
    assert ports(tmp_path, network(subnet("s")), opened, scale_set("x", configuration(), "open")) == "fail"


@pytest.mark.parametrize(
    "name", ["GatewaySubnet", "AzureFirewallSubnet", "azurefirewallmanagementsubnet", "RouteServerSubnet"]
)
def test_a_platform_subnet_is_not_open_unless_a_machine_is_in_it(name: str, tmp_path: Path) -> None:
    assert ports(tmp_path, network(subnet(name)), name=name) == "pass"
    machine = interface("n", configuration(place=name, privateIPAddress="10.0.1.9"))
    assert ports(tmp_path, network(subnet(name)), machine, name=name) == "fail"


def test_nothing_comes_in_through_an_integration_subnet(tmp_path: Path) -> None:
    delegated = [{"name": "d", "properties": {"serviceName": "Microsoft.Web/serverFarms"}}]
    assert ports(tmp_path, network(subnet("s", delegations=delegated))) == "pass"
    other = [{"name": "d", "properties": {"serviceName": "Microsoft.DBforPostgreSQL/flexibleServers"}}]
    assert ports(tmp_path, network(subnet("s", delegations=other))) == "fail"


class TestGroupWithoutItsNetwork:
    @pytest.mark.parametrize("options", [(), ("--complete",)])
    def test_one_that_is_attached_to_nothing_is_judged_by_its_rules(
        self, options: tuple[str, ...], tmp_path: Path
    ) -> None:
        status, message = judged(tmp_path, [security_group("nsg", rule(100))], *options)[PORTS, "nsg"]
        assert (status, "attached to nothing" in message, "SSH" in message) == ("fail", True, True)
        denied = security_group("nsg", rule(100, "Deny"), rule(200))
        assert judged(tmp_path, [denied], *options)[PORTS, "nsg"][0] == "pass"

    def test_one_of_a_subnet_that_was_not_read_fails(self, tmp_path: Path) -> None:
        opened = security_group("nsg", rule(100), subnets=[{"id": f"{NETWORK}/subnets/s"}])
        assert ports(tmp_path, opened, name="nsg", complete=False) == "fail"

    def test_one_of_an_interface_is_not_known_while_the_subnets_own_group_was_not_read(self, tmp_path: Path) -> None:
        opened = security_group("nsg", rule(100), networkInterfaces=[to("networkInterfaces", "n")])
        held = interface("n", configuration(privateIPAddress="10.0.1.9"), "nsg")
        for bodies in ([opened], [opened, held]):
            status, message = judged(tmp_path, bodies)[PORTS, "nsg"]
            assert (status, "SSH" in message) == ("unknown", True)
        assert ports(tmp_path, opened, held, network(subnet("s"))) == "fail"
        assert (PORTS, "nsg") not in judged(tmp_path, [opened, held, network(subnet("s"))], "--complete")


def outbound(order: int, port: str, peer: str, effect: str = "Allow", **more: Any) -> Body:
    ends = {"sourceAddressPrefix": "*", "destinationAddressPrefix": peer, "destinationPortRange": port, **more}
    return rule(order, effect, name=f"out{order}", direction="Outbound", **ends)


BASTION = [
    rule(100, sourceAddressPrefix="Internet", destinationPortRange="443"),
    rule(110, sourceAddressPrefix="GatewayManager", destinationPortRange="443"),
    rule(120, sourceAddressPrefix="AzureLoadBalancer", destinationPortRange="443"),
    rule(
        130,
        sourceAddressPrefix="VirtualNetwork",
        protocol="*",
        destinationPortRanges=["8080", "5701"],
        destinationPortRange=None,
    ),
    CLOSED,
]


class TestDemandedRules:
    def bastion(self, folder: Path, *rules: Body) -> dict[tuple[str, str], tuple[str, str]]:
        place = network(subnet("AzureBastionSubnet", group="nsg"), subnet("other", "10.0.2.0/24", group="nsg"))
        return judged(folder, [place, security_group("nsg", *rules)], "--complete")

    def test_they_are_not_superfluous_even_in_a_group_of_several_subnets(self, tmp_path: Path) -> None:
        source = tmp_path / "estate.json"
        place = network(subnet("AzureBastionSubnet", group="nsg"), subnet("other", "10.0.2.0/24", group="nsg"))
        source.write_text(json.dumps([place, security_group("nsg", *BASTION)]))
        ended = in_process("evaluate", source, "--no-progress", "--complete", "-o", "json", at=tmp_path)
        assert not [
            one for one in ended.findings if one["rule_id"] == "security-rule-not-covered" and one["status"] == "fail"
        ]

    def test_where_one_is_missing_it_is_a_finding(self, tmp_path: Path) -> None:
        met = "subnet-bastion-needs-met"
        assert self.bastion(tmp_path, *BASTION)[met, "AzureBastionSubnet"][0] == "pass"
        assert self.bastion(tmp_path, *BASTION[:2], *BASTION[3:])[met, "AzureBastionSubnet"][0] == "fail"

    @pytest.mark.parametrize(("port", "status"), [("3443", "pass"), ("3444", "fail")])
    def test_api_management_asks_for_its_control_plane(self, port: str, status: str, tmp_path: Path) -> None:
        kind = "Microsoft.ApiManagement/service"
        place = {
            "virtualNetworkType": "Internal",
            "virtualNetworkConfiguration": {"subnetResourceId": f"{NETWORK}/subnets/s"},
        }
        rules = [rule(100, sourceAddressPrefix="ApiManagement", destinationPortRange=port), CLOSED]
        for tier, expected in (("Developer", status), ("StandardV2", None)):
            service = thing(kind, "apim", sku={"name": tier, "capacity": 1}, properties=place)
            bodies = [network(subnet("s", group="nsg")), security_group("nsg", *rules), service]
            found = judged(tmp_path, bodies, "--complete").get(("subnet-platform-needs-met", "s"))
            assert (found and found[0]) == expected


class TestHolders:
    HELD = "public-address-holder-allowed"

    def test_a_machine_fails_whatever_its_group_says(self, tmp_path: Path) -> None:
        holder = at("Microsoft.Network/networkInterfaces", "n") + "/ipConfigurations/ip"
        bodies = [
            network(subnet("s", group="nsg")),
            security_group("nsg", CLOSED),
            interface("n", configuration(privateIPAddress="10.0.1.9", **PUBLIC)),
        ]
        assert judged(tmp_path, [*bodies, public_address("pip", holder)], "--complete")[self.HELD, "pip"][0] == "fail"
        assert judged(tmp_path, bodies, "--complete")[self.HELD, "n"][0] == "fail"  # the address itself was not read

    def test_instance_addresses_fail_unless_the_baseline_allows_them(self, tmp_path: Path) -> None:
        bodies = [
            network(subnet("s")),
            security_group("nsg", CLOSED),
            scale_set("x", configuration(**INSTANCES), "nsg"),
        ]
        assert judged(tmp_path, bodies, "--complete")[self.HELD, "x"][0] == "fail"
        option = "public_ip_allow_roles=[virtualMachineScaleSet]"
        found = judged(tmp_path, bodies, "--complete", "--set", option)
        assert found[self.HELD, "x"][0] == "pass"

    def test_a_group_of_resources_does_not_pass_for_a_kind_of_holder(self, tmp_path: Path) -> None:
        holder = at("Microsoft.Network/networkInterfaces", "n").replace("rg-shop", "applicationGateways")
        address = public_address("pip", f"{holder}/ipConfigurations/ip")
        assert judged(tmp_path, [address], "--complete")[self.HELD, "pip"][0] == "fail"

    def test_a_load_balancer_leads_to_the_members_of_its_pool(self, tmp_path: Path) -> None:
        pools = [{"id": at("Microsoft.Network/loadBalancers", "lb") + "/backendAddressPools/be"}]
        member = scale_set("x", configuration(loadBalancerBackendAddressPools=pools))
        for port, expected in ((22, "open"), (23, "closed")):
            bodies = [network(subnet("s", group="nsg")), security_group("nsg", rule(100), CLOSED), member]
            found = judged(tmp_path, [*bodies, load_balancer("lb", port), public_address("pip")], "--complete")
            assert found[self.HELD, "lb" if (self.HELD, "lb") in found else "pip"]
            assert entry_state([*bodies, load_balancer("lb", port), public_address("pip")]) == expected


def entry_state(bodies: Sequence[Body]) -> str:
    """Return the state of the load balancer's way in."""
    context = context_of(hoisted(bodies))
    [entry] = [one for one in entries(context, Subnets(context.estate)) if one.kind == "loadBalancer"]
    return entry.state.value


def test_the_explicit_denial_may_stand_in_either_of_two_groups() -> None:
    deny = [written("deny", 4000, "Deny")]
    for layers, named in (([deny, []], True), ([[], deny], True), ([[], []], False), ([None, deny], True)):
        answer = Search(chain_of(*layers)).undenied([]).truth
        assert (answer is Truth.NO) is named
