"""Private endpoints and names: refused, gone, elsewhere, unnamed; and what the managed network opens."""

from __future__ import annotations

from collections.abc import Iterator

from tests.estates.arm import MICROSOFT, Body, guid, log_settings, nested, path, reference, resource
from tests.estates.chat.network import NETWORK
from tests.estates.draft import Change, Draft
from tests.estates.faults.fault import Fault, drops, removes, sets
from tests.estates.faults.openness import ENTRY, WORKSPACE

# what an endpoint leads to, and the controls that say so where it does not work
_UI = ("APP-NET-002", "AGW-NET-001")  # the gateway's backend is reached over the endpoint
ENDPOINTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "pep-stchat01": ("storageAccounts/stchat01", ("STOR-NET-003",)),
    "pep-blob-stmlchat01": ("storageAccounts/stmlchat01", ("STOR-NET-003",)),
    "pep-file-stmlchat01": ("storageAccounts/stmlchat01", ("STOR-NET-003",)),
    "pep-kv-chat01": ("vaults/kv-chat01", ("KV-NET-003",)),
    "pep-crchat01": ("registries/crchat01", ("ACR-NET-002",)),
    "pep-oai-chat01": ("accounts/oai-chat01", ("AOAI-NET-003",)),
    "pep-mlw-chat01": (WORKSPACE, ("AML-NET-002",)),
    "pep-srch-chat01": ("searchServices/srch-chat01", ("SRCH-NET-002",)),
    "pep-app-chat01": ("sites/app-chat01", _UI),
    "pep-app-chat01-pf": ("sites/app-chat01-pf", ("APP-NET-002",)),
    "pep-app-chat01-staging": ("sites/app-chat01/slots/staging", ("APP-NET-002",)),
    "pep-app-chat01-pf-staging": ("sites/app-chat01-pf/slots/staging", ("APP-NET-002",)),
}
# a site that never set its switch is closed by its approved endpoint alone
_OPEN = {"pep-app-chat01": ("APP-NET-001", ENTRY), "pep-app-chat01-pf": ("APP-NET-001", ENTRY)}
ZONES = {
    "privatelink.azurewebsites.net": _UI,
    "privatelink.blob.core.windows.net": ("STOR-NET-003",),
    "privatelink.file.core.windows.net": ("STOR-NET-003",),
    "privatelink.azurecr.io": ("ACR-NET-002",),
    "privatelink.vaultcore.azure.net": ("KV-NET-003",),
    "privatelink.openai.azure.com": ("AOAI-NET-003",),
    "privatelink.search.windows.net": ("SRCH-NET-002",),
    "privatelink.api.azureml.ms": ("AML-NET-002",),
    "privatelink.notebooks.azure.net": ("AML-NET-002",),
}


def _shown(draft: Draft, endpoint: str) -> list[Body]:
    """Return every place where a target shows the connection of an endpoint."""
    end = f"/privateEndpoints/{endpoint}"
    places: list[Body] = []
    for body in draft.bodies:
        entries = [body, *body.get("properties", {}).get("privateEndpointConnections", [])]
        places += [
            each for each in entries if each["properties"].get("privateEndpoint", {}).get("id", "").endswith(end)
        ]
    return [each for each in places if "/privateEndpointConnections/" in each["id"]]


def _own_state(draft: Draft, endpoint: str) -> Body:
    [connection] = draft[f"privateEndpoints/{endpoint}"]["properties"]["privateLinkServiceConnections"]
    state: Body = connection["properties"]["privateLinkServiceConnectionState"]
    return state


def _refused(endpoint: str, status: str) -> Change:
    def make(draft: Draft) -> None:
        _own_state(draft, endpoint)["status"] = status
        for each in _shown(draft, endpoint):
            each["properties"]["privateLinkServiceConnectionState"]["status"] = status

    return make


def _refused_by_target(endpoint: str) -> Change:
    def make(draft: Draft) -> None:
        for each in _shown(draft, endpoint):
            each["properties"]["privateLinkServiceConnectionState"]["status"] = "Rejected"

    return make


def _gone(endpoint: str) -> Change:
    def make(draft: Draft) -> None:
        for each in _shown(draft, endpoint):
            if each in draft.bodies:
                draft.bodies.remove(each)
            for body in draft.bodies:
                listed = body.get("properties", {}).get("privateEndpointConnections", [])
                if each in listed:
                    listed.remove(each)
        interface = draft[f"privateEndpoints/{endpoint}"]["properties"]["networkInterfaces"][0]["id"]
        draft.remove(f"privateEndpoints/{endpoint}", interface.removeprefix("/"))

    return make


