"""Forwarding against a second, naive model: one packet at a time, hop by hop, straight from the ARM properties."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import event, given, settings
from hypothesis import strategies as st

from auditor.azure import addresses
from auditor.azure.ranges import size, union
from auditor.estate.graph import Estate
from auditor.network.connectivity import Connectivity
from auditor.network.endpoints import find
from auditor.network.forwarding import Forwarding, Path, Via
from auditor.network.security_rules import Side
from auditor.network.subnets import SubnetFilters, Subnets
from auditor.network.ways import ways_between
from auditor.truth import Truth
from tests.estates.arm import Body, path, reference, resource
from tests.estates.graph import estate_of
from tests.estates.hub import ANY_TO_ANY, FIREWALL_ADDRESS, firewall, network, peering, routed, subnet_id, table

SPACES = {"hub": "10.0.0.0/16", "red": "10.1.0.0/16", "blue": "10.2.0.0/16"}
PLACES = {
    ("hub", "AzureFirewallSubnet"): "10.0.1.0/24",
    ("hub", "shared"): "10.0.2.0/24",
    ("red", "one"): "10.1.1.0/24",
    ("red", "two"): "10.1.2.0/24",
    ("blue", "one"): "10.2.1.0/24",
    ("blue", "two"): "10.2.2.0/24",
}
APPLIANCE = "10.0.2.9"
PREFIXES = ("0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "10.2.0.0/16", "10.2.1.0/24", "10.1.2.0/25", "8.0.0.0/7")
HOPS = (
    ("VirtualAppliance", FIREWALL_ADDRESS),
    ("VirtualAppliance", FIREWALL_ADDRESS),
    ("VirtualAppliance", APPLIANCE),
    ("None", ""),
    ("Internet", ""),
    ("VnetLocal", ""),
)
OUTSIDE = ("8.8.8.8", "9.1.1.1", "20.1.1.1", "10.9.9.9", "192.168.1.1")
PRIVATE = [ipaddress.ip_network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")]

Route = tuple[str, str, str]
World = Mapping[str, Any]


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Draw routes by subnet and peerings by (near, far) network, of which some name subnets."""
    routes = {
        place: draw(
            st.lists(
                st.tuples(st.sampled_from(PREFIXES), st.sampled_from(HOPS)), max_size=3, unique_by=lambda one: one[0]
            )
        )
        for place in PLACES
    }
    pairs = [("hub", "red"), ("hub", "blue"), ("red", "blue")]
    peered: dict[tuple[str, str], Mapping[str, Any]] = {}
    for near, far in pairs:
        if draw(st.sampled_from((True, True, False))):
            is_partial = draw(st.integers(0, 3)) == 0
            for one, other in ((near, far), (far, near)):
                peered[one, other] = {
                    "forwarded": draw(st.sampled_from((True, True, False))),
                    "access": draw(st.sampled_from((True, True, True, False))),
                    "local": named(one) if is_partial else None,
                    "remote": named(other) if is_partial else None,
                }
    return {"routes": routes, "peered": peered}


def named(network_name: str) -> list[str]:
    """Return the first subnet of a network: the one that a partial peering joins."""
    return [subnet for owner, subnet in PLACES if owner == network_name][:1]


def bodies(world: World) -> list[Body]:
    made: list[Body] = []
    for name, space in SPACES.items():
        peerings = []
        for (near, far), about in world["peered"].items():
            if near == name:
                names = {"localSubnetNames": about["local"], "remoteSubnetNames": about["remote"]}
                partial = {"peerCompleteVnets": False, **names} if about["local"] else {}
                switches = {"allowForwardedTraffic": about["forwarded"], "allowVirtualNetworkAccess": about["access"]}
                peerings.append(peering(far, **switches, **partial))
        subnets = {
            subnet: routed(prefix, f"rt-{owner}-{subnet}")
            for (owner, subnet), prefix in PLACES.items()
            if owner == name
        }
        made.append(network(name, space, *peerings, **subnets))
    for (owner, subnet), routes in world["routes"].items():
        listed: list[Route] = [(prefix, hop, address) for prefix, (hop, address) in routes]
        made.append(table(f"rt-{owner}-{subnet}", *listed))
    configuration = {"privateIPAddress": APPLIANCE, "subnet": reference(subnet_id("hub", "shared"))}
    nic = {"enableIPForwarding": True, "ipConfigurations": [{"name": "one", "properties": configuration}]}
    return [*made, firewall(**ANY_TO_ANY), resource("Microsoft.Network/networkInterfaces", "nva", properties=nic)]


