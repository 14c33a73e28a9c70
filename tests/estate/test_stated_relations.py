"""What the files of types state of other resources leads there, however Azure spells it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.azure.catalogue import shipped
from auditor.estate.graph import Estate
from auditor.model import Gap, Resource
from auditor.snapshot.model import Metadata, Snapshot
from tests.estates.arm import Body
from tests.estates.graph import estate_of

SUBSCRIPTION = "/subscriptions/s1"
GROUP = f"{SUBSCRIPTION}/resourceGroups/rg"
PROVIDERS = f"{GROUP}/providers"
ACCOUNT = f"{PROVIDERS}/Microsoft.CognitiveServices/accounts/aif"
PROJECT = f"{ACCOUNT}/projects/p"
HOST = f"{PROJECT}/capabilityHosts/agents"
COSMOS = f"{PROVIDERS}/Microsoft.DocumentDB/databaseAccounts/cdb"
STORAGE = f"{PROVIDERS}/Microsoft.Storage/storageAccounts/st"
VAULT = f"{PROVIDERS}/Microsoft.KeyVault/vaults/kv"
NETWORK = f"{PROVIDERS}/Microsoft.Network/virtualNetworks/vnet"
HUB = f"{PROVIDERS}/Microsoft.Network/virtualNetworks/hub"
SUBNET = f"{NETWORK}/subnets/agents"
FIREWALL = f"{PROVIDERS}/Microsoft.Network/azureFirewalls/fw"
POLICY = f"{PROVIDERS}/Microsoft.Network/firewallPolicies/spoke"
BASE = f"{PROVIDERS}/Microsoft.Network/firewallPolicies/base"
TABLE = f"{PROVIDERS}/Microsoft.Network/routeTables/rt"
SQL = "Microsoft.DocumentDB/databaseAccounts/sqlRole"
IDENTITY = f"{PROVIDERS}/Microsoft.ManagedIdentity/userAssignedIdentities/id"
LOCK = "providers/Microsoft.Authorization/locks/keep"


def of(resource_id: str, /, **properties: object) -> Body:
    return {"id": resource_id, "properties": properties}


def led(estate: Estate, start: str, *names: str) -> list[str]:
    frontier = {start}
    for name in names:
        frontier = {found.id for key in frontier for found in estate.related(key, name)}
    return sorted(frontier)


@st.composite
def spellings(draw: st.DrawFn, resource_id: str) -> str:
    """Return an id as some service of Azure may spell it."""
    spelled = draw(st.sampled_from([str, str.lower, str.upper, str.swapcase]))(resource_id)
    return spelled + draw(st.sampled_from(["", "/"]))


JUNK = st.sampled_from([None, 1, True, "", "  ", {}, [], "x", {"id": 3}, ["y"]])


def beside(draw: st.DrawFn, real: object) -> list[object]:
    """Return a list that holds something real among what has another shape."""
    items = [*draw(st.lists(JUNK, max_size=3)), real]
    return draw(st.permutations(items))


@given(data=st.data())
def test_an_injection_leads_to_its_subnet_and_back(data: st.DataObject) -> None:
    entry = {"scenario": "agent", "subnetArmId": data.draw(spellings(SUBNET))}
    estate = estate_of([of(ACCOUNT, networkInjections=beside(data.draw, entry)), of(SUBNET)])

    assert led(estate, ACCOUNT, "injectedSubnet") == [SUBNET]
    assert led(estate, SUBNET, "injectedAccount") == [ACCOUNT]


def test_the_subnet_of_an_account_s_own_capability_host_is_one_of_the_account_s() -> None:
    host = of(f"{ACCOUNT}/capabilityHosts/own", customerSubnet=SUBNET)
    assert led(estate_of([of(ACCOUNT), host, of(SUBNET)]), ACCOUNT, "injectedSubnet") == [SUBNET]


@pytest.mark.parametrize(
    ("listed", "way", "back"),
    [
        ("threadStorageConnections", "threadConnection", "threadHost"),
        ("storageConnections", "fileConnection", "fileHost"),
        ("vectorStoreConnections", "vectorConnection", "vectorHost"),
        ("aiServicesConnections", "modelConnection", "modelHost"),
    ],
)
@given(data=st.data())
def test_a_capability_host_leads_to_its_stores_by_the_names_of_connections(
    listed: str, way: str, back: str, data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(["Memory", "memory", "MEMORY", " memory "]))
    owner = data.draw(st.sampled_from([PROJECT, ACCOUNT]))
    own = f"{owner}/connections/memory"
    where = data.draw(st.sampled_from(["metadata", "target"]))
    target = data.draw(spellings(COSMOS))
    stated = {"metadata": {"ResourceId": target}} if where == "metadata" else {"target": target}
    estate = estate_of(
        [of(HOST, **{listed: beside(data.draw, name)}), of(own, category="CosmosDb", **stated), of(COSMOS)]
    )

    assert led(estate, PROJECT, "projectCapabilityHost", way, "connectedResource") == [COSMOS]
    assert led(estate, COSMOS, "connection", back) == [HOST]


def test_the_project_s_own_connection_goes_before_the_account_s_of_the_same_name() -> None:
    connections = [
        of(f"{PROJECT}/connections/memory", metadata={"ResourceId": COSMOS}),
        of(f"{ACCOUNT}/connections/memory", metadata={"ResourceId": STORAGE}),
    ]
    estate = estate_of([of(HOST, threadStorageConnections=["memory"]), *connections, of(COSMOS), of(STORAGE)])

    assert led(estate, HOST, "threadConnection", "connectedResource") == [COSMOS]


def test_a_capability_host_that_names_no_connection_leads_nowhere_and_that_is_known_where_both_lists_were_read() -> (
    None
):
    bodies = [of(ACCOUNT), of(PROJECT), of(HOST, threadStorageConnections=["gone"])]
    kind = "Microsoft.CognitiveServices/accounts/connections"

    whole = estate_of(bodies)
    assert led(whole, HOST, "threadConnection") == []
    assert whole.relation_gap(HOST, "threadConnection") is None
    partial = estate_of(bodies, gaps=[Gap(ACCOUNT, kind, "denied")])
    assert partial.relation_gap(HOST, "threadConnection") is not None


def test_a_connection_leads_to_what_has_the_host_of_its_target() -> None:
    account = of(COSMOS, documentEndpoint="https://cdb.documents.azure.com:443/")
    connection = of(f"{PROJECT}/connections/memory", target="https://CDB.documents.azure.com:443/")

    assert led(estate_of([account, connection]), connection["id"], "connectedResource") == [COSMOS]


def test_only_a_connection_of_its_category_says_where_keys_are_kept() -> None:
    def estate(category: str) -> Estate:
        return estate_of(
            [of(f"{ACCOUNT}/connections/keys", category=category, target=f"{VAULT}/"), of(ACCOUNT), of(VAULT)]
        )

    assert led(estate("AzureKeyVault"), ACCOUNT, "connectionVault") == [VAULT]
    assert led(estate("azurekeyvault"), VAULT, "connectionVaultUser") == [ACCOUNT]
    assert led(estate("AzureBlob"), ACCOUNT, "connectionVault") == []


@given(data=st.data())
def test_a_role_that_an_account_keeps_itself_leads_to_holder_account_and_definition(data: st.DataObject) -> None:
    definition = f"{COSMOS}/sqlRoleDefinitions/00000000-0000-0000-0000-000000000002"
    scope = data.draw(st.sampled_from([COSMOS, f"{COSMOS}/dbs/memory", f"{COSMOS}/dbs/memory/colls/c", None]))
    assignment = of(
        f"{COSMOS}/sqlRoleAssignments/a",
        principalId=data.draw(st.sampled_from(["AAAA", "aaaa"])),
        roleDefinitionId=data.draw(spellings(definition)),
        **({} if scope is None else {"scope": data.draw(spellings(scope))}),
    )
    estate = estate_of([assignment, of(definition), of(COSMOS), of(IDENTITY, principalId="aaaA")])

    assert led(estate, IDENTITY, "dataGrant") == [assignment["id"]]
    assert led(estate, assignment["id"], "dataGrantee") == [IDENTITY]
    assert led(estate, assignment["id"], "dataRoleScope") == [COSMOS]
    assert led(estate, COSMOS, "dataRoleAssignment") == [assignment["id"]]
    assert led(estate, assignment["id"], "dataRoleDefinition") == [definition]


@given(data=st.data())
def test_a_firewall_leads_to_its_policy_and_to_all_that_it_is_based_on(data: st.DataObject) -> None:
    root = f"{BASE}-root"
    policies = [
        of(POLICY, basePolicy={"id": data.draw(spellings(BASE))}),
        of(BASE, basePolicy={"id": data.draw(spellings(root))}),
        of(
            root, childPolicies=[{"id": data.draw(spellings(BASE))}], basePolicy={"id": POLICY}
        ),  # not even a ring hurts
    ]
    estate = estate_of([of(FIREWALL, firewallPolicy={"id": data.draw(spellings(POLICY))}), *policies])

    assert led(estate, FIREWALL, "firewallPolicy") == [POLICY]
    assert led(estate, FIREWALL, "effectiveFirewallPolicy") == sorted([BASE, root, POLICY])
    assert led(estate, POLICY, "filteringFirewall") == [FIREWALL]
    assert led(estate, BASE, "derivedPolicy") == [POLICY]


def test_a_base_policy_that_was_not_seen_leaves_open_which_policies_a_firewall_has() -> None:
    elsewhere = BASE.replace("/s1/", "/s2/")
    bodies = [of(FIREWALL, firewallPolicy={"id": POLICY}), of(POLICY, basePolicy={"id": elsewhere})]
    estate = estate_of(bodies, scope={"subscriptions": [SUBSCRIPTION]})

    assert estate.relation_gap(FIREWALL, "firewallPolicy") is None
    assert estate.relation_gap(FIREWALL, "effectiveFirewallPolicy") is not None


def _routed(hop: str, home: str, *, peered: bool) -> list[Body]:
    peerings = [{"properties": {"remoteVirtualNetwork": {"id": HUB}}}] if peered else []
    configuration = {
        "properties": {"privateIPAddress": "10.0.4.4", "subnet": {"id": f"{home}/subnets/AzureFirewallSubnet"}}
    }
    route = {"addressPrefix": "0.0.0.0/0", "nextHopType": "VirtualAppliance", "nextHopIpAddress": hop}
    return [
        of(NETWORK, virtualNetworkPeerings=peerings),
        of(HUB),
        of(SUBNET, routeTable={"id": TABLE}),
        of(TABLE),
        of(f"{TABLE}/routes/out", **route),
        of(FIREWALL, ipConfigurations=[configuration]),
    ]


@pytest.mark.parametrize(
    ("hop", "home", "peered", "leads"),
    [
        ("10.0.4.4", NETWORK, False, True),
        ("10.0.4.4", HUB, True, True),
        ("10.0.4.4", HUB, False, False),
        ("10.0.4.9", NETWORK, False, False),
    ],
)
def test_a_route_leads_to_what_has_its_next_hop_in_its_networks(
    hop: str, home: str, *, peered: bool, leads: bool
) -> None:
    estate = estate_of(_routed(hop, home, peered=peered))
    expected = [FIREWALL] if leads else []

    assert led(estate, f"{TABLE}/routes/out", "nextHop") == expected
    assert led(estate, TABLE, "nextHop") == expected
    assert led(estate, FIREWALL, "routeTableTo") == ([TABLE] if leads else [])
    assert estate.relation_gap(TABLE, "nextHop") is None


def test_a_next_hop_may_lie_in_a_peered_network_that_was_not_seen() -> None:
    bodies = [body for body in _routed("10.1.0.4", NETWORK, peered=False) if body["id"] not in {NETWORK, HUB}]
    far = HUB.replace("/s1/", "/s2/")
    network = of(NETWORK, virtualNetworkPeerings=[{"properties": {"remoteVirtualNetwork": {"id": far}}}])
    estate = estate_of([*bodies, network], scope={"subscriptions": [SUBSCRIPTION]})

    assert estate.relation_gap(TABLE, "nextHop") is not None
    assert estate.relation_gap(f"{TABLE}/routes/out", "nextHop") is not None


def test_a_route_leads_to_the_machine_whose_interface_has_its_next_hop() -> None:
    machine = of(f"{PROVIDERS}/Microsoft.Compute/virtualMachines/nva")
    interface = of(
        f"{PROVIDERS}/Microsoft.Network/networkInterfaces/nic",
        virtualMachine={"id": machine["id"].upper()},
        ipConfigurations=[{"properties": {"privateIPAddress": "10.0.4.5", "subnet": {"id": SUBNET}}}],
    )
    estate = estate_of([*_routed("10.0.4.5", NETWORK, peered=False), machine, interface])

    assert led(estate, TABLE, "nextHop") == [machine["id"]]


@pytest.mark.parametrize("place", [COSMOS, GROUP, SUBSCRIPTION, f"{COSMOS}/sqlDatabases/d"])
def test_a_lock_counts_for_all_that_lies_in_its_scope(place: str) -> None:
    below, beside_it = f"{COSMOS}/sqlDatabases/d/containers/c", "/subscriptions/s2/resourceGroups/rg/providers/n.x/t/a"
    lock = of(f"{place}/{LOCK}".swapcase(), level="CanNotDelete")
    lock["type"] = "Microsoft.Authorization/locks"
    estate = estate_of(
        [of(COSMOS), of(f"{COSMOS}/sqlDatabases/d"), of(below), of(beside_it), lock, of(GROUP), of(SUBSCRIPTION)]
    )

    assert led(estate, below, "lock") == [lock["id"]]
    assert led(estate, COSMOS, "lock") == ([] if place.endswith("/d") else [lock["id"]])
    assert led(estate, beside_it, "lock") == []
    assert led(estate, lock["id"], "lockedScope") == [place]


def test_a_resource_leads_to_its_group_and_its_subscription() -> None:
    group = {**of(GROUP), "type": "Microsoft.Resources/resourceGroups"}
    subscription = {**of(SUBSCRIPTION), "type": "Microsoft.Resources/subscriptions"}
    estate = estate_of([of(COSMOS.upper()), group, subscription])

    assert led(estate, COSMOS, "resourceGroup") == [GROUP]
    assert led(estate, COSMOS, "subscription") == [SUBSCRIPTION]
    assert led(estate, GROUP, "resourceGroup") == []


def _read_with(version: str, **properties: object) -> Estate:
    resources = [Resource.of(of(ACCOUNT, **properties), api_version=version), Resource.of(of(SUBNET))]
    return Estate(Snapshot(resources, (), Metadata(complete=True), ""))


def test_an_api_version_that_cannot_show_an_injection_leaves_it_open_at_both_ends() -> None:
    old = _read_with("2024-10-01")
    assert old.relation_gap(ACCOUNT, "injectedSubnet") is not None
    assert old.relation_gap(SUBNET, "injectedAccount") is not None
    for known in (_read_with("2025-06-01"), _read_with("2024-10-01", networkInjections=[{"subnetArmId": SUBNET}])):
        assert known.relation_gap(ACCOUNT, "injectedSubnet") is None
        assert known.relation_gap(SUBNET, "injectedAccount") is None


@pytest.mark.parametrize(
    ("start", "way", "unread", "is_open"),
    [
        (
            ACCOUNT,
            "injectedSubnet",
            Gap(ACCOUNT, "Microsoft.CognitiveServices/accounts/capabilityHosts", "denied"),
            True,
        ),
        (ACCOUNT, "injectedSubnet", Gap(ACCOUNT, "properties.networkInjections", "denied"), True),
        (ACCOUNT, "injectedSubnet", Gap(ACCOUNT, "properties.networkAcls", "denied"), False),
        (
            ACCOUNT,
            "injectedSubnet",
            Gap(PROJECT, "Microsoft.CognitiveServices/accounts/projects/connections", "denied"),
            False,
        ),
        (SUBNET, "injectedAccount", Gap("/", "Microsoft.CognitiveServices/accounts", "denied"), True),
        (SUBNET, "injectedAccount", Gap("/", "Microsoft.Storage/storageAccounts", "denied"), False),
        (ACCOUNT, "connectionVault", Gap(ACCOUNT, "Microsoft.CognitiveServices/accounts/connections", "denied"), True),
        (
            COSMOS,
            "connection",
            Gap(PROJECT, "Microsoft.CognitiveServices/accounts/projects/connections", "denied"),
            True,
        ),
        (f"{PROJECT}/connections/c", "connectedResource", Gap("/", "Microsoft.Search/searchServices", "denied"), True),
        (f"{PROJECT}/connections/c", "connectedResource", Gap("/", "Microsoft.Compute/disks", "denied"), False),
        (f"{PROJECT}/connections/d", "connectedResource", Gap("/", "Microsoft.Search/searchServices", "denied"), False),
        (COSMOS, "lock", Gap(SUBSCRIPTION, "Microsoft.Authorization/locks", "denied"), True),
        (COSMOS, "dataRoleAssignment", Gap(COSMOS, f"{SQL}Assignments", "denied"), True),
        (FIREWALL, "firewallPolicy", Gap("/", "Microsoft.Network/firewallPolicies", "denied"), False),
    ],
)
def test_a_relation_is_open_where_what_may_state_it_was_not_read(
    start: str, way: str, unread: Gap, *, is_open: bool
) -> None:
    bodies = [
        of(ACCOUNT),
        of(PROJECT),
        of(f"{PROJECT}/connections/c", target="https://search.search.windows.net"),
        of(f"{PROJECT}/connections/d", metadata={"ResourceId": COSMOS}),
        of(COSMOS),
        of(SUBNET),
        of(FIREWALL, firewallPolicy={"id": POLICY}),
        of(POLICY),
    ]
    assert estate_of(bodies).relation_gap(start, way) is None
    assert (estate_of(bodies, gaps=[unread]).relation_gap(start, way) is not None) is is_open


def test_what_one_account_s_children_do_not_show_leaves_another_s_relation_known() -> None:
    other = ACCOUNT.replace("/aif", "/other")
    keys = [of(f"{account}/connections/keys", category="AzureKeyVault", target=VAULT) for account in (ACCOUNT, other)]
    bodies = [of(ACCOUNT), of(other), of(VAULT), *keys]
    estate = estate_of(bodies, gaps=[Gap(f"{other}/connections/keys", "properties.target", "denied")])

    assert estate.relation_gap(ACCOUNT, "connectionVault") is None
    assert estate.relation_gap(other, "connectionVault") is not None
    assert estate.relation_gap(VAULT, "connectionVaultUser") is not None


def test_every_way_says_where_it_leads() -> None:
    assert [name for name, way in shipped().ways.items() if not way.says] == []
