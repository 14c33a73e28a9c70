"""Who takes part in a network decides alike, wherever an estate shows it: as interface, profile, endpoint or pool entry."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.azure import body
from auditor.estate.graph import Estate
from auditor.model import Gap
from auditor.network.endpoints import find, traffic
from auditor.network.forwarding import Forwarding
from auditor.network.reachability import connect
from auditor.network.subnets import Subnets
from auditor.snapshot.hash import assemble
from auditor.snapshot.model import Metadata
from auditor.snapshot.normalise import ExportEntry, normalise
from auditor.truth import Truth
from tests.estates.graph import hoisted
from tests.estates.networks import (
    NETWORK,
    application_group,
    at,
    configuration,
    interface,
    load_balancer,
    network,
    private_endpoint,
    public_address,
    rule,
    scale_set,
    security_group,
    subnet,
    thing,
)
from tests.estates.things import estate_of

Body = dict[str, Any]
STRANGER = "203.0.113.5"
YES, NO, UNKNOWN = Truth.YES, Truth.NO, Truth.UNKNOWN
GROUPS = ("asg-a", "asg-b")
NAMED = [application_group(name) for name in GROUPS]
CLOSED = rule(4000, "Deny")


def reaches(bodies: Sequence[Body], name: str, source: str = STRANGER, **options: Any) -> Truth:
    """Return whether SSH gets from an address to what somebody calls by a name."""
    subnets = Subnets(estate_of(hoisted(bodies), **options))
    return connect(Forwarding(subnets), find(subnets, source), find(subnets, name), traffic("tcp", "22")).truth


def filtered(*rules: Body, **more: Any) -> list[Body]:
    return [network(subnet("s", group="nsg", **more)), security_group("nsg", *rules, CLOSED), *NAMED]


HOLDERS: dict[str, Callable[..., Body]] = {
    "interface": lambda name, groups=(): interface(name, configuration(groups=groups, privateIPAddress="10.0.1.9")),
    "interface without address": lambda name, groups=(): interface(name, configuration(groups=groups)),
    "scale set": lambda name, groups=(): scale_set(name, configuration(groups=groups)),
    "flexible scale set": lambda name, groups=(): scale_set(name, configuration(groups=groups), capacity=3),
}


@pytest.mark.parametrize("kind", HOLDERS)
@pytest.mark.parametrize(("groups", "expected"), [(["asg-a"], YES), (["asg-b"], NO), ([], NO)])
def test_every_kind_of_holder_is_in_its_groups(kind: str, groups: list[str], expected: Truth) -> None:
    estate = [*filtered(rule(100, groups=["asg-a"])), HOLDERS[kind]("x", groups)]
    assert reaches(estate, "x") is expected
    assert reaches(estate, "s") is expected
    if groups:
        assert reaches(estate, groups[0]) is expected


def test_a_private_endpoint_whose_interface_was_not_read_is_in_its_groups() -> None:
    policies = {"privateEndpointNetworkPolicies": "Enabled"}
    estate = [*filtered(rule(100, groups=["asg-a"]), **policies), private_endpoint("pe", groups=["asg-a"])]
    assert reaches(estate, "pe") is YES
    assert reaches([*estate[:-1], private_endpoint("pe", groups=["asg-b"])], "pe") is NO


def test_a_scale_set_without_instances_may_get_some() -> None:
    estate = [*filtered(rule(100, groups=["asg-a"])), scale_set("x", configuration(groups=["asg-a"]), capacity=0)]
    assert reaches(estate, "s") is UNKNOWN


def test_an_interface_of_an_instance_has_its_own_groups_and_address() -> None:
    kind = "Microsoft.Compute/virtualMachineScaleSets/virtualMachines/networkInterfaces"
    own = at("Microsoft.Compute/virtualMachineScaleSets", "x") + "/virtualMachines/0/networkInterfaces/nic"
    inner = configuration(groups=["asg-a"], privateIPAddress="10.0.1.7")
    instance = {"id": own, "name": "nic", "type": kind, "properties": {"ipConfigurations": [inner]}}
    estate = [*filtered(rule(100, groups=["asg-a"])), scale_set("x", configuration(groups=["asg-b"])), instance]
    assert reaches(estate, "10.0.1.7") is YES
    assert reaches(estate, "10.0.1.8") is NO


@pytest.mark.parametrize("lost", ["networkInterfaces", "privateEndpoints"])
def test_of_a_group_whose_members_were_not_all_read_the_known_ones_count(lost: str) -> None:
    gaps = [Gap("/", f"Microsoft.Network/{lost}", "forbidden")]
    estate = [*filtered(rule(100, groups=["asg-a"])), scale_set("x", configuration(groups=["asg-a"]))]
    assert reaches(estate, "x", gaps=gaps) is YES
    assert reaches(estate[:-1], "10.0.1.5", gaps=gaps) is UNKNOWN
    assert reaches(estate[:-1], "10.0.1.5") is NO


def test_a_scale_set_outside_of_what_was_collected_may_be_in_any_group_of_its_network() -> None:
    own = at("Microsoft.Compute/virtualMachineScaleSets", "aks").replace("rg-shop", "mc-shop")
    named = {"ipConfigurations": [{"id": f"{own}/virtualMachines/0/networkInterfaces/nic/ipConfigurations/ip"}]}
    held = scale_set("x", configuration(groups=["asg-b"]))
    for scope, expected in (({"resource_groups": ["rg-shop"]}, UNKNOWN), ({}, NO)):
        resources, _ = normalise(
            ExportEntry(one, "here") for one in [*filtered(rule(100, groups=["asg-a"]), **named), held]
        )
        subnets = Subnets(Estate(assemble(resources, [], Metadata(complete=True, scope=scope))))
        found = connect(Forwarding(subnets), find(subnets, STRANGER), find(subnets, "s"), traffic("tcp", "22"))
        assert found.truth is expected


def test_groups_of_subnet_and_profile_stand_in_series() -> None:
    inner = security_group("inner", rule(100))
    opened = [
        network(subnet("s", group="nsg")),
        security_group("nsg", rule(100)),
        inner,
        security_group("shut", CLOSED),
    ]
    assert reaches([*opened, scale_set("x", configuration(), "inner")], "x") is YES
    assert reaches([*opened, scale_set("x", configuration(), "shut")], "x") is NO
    closed = [network(subnet("s", group="nsg")), security_group("nsg", CLOSED), inner]
    assert reaches([*closed, scale_set("x", configuration(), "inner")], "x") is NO


def test_a_name_means_what_it_names_and_not_its_neighbours() -> None:
    estate = [
        network(subnet("s")),
        security_group("open", rule(100)),
        security_group("shut", CLOSED),
        scale_set("a", configuration(), "open"),
        scale_set("b", configuration(), "shut"),
    ]
    assert (reaches(estate, "a"), reaches(estate, "b"), reaches(estate, "s")) == (YES, NO, YES)


@pytest.mark.parametrize(
    "pool",
    [
        {"loadBalancerBackendAddresses": [{"name": "a", "properties": {"ipAddress": "10.0.1.9"}}]},
        {
            "loadBalancerBackendAddresses": [
                {"name": "a", "properties": {"ipAddress": "10.0.1.9", "virtualNetwork": {"id": NETWORK}}}
            ]
        },
        {"backendIPConfigurations": [{"id": at("Microsoft.Network/networkInterfaces", "n") + "/ipConfigurations/ip"}]},
    ],
)
def test_a_load_balancer_stands_for_what_is_behind_it(pool: Body) -> None:
    held = interface("n", configuration(groups=["asg-a"], privateIPAddress="10.0.1.9"))
    estate = [*filtered(rule(100, groups=["asg-a"])), held, load_balancer("lb", **pool), public_address("pip")]
    membership = Subnets(estate_of(hoisted(estate))).networks.members
    [balancer] = membership.estate.of_type("microsoft.network/loadbalancers")
    forwarded = body.objects(balancer.properties, "loadBalancingRules")[0]
    behind = membership.behind(balancer, forwarded)
    has_place = "virtualNetwork" in str(pool) or "backendIPConfigurations" in pool
    assert ([member.holder.name for member in behind.members], behind.gap is None) == (
        (["n"], True) if has_place else ([], False)
    )
    if has_place:
        assert reaches(estate, "lb") is YES


def test_a_nat_rule_leads_to_who_names_it_and_to_nobody_else() -> None:
    own = at("Microsoft.Network/loadBalancers", "lb")
    pool, nat = ({"id": f"{own}/{name}"} for name in ("backendAddressPools/be", "inboundNatRules/ssh"))
    balancer = load_balancer("lb")
    balancer["properties"]["inboundNatRules"] = [{"name": "ssh", "properties": {"backendPort": 22}}, {"name": "idle"}]
    pooled = interface("pooled", configuration(privateIPAddress="10.0.1.8", loadBalancerBackendAddressPools=[pool]))
    translated = interface("nat", configuration(privateIPAddress="10.0.1.9", loadBalancerInboundNatRules=[nat]))
    membership = Subnets(estate_of(hoisted([*filtered(), balancer, pooled, translated]))).networks.members
    [found] = membership.estate.of_type("microsoft.network/loadbalancers")
    led = [
        sorted(member.holder.name for member in membership.behind(found, rule_, kind).members)
        for kind in ("loadBalancingRules", "inboundNatRules")
        for rule_ in body.objects(found.properties, kind)
    ]
    assert led == [["pooled"], ["nat"], []]
    assert len(membership.behind(found, {}).members) == 2


def test_a_machine_that_describes_its_interface_is_a_member() -> None:
    described = {
        "networkInterfaceConfigurations": [
            {"name": "n", "properties": {"ipConfigurations": [configuration(groups=["asg-a"])]}}
        ]
    }
    machine = thing("Microsoft.Compute/virtualMachines", "vm", properties={"networkProfile": described})
    assert reaches([*filtered(rule(100, groups=["asg-a"])), machine], "vm") is YES


# Laws. In a subnet of eight addresses a brute-force oracle tries every address for the one whose address is not told.

TINY = "10.0.1.0/29"
NUMBERS = [f"10.0.1.{last}" for last in range(8)]
PIECES = {"*": range(8), TINY: range(8), "10.0.1.0/30": range(4), "10.0.1.4/30": range(4, 8), "10.0.1.5": range(5, 6)}


@st.composite
def rule_lists(draw: st.DrawFn) -> list[Body]:
    found = []
    for order in range(draw(st.integers(1, 5))):
        effect = draw(st.sampled_from(["Allow", "Deny"]))
        named = draw(st.lists(st.sampled_from(GROUPS), max_size=2, unique=True))
        fields = {} if named else {"destinationAddressPrefix": draw(st.sampled_from(sorted(PIECES)))}
        found.append(rule(100 + order, effect, groups=named, **fields))
    return found


memberships = st.lists(st.sampled_from(GROUPS), max_size=2, unique=True)


def passes(rules: Sequence[Body], number: int, groups: Sequence[str]) -> bool:
    """Return what the first matching rule does with a packet to an address of a member of the groups."""
    for one in rules:
        inner = one["properties"]
        named = [group["id"].rpartition("/")[2] for group in inner.get("destinationApplicationSecurityGroups", [])]
        if set(named) & set(groups) or number in PIECES.get(inner.get("destinationAddressPrefix", ""), ()):
            return bool(inner["access"] == "Allow")
    return False


def tiny(rules: Sequence[Body]) -> list[Body]:
    return [network(subnet("s", TINY, "nsg")), security_group("nsg", *rules, CLOSED), *NAMED]


@settings(max_examples=60, deadline=None)
@given(rule_lists(), memberships, memberships, memberships)
def test_law_an_untold_address_is_decided_as_if_every_one_were_tried(
    rules: list[Body], own: list[str], other: list[str], third: list[str]
) -> None:
    estate = [
        *tiny(rules),
        scale_set("x", configuration(groups=own)),
        scale_set("y", configuration(groups=other)),
        interface("n", configuration(groups=third, privateIPAddress="10.0.1.6")),
    ]
    results = {passes(rules, number, own) for number in range(8) if number != 6}
    expected = UNKNOWN if len(results) > 1 else truth(results.pop())
    assert reaches(estate, "x") is expected
    assert reaches(estate, "n") is truth(passes(rules, 6, third))


def truth(answer: bool) -> Truth:  # noqa: FBT001
    return YES if answer else NO


@settings(max_examples=40, deadline=None)
@given(rule_lists(), memberships)
def test_law_an_interface_and_a_profile_of_the_same_settings_are_one(rules: list[Body], groups: list[str]) -> None:
    own = security_group("own", *rules[:2])
    for guard in ("", "own"):
        held = [hold("x", configuration(groups=groups), guard) for hold in (interface, scale_set)]
        answers = {reaches([*tiny(rules), holder, own], "x") for holder in held}
        assert len(answers) == 1


@settings(max_examples=40, deadline=None)
@given(rule_lists(), st.integers(0, 5), memberships, memberships)
def test_law_one_more_allow_rule_never_closes_anything(
    rules: list[Body], place: int, named: list[str], groups: list[str]
) -> None:
    estate = [scale_set("x", configuration(groups=groups)), scale_set("y", configuration(groups=["asg-a"]))]
    more = sorted([*rules, rule(99 + place, groups=named)], key=lambda one: one["properties"]["priority"])
    renumbered = [
        {**one, "name": f"m{index}", "properties": {**one["properties"], "priority": 100 + index}}
        for index, one in enumerate(more)
    ]
    rank = {NO: 0, UNKNOWN: 1, YES: 2}
    for name in ("x", "y", "s"):
        before, after = reaches([*tiny(rules), *estate], name), reaches([*tiny(renumbered), *estate], name)
        assert rank[after] >= rank[before]