def _other_network(endpoint: str) -> Change:
    """Return the move of an endpoint to a network beside the workload's, which is well kept itself."""

    def make(draft: Draft) -> None:
        network = resource("Microsoft.Network/virtualNetworks", "vnet-beside")
        group = resource("Microsoft.Network/networkSecurityGroups", "nsg-beside")
        place = nested(network, "subnets", "snet-beside", addressPrefix="10.80.0.0/24")
        place["properties"] |= {"networkSecurityGroup": reference(group["id"]), "defaultOutboundAccess": False}
        group["properties"] = {"securityRules": [], "subnets": [reference(place["id"])]}
        network["properties"] = {"addressSpace": {"addressPrefixes": ["10.80.0.0/16"]}, "subnets": [place]}
        draft.add(network, group, log_settings(network), log_settings(group))
        body = draft[f"privateEndpoints/{endpoint}"]["properties"]
        body["subnet"] = reference(place["id"])
        interface = body["networkInterfaces"][0]["id"].removeprefix("/")
        draft.put(interface, "ipConfigurations.0.properties.subnet", reference(place["id"]))

    return make


def _endpoints() -> Iterator[Fault]:
    for endpoint, (_, controls) in ENDPOINTS.items():
        opened = _OPEN.get(endpoint, ())
        for status in ("Rejected", "Pending", "Disconnected"):
            found = ("NET-PE-002", *controls, *opened)
            yield Fault(f"{endpoint} is {status}", found, _refused(endpoint, status))
        # the endpoint itself says that all is well
        yield Fault(f"the target refuses {endpoint}", controls, _refused_by_target(endpoint))
        yield Fault(f"{endpoint} is gone", (*controls, *opened), _gone(endpoint))
        failed = sets(f"privateEndpoints/{endpoint}", provisioningState="Failed")
        yield Fault(f"{endpoint} was not provisioned", ("NET-PE-002", *controls), failed)
        group = f"privateEndpoints/{endpoint}/privateDnsZoneGroups/default"
        named = ("NET-DNS-001", *controls)
        yield Fault(f"{endpoint} registers nowhere", named, removes(group))
        if endpoint != "pep-mlw-chat01":  # its records are those of the platform
            moved = sets(group, privateDnsZoneConfigs__0__properties__recordSets__0__ipAddresses=["10.0.2.250"])
            yield Fault(f"the record of {endpoint} is of another address", named, moved)
    for endpoint in ("pep-kv-chat01", "pep-stchat01", "pep-crchat01"):
        _, controls = ENDPOINTS[endpoint]
        # for the workload it is a stranger's
        yield Fault(f"{endpoint} is in a network beside", (*controls, "NET-PE-003"), _other_network(endpoint))
    wrong = sets("privateEndpoints/pep-stchat01", privateLinkServiceConnections__0__properties__groupIds=["dfs"])
    yield Fault("the endpoint for packages is of another service", ("STOR-NET-003",), wrong)


def _stranger(target: str, status: str) -> Change:
    def make(draft: Draft) -> None:
        body = draft[target]
        name = f"pep-stranger.{guid(target)}"
        away = path("Microsoft.Network/privateEndpoints", "pep-stranger", below=MICROSOFT)
        state = {"status": status, "description": "", "actionsRequired": "None"}
        shown = nested(
            body,
            "privateEndpointConnections",
            name,
            privateEndpoint=reference(away),
            privateLinkServiceConnectionState=state,
        )
        if "privateEndpointConnections" in body["properties"]:
            body["properties"]["privateEndpointConnections"].append(shown)
        else:
            draft.add(shown)

    return make


def _strangers() -> Iterator[Fault]:
    for target in sorted({target for target, _ in ENDPOINTS.values()}):
        yield Fault(f"a stranger is connected to {target}", ("NET-PE-003",), _stranger(target, "Approved"))
    yield Fault("a stranger asks to be connected", (), _stranger("vaults/kv-chat01", "Pending"))


def _zones() -> Iterator[Fault]:
    for zone, controls in ZONES.items():
        link = f"privateDnsZones/{zone}/virtualNetworkLinks/{zone}-link"
        lost = ("NET-DNS-001", "NET-DNS-002", *controls)
        yield Fault(f"{zone} is not linked", lost, removes(link))
        yield Fault(f"{zone} takes the names of machines", ("NET-DNS-002",), sets(link, registrationEnabled=True))
        other = reference(NETWORK.replace("vnet-chat01", "vnet-others"))
        yield Fault(f"{zone} is linked to another network", lost, sets(link, virtualNetwork=other))


