"""What hangs on a Foundry account is read live: projects with their own lists, injections, roles that Cosmos DB keeps."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.estate.graph import Estate
from auditor.model import Resource
from auditor.snapshot.model import Metadata, Snapshot
from tests.collect.conftest import Collect, estate, resource
from tests.simulator.client import Simulator

ACCOUNTS = "Microsoft.CognitiveServices/accounts"
ACCOUNT, PROJECT = f"{ACCOUNTS}/aif", f"{ACCOUNTS}/aif/projects/p"
COSMOS = "Microsoft.DocumentDB/databaseAccounts/cdb"
NETWORK = "Microsoft.Network"


def foundry(**account: Any) -> dict[str, Any]:
    subnet = resource(f"{NETWORK}/virtualNetworks/v/subnets/agents")["id"]
    cosmos = resource(COSMOS, kind="GlobalDocumentDB")
    firewall, policy = resource(f"{NETWORK}/azureFirewalls/fw"), resource(f"{NETWORK}/firewallPolicies/fp")
    firewall["properties"] = {"firewallPolicy": {"id": policy["id"]}}
    holder, connection = resource(f"{PROJECT}/capabilityHosts/agents"), resource(f"{PROJECT}/connections/memory")
    holder["properties"] = {"threadStorageConnections": ["memory"]}
    connection["properties"] = {"category": "CosmosDb", "authType": "AAD", "metadata": {"ResourceId": cosmos["id"]}}
    injection = {"scenario": "agent", "subnetArmId": subnet}
    own = resource(ACCOUNT, kind="AIServices", apiVersion="2025-06-01")
    own["properties"] = {"networkInjections": [injection], "provisioningState": "Succeeded", **account}
    assignment = resource(f"{COSMOS}/sqlRoleAssignments/a")
    assignment["properties"] = {"principalId": "p", "scope": f"{cosmos['id']}/dbs/d"}
    lock = resource("Microsoft.Authorization/locks/keep")
    lock["id"] = f"{cosmos['id']}/providers/Microsoft.Authorization/locks/keep"
    return estate(
        own,
        resource(PROJECT),
        holder,
        connection,
        resource(f"{ACCOUNT}/connections/keys"),
        resource(f"{ACCOUNT}/capabilityHosts/own"),
        cosmos,
        assignment,
        firewall,
        policy,
        resource(f"{NETWORK}/firewallPolicies/fp/ruleCollectionGroups/g"),
        lock,
    )


READ = [
    f"{ACCOUNTS}/projects",
    f"{ACCOUNTS}/projects/capabilityHosts",
    f"{ACCOUNTS}/projects/connections",
    f"{ACCOUNTS}/connections",
    f"{ACCOUNTS}/capabilityHosts",
    "Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments",
    f"{NETWORK}/firewallPolicies/ruleCollectionGroups",
    "Microsoft.Authorization/locks",
]


@pytest.mark.parametrize("shown", [False, True])
def test_all_of_it_is_read_whether_or_not_resource_graph_shows_projects(
    simulator: Simulator, run_collect: Collect, *, shown: bool
) -> None:
    simulator.serve(foundry() | {"inResourceGraphToo": [f"{ACCOUNTS}/projects"] if shown else []})

    summary, sink = run_collect()

    assert summary.gaps == []
    assert [kind for kind in READ if len(sink.of_type(kind)) != 1] == []
    changing = [one for one in simulator.requests(all_of_them=True) if one["method"] not in {"GET", "POST"}]
    assert changing == []


def test_what_was_read_is_followed_from_the_account_to_the_store(simulator: Simulator, run_collect: Collect) -> None:
    simulator.serve(foundry())
    _, sink = run_collect()
    read = [Resource.of(body) for body in sink.bodies.values()]
    known = Estate(Snapshot(sorted(read, key=lambda one: one.key), (), Metadata(complete=True), ""))

    frontier = [known.of_type(ACCOUNTS)[0].id]
    for way in ("project", "projectCapabilityHost", "threadConnection", "connectedResource", "lock"):
        frontier = [one.id for start in frontier for one in known.related(start, way)]
    assert [one.rpartition("/")[2] for one in frontier] == ["keep"]


def test_connections_that_may_not_be_read_are_a_gap_at_their_project(
    simulator: Simulator, run_collect: Collect
) -> None:
    simulator.serve(foundry(), faults=[{"match": "/projects/p/connections", "status": 403}])

    summary, sink = run_collect()

    assert [(gap.scope.rpartition("/")[2], gap.what) for gap in summary.gaps] == [
        ("p", f"{ACCOUNTS}/projects/connections")
    ]
    assert len(sink.of_type(f"{ACCOUNTS}/projects/capabilityHosts")) == 1


@pytest.mark.parametrize(("capability", "asked"), [("EnableTable", True), ("EnableServerless", False), (None, False)])
def test_roles_for_tables_are_asked_for_of_accounts_with_tables_only(
    simulator: Simulator, run_collect: Collect, *, capability: str | None, asked: bool
) -> None:
    account = resource(COSMOS, kind="GlobalDocumentDB")
    account["properties"] = {"capabilities": [] if capability is None else [{"name": capability}]}
    simulator.serve(estate(account, resource(f"{COSMOS}/tableRoleAssignments/a")))

    _, sink = run_collect()

    assert bool(sink.of_type("Microsoft.DocumentDB/databaseAccounts/tableRoleAssignments")) is asked
