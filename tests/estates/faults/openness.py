"""Services that answer the Internet: switches, firewalls, addresses, and what Bastion offers."""

from __future__ import annotations

from collections.abc import Iterator

from tests.estates.arm import log_settings, nested, reference, resource
from tests.estates.chat.network import subnet_id
from tests.estates.draft import Draft
from tests.estates.faults.fault import Fault, drops, sets

ACCOUNT, REGISTRY, SEARCH, VAULT = (
    "accounts/oai-chat01",
    "registries/crchat01",
    "searchServices/srch-chat01",
    "vaults/kv-chat01",
)
WORKSPACE = "workspaces/mlw-chat01"
ENDPOINT = f"{WORKSPACE}/onlineEndpoints/ept-chat01"
COMPUTE = f"{WORKSPACE}/computes/amli-chat01"
STORAGE = ("storageAccounts/stchat01", "storageAccounts/stmlchat01")
SITES = ("sites/app-chat01", "sites/app-chat01-pf")
SLOTS = tuple(f"{site}/slots/staging" for site in SITES)
FIREWALLED = {  # the control of the switch, and the one of the firewall
    ACCOUNT: ("AOAI-NET-001", "AOAI-NET-002"),
    VAULT: ("KV-NET-001", "KV-NET-002"),
    STORAGE[0]: ("STOR-NET-001", "STOR-NET-002"),
    STORAGE[1]: ("STOR-NET-001", "STOR-NET-002"),
}
SOMEBODY = "203.0.113.7"
ENTRY = "NET-ENTRY-001"


def _firewalls() -> Iterator[Fault]:
    on = {"publicNetworkAccess": "Enabled"}
    for end, (switch, firewall) in FIREWALLED.items():
        # the firewall still lets in nobody: nothing is reached, and the switch is the only fault
        yield Fault(f"{end} is public, its firewall closed", (switch,), sets(end, **on))
        yield Fault(f"{end} never set its switch", (switch,), drops(end, "publicNetworkAccess"))
        opened = sets(end, **on, networkAcls__defaultAction="Allow")
        yield Fault(f"{end} is open to all networks", (switch, firewall, ENTRY), opened)
        # without effect while the switch is off: a finding that says so, and no way in
        yield Fault(
            f"{end} has a lax firewall behind its switch", (firewall,), sets(end, networkAcls__defaultAction="Allow")
        )
        rules = [{"value": SOMEBODY}]
        yield Fault(f"{end} keeps the address of an operator", (firewall,), sets(end, networkAcls__ipRules=rules))
        chosen = sets(end, **on, networkAcls__ipRules=rules)
        yield Fault(f"{end} is public to an operator", (switch, firewall, ENTRY), chosen)
        halves = sets(end, **on, networkAcls__ipRules=[{"value": "0.0.0.0/1"}, {"value": "128.0.0.0/1"}])
        yield Fault(f"{end} lets in both halves of the Internet", (switch, firewall, ENTRY), halves)
        subnets = [{"id": subnet_id("snet-agents"), "state": "Succeeded"}]
        yield Fault(
            f"{end} lets in a subnet past its endpoint",
            (firewall,),
            sets(end, networkAcls__virtualNetworkRules=subnets),
        )


def _switches() -> Iterator[Fault]:
    on = {"publicNetworkAccess": "Enabled"}
    yield Fault("the workspace is public", ("AML-NET-001", ENTRY), sets(WORKSPACE, **on))
    yield Fault("the endpoint that scores is public", ("AML-NET-008", ENTRY), sets(ENDPOINT, **on))
    yield Fault("the endpoint never set its switch", ("AML-NET-008", ENTRY), drops(ENDPOINT, "publicNetworkAccess"))
    yield Fault("AI Search is public", ("SRCH-NET-001", ENTRY), sets(SEARCH, publicNetworkAccess="enabled"))
    yield Fault(
        "AI Search keeps an operator's address",
        ("SRCH-NET-001",),
        sets(SEARCH, networkRuleSet__ipRules=[{"value": SOMEBODY}]),
    )
    yield Fault("the registry is public, its rules closed", ("ACR-NET-001",), sets(REGISTRY, **on))
    opened = sets(REGISTRY, **on, networkRuleSet__defaultAction="Allow")
    yield Fault("the registry is open to all networks", ("ACR-NET-001", ENTRY), opened)
    kept = sets(REGISTRY, networkRuleSet__ipRules=[{"action": "Allow", "value": SOMEBODY}])
    yield Fault("the registry keeps an operator's address", ("ACR-NET-001",), kept)
    yield Fault(
        "the workspace opens when behind a network",
        ("AML-NET-001",),
        sets(WORKSPACE, allowPublicAccessWhenBehindVnet=True),
    )
    for end in (*SITES, *SLOTS):
        yield Fault(f"{end} is public", ("APP-NET-001", ENTRY), sets(end, **on))
    instance = [
        {"tenantId": "t", "resourceId": "/subscriptions/x/resourceGroups/y/providers/Microsoft.Synapse/workspaces/z"}
    ]
    for end in STORAGE:
        yield Fault(
            f"{end} lets in a resource instance",
            ("STOR-NET-002",),
            sets(end, networkAcls__resourceAccessRules=instance),
        )
        yield Fault(f"{end} allows anonymous blobs", ("STOR-IAM-001",), sets(end, allowBlobPublicAccess=True))
        yield Fault(f"{end} copies to anywhere", ("NET-EXF-003",), drops(end, "allowedCopyScope"))
        yield Fault(f"{end} replicates to other tenants", ("NET-EXF-003",), sets(end, allowCrossTenantReplication=True))
    yield Fault("a container is public", ("STOR-IAM-001",), sets("containers/deploy", publicAccess="Blob"))
    yield Fault("the registry has an admin", ("ACR-IAM-001",), sets(REGISTRY, adminUserEnabled=True))
    yield Fault("anybody pulls images", ("ACR-IAM-001",), sets(REGISTRY, anonymousPullEnabled=True))
    yield Fault(
        "the registry's tasks pass its rules", ("ACR-NET-003",), sets(REGISTRY, networkRuleBypassAllowedForTasks=True)
    )
    yield Fault("the registry exports", ("NET-EXF-004",), sets(REGISTRY, policies__exportPolicy__status="enabled"))


