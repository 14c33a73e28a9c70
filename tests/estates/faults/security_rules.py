"""Security groups: each rule taken out, each denial put first, each subnet opened, each group taken off."""

from __future__ import annotations

from collections.abc import Iterator

from tests.estates.arm import MICROSOFT, nested, path, reference, resource
from tests.estates.chat.network import Row, subnet_id
from tests.estates.draft import Change, Draft
from tests.estates.faults.fault import Fault
from tests.estates.repaired.network import add_rule, remove_rule, rule_named, subnet

REST, DEAD, BETWEEN, PORTS = "NET-NSG-013", "NET-NSG-014", "NET-LATERAL-001", "NET-NSG-015"
_DENY = {"Inbound": "DenyAllInBound", "Outbound": "DenyAllOutBound"}
# the group, and the controls of what comes in and of what goes out
SUBNETS = {
    "snet-appGateway": ("nsg-appGatewaySubnet", "NET-NSG-001", "NET-NSG-002"),
    "snet-appServicePlan": ("nsg-appServicesSubnet", "NET-NSG-005", "NET-NSG-006"),
    "snet-privateEndpoints": ("nsg-privateEndpointsSubnet", "NET-NSG-003", "NET-NSG-004"),
    "AzureBastionSubnet": ("nsg-bastionSubnet", "NET-NSG-007", "NET-NSG-007"),
    "snet-jumpbox": ("nsg-jumpboxSubnet", "NET-NSG-008", "NET-NSG-009"),
    "snet-agents": ("nsg-agentsSubnet", "NET-NSG-010", "NET-NSG-010"),
    "snet-training": ("nsg-trainingSubnet", "NET-NSG-011", "NET-NSG-011"),
    "snet-scoring": ("nsg-scoringSubnet", "NET-NSG-012", "NET-NSG-012"),
}
REMOVED: dict[tuple[str, str, str], tuple[str, ...]] = {
    # the gateway: users, its manager and its probes must get in; Azure's default lets in the network, which Bastion uses
    ("nsg-appGatewaySubnet", "Inbound", "AppGw.In.Allow.ControlPlane"): ("NET-NSG-001",),
    ("nsg-appGatewaySubnet", "Inbound", "AppGw.In.Allow443.Internet"): ("NET-NSG-001",),
    ("nsg-appGatewaySubnet", "Inbound", "AppGw.In.Allow.LoadBalancer"): ("NET-NSG-001",),
    # also its manager's ports, which nobody but the manager should reach
    ("nsg-appGatewaySubnet", "Inbound", "DenyAllInBound"): ("NET-NSG-001", "NET-NSG-016", REST, BETWEEN),
    ("nsg-appGatewaySubnet", "Outbound", "AppGw.Out.Allow.PrivateEndpoints"): ("NET-NSG-002",),
    ("nsg-appGatewaySubnet", "Outbound", "AppPlan.Out.Allow.AzureMonitor"): (),  # the Internet is open anyway
    ("nsg-appGatewaySubnet", "Outbound", "AppGw.Out.Deny.Network"): ("NET-NSG-002", BETWEEN),
    # Bastion: Microsoft asks for each of its rules
    ("nsg-bastionSubnet", "Inbound", "Bastion.In.Allow.Https"): ("NET-NSG-007",),
    ("nsg-bastionSubnet", "Inbound", "Bastion.In.Allow.GatewayManager"): ("NET-NSG-007",),
    ("nsg-bastionSubnet", "Inbound", "Bastion.In.Allow.LoadBalancer"): ("NET-NSG-007",),
    ("nsg-bastionSubnet", "Inbound", "Bastion.In.Allow.BastionHostCommunication"): ("NET-NSG-007",),
    ("nsg-bastionSubnet", "Inbound", "DenyAllInBound"): ("NET-NSG-007", REST),
    ("nsg-bastionSubnet", "Outbound", "Bastion.Out.Allow.SshRdp"): ("NET-NSG-007",),
    ("nsg-bastionSubnet", "Outbound", "Bastion.Out.Allow.AzureCloudCommunication"): ("NET-NSG-007",),
    ("nsg-bastionSubnet", "Outbound", "Bastion.Out.Allow.BastionHostCommunication"): ("NET-NSG-007",),
    ("nsg-bastionSubnet", "Outbound", "Bastion.Out.Allow.GetSessionInformation"): ("NET-NSG-007",),
    ("nsg-bastionSubnet", "Outbound", "DenyAllOutBound"): ("NET-NSG-007", REST, BETWEEN),
    # the jump box: its rule for Bastion is also the only one that names an application security group
    ("nsg-jumpboxSubnet", "Inbound", "Jumpbox.In.Allow.SshRdp"): ("NET-NSG-008", "NET-NSG-017"),
    ("nsg-jumpboxSubnet", "Inbound", "DenyAllInBound"): ("NET-NSG-008", REST, BETWEEN),
    ("nsg-jumpboxSubnet", "Outbound", "Jumpbox.Out.Allow.PrivateEndpoints"): ("NET-NSG-009",),
    ("nsg-jumpboxSubnet", "Outbound", "DenyAllOutBound"): ("NET-NSG-009", REST, BETWEEN),
    ("nsg-appServicesSubnet", "Outbound", "AppPlan.Out.Allow.PrivateEndpoints"): ("NET-NSG-006",),
    ("nsg-appServicesSubnet", "Outbound", "AppPlan.Out.Allow.AzureMonitor"): ("NET-NSG-006",),
    ("nsg-appServicesSubnet", "Outbound", "DenyAllOutBound"): ("NET-NSG-006", REST, BETWEEN),
    # where a rule lets in the network, and no more, nothing is left of what Azure's defaults let in
    ("nsg-privateEndpointsSubnet", "Inbound", "DenyAllInBound"): (),
    ("nsg-agentsSubnet", "Inbound", "DenyAllInBound"): (),
    ("nsg-trainingSubnet", "Inbound", "DenyAllInBound"): (),
    ("nsg-scoringSubnet", "Inbound", "DenyAllInBound"): (),
    # endpoints never call: what their subnet lets out is a way for nobody
    ("nsg-privateEndpointsSubnet", "Inbound", "In.Allow.Network"): ("NET-NSG-003",),
    ("nsg-privateEndpointsSubnet", "Outbound", "DenyAllOutBound"): ("NET-NSG-004", REST),
    # the table lets agents, training and scoring talk to the network, and does not ask that they do
    ("nsg-agentsSubnet", "Inbound", "In.Allow.Network"): (),
    ("nsg-agentsSubnet", "Outbound", "Agents.Out.Allow.PrivateEndpoints"): (),
    ("nsg-agentsSubnet", "Outbound", "DenyAllOutBound"): ("NET-NSG-010", REST),
    ("nsg-trainingSubnet", "Inbound", "In.Allow.Network"): (),
    ("nsg-trainingSubnet", "Outbound", "DenyAllOutBound"): ("NET-NSG-011", REST),
    ("nsg-scoringSubnet", "Inbound", "In.Allow.Network"): (),
    ("nsg-scoringSubnet", "Outbound", "DenyAllOutBound"): ("NET-NSG-012", REST),
}
FIRST: dict[tuple[str, str], tuple[str, ...]] = {
    # what the denial now takes gets no packet any more, and what must pass does not
    ("nsg-appGatewaySubnet", "Inbound"): ("NET-NSG-001", DEAD),
    ("nsg-bastionSubnet", "Inbound"): ("NET-NSG-007", DEAD),
    ("nsg-bastionSubnet", "Outbound"): ("NET-NSG-007", DEAD),
    ("nsg-jumpboxSubnet", "Inbound"): ("NET-NSG-008", DEAD),
    ("nsg-jumpboxSubnet", "Outbound"): ("NET-NSG-009", DEAD),
    ("nsg-appServicesSubnet", "Outbound"): ("NET-NSG-006", DEAD),
    ("nsg-privateEndpointsSubnet", "Inbound"): ("NET-NSG-003", DEAD),
    ("nsg-agentsSubnet", "Inbound"): (DEAD,),
    ("nsg-agentsSubnet", "Outbound"): (DEAD,),
    ("nsg-trainingSubnet", "Inbound"): (DEAD,),
    ("nsg-scoringSubnet", "Inbound"): (DEAD,),
}
PORTS_OPENED = {"22": (PORTS,), "3389": (PORTS,), "445": (PORTS,), "1433": (PORTS,), "8443": ()}