class Walk:
    """The naive model: YES a packet arrives, NO it is dropped, UNKNOWN a machine forwards it."""

    def __init__(self, world: World) -> None:
        self.world = world

    def joined(self, near: tuple[str, str], network_name: str) -> Mapping[str, Any] | None:
        about = self.world["peered"].get((near[0], network_name))
        if about is None or (about["local"] and near[1] not in about["local"]):
            return None
        return about  # type: ignore[no-any-return]

    def routes(self, at: tuple[str, str]) -> list[tuple[int, int, str, str]]:
        """Return (length, whether the user's, kind, what) of all routes that hold for some address, with its prefix."""
        found = [
            (SPACES[at[0]], 0, "network", at[0]),
            (PLACES[at], 0, "network", at[0]),
            ("0.0.0.0/0", 0, "internet", ""),
        ]
        own = self.world["routes"][at]
        if not any(prefix == "0.0.0.0/0" and hop == "VirtualAppliance" for prefix, (hop, _) in own):
            found += [(str(private), 0, "drop", "") for private in PRIVATE]
        for far, space in SPACES.items():
            if (about := self.joined(at, far)) is not None:
                prefixes = [PLACES[far, name] for name in about["remote"]] if about["remote"] else [space]
                found += [(prefix, 0, "peer", far) for prefix in prefixes]
        kinds = {"None": "drop", "Internet": "internet", "VnetLocal": "network", "VirtualAppliance": "hop"}
        found += [(prefix, 1, kinds[hop], at[0] if hop == "VnetLocal" else address) for prefix, (hop, address) in own]
        return found  # type: ignore[return-value]

    def answer(self, at: tuple[str, str], address: str, goal: tuple[str, str] | None, *, steps: int = 0) -> Truth:
        number = ipaddress.ip_address(address)
        fitting = [
            (ipaddress.ip_network(str(prefix)).prefixlen, own, kind, what)
            for prefix, own, kind, what in self.routes(at)
            if number in ipaddress.ip_network(str(prefix))
        ]
        _, _, kind, what = max(fitting, key=lambda route: route[:2])
        is_private = any(number in private for private in PRIVATE)
        if kind == "network":
            is_here = number in ipaddress.ip_network(SPACES[str(what)])
            return Truth.YES if is_here and (goal is None or goal[0] == what) else Truth.NO
        if kind == "peer":
            if goal is not None and goal[0] != what:
                return Truth.NO
            there, back = self.world["peered"][at[0], what], self.world["peered"][what, at[0]]
            is_sure = there["access"] and back["access"] and (not steps or back["forwarded"])
            return Truth.YES if is_sure else Truth.UNKNOWN  # neither switch stops packets for certain
        if kind == "internet":
            return Truth.YES if goal is None and not is_private else Truth.NO
        if kind == "drop":
            return Truth.NO
        return self.through(at, str(what), address, goal, steps)

    def through(self, at: tuple[str, str], hop: str, address: str, goal: tuple[str, str] | None, steps: int) -> Truth:
        about = self.joined(at, "hub")
        is_near = at[0] == "hub" or (about is not None and about["access"])
        if hop == APPLIANCE or not is_near:
            return Truth.UNKNOWN
        return Truth.NO if steps else self.answer(("hub", "AzureFirewallSubnet"), address, goal, steps=1)


def filters_of(estate: Estate, subnets: Subnets, place: tuple[str, str]) -> SubnetFilters:
    found = estate.get(subnet_id(*place))
    assert found is not None
    return subnets.at(found)


def decided(paths: Sequence[Path]) -> Truth:
    """Return what paths to one address say; the firewall lets everything pass."""
    open_paths = [one for one in paths if not one.stops]
    if not open_paths:
        return Truth.NO
    return Truth.UNKNOWN if all(one.doubts for one in open_paths) else Truth.YES


@settings(max_examples=150, deadline=None)
@given(worlds())
def test_packets_go_where_the_naive_model_sends_them(world: World) -> None:
    estate = estate_of(bodies(world))
    subnets, walk = Subnets(estate), Walk(world)
    forwarding = Forwarding(subnets)
    for near in PLACES:
        if near[1] == "AzureFirewallSubnet":
            continue  # packets of the firewall's own are not asked about
        own = filters_of(estate, subnets, near)
        for far, prefix in PLACES.items():
            numbers = addresses.must_parse(str(ipaddress.ip_network(prefix)[20]))
            paths = forwarding.to_subnet(own, filters_of(estate, subnets, far), numbers)
            assert sum(addresses_in(one) for one in paths) == 1
            expected = walk.answer(near, str(ipaddress.ip_network(prefix)[20]), far)
            assert decided(paths) is expected, (near, far)
        for address in OUTSIDE:
            paths = forwarding.to_outside(own, Side(addresses.must_parse(address)))
            assert decided(paths) is walk.answer(near, address, None), (near, address)


GATEWAYS = resource("Microsoft.Network/virtualNetworkGateways", "vpn")


