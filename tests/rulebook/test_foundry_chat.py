"""The edition of 2026 as a baseline: a whole estate, and one fault at a time, each with the right findings and no others."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache, reduce
from operator import getitem
from pathlib import Path
from typing import Any

import pytest

from auditor import audit, shipped
from auditor.architecture.workloads import bind
from auditor.authoring import proof
from auditor.inputs import read
from auditor.model import Finding, Report, Status
from auditor.rulebook import in_force
from auditor.rulebook.in_force import RuleSet, Selection
from tests.estates import agents as estate
from tests.estates.arm import GROUP, Body, guid, path, resource
from tests.estates.graph import estate_of

_TERMS = audit.Terms(complete=True, as_of=datetime(2026, 7, 16, 12, tzinfo=UTC), explain_passes=False)
_SHIPPED = "estates/help-desk.json"


@cache
def rules(edition: str = "") -> RuleSet:
    return in_force.load(Selection(f"foundry-chat{edition}"))


def judge(bodies: list[Body], folder: Path, edition: str = "") -> Report:
    source = folder / "estate.json"
    source.write_text(json.dumps({"resources": bodies}), encoding="utf-8")
    return audit.audit(read.read(str(source)), rules(edition), _TERMS)


def known(report: Report) -> dict[tuple[str, str, str], Finding]:
    """Return what fails or has no answer: by status, rule, and the name of what it is about."""
    return {
        (
            each.status.value,
            each.rule_id,
            f"{(each.resource_id or '').rpartition('/')[2]} {each.sub_object}".strip(),
        ): each
        for each in report.findings
        if each.status in {Status.FAIL, Status.UNKNOWN}
    }


@cache
def without_fault() -> frozenset[tuple[str, str, str]]:
    source = shipped.folder("baselines") / "foundry-chat" / _SHIPPED
    return frozenset(known(audit.audit(read.read(str(source)), rules(), _TERMS)))


def one(bodies: list[Body], place: str) -> Any:
    [found] = [each for each in bodies if each["id"] == place]
    return found


def drop(bodies: list[Body], is_meant: Callable[[Body], bool]) -> None:
    count = len(bodies)
    bodies[:] = [each for each in bodies if not is_meant(each)]
    assert len(bodies) < count


def test_the_estate_of_the_package_is_the_one_of_the_tests() -> None:
    source = shipped.folder("baselines") / "foundry-chat" / _SHIPPED
    assert json.loads(source.read_text(encoding="utf-8")) == estate.agent_document()


def test_every_required_component_is_bound_and_says_by_what(tmp_path: Path) -> None:
    rule_set = in_force.load(Selection("foundry-chat", select=["workload-*-present"]))
    source = tmp_path / "estate.json"
    source.write_text(json.dumps(estate.agent_document()), encoding="utf-8")
    report = audit.audit(read.read(str(source)), rule_set, audit.Terms(complete=True, as_of=_TERMS.as_of))
    bound = {each.component: each for each in report.findings if each.status is Status.PASS}
    required = {name for name, entry in rule_set.baseline.components.items() if entry.get("required", False)}
    assert set(bound) == required
    assert len(bound) == 31
    assert [each for each in report.findings if each.status is not Status.PASS] == []
    held = {one.path: one.actual for one in bound["agent-memory"].evidence}
    assert held["strands"] == [
        "the capability host",
        "a connection of the project",
        "roles of the project",
        "data roles of the project",
        "a private endpoint",
    ]


# ---------------------------------------------------------------------------------------------------------- strands
Bodies = list[Body]
Fault = Callable[[Bodies], None]
Expected = set[tuple[str, str, str]]


def _is_grant(body: Body, holder: str, place: str) -> bool:
    is_role = body["type"] in {
        "Microsoft.Authorization/roleAssignments",
        "Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments",
    }
    return is_role and body["id"].startswith(place) and body["properties"]["principalId"] == estate.principal(holder)


def without_grants(place: str, holder: str = "id-desk") -> Fault:
    return lambda bodies: drop(bodies, lambda each: _is_grant(each, holder, place))


def without_host(bodies: Bodies) -> None:
    drop(bodies, lambda each: each["id"] == estate.HOST)


def without_connection(name: str) -> Fault:
    return lambda bodies: drop(bodies, lambda each: each["id"] == f"{estate.PROJECT}/connections/{name}")


def without_endpoint(place: str) -> Fault:
    name = f"pe-{place.rpartition('/')[2]}"

    def fault(bodies: Bodies) -> None:
        drop(bodies, lambda each: name in each["id"])
        one(bodies, place)["properties"]["privateEndpointConnections"] = []

    return fault


def without_lock(place: str) -> Fault:
    return lambda bodies: drop(
        bodies, lambda each: each["id"] == f"{place}/providers/Microsoft.Authorization/locks/keep"
    )


def role(name: str, of: str, on: str) -> str:
    return f"{of} {name} on {on}"


def files_kept_with_the_code(bodies: Bodies) -> None:
    one(bodies, f"{estate.PROJECT}/connections/files")["properties"]["metadata"]["ResourceId"] = estate.CODE


STRANDS: dict[str, tuple[Fault, Expected]] = {
    "no capability host": (
        without_host,
        {
            ("fail", "project-standard-setup", "desk"),
            ("fail", "workload-component-present", "aif-help capability-host"),
            ("fail", "connection-in-use", "memory"),
            ("fail", "connection-in-use", "files"),
            ("unknown", "connection-in-use", "vectors"),
        },
    ),
    "no connection to Cosmos DB": (
        without_connection("memory"),
        {("fail", "capability-host-threads-in-workload", "agents")},
    ),
    "no connection to storage": (
        without_connection("files"),
        {("fail", "capability-host-files-in-workload", "agents")},
    ),
    "no connection to search": (
        without_connection("vectors"),
        {("fail", "capability-host-vectors-in-workload", "agents")},
    ),
    "no roles on Cosmos DB": (
        without_grants(estate.MEMORY),
        {
            ("fail", "access-project-roles-work", role("Cosmos DB Operator", "desk", "agent-memory cosmos-help")),
            (
                "fail",
                "access-project-roles-work",
                role("Cosmos DB Built-in Data Contributor", "desk", "agent-memory enterprise_memory"),
            ),
        },
    ),
    "no roles on storage": (
        without_grants(estate.FILES),
        {
            (
                "fail",
                "access-project-roles-work",
                role(f"Storage Blob Data {name}", "desk", "agent-storage sthelpagents"),
            )
            for name in ("Owner", "Contributor")
        },
    ),
    "no roles on search": (
        without_grants(estate.SEARCH),
        {
            ("fail", "access-project-roles-work", role(f"Search {name} Contributor", "desk", "agent-search srch-help"))
            for name in ("Service", "Index Data")
        },
    ),
    "no endpoint of Cosmos DB": (
        without_endpoint(estate.MEMORY),
        {("fail", "cosmos-private-endpoint-works", "cosmos-help Sql")},
    ),
    "no endpoint of storage": (
        without_endpoint(estate.FILES),
        {("fail", "storage-private-endpoint-works", "sthelpagents blob")},
    ),
    "no endpoint of search": (
        without_endpoint(estate.SEARCH),
        {("fail", "search-private-endpoint-works", "srch-help searchService")},
    ),
    "no lock on Cosmos DB": (
        without_lock(estate.MEMORY),
        {("fail", "agents-state-delete-locked", "cosmos-help")},
    ),
}


@pytest.mark.parametrize("name", STRANDS)
def test_a_strand_that_is_taken_away_is_the_finding_and_no_store_is_lost(name: str, tmp_path: Path) -> None:
    fault, expected = STRANDS[name]
    bodies = estate.agent_bodies()
    fault(bodies)
    found = known(judge(bodies, tmp_path))
    assert set(found) - without_fault() == expected
    assert without_fault() - set(found) == set()


# ---------------------------------------------------------------------------------------------------------- single faults
def _set(place: str, *keys: str | int, to: Any) -> Fault:
    def fault(bodies: Bodies) -> None:
        target = one(bodies, place)["properties"]
        for key in keys[:-1]:
            target = target[key]
        target[keys[-1]] = to

    return fault


def dead_next_hop(bodies: Bodies) -> None:
    one(bodies, estate.ROUTES)["properties"]["routes"][0]["properties"]["nextHopIpAddress"] = "10.40.6.9"


def route_past_the_firewall(bodies: Bodies) -> None:
    past = {"addressPrefix": "8.0.0.0/8", "nextHopType": "Internet"}
    routes = one(bodies, estate.ROUTES)["properties"]["routes"]
    routes.append({"id": f"{estate.ROUTES}/routes/past", "name": "past", "type": routes[0]["type"], "properties": past})


def no_route_of_agents(bodies: Bodies) -> None:
    [subnet] = [each for each in one(bodies, estate.NETWORK)["properties"]["subnets"] if each["name"] == "snet-calls"]
    del subnet["properties"]["routeTable"]
    led = one(bodies, estate.ROUTES)["properties"]["subnets"]
    led[:] = [each for each in led if each["id"] != estate.subnet_id("snet-calls")]


def _collection(kind: str, action: str, rule: Body) -> Fault:
    def fault(bodies: Bodies) -> None:
        [group] = [each for each in bodies if each["type"].endswith("ruleCollectionGroups")]
        named = {"ruleCollectionType": kind, "name": "c", "priority": 200, "action": {"type": action}, "rules": [rule]}
        group["properties"]["ruleCollections"].append(named)

    return fault


translation = _collection(
    "FirewallPolicyNatRuleCollection",
    "DNAT",
    {
        "ruleType": "NatRule",
        "name": "web",
        "ipProtocols": ["TCP"],
        "sourceAddresses": ["*"],
        "destinationAddresses": ["203.0.113.20"],
        "destinationPorts": ["443"],
        "translatedAddress": "10.40.2.20",
        "translatedPort": "443",
    },
)
every_host = _collection(
    "FirewallPolicyFilterRuleCollection",
    "Allow",
    {
        "ruleType": "ApplicationRule",
        "name": "all",
        "protocols": [{"protocolType": "Https", "port": 443}],
        "targetFqdns": ["*"],
        "sourceAddresses": ["10.40.3.0/24"],
    },
)
any_rule = _collection(
    "FirewallPolicyFilterRuleCollection",
    "Allow",
    {
        "ruleType": "NetworkRule",
        "name": "any",
        "ipProtocols": ["Any"],
        "sourceAddresses": ["10.40.4.0/28"],
        "destinationAddresses": ["*"],
        "destinationPorts": ["*"],
    },
)
unread_group = _collection(
    "FirewallPolicyFilterRuleCollection",
    "Allow",
    {
        "ruleType": "NetworkRule",
        "name": "group",
        "ipProtocols": ["TCP"],
        "sourceIpGroups": [path("Microsoft.Network/ipGroups", "elsewhere", below=GROUP.replace("a1", "b9"))],
        "destinationAddresses": ["*"],
        "destinationPorts": ["443"],
    },
)


def stranger_in_memory(bodies: Bodies) -> None:
    built_in = f"{estate.MEMORY}/sqlRoleDefinitions/00000000-0000-0000-0000-000000000002"
    held = {"principalId": guid("stranger"), "roleDefinitionId": built_in, "scope": estate.MEMORY}
    kind = "Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments"
    bodies.append(resource(kind, "cosmos-help", guid("of stranger"), location=None, properties=held))


def foreign_connection(bodies: Bodies) -> None:
    metadata = one(bodies, f"{estate.PROJECT}/connections/files")["properties"]["metadata"]
    metadata["ResourceId"] = metadata["ResourceId"].replace("0000000000a1", "0000000000b9")


def second_project(bodies: Bodies) -> None:
    kind = "Microsoft.CognitiveServices/accounts/projects"
    bodies.append(
        resource(kind, "aif-help", "trial", properties={"isDefault": False, "provisioningState": "Succeeded"})
    )


def lock_on_the_group(bodies: Bodies) -> None:
    drop(bodies, lambda each: each["type"] == "Microsoft.Authorization/locks")
    kind = "Microsoft.Authorization/locks"
    bodies.append(resource(kind, "all", below=GROUP, location=None, properties={"level": "CanNotDelete"}))


def injected_into_build_agents(bodies: Bodies) -> None:
    account = one(bodies, estate.ACCOUNT)["properties"]
    account["networkInjections"][0]["subnetArmId"] = estate.subnet_id("snet-buildAgents")


def chat_on_the_store(bodies: Bodies) -> None:
    bodies.append(estate.grant("id-web", "Search Index Data Contributor", estate.SEARCH))


def account_connection(bodies: Bodies) -> None:
    kind = "Microsoft.CognitiveServices/accounts/connections"
    properties = {"category": "CognitiveSearch", "authType": "AAD", "metadata": {"ResourceId": estate.SEARCH}}
    bodies.append(resource(kind, "aif-help", "search", location=None, properties=properties))


def no_vault_of_the_account(bodies: Bodies) -> None:
    drop(bodies, lambda each: each["id"] == f"{estate.ACCOUNT}/connections/keys")


def idle_identity(bodies: Bodies) -> None:
    own = {"type": "SystemAssigned", "principalId": guid("search itself"), "tenantId": guid("tenant")}
    one(bodies, estate.SEARCH)["identity"] = own


def ownership_without_condition(bodies: Bodies) -> None:
    [owner] = [each for each in bodies if each["properties"].get("condition")]
    del owner["properties"]["condition"], owner["properties"]["conditionVersion"]


def ownership_of_others_containers(bodies: Bodies) -> None:
    [owner] = [each for each in bodies if each["properties"].get("condition")]
    owner["properties"]["condition"] = owner["properties"]["condition"].replace(guid("desk"), guid("trial"))


def chat_user_of_the_account(bodies: Bodies) -> None:
    drop(bodies, lambda each: _is_grant(each, "id-web", estate.PROJECT))
    bodies.append(estate.grant("id-web", "Foundry User", estate.ACCOUNT))


def no_delegation(bodies: Bodies) -> None:
    [subnet] = [each for each in one(bodies, estate.NETWORK)["properties"]["subnets"] if each["name"] == "snet-calls"]
    subnet["properties"]["delegations"] = []


def way_into_the_agents_subnet(bodies: Bodies) -> None:
    group = one(bodies, path("Microsoft.Network/networkSecurityGroups", "nsg-calls"))
    rules_of = group["properties"]["securityRules"]
    template = json.loads(json.dumps(rules_of[0]))
    template["name"], template["id"] = "in", f"{group['id']}/securityRules/in"
    template["properties"] |= {"direction": "Inbound", "priority": 200, "destinationAddressPrefix": "*"}
    template["properties"] |= {"protocol": "Tcp", "destinationPortRange": "443", "sourceAddressPrefix": "*"}
    rules_of.append(template)


_LED = ("snet-web", "snet-endpoints", "snet-calls", "snet-jumpBoxes", "snet-buildAgents")
FAULTS: dict[str, tuple[Fault, Expected]] = {
    "dead next hop": (dead_next_hop, {("fail", "subnet-egress-forced", name) for name in _LED}),
    "agents without a route": (no_route_of_agents, {("fail", "subnet-egress-forced", "snet-calls")}),
    "firewall that does not run": (
        _set(estate.FIREWALL, "provisioningState", to="Failed"),
        {
            *(("fail", "subnet-egress-forced", name) for name in _LED),
            ("fail", "workload-components-provisioned", "afw-help firewall"),
        },
    ),
    "translation past the gateway": (translation, {("fail", "firewall-lets-nobody-in", "afw-help way in")}),
    "agents to every host": (
        every_host,
        {("fail", "firewall-lets-out-declared-only", "afw-help subnet/agents-egress of aif-help")},
    ),
    "jump box to everywhere": (
        any_rule,
        {("fail", "firewall-lets-out-declared-only", "afw-help subnet/jump-box of aif-help")},
    ),
    "stranger in memory": (
        stranger_in_memory,
        {
            ("fail", rule, f"{guid('of stranger')} Cosmos DB Built-in Data Contributor for {guid('stranger')}")
            for rule in ("cosmos-data-roles-of-project-only", "access-no-standing-data-roles")
        }
        | {
            ("unknown", rule, f"{guid('of stranger')} Cosmos DB Built-in Data Contributor for {guid('stranger')}")
            for rule in (
                "access-no-guests",
                "access-principals-exist",
                "access-service-principals-not-privileged",
                "access-state-for-the-project-only",
            )
        },
    ),
    "files in another subscription": (
        foreign_connection,
        {
            ("fail", "capability-host-files-in-workload", "agents"),
            ("fail", "workload-named-resources-exist", "files"),
        },
    ),
    "capability host that names nothing": (
        _set(estate.HOST, "threadStorageConnections", to=["gone"]),
        {("fail", "capability-host-threads-in-workload", "agents"), ("fail", "connection-in-use", "memory")},
    ),
    "agents put into another subnet": (
        injected_into_build_agents,
        {
            ("fail", "agents-subnet-delegated", "aif-help"),
            ("fail", "component-strands-agree", "snet-calls subnet/agents-egress"),
        },
    ),
    "agents in Microsoft's network": (
        _set(estate.ACCOUNT, "networkInjections", 0, "useMicrosoftManagedNetwork", to=True),
        {("fail", "agents-network-injected", "aif-help")},
    ),
    "agents' subnet without delegation": (no_delegation, {("fail", "agents-subnet-delegated", "aif-help")}),
    "way into the agents' subnet": (
        way_into_the_agents_subnet,
        {("fail", "subnet-agents-egress-inbound-restricted", "snet-calls Inbound")},
    ),
    "second project": (
        second_project,
        {("fail", "project-declared", "trial"), ("fail", "project-standard-setup", "trial")},
    ),
    "lock on the group": (lock_on_the_group, set()),
    "chat UI on the store": (
        chat_on_the_store,
        {
            ("fail", "access-identity-on-one-side", "id-web"),
            *(
                ("fail", rule, guid(f"id-web Search Index Data Contributor {estate.SEARCH}"))
                for rule in ("access-app-and-gateway-no-further-roles", "access-state-for-the-project-only")
            ),
        },
    ),
    "chat UI on the whole account": (
        chat_user_of_the_account,
        {("fail", "access-rows-not-exceeded", "app-help Foundry User on foundry-account aif-help")},
    ),
    "ownership of all blobs": (
        ownership_without_condition,
        {("fail", "access-rows-not-exceeded", "desk Storage Blob Data Owner on agent-storage sthelpagents")},
    ),
    "ownership of another project's blobs": (
        ownership_of_others_containers,
        {("fail", "access-project-roles-work", "desk Storage Blob Data Owner on agent-storage sthelpagents")},
    ),
    "connection with a key": (
        _set(f"{estate.PROJECT}/connections/memory", "authType", to="AccountKey"),
        {("fail", "connection-without-key", "memory")},
    ),
    "connection for all projects": (
        _set(f"{estate.PROJECT}/connections/web", "isSharedToAll", to=True),
        {("fail", "connection-not-shared", "web")},
    ),
    "connection of the account": (account_connection, {("fail", "account-without-connections", "aif-help")}),
    "no vault for keys": (no_vault_of_the_account, {("fail", "connection-keys-in-own-vault", "aif-help")}),
    "idle identity": (idle_identity, {("fail", "identity-needed", "srch-help")}),
    "Cosmos DB in one zone": (
        _set(estate.MEMORY, "locations", 0, "isZoneRedundant", to=False),
        {("fail", "cosmos-zone-redundant", "cosmos-help")},
    ),
    "Cosmos DB in a second region without zones": (
        _set(
            estate.MEMORY,
            "locations",
            to=[{"locationName": name, "isZoneRedundant": name == "swedencentral"} for name in ("swedencentral", "x")],
        ),
        {("fail", "cosmos-zone-redundant", "cosmos-help")},
    ),
    "Cosmos DB with keys": (
        _set(estate.MEMORY, "disableLocalAuth", to=False),
        {("fail", "cosmos-keys-off", "cosmos-help")},
    ),
    "Cosmos DB backed up now and then": (
        _set(estate.MEMORY, "backupPolicy", to={"type": "Periodic"}),
        {("fail", "cosmos-continuous-backup", "cosmos-help")},
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_single_fault_has_its_findings_and_no_others(name: str, tmp_path: Path) -> None:
    fault, expected = FAULTS[name]
    bodies = estate.agent_bodies()
    fault(bodies)
    found = known(judge(bodies, tmp_path))
    assert set(found) - without_fault() == expected


def test_a_route_past_the_firewall_is_named(tmp_path: Path) -> None:
    bodies = estate.agent_bodies()
    route_past_the_firewall(bodies)
    found = known(judge(bodies, tmp_path))
    past = found["fail", "subnet-egress-forced", "snet-calls"]
    assert "8.0.0.0/8 to the Internet (past)" in past.message


def test_an_address_group_that_was_not_read_leaves_open_what_is_let_out(tmp_path: Path) -> None:
    bodies = estate.agent_bodies()
    unread_group(bodies)
    found = {each[1] for each in set(known(judge(bodies, tmp_path))) - without_fault() if each[0] == "unknown"}
    assert "firewall-lets-out-declared-only" in found


def test_the_finding_on_strands_says_where_each_leads(tmp_path: Path) -> None:
    bodies = estate.agent_bodies()
    injected_into_build_agents(bodies)
    found = known(judge(bodies, tmp_path))
    message = found["fail", "component-strands-agree", "snet-calls subnet/agents-egress"].message
    assert "is snet-calls (bound by structure: its delegation), but not by its name" in message
    assert "the network injection leads to snet-buildAgents instead" in message


def test_a_connection_to_another_component_is_no_second_name_for_it(tmp_path: Path) -> None:
    bodies = estate.agent_bodies()
    files_kept_with_the_code(bodies)
    found = known(judge(bodies, tmp_path))
    message = found["fail", "component-strands-agree", "sthelpcode agent-storage"].message
    assert "roles of the project leads to sthelpagents instead" in message


def test_the_edition_of_2025_has_no_role_on_the_database_as_a_whole(tmp_path: Path) -> None:
    bodies = estate.agent_bodies()
    drop(bodies, lambda each: each["type"].endswith("sqlRoleAssignments"))
    told = {each for each in known(judge(bodies, tmp_path, "@2025-07")) if each[1] == "access-project-roles-work"}
    assert told == set()


def test_each_rule_of_the_package_is_proved_by_its_examples() -> None:
    folder = shipped.folder("baselines") / "foundry-chat"
    own = [each for each in rules().rules.values() if Path(each.file).is_relative_to(folder)]
    tried = proof.prove(own)
    assert len(own) > 40
    assert tried.problems == []


def test_each_rule_of_the_package_answers_a_control_of_it() -> None:
    folder = shipped.folder("baselines") / "foundry-chat"
    own = [each for each in rules().rules.values() if Path(each.file).is_relative_to(folder)]
    assert [each.id for each in own if not each.controls.get("foundry-chat")] == []


def test_each_control_says_what_it_rests_on_and_who_answers_it() -> None:
    controls = rules().frameworks["foundry-chat"].controls.values()
    assert [each.id for each in controls if not each.article or not each.legs] == []
    answered = {(each.id, rule) for each in controls for rule in each.rules}
    in_force_ids = {each.id for each in rules().in_force}
    assert {rule for _, rule in answered} <= in_force_ids


def test_nobody_is_accused_of_what_an_unread_project_may_be_there_for(tmp_path: Path) -> None:
    bodies = estate.agent_document()["resources"]
    drop(bodies, lambda each: each["id"].startswith(estate.PROJECT) and "Authorization" not in each["type"])
    unread = {"scope": estate.ACCOUNT, "what": "microsoft.cognitiveservices/accounts/projects", "reason": "forbidden"}
    source = tmp_path / "estate.json"
    source.write_text(json.dumps({"resources": bodies, "gaps": [unread]}), encoding="utf-8")

    told = known(audit.audit(read.read(str(source)), rules(), _TERMS)).keys() - without_fault()

    assert {(rule, name) for status, rule, name in told if status == "fail"} == set()
    assert ("unknown", "access-project-roles-work", "aif-help microsoft.cognitiveservices/accounts/projects") in told


def _switches(value: Any, at: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield where an object has a switch: what rules judge, and what no recognition may rest on alone."""
    for name, inner in value.items():
        if isinstance(inner, bool):
            yield (*at, name)
        elif isinstance(inner, dict):
            yield from _switches(inner, (*at, name))


def _bound(bodies: list[Body]) -> dict[str, list[str]]:
    baseline = rules().baseline
    workloads = bind(estate_of(bodies), baseline.parameters, baseline.components)
    [workload] = workloads.all
    return {name: [each.id for each in found] for name, found in workload.bound().items()}


def test_no_single_switch_of_a_resource_changes_what_is_bound() -> None:
    bodies = estate.agent_bodies()
    expected = _bound(bodies)
    assert sum(map(bool, expected.values())) > 20
    switches = [(number, at) for number, body in enumerate(bodies) for at in _switches(body)]
    assert len(switches) > 50
    for number, at in switches:
        turned = copy.deepcopy(bodies[number])
        *above, last = at
        holder = reduce(getitem, above, turned)
        holder[last] = not holder[last]
        assert _bound([*bodies[:number], turned, *bodies[number + 1 :]]) == expected, (turned["id"], at)