def _removed(group: str, direction: str, name: str) -> Change:
    return lambda draft: remove_rule(draft, group, name, direction)


def _first(group: str, direction: str) -> Change:
    return lambda draft: rule_named(draft, group, _DENY[direction], direction).update(priority=90)


def _added(group: str, direction: str, row: Row) -> Change:
    return lambda draft: add_rule(draft, group, direction, row)


def _opened() -> Iterator[Fault]:
    for name, (group, inward, outward) in SUBNETS.items():
        for port, more in PORTS_OPENED.items():
            row: Row = ("Odd", 95, "Allow", "Tcp", "Internet", "*", port)
            yield Fault(f"{name} takes {port} from the Internet", (inward, *more), _added(group, "Inbound", row))
        out: Row = ("Odd", 95, "Allow", "Tcp", "*", "Internet", "*")
        # the gateway does not work without the Internet
        controls = () if name == "snet-appGateway" else (outward,)
        yield Fault(f"{name} leaves for the Internet", controls, _added(group, "Outbound", out))
    row = ("Odd", 95, "Allow", "*", "VirtualNetwork", "VirtualNetwork", "*")
    # what the rule for Bastion lets in, this one does before: the other gets no packet, and names a group in vain
    yield Fault(
        "the jump box takes the network", ("NET-NSG-008", BETWEEN, DEAD), _added("nsg-jumpboxSubnet", "Inbound", row)
    )
    elsewhere: Row = ("Odd", 200, "Allow", "Tcp", "10.9.0.0/16", "192.168.9.0/24", "443")
    yield Fault("a rule names addresses of nobody", (DEAD,), _added("nsg-trainingSubnet", "Outbound", elsewhere))
    twice: Row = ("Odd", 200, "Allow", "Tcp", "10.0.0.0/24", "10.0.2.0/27", "443")
    yield Fault("a rule repeats another", (DEAD,), _added("nsg-appServicesSubnet", "Outbound", twice))
    control: Row = ("Odd", 130, "Allow", "Tcp", "Internet", "*", "65200-65535")
    yield Fault(
        "anybody reaches the gateway's control plane",
        ("NET-NSG-016",),
        _added("nsg-appGatewaySubnet", "Inbound", control),
    )
    plain: Row = ("Odd", 130, "Allow", "Tcp", "Internet", "*", "80")
    yield Fault(
        "the gateway takes HTTP from the Internet", ("NET-NSG-001",), _added("nsg-appGatewaySubnet", "Inbound", plain)
    )
    tunnel: Row = ("Odd", 105, "Deny", "Tcp", "VirtualNetwork", "10.0.2.128/28", "22")
    yield Fault("Bastion's way to SSH is denied before", (), _added("nsg-jumpboxSubnet", "Inbound", tunnel))