@settings(max_examples=60, deadline=None)
@given(worlds(), st.sampled_from(["", *SPACES]))
def test_between_subnets_that_are_cut_off_there_is_no_way(world: World, gateway_in: str) -> None:
    made = bodies(world)
    if gateway_in:
        inside = {"name": "ip", "properties": {"subnet": reference(subnet_id(gateway_in, "GatewaySubnet"))}}
        made.append({**GATEWAYS, "properties": {"ipConfigurations": [inside]}})
        vnet = next(one for one in made if one["name"] == gateway_in)
        prefix = SPACES[gateway_in].replace("0.0/16", "250.0/27")
        own = {"id": subnet_id(gateway_in, "GatewaySubnet"), "name": "GatewaySubnet"}
        vnet["properties"]["subnets"].append({**own, "properties": {"addressPrefix": prefix}})
    connectivity = Connectivity(estate_of(made))
    cut_off = 0
    for source in connectivity.keys:
        for destination in connectivity.keys:
            if not connectivity.may_join(source, destination):
                cut_off += 1
                assert not connectivity.between(source, destination).ways, (source, destination)
    event(f"some are cut off: {cut_off > 0}")
    leads_on = any(hop == "VirtualAppliance" for routes in world["routes"].values() for _, (hop, _) in routes)
    assert cut_off or leads_on or world["peered"] or gateway_in, "what nothing joins need not be asked"


def addresses_in(found: Path) -> int:
    return sum(end - start for start, end in found.destinations)


@settings(max_examples=60, deadline=None)
@given(worlds())
def test_a_whole_subnet_is_led_as_its_addresses_are(world: World) -> None:
    estate = estate_of(bodies(world))
    subnets = Subnets(estate)
    forwarding = Forwarding(subnets)
    for near, far in ((("red", "one"), ("blue", "one")), (("blue", "two"), ("red", "two"))):
        ends = filters_of(estate, subnets, near), filters_of(estate, subnets, far)
        whole = forwarding.to_subnet(*ends, ends[1].prefixes)
        for part in ipaddress.ip_network(PLACES[far]).subnets(new_prefix=26):
            numbers = addresses.must_parse(str(part[3]))
            single = forwarding.to_subnet(*ends, numbers)
            holding = [one for one in whole if one.destinations[0][0] <= numbers[0][0] < one.destinations[-1][1]]
            assert [one.hops for one in single] == [one.hops for one in holding if covers(one, numbers)]


def covers(found: Path, numbers: Any) -> bool:
    return any(start <= numbers[0][0] < end for start, end in found.destinations)


def test_packets_to_the_internet_name_the_firewall_as_their_door() -> None:
    everything: World = {
        "routes": {
            place: [("0.0.0.0/0", ("VirtualAppliance", FIREWALL_ADDRESS))] for place in PLACES if place[0] != "hub"
        }
        | {place: [] for place in PLACES if place[0] == "hub"},
        "peered": {
            pair: {"forwarded": True, "access": True, "local": None, "remote": None}
            for pair in (("hub", "red"), ("red", "hub"))
        },
    }
    estate = estate_of(bodies(everything))
    subnets = Subnets(estate)
    [only] = Forwarding(subnets).to_outside(
        filters_of(estate, subnets, ("red", "one")), Side(addresses.must_parse("8.8.8.8"))
    )
    assert [hop.via for hop in only.hops] == [Via.FIREWALL, Via.INTERNET]
    assert only.door is not None
    assert only.door.id == path("Microsoft.Network/azureFirewalls", "afw")


@st.composite
def pieces(draw: st.DrawFn) -> list[str]:
    """Draw prefixes that add up to all of IPv4, none of them longer than five bits."""
    waiting, found = [ipaddress.ip_network("0.0.0.0/0")], []
    while waiting:
        whole = waiting.pop()
        if whole.prefixlen < 5 and draw(st.booleans()):
            waiting += whole.subnets()
        else:
            found.append(str(whole))
    return found


@settings(max_examples=40, deadline=None)
@given(pieces())
def test_a_default_route_in_pieces_leads_the_internet_where_the_whole_does(prefixes: list[str]) -> None:
    def led(*listed: str) -> tuple[bool, set[tuple[str, ...]], int]:
        hop = ("VirtualAppliance", FIREWALL_ADDRESS)
        routes: dict[Any, Any] = {place: [] for place in PLACES} | {("red", "one"): [(one, hop) for one in listed]}
        access = {"forwarded": True, "access": True, "local": None, "remote": None}
        estate = estate_of(bodies({"routes": routes, "peered": {("hub", "red"): access, ("red", "hub"): access}}))
        subnets = Subnets(estate)
        near = filters_of(estate, subnets, ("red", "one"))
        ways = ways_between(Forwarding(subnets), find(subnets, "red/one"), find(subnets, "Internet"))
        numbers = union((), *(way.path.destinations for way in ways.asked))
        is_doubtful = {route.is_virtual_network for route in near.surroundings.routes} == {None}
        return is_doubtful, {tuple(hop.via for hop in way.path.hops) for way in ways.asked}, size(numbers)

    assert led(*prefixes) == led("0.0.0.0/0")
