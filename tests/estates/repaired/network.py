"""Repairs of the network: security groups rule by rule, subnets, and the way in."""

from __future__ import annotations

from tests.estates.arm import Body, log_settings, path, reference, resource
from tests.estates.chat.network import AGENTS, APPS, ENDPOINTS, GATEWAY, JUMP_BOX, Row, rule, subnet_id
from tests.estates.draft import Change, Draft
from tests.estates.repaired.edit import Edit

GROUPS = "Microsoft.Network/networkSecurityGroups"
NETWORK = "virtualNetworks/vnet-chat01"
JUMP_BOXES = path("Microsoft.Network/applicationSecurityGroups", "asg-jump-boxes")


def rules_of(draft: Draft, group: str) -> list[Body]:
    """Return the rules of a security group."""
    rules: list[Body] = draft[f"networkSecurityGroups/{group}"]["properties"]["securityRules"]
    return rules


def rule_named(draft: Draft, group: str, name: str, direction: str) -> Body:
    """Return the properties of one rule of a group."""
    [found] = [
        each["properties"]
        for each in rules_of(draft, group)
        if each["name"] == name and each["properties"]["direction"] == direction
    ]
    properties: Body = found
    return properties


def add_rule(draft: Draft, group: str, direction: str, row: Row) -> None:
    """Add a rule to a group."""
    rules_of(draft, group).append(rule(draft[f"networkSecurityGroups/{group}"], direction, row))


def remove_rule(draft: Draft, group: str, name: str, direction: str) -> None:
    """Remove a rule from a group."""
    gone = rule_named(draft, group, name, direction)
    rules_of(draft, group)[:] = [each for each in rules_of(draft, group) if each["properties"] is not gone]


def subnet(draft: Draft, name: str) -> Body:
    """Return the properties of a subnet."""
    [found] = [each["properties"] for each in draft[NETWORK]["properties"]["subnets"] if each["name"] == name]
    properties: Body = found
    return properties


def _logs(draft: Draft) -> None:
    for kind in (GROUPS, "Microsoft.Network/virtualNetworks", "Microsoft.Network/publicIPAddresses"):
        draft.add(*(log_settings(each) for each in draft.of_type(kind)))


def _agents_out(draft: Draft) -> None:
    rule_named(draft, "nsg-agentsSubnet", "DenyAllOutBound", "Outbound")["sourceAddressPrefix"] = AGENTS
    allowed: Row = ("Agents.Out.Allow.PrivateEndpoints", 100, "Allow", "Tcp", AGENTS, ENDPOINTS, "443")
    add_rule(draft, "nsg-agentsSubnet", "Outbound", allowed)


def _apps_out(draft: Draft) -> None:
    denied: Row = ("DenyAllOutBound", 1000, "Deny", "*", APPS, "*", "*")
    add_rule(draft, "nsg-appServicesSubnet", "Outbound", denied)


def _gateway_out(draft: Draft) -> None:
    denied: Row = ("AppGw.Out.Deny.Network", 900, "Deny", "*", GATEWAY, "VirtualNetwork", "*")
    add_rule(draft, "nsg-appGatewaySubnet", "Outbound", denied)


def _gateway_control_plane(draft: Draft) -> None:
    allowed = rule_named(draft, "nsg-appGatewaySubnet", "AppGw.In.Allow.ControlPlane", "Inbound")
    allowed["sourceAddressPrefix"] = "GatewayManager"


def _bastion_in(draft: Draft) -> None:
    allowed = rule_named(draft, "nsg-bastionSubnet", "Bastion.In.Allow.GatewayManager", "Inbound")
    allowed["destinationPortRanges"] = ["443"]


def _bastion_out(draft: Draft) -> None:
    remove_rule(draft, "nsg-bastionSubnet", "Bastion.Out.Allow.AzureMonitor", "Outbound")
    allowed = rule_named(draft, "nsg-bastionSubnet", "Bastion.Out.Allow.GetSessionInformation", "Outbound")
    allowed["destinationPortRanges"] = ["80"]


def _jump_box_in(draft: Draft) -> None:
    add_rule(draft, "nsg-jumpboxSubnet", "Inbound", ("DenyAllInBound", 1000, "Deny", "*", "*", JUMP_BOX, "*"))


def _jump_box_out(draft: Draft) -> None:
    remove_rule(draft, "nsg-jumpboxSubnet", "Jumpbox.Out.Allow.Internet", "Outbound")


def _rest_denied(group: str) -> Change:
    def make(draft: Draft) -> None:
        network: Row = ("In.Allow.Network", 100, "Allow", "*", "VirtualNetwork", "VirtualNetwork", "*")
        add_rule(draft, group, "Inbound", network)
        add_rule(draft, group, "Inbound", ("DenyAllInBound", 1000, "Deny", "*", "*", "*", "*"))

    return make


def _endpoints_filtered(draft: Draft) -> None:
    subnet(draft, "snet-privateEndpoints")["privateEndpointNetworkPolicies"] = "Enabled"