def _detached(name: str) -> Change:
    def make(draft: Draft) -> None:
        group = subnet(draft, name).pop("networkSecurityGroup")["id"].rpartition("/")[2]
        draft.put(f"networkSecurityGroups/{group}", "subnets", [])

    return make


def _groups() -> Iterator[Fault]:
    # without a group everything passes, ports of administrators from the Internet among it
    for name in ("snet-training", "snet-scoring", "snet-agents"):
        _, control, _ = SUBNETS[name]
        yield Fault(f"{name} has no group", ("NET-SEG-002", control, REST, PORTS), _detached(name))


def _peered(draft: Draft) -> None:
    network = draft["virtualNetworks/vnet-chat01"]
    away = path("Microsoft.Network/virtualNetworks", "vnet-others", below=MICROSOFT)
    peering = nested(
        network,
        "virtualNetworkPeerings",
        "to-others",
        remoteVirtualNetwork=reference(away),
        remoteAddressSpace={"addressPrefixes": ["10.50.0.0/16"]},
        peeringState="Connected",
        allowVirtualNetworkAccess=True,
        allowForwardedTraffic=False,
        allowGatewayTransit=False,
        useRemoteGateways=False,
    )
    network["properties"]["virtualNetworkPeerings"] = [peering]


def _routed(draft: Draft) -> None:
    table = resource("Microsoft.Network/routeTables", "rt-odd")
    way = nested(table, "routes", "all", addressPrefix="0.0.0.0/0", nextHopType="Internet")
    table["properties"] = {"routes": [way], "subnets": [reference(subnet_id("snet-jumpbox"))]}
    subnet(draft, "snet-jumpbox")["routeTable"] = reference(table["id"])
    draft.add(table)


def _subnets() -> Iterator[Fault]:
    def resized(draft: Draft) -> None:
        subnet(draft, "snet-appGateway")["addressPrefix"] = "10.0.1.0/26"

    def unfiltered(draft: Draft) -> None:
        subnet(draft, "snet-privateEndpoints")["privateEndpointNetworkPolicies"] = "Disabled"

    def no_delegation(draft: Draft) -> None:
        subnet(draft, "snet-appServicePlan").update(delegations=[], serviceAssociationLinks=[])

    def implicit(draft: Draft) -> None:
        subnet(draft, "snet-jumpbox")["defaultOutboundAccess"] = True

    yield Fault("the gateway's subnet is small", ("AGW-REL-004",), resized)
    yield Fault("groups do not apply to endpoints", ("NET-PE-001",), unfiltered)
    yield Fault("the apps' subnet is not delegated", ("NET-SEG-001",), no_delegation)
    yield Fault("the jump box leaves by a way that Azure picks", ("NET-OUT-001",), implicit)
    # an input that is the whole truth says that what it does not hold does not exist, and it holds no such network
    yield Fault("a foreign network is a peer", ("NET-EXF-006", "GOV-REF-001"), _peered)
    yield Fault("everything is routed to the Internet", ("NET-EXF-007",), _routed)


FAULTS = (
    *(Fault(f"{key[2]} ({key[1]}) of {key[0]} is gone", found, _removed(*key)) for key, found in REMOVED.items()),
    *(Fault(f"{key[1]} denial of {key[0]} comes first", found, _first(*key)) for key, found in FIRST.items()),
    *_opened(),
    *_groups(),
    *_subnets(),
)
