from __future__ import annotations

import time
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from auditor import resource_id as ids
from auditor.azure.catalogue import shipped
from auditor.estate.navigation import derive
from auditor.model import Relation, Resource
from tests.estates.chat import chat_bodies
from tests.estates.graph import Body, estate_of, spoil

GROUP = "/subscriptions/s1/resourceGroups/rg/providers"
NETWORK = f"{GROUP}/Microsoft.Network"


def body(suffix: str, /, properties: object = None, **more: object) -> Body:
    return {"id": f"{GROUP}/{suffix}", "properties": {} if properties is None else properties, **more}


def edges(*bodies: Body) -> set[tuple[str, str, str]]:
    prefix = GROUP.lower() + "/"
    return {
        (r.source.removeprefix(prefix), r.kind, r.target.removeprefix(prefix))
        for r in derive([Resource.of(item) for item in bodies])
    }


def names(estate: Any, start: str, navigation: str) -> list[str]:
    return [resource.name for resource in estate.related(start, navigation)]


def test_every_kind_of_relation_of_the_chat_estate_leads_somewhere() -> None:
    estate = estate_of(chat_bodies())
    by_type = {resource.type_key: resource.id for resource in estate.resources if "jmp" in resource.key}
    gateway = estate.of_type("Microsoft.Network/applicationGateways")[0].id
    site = next(s.id for s in estate.of_type("Microsoft.Web/sites") if s.name == "app-chat01")
    workspace = estate.of_type("Microsoft.MachineLearningServices/workspaces")[0].id
    account = estate.of_type("Microsoft.CognitiveServices/accounts")[0].id
    network = estate.of_type("Microsoft.Network/virtualNetworks")[0].id
    endpoint = next(e.id for e in estate.of_type("Microsoft.Network/privateEndpoints") if e.name == "pep-mlw-chat01")

    assert names(estate, gateway, "backend") == ["app-chat01"]
    assert names(estate, gateway, "wafPolicy") == ["waf-chat01"]
    assert names(estate, gateway, "keyVault") == ["kv-chat01"]
    assert names(estate, gateway, "subnet") == ["snet-appGateway"]
    assert names(estate, gateway, "publicIpAddress") == ["pip-chat01"]
    assert names(estate, site, "plan") == ["asp-app-chat01"]
    assert names(estate, site, "identity") == ["id-app-chat01"]
    assert names(estate, site, "connectedEndpoint") == ["pep-app-chat01"]
    assert names(estate, workspace, "storageAccount") == ["stmlchat01"]
    assert names(estate, workspace, "registry") == ["crchat01"]
    assert names(estate, workspace, "applicationInsights") == ["appi-chat01"]
    assert names(estate, workspace, "privateEndpoint") == ["pep-mlw-chat01"]
    assert "oai-chat01" in names(estate, workspace, "managedEndpointTarget")
    assert names(estate, f"{account}/deployments/GPT35", "contentFilter") == ["blocking-filter"]
    assert names(estate, account, "diagnosticSetting") == ["default"]
    assert names(estate, by_type["microsoft.compute/virtualmachines"], "subnet") == ["snet-jumpbox"]
    assert names(estate, by_type["microsoft.compute/virtualmachines"], "networkInterface") == ["nic-jmp-chat01"]
    assert names(estate, network, "ddosProtectionPlan") == ["ddos-chat01"]
    assert len(names(estate, network, "linkedZone")) == 8
    assert len(names(estate, network, "networkEndpoint")) == 9
    assert names(estate, endpoint, "network") == ["vnet-chat01"]
    assert names(estate, endpoint, "privateDnsZone") == [
        "privatelink.api.azureml.ms",
        "privatelink.notebooks.azure.net",
    ]


def test_the_two_sides_of_a_private_endpoint_stay_apart() -> None:
    target = f"{GROUP}/Microsoft.KeyVault/vaults/kv"
    endpoint = body(
        "Microsoft.Network/privateEndpoints/pe",
        {"manualPrivateLinkServiceConnections": [{"properties": {"privateLinkServiceId": target.upper()}}]},
    )
    child = body(
        "Microsoft.KeyVault/vaults/kv/privateEndpointConnections/c",
        {"privateEndpoint": {"id": f"{NETWORK}/privateEndpoints/PE"}},
    )

    assert ("microsoft.network/privateendpoints/pe", "private-endpoint-for", "microsoft.keyvault/vaults/kv") in edges(
        endpoint
    )
    connection = (
        "microsoft.keyvault/vaults/kv",
        "private-endpoint-connection",
        "microsoft.network/privateendpoints/pe",
    )
    assert connection in edges(child)
    assert connection not in edges(endpoint)