def _compute() -> Iterator[Fault]:
    inner = "properties__"
    public, ssh = {f"{inner}enableNodePublicIp": True}, {f"{inner}sshSettings__sshPublicAccess": "Enabled"}
    yield Fault("the compute instance has an address", ("AML-NET-010",), sets(COMPUTE, **public))
    yield Fault("the compute instance is open by SSH", ("AML-NET-010",), sets(COMPUTE, **ssh))
    yield Fault("SSH to the compute's address", ("AML-NET-010", ENTRY), sets(COMPUTE, **public, **ssh))
    shared = sets(COMPUTE, properties__applicationSharingPolicy="Shared")
    yield Fault("the compute's applications are shared", ("AML-NET-010",), shared)
    yield Fault("the compute knows local users", ("AML-IAM-003",), sets(COMPUTE, disableLocalAuth=False))


def _address(draft: Draft, name: str, holder: str | None) -> str:
    """Add a public address that keeps its logs, for something or for nothing."""
    address = resource(
        "Microsoft.Network/publicIPAddresses", name, sku={"name": "Standard", "tier": "Regional"}, zones=["1", "2", "3"]
    )
    address["properties"] = {
        "provisioningState": "Succeeded",
        "ipAddress": "203.0.113.50",
        "publicIPAllocationMethod": "Static",
        "ddosSettings": {"protectionMode": "VirtualNetworkInherited"},
        **({"ipConfiguration": reference(holder)} if holder else {}),
    }
    draft.add(address, log_settings(address))
    return str(address["id"])


def _jump_box_public(draft: Draft) -> None:
    interface = draft["networkInterfaces/nic-jmp-chat01"]
    configuration = interface["properties"]["ipConfigurations"][0]
    address = _address(draft, "pip-jmp", configuration["id"])
    configuration["properties"]["publicIPAddress"] = reference(address)


def _balancer(draft: Draft) -> None:
    balancer = resource("Microsoft.Network/loadBalancers", "lb-odd", sku={"name": "Standard"})
    front = nested(balancer, "frontendIPConfigurations", "front")
    front["properties"]["publicIPAddress"] = reference(_address(draft, "pip-lb", front["id"]))
    balancer["properties"] = {"frontendIPConfigurations": [front], "backendAddressPools": [], "loadBalancingRules": []}
    draft.add(balancer)


def _nat_gateway(draft: Draft) -> None:
    gateway = resource("Microsoft.Network/natGateways", "nat-agents", sku={"name": "Standard"}, zones=["1"])
    address = _address(draft, "pip-nat", None)
    draft[f"publicIPAddresses/{'pip-nat'}"]["properties"]["natGateway"] = reference(gateway["id"])
    gateway["properties"] = {
        "publicIpAddresses": [reference(address)],
        "subnets": [reference(subnet_id("snet-agents"))],
    }
    [subnet] = [
        one for one in draft["virtualNetworks/vnet-chat01"]["properties"]["subnets"] if one["name"] == "snet-agents"
    ]
    subnet["properties"]["natGateway"] = reference(gateway["id"])
    draft.add(gateway)


def _agents_public(draft: Draft) -> None:
    profile = draft["virtualMachineScaleSets/vmss-agents"]["properties"]["virtualMachineProfile"]["networkProfile"]
    entry = profile["networkInterfaceConfigurations"][0]["properties"]["ipConfigurations"][0]["properties"]
    entry["publicIPAddressConfiguration"] = {"name": "public", "properties": {"idleTimeoutInMinutes": 15}}


def _addresses() -> Iterator[Fault]:
    yield Fault("the jump box has a public address", (ENTRY, "NET-ENTRY-002"), _jump_box_public)
    yield Fault("a balancer has a public address", (ENTRY,), _balancer)
    yield Fault("a public address is left over", (ENTRY,), lambda draft: _address(draft, "pip-old", None))
    yield Fault("agents leave by a NAT gateway", (), _nat_gateway)
    yield Fault("each agent has a public address", (ENTRY,), _agents_public)
    for feature in ("enableShareableLink", "enableIpConnect", "enableFileCopy", "enableTunneling"):
        yield Fault(f"Bastion offers {feature}", ("JMP-SEC-001",), sets("bastionHosts/ab-chat01", **{feature: True}))


FAULTS = (*_firewalls(), *_switches(), *_compute(), *_addresses())