MANAGED = {
    "__SYS_PE_stmlchat01_blob_e6f8caa2": "AML-NET-005",
    "__SYS_PE_stmlchat01_file_e6f8caa2": "AML-NET-005",
    "__SYS_PE_kv-chat01_vault_d07fe2eb": "AML-NET-005",
    "__SYS_PE_crchat01_registry_e6b6aa0a": "AML-NET-005",
    "__SYS_PE_mlw-chat01_amlworkspace_a433a220": "AML-NET-005",
    "OpenAI": "AML-NET-006",
    "Search": "AML-NET-006",
}
"""The rules of the managed network that open a private way, and the control that asks for each."""


def _rule(name: str, **values: object) -> Change:
    """Return the change of a rule in both places where Azure shows it."""
    inside = {
        f"managedNetwork__outboundRules__{name.replace('__', '~')}__{key}": value for key, value in values.items()
    }

    def make(draft: Draft) -> None:
        for key, value in inside.items():
            draft.put(WORKSPACE, key.replace("__", ".").replace("~", "__"), value)
        for key, value in values.items():
            draft.put(f"{WORKSPACE}/outboundRules/{name}", key, value)

    return make


def _added(name: str, **rule: object) -> Change:
    def make(draft: Draft) -> None:
        full = {"category": "UserDefined", "status": "Active", **rule}
        draft.put(WORKSPACE, f"managedNetwork.outboundRules.{name}", full)
        kind = "Microsoft.MachineLearningServices/workspaces/outboundRules"
        draft.add(resource(kind, "mlw-chat01", name, location=None, properties=full))

    return make


def _without(name: str) -> Change:
    """Return the removal of a rule, and of the endpoint that Azure kept for it."""

    def make(draft: Draft) -> None:
        draft.drop(WORKSPACE, f"managedNetwork.outboundRules.{name}")
        draft.remove(f"{WORKSPACE}/outboundRules/{name}")
        _gone_from_targets(draft, name)

    return make


def _gone_from_targets(draft: Draft, name: str) -> None:
    for each in _shown(draft, name):
        if each in draft.bodies:
            draft.bodies.remove(each)
        for body in draft.bodies:
            listed = body.get("properties", {}).get("privateEndpointConnections", [])
            if each in listed:
                listed.remove(each)


def _managed() -> Iterator[Fault]:
    for name, control in MANAGED.items():
        yield Fault(f"the rule {name} is gone", (control,), _without(name))
        # what the target shows for it is not explained by a rule that is not in force
        yield Fault(f"the rule {name} is not in force", (control, "NET-PE-003"), _rule(name, status="Inactive"))
        yield Fault(f"the target refuses the rule {name}", (control,), _refused_by_target(name))
    host = _added("odd", type="FQDN", destination="pypi.org")
    yield Fault("the managed network lets out to a host", ("AML-NET-007",), host)
    hosts = _added("odd", type="FQDN", destination="*.blob.core.windows.net")
    yield Fault("the managed network lets out to all accounts", ("AML-NET-007",), hosts)
    for tag in ("Internet", "AzureCloud", "Storage"):
        destination = {"serviceTag": tag, "protocol": "TCP", "portRanges": "443", "action": "Allow"}
        tagged = _added("odd", type="ServiceTag", destination=destination)
        yield Fault(f"the managed network lets out to {tag}", ("AML-NET-007",), tagged)
    away = path("Microsoft.Storage/storageAccounts", "stothers", below=MICROSOFT)
    destination = {"serviceResourceId": away, "subresourceTarget": "blob", "sparkEnabled": False}
    foreign = _added("odd", type="PrivateEndpoint", destination=destination)
    # an input that is the whole truth holds no such account
    yield Fault("the managed network leads to a foreign account", ("NET-EXF-001", "GOV-REF-001"), foreign)
    lax = sets(WORKSPACE, managedNetwork__isolationMode="AllowInternetOutbound")
    yield Fault("the managed network lets out everything", ("AML-NET-003",), lax)
    idle = sets(WORKSPACE, managedNetwork__status__status="Inactive")
    yield Fault("the managed network is not provisioned", ("AML-NET-004",), idle)
    own = sets(f"{WORKSPACE}/onlineEndpoints/ept-chat01/deployments/ept-chat01", egressPublicNetworkAccess="Disabled")
    yield Fault("the deployment has a network of its own", ("AML-NET-009",), own)
    model = drops("accounts/oai-chat01", "restrictOutboundNetworkAccess")
    yield Fault("the model calls anybody", ("NET-EXF-002",), model)
    listed = sets("accounts/oai-chat01", allowedFqdnList=["example.com"])
    yield Fault("the model calls a host", ("NET-EXF-002",), listed)
    yield Fault(
        "the model has no name of its own", ("AOAI-NET-004",), drops("accounts/oai-chat01", "customSubDomainName")
    )


FAULTS = (*_endpoints(), *_strangers(), *_zones(), *_managed())