def test_a_gateway_reaches_a_site_by_the_address_of_its_private_endpoint_in_its_own_or_a_peered_network() -> None:
    site = f"{GROUP}/Microsoft.Web/sites/app"
    hub, spoke, far = (f"{NETWORK}/virtualNetworks/{name}" for name in ("hub", "spoke", "far"))

    def interface(name: str, network: str, endpoint: str) -> Body:
        configuration = {"privateIPAddress": "10.0.0.4", "subnet": {"id": f"{network}/subnets/pe"}}
        private = {"id": f"{NETWORK}/privateEndpoints/{endpoint}"}
        return body(
            f"Microsoft.Network/networkInterfaces/{name}",
            {"privateEndpoint": private, "ipConfigurations": [{"properties": configuration}]},
        )

    def endpoint(name: str, target: str) -> Body:
        connection = {"properties": {"privateLinkServiceId": target}}
        return body(f"Microsoft.Network/privateEndpoints/{name}", {"privateLinkServiceConnections": [connection]})

    peering = {"remoteVirtualNetwork": {"id": spoke.upper()}}
    found = edges(
        body(
            "Microsoft.Network/applicationGateways/agw",
            {
                "gatewayIPConfigurations": [{"properties": {"subnet": {"id": f"{hub}/subnets/gw"}}}],
                "backendAddressPools": [{"properties": {"backendAddresses": [{"ipAddress": "10.0.0.4"}]}}],
            },
        ),
        body("Microsoft.Network/virtualNetworks/hub/virtualNetworkPeerings/p", peering),
        interface("near", spoke, "near"),
        interface("far", far, "far"),
        endpoint("near", site),
        endpoint("far", f"{GROUP}/Microsoft.Web/sites/other"),
    )

    forwarded = {edge for edge in found if edge[1] == "forwards-to"}
    assert forwarded == {("microsoft.network/applicationgateways/agw", "forwards-to", "microsoft.web/sites/app")}


def test_a_role_assignment_leads_to_its_holder_its_scope_and_the_definition_of_the_same_guid() -> None:
    found = edges(
        body("Microsoft.ManagedIdentity/userAssignedIdentities/id", {"principalId": "AAAA"}),
        body("Microsoft.Compute/virtualMachines/vm", identity={"type": "SystemAssigned", "principalId": "BBBB"}),
        body(
            "Microsoft.KeyVault/vaults/kv/providers/Microsoft.Authorization/roleAssignments/a1",
            {
                "principalId": "aaaa",
                "scope": f"{GROUP}/Microsoft.KeyVault/vaults/KV",
                "roleDefinitionId": "/providers/Microsoft.Authorization/roleDefinitions/R1",
            },
        ),
        body(
            "Microsoft.KeyVault/vaults/kv/providers/Microsoft.Authorization/roleAssignments/a2",
            {"principalId": "bbbb"},
        ),
        {"id": "/subscriptions/s1/providers/Microsoft.Authorization/roleDefinitions/r1", "properties": {}},
    )

    first, second = (
        f"microsoft.keyvault/vaults/kv/providers/microsoft.authorization/roleassignments/{name}"
        for name in ("a1", "a2")
    )
    definition = "/subscriptions/s1/providers/microsoft.authorization/roledefinitions/r1"
    assert (first, "assigned-to", "microsoft.managedidentity/userassignedidentities/id") in found
    assert (second, "assigned-to", "microsoft.compute/virtualmachines/vm") in found
    assert (first, "assigned-on", "microsoft.keyvault/vaults/kv") in found
    assert (second, "assigned-on", "microsoft.keyvault/vaults/kv") in found
    assert (definition, "role-of", first) in found


def test_a_site_uses_the_registry_that_its_image_names_on_the_site_or_its_configuration() -> None:
    registry = body("Microsoft.ContainerRegistry/registries/cr", {"loginServer": "cr.azurecr.io"})
    image = {"linuxFxVersion": "DOCKER|CR.azurecr.io/chat:1"}

    expected = ("microsoft.web/sites/app", "uses", "microsoft.containerregistry/registries/cr")
    assert expected in edges(registry, body("Microsoft.Web/sites/app", {"siteConfig": image}))
    assert expected in edges(registry, body("Microsoft.Web/sites/app/config/web", image))


