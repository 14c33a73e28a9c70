"""How a subnet gets to the Internet: the longest prefix decides on routes, and who has a way of its own needs none."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.azure import addresses
from auditor.estate.graph import Estate
from auditor.model import Gap, Resource
from auditor.network.ways_out import Outbound, Way, internet_routes, outbound
from auditor.snapshot.model import Metadata, Snapshot
from tests.estates.arm import Body, path, reference, resource
from tests.estates.graph import estate_of, hoisted

NETWORK, INTERFACE = "Microsoft.Network/virtualNetworks", "Microsoft.Network/networkInterfaces"
MACHINE, SCALE_SET = "Microsoft.Compute/virtualMachines", "Microsoft.Compute/virtualMachineScaleSets"
BALANCER, TABLE = "Microsoft.Network/loadBalancers", "Microsoft.Network/routeTables"
SUBNET = f"{path(NETWORK, 'vnet')}/subnets/snet"
POOL = f"{path(BALANCER, 'lb')}/backendAddressPools/pool"


def network(**properties: Any) -> Body:
    subnet = {"id": SUBNET, "name": "snet", "type": f"{NETWORK}/subnets", "properties": properties}
    return resource(NETWORK, "vnet", properties={"subnets": [subnet]})


def interface(name: str = "nic", **configuration: Any) -> list[Body]:
    """Return a machine and its interface in the subnet."""
    properties = {"subnet": reference(SUBNET), **configuration}
    nic = resource(INTERFACE, name, properties={"ipConfigurations": [{"name": "one", "properties": properties}]})
    attached = {"networkProfile": {"networkInterfaces": [reference(nic["id"])]}}
    return [nic, resource(MACHINE, f"vm-{name}", properties=attached)]


def balancer(sku: str, **frontend: Any) -> Body:
    configuration = {"name": "front", "properties": frontend}
    return resource(BALANCER, "lb", sku={"name": sku}, properties={"frontendIPConfigurations": [configuration]})


def table(**routes: tuple[str, str]) -> Body:
    below = path(TABLE, "rt")
    listed = [
        {
            "id": f"{below}/routes/{name}",
            "name": name,
            "type": f"{TABLE}/routes",
            "properties": {"addressPrefix": prefix, "nextHopType": hop},
        }
        for name, (prefix, hop) in routes.items()
    ]
    return resource(TABLE, "rt", properties={"routes": listed})


def way(*bodies: Body, **options: Any) -> Outbound | Gap:
    estate = estate_of(bodies, **options)
    return outbound(estate, subnet_of(estate))


def subnet_of(estate: Estate) -> Resource:
    subnet = estate.get(SUBNET)
    assert subnet is not None
    return subnet


def balanced(**beside: Any) -> list[Body]:
    return interface(loadBalancerBackendAddressPools=[reference(POOL)], **beside)


def scale_set(mode: str) -> Body:
    configuration = {"name": "one", "properties": {"subnet": reference(SUBNET)}}
    profile = {"networkInterfaceConfigurations": [{"name": "nic", "properties": {"ipConfigurations": [configuration]}}]}
    properties = {"orchestrationMode": mode, "virtualMachineProfile": {"networkProfile": profile}}
    return resource(SCALE_SET, "vmss", properties=properties)


TO_TABLE = {"routeTable": reference(path(TABLE, "rt"))}
NAT = resource(
    "Microsoft.Network/natGateways", "nat", properties={"sourceVirtualNetwork": reference(path(NETWORK, "vnet"))}
)
WAYS: dict[str, tuple[list[Body], Way]] = {
    "nobody chose one": ([network(), *interface()], Way.IMPLICIT),
    "the subnet says that the implicit way is open": (
        [network(defaultOutboundAccess=True), *interface()],
        Way.IMPLICIT,
    ),
    "private, as a text": ([network(defaultOutboundAccess="False"), *interface()], Way.PRIVATE),
    "an empty subnet": ([network()], Way.UNUSED),
    "an address of its own": ([network(), *interface(publicIPAddress=reference("/pip"))], Way.UNUSED),
    "a NAT gateway": (
        [network(natGateway=reference(path("Microsoft.Network/natGateways", "nat"))), *interface()],
        Way.NAT,
    ),
    "a NAT gateway of the whole network": ([network(), NAT, *interface()], Way.NAT),
    "everything to a firewall": (
        [network(**TO_TABLE), table(fw=("0.0.0.0/0", "VirtualAppliance")), *interface()],
        Way.ROUTE,
    ),
    "everything to nowhere": ([network(**TO_TABLE), table(no=("0.0.0.0/0", "None")), *interface()], Way.ROUTE),
    "everything to the Internet": (
        [network(**TO_TABLE), table(out=("0.0.0.0/0", "Internet")), *interface()],
        Way.IMPLICIT,
    ),
    "everything in two halves to a firewall": (
        [network(**TO_TABLE), table(one=("0.0.0.0/1", "VirtualAppliance"), two=("128.0.0.0/1", "None")), *interface()],
        Way.ROUTE,
    ),
    "half of it to a firewall": (
        [network(**TO_TABLE), table(one=("0.0.0.0/1", "VirtualAppliance")), *interface()],
        Way.IMPLICIT,
    ),
    "everything to a firewall, and half of it to the Internet": (
        [network(**TO_TABLE), table(fw=("0.0.0.0/0", "VirtualAppliance"), out=("0.0.0.0/1", "Internet")), *interface()],
        Way.IMPLICIT,
    ),
    "everything to a firewall, and one network to the Internet": (
        [
            network(**TO_TABLE),
            table(fw=("0.0.0.0/0", "VirtualAppliance"), out=("20.1.0.0/16", "Internet")),
            *interface(),
        ],
        Way.ROUTE,
    ),
    "something to a firewall": (
        [network(**TO_TABLE), table(fw=("10.0.0.0/8", "VirtualAppliance")), *interface()],
        Way.IMPLICIT,
    ),
    "a standard load balancer": ([network(), balancer("Standard"), *balanced()], Way.BALANCER),
    "a basic public load balancer": (
        [network(), balancer("Basic", publicIPAddress=reference("/pip")), *balanced()],
        Way.BALANCER,
    ),
    "a basic internal load balancer": ([network(), balancer("Basic"), *balanced()], Way.IMPLICIT),
    "one of two machines is balanced": (
        [network(), balancer("Standard"), *balanced(), *interface("bare")],
        Way.IMPLICIT,
    ),
    "a uniform scale set": ([network(), scale_set("Uniform")], Way.IMPLICIT),
    "a flexible scale set": ([network(), scale_set("Flexible")], Way.UNUSED),
    "an interface without a machine": ([network(), interface()[0]], Way.UNUSED),
}


@pytest.mark.parametrize("name", WAYS)
def test_the_way_out_of_machines(name: str) -> None:
    bodies, expected = WAYS[name]
    found = way(*bodies)
    assert isinstance(found, Outbound)
    assert found.way is expected
    assert bool(found.machines) == (expected is Way.IMPLICIT)


def test_a_machine_of_a_flexible_scale_set_has_no_implicit_way() -> None:
    nic, machine = interface()
    machine["properties"]["virtualMachineScaleSet"] = reference(path(SCALE_SET, "vmss"))
    assert way(network(), nic, machine) == Outbound(Way.UNUSED)


UNKNOWN: dict[str, tuple[list[Body], dict[str, Any]]] = {
    "interfaces that were not collected": ([network()], {"gaps": [Gap("/", INTERFACE, "forbidden")]}),
    "scale sets that were not collected": ([network()], {"gaps": [Gap("/", SCALE_SET, "forbidden")]}),
    "an input that may hold less than there is": ([network()], {"complete": False}),
    "a route table that was not collected": (
        [network(**TO_TABLE), *interface()],
        {"gaps": [Gap("/", TABLE, "forbidden")]},
    ),
    "a load balancer that was not collected": ([network(), *balanced()], {"gaps": [Gap("/", BALANCER, "forbidden")]}),
    "a setting that was not collected": (
        [network(), *interface()],
        {"gaps": [Gap(SUBNET, "properties.defaultOutboundAccess", "masked")]},
    ),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_was_not_seen_leaves_the_way_open(name: str) -> None:
    bodies, options = UNKNOWN[name]
    assert isinstance(way(*bodies, **options), Gap)


DECIDED: dict[str, list[Body]] = {
    "private": [network(defaultOutboundAccess=False)],
    "NAT": [network(natGateway=reference(path("Microsoft.Network/natGateways", "nat")))],
    "implicit": [network(), *interface()],
}


@pytest.mark.parametrize("name", DECIDED)
def test_what_was_seen_decides_whatever_else_there_may_be(name: str) -> None:
    assert isinstance(way(*DECIDED[name], complete=False), Outbound)


def test_an_old_api_version_does_not_show_that_a_subnet_is_private() -> None:
    bodies = hoisted([network(), *interface()])

    def read_with(version: str) -> Outbound | Gap:
        resources = sorted((Resource.of(body, api_version=version) for body in bodies), key=lambda one: one.key)
        estate = Estate(Snapshot(resources, (), Metadata(complete=True), ""))
        return outbound(estate, subnet_of(estate))

    assert isinstance(read_with("2022-01-01"), Gap)
    assert read_with("2024-05-01") == Outbound(Way.IMPLICIT, (path(MACHINE, "vm-nic"),))


def test_bastion_and_delegated_subnets_hold_no_machines() -> None:
    delegated = network(delegations=[{"properties": {"serviceName": "Microsoft.Web/serverFarms"}}])
    assert way(delegated, complete=False) == Outbound(Way.UNUSED)


_PREFIXES = st.integers(0, 3).flatmap(
    lambda length: st.integers(0, 2**length - 1).map(lambda bits: (bits << (8 - length) if length else 0, length))
)
_HOPS = st.sampled_from(["Internet", "VirtualAppliance", "None", "VnetLocal"])


@given(st.dictionaries(_PREFIXES, _HOPS, max_size=6))
def test_a_route_to_the_internet_counts_where_its_prefix_is_the_longest(routes: dict[tuple[int, int], str]) -> None:
    named = {
        f"r{place}": (f"{start}.0.0.0/{length}", hop) for place, ((start, length), hop) in enumerate(routes.items())
    }
    estate = estate_of([network(**TO_TABLE), table(**named)])
    found = internet_routes(estate, {}, subnet_of(estate))
    assert isinstance(found, tuple)
    winners = set()
    for first in range(0, 256, 32):
        fitting = [
            (length, start, hop)
            for (start, length), hop in routes.items()
            if start <= first < start + 2 ** (8 - length)
        ]
        if fitting and max(fitting)[2] == "Internet":
            winners.add(f"{max(fitting)[1]}.0.0.0/{max(fitting)[0]}")
    assert {one.prefix for one in found} == winners
    assert all(one.is_broad for one in found)


@pytest.mark.parametrize(
    ("prefix", "is_broad"),
    [
        *itertools.product(
            ["0.0.0.0/0", "::/0", "128.0.0.0/1", "8.0.0.0/7", "2000::/3", "AzureCloud", "storage.WestEurope"], [True]
        ),
        *itertools.product(["8.0.0.0/8", "203.0.113.0/24", "2600::/12", "AzureMonitor", "not a prefix"], [False]),
    ],
)
def test_what_is_wider_than_any_holder_has_is_broad(prefix: str, *, is_broad: bool) -> None:
    estate = estate_of([network(**TO_TABLE), table(out=(prefix, "internet"))])
    found = internet_routes(estate, {"storage.westeurope": addresses.must_parse("20.1.0.0/16")}, subnet_of(estate))
    assert isinstance(found, tuple)
    assert [one.is_broad for one in found] == [is_broad]


def test_routes_of_a_table_that_was_not_read_are_not_known() -> None:
    estate = estate_of([network(**TO_TABLE)], gaps=[Gap("/", TABLE, "forbidden")])
    assert isinstance(internet_routes(estate, {}, subnet_of(estate)), Gap)