def _no_way_that_azure_picks(draft: Draft) -> None:
    for name in ("snet-jumpbox", "snet-agents"):
        subnet(draft, name)["defaultOutboundAccess"] = False


def _application_groups(draft: Draft) -> None:
    kind, name = "Microsoft.Network/applicationSecurityGroups", "asg-jump-boxes"
    draft.add(resource(kind, name, properties={"provisioningState": "Succeeded"}))
    draft.put(
        "networkInterfaces/nic-jmp-chat01",
        "ipConfigurations.0.properties.applicationSecurityGroups",
        [reference(JUMP_BOXES)],
    )
    allowed = rule_named(draft, "nsg-jumpboxSubnet", "Jumpbox.In.Allow.SshRdp", "Inbound")
    allowed |= {"destinationApplicationSecurityGroups": [reference(JUMP_BOXES)]}
    del allowed["destinationAddressPrefix"]


def _agents(draft: Draft) -> None:
    kind = "Microsoft.Compute/virtualMachineScaleSets"
    agents = resource(kind, "vmss-agents", sku={"name": "Standard_D2s_v3", "capacity": 2}, zones=["1", "2", "3"])
    entry = {"name": "ipconfig", "properties": {"subnet": reference(subnet_id("snet-agents")), "primary": True}}
    interface = {"name": "nic", "properties": {"primary": True, "ipConfigurations": [entry]}}
    agents["properties"] = {
        "provisioningState": "Succeeded",
        "orchestrationMode": "Uniform",
        "virtualMachineProfile": {"networkProfile": {"networkInterfaceConfigurations": [interface]}},
    }
    draft.add(agents)


def _host_name_kept(draft: Draft) -> None:
    [settings] = draft["applicationGateways/agw-chat01"]["properties"]["backendHttpSettingsCollection"]
    settings["properties"] |= {"pickHostNameFromBackendAddress": False, "hostName": "www.contoso.com"}
    site = draft["sites/app-chat01"]["properties"]
    site["hostNames"] = [*site["hostNames"], "www.contoso.com"]
    site["enabledHostNames"] = [*site["enabledHostNames"], "www.contoso.com"]


def _bastion_zones(draft: Draft) -> None:
    draft["bastionHosts/ab-chat01"]["zones"] = ["1", "2", "3"]


def _probes_mind_refusals(draft: Draft) -> None:
    for probe in draft["applicationGateways/agw-chat01"]["properties"]["probes"]:
        probe["properties"]["match"] = {"statusCodes": ["200-399"]}


EDITS = (
    # that every service keeps logs, and that the network's resources keep all of theirs
    Edit("the network keeps its logs", ("MON-DIAG-001", "MON-DIAG-012"), _logs),
    # a deny rule whose source is another subnet's lets everything out, leaves the rest to Azure, and never matches
    Edit("agents leave for private endpoints only", ("NET-NSG-010", "NET-NSG-013", "NET-NSG-014"), _agents_out),
    # what the web apps' subnet lets out reaches the subnets that let in all of the network
    Edit("web apps leave by the table only", ("NET-NSG-006", "NET-NSG-013", "NET-LATERAL-001"), _apps_out),
    # as above: from the gateway to the subnets that let in all of the network
    Edit("the gateway reaches private endpoints only", ("NET-NSG-002", "NET-LATERAL-001"), _gateway_out),
    Edit("the gateway's control plane is reached by its manager", ("NET-NSG-016",), _gateway_control_plane),
    Edit("Bastion takes its manager on 443 only", ("NET-NSG-007",), _bastion_in),
    Edit("Bastion leaves by Microsoft's rules only", ("NET-NSG-007",), _bastion_out),
    # without the deny Azure's default lets in the network: Bastion's own ports 5701 and 8080 reach the jump box, too
    Edit("the jump box takes Bastion only", ("NET-NSG-008", "NET-NSG-013", "NET-LATERAL-001"), _jump_box_in),
    Edit("the jump box leaves for private endpoints only", ("NET-NSG-009",), _jump_box_out),
    Edit("the rest is denied in to agents", ("NET-NSG-013",), _rest_denied("nsg-agentsSubnet")),
    Edit("the rest is denied in to endpoints", ("NET-NSG-013",), _rest_denied("nsg-privateEndpointsSubnet")),
    Edit("the rest is denied in to training", ("NET-NSG-013",), _rest_denied("nsg-trainingSubnet")),
    Edit("the rest is denied in to scoring", ("NET-NSG-013",), _rest_denied("nsg-scoringSubnet")),
    Edit("security groups apply to endpoints", ("NET-PE-001",), _endpoints_filtered),
    Edit("machines leave by no way that Azure picks", ("NET-OUT-001",), _no_way_that_azure_picks),
    Edit("a rule names an application security group", ("NET-NSG-017",), _application_groups),
    Edit("agents run in their subnet", ("OPS-AGENT-001",), _agents),
    Edit("Bastion is in several zones", ("JMP-REL-001",), _bastion_zones),
    Edit("a refusal is no sign of health", ("AGW-REL-003",), _probes_mind_refusals),
    Edit("the gateway keeps the host name", ("APP-TLS-004",), _host_name_kept),
)