def test_a_slot_uses_the_registry_that_its_configuration_names() -> None:
    registry = body("Microsoft.ContainerRegistry/registries/cr", {"loginServer": "cr.azurecr.io"})
    configuration = body(
        "Microsoft.Web/sites/app/slots/next/config/web", {"linuxFxVersion": "DOCKER|cr.azurecr.io/chat:2"}
    )

    slot = "microsoft.web/sites/app/slots/next"
    assert (slot, "uses", "microsoft.containerregistry/registries/cr") in edges(registry, configuration)


def test_api_management_fronts_the_account_that_the_address_of_a_backend_names() -> None:
    account = body("Microsoft.CognitiveServices/accounts/oai", {"endpoint": "https://OAI-chat.openai.azure.com/"})
    backend = body(
        "Microsoft.ApiManagement/service/apim/backends/b", {"url": "https://oai-chat.openai.azure.com/openai"}
    )
    elsewhere = body("Microsoft.ApiManagement/service/apim/backends/c", {"url": "https://api.contoso.example/"})

    found = {edge for edge in edges(account, backend, elsewhere) if edge[1] == "fronts"}
    assert found == {("microsoft.apimanagement/service/apim", "fronts", "microsoft.cognitiveservices/accounts/oai")}


def test_every_navigation_follows_a_kind_that_is_derived_and_names_types_in_lower_case() -> None:
    kinds = {relation.kind for relation in derive(Resource.of(item) for item in chat_bodies())}
    kinds |= {"connects-to", "fronts", "may-read-secret", "peered", "project-of"}  # the chat estate has none
    kinds |= {"budgets", "defends", "governs", "monitors", "notifies", "watches"}  # nor anything that watches over it

    kinds |= {stated.relation for kind in shipped() for stated in kind.refers}
    kinds |= {navigation.kind for navigation in shipped().ways.values() if navigation.by_scope}

    assert {navigation.kind for navigation in shipped().ways.values()} <= kinds
    types = [name for nav in shipped().ways.values() for name in (*nav.types, *nav.stated_by)]
    assert types == [name.lower() for name in types]


def test_a_project_leads_to_the_hub_that_it_names_in_any_case() -> None:
    workspaces = "Microsoft.MachineLearningServices/workspaces"
    hub, project = body(f"{workspaces}/hub"), body(f"{workspaces}/p", {"hubResourceId": f"{GROUP}/{workspaces}/HUB"})
    estate = estate_of([hub, project])

    assert names(estate, project["id"], "hub") == ["hub"]
    assert names(estate, hub["id"], "hub") == []


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_hostile_shapes_never_crash(data: st.DataObject) -> None:
    bodies = chat_bodies()
    chosen = data.draw(st.lists(st.sampled_from(bodies), min_size=1, max_size=12, unique_by=lambda item: item["id"]))
    for item in chosen:
        spoil(item, data)

    assert all(isinstance(relation, Relation) for relation in derive([Resource.of(item) for item in chosen]))


def test_twenty_thousand_resources_take_well_under_a_second() -> None:
    bodies = chat_bodies()
    copies = -(-20_000 // len(bodies))
    resources = [
        Resource.of({**item, "id": item["id"].replace("rg-chat", f"rg-chat-{number}")})
        for number in range(copies)
        for item in bodies
    ]

    started = time.process_time()
    count = sum(1 for _ in derive(resources))
    elapsed = time.process_time() - started

    assert count > 40_000
    assert elapsed < 2  # about 0.4 s on an idle core; the limit allows for a busy one


_SCOPES = ["", "/", "/subscriptions/s1", "/SUBSCRIPTIONS/S1/resourceGroups/rg", f"{GROUP}/n/t/A", f"{GROUP}/n/t/a/x/b/"]


@given(st.lists(st.sampled_from(["a", "a/x/b", "a/x/b/y/c", "a-b", "a0", "a.b", "ab/x/b", "B"]), unique=True))
def test_what_lies_below_a_scope_is_what_an_id_under_it_names(names: list[str]) -> None:
    estate = estate_of([body(f"n/t/{name}") for name in names])
    for scope in [*_SCOPES, *(resource.id for resource in estate.resources)]:
        below = [resource for resource in estate.resources if ids.is_under(resource.key, scope)]

        assert list(estate.below(scope)) == below
