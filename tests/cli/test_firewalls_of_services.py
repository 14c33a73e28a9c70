"""Whom the firewall of a service lets in from the Internet, where its rules are more than a list of IPv4 addresses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.e2e.command import GROUP, estate, in_process

Body = dict[str, Any]
OPEN_SPAN = ("0.0.0.0", "255.255.255.255")  # noqa: S104 - addresses in a rule
AZURE = ("0.0.0.0", "0.0.0.0")  # noqa: S104 - what stands for all of Azure


def service(kind: str, **properties: Any) -> Body:
    return {"id": f"{GROUP}/providers/{kind}/svc", "name": "svc", "type": kind, "properties": properties}


def storage(**acls: Any) -> list[Body]:
    return [service("Microsoft.Storage/storageAccounts", networkAcls={"defaultAction": "Deny", "ipRules": [], **acls})]


def database(kind: str, *spans: tuple[str, str], child: str = "firewallRules", ends: str = "IpAddress") -> list[Body]:
    network = {"publicNetworkAccess": "Enabled"}
    server = service(kind, network=network, **network)
    rules = [
        {
            "id": f"{server['id']}/{child}/r{place}",
            "name": f"r{place}",
            "type": f"{kind}/{child}",
            "properties": {f"start{ends}": first, f"end{ends}": last},
        }
        for place, (first, last) in enumerate(spans)
    ]
    return [server, *rules]


SQL, POSTGRESQL = "Microsoft.Sql/servers", "Microsoft.DBforPostgreSQL/flexibleServers"
MYSQL, REDIS = "Microsoft.DBforMySQL/flexibleServers", "Microsoft.Cache/redis"
COSMOS = "Microsoft.DocumentDB/databaseAccounts"
SIGNALR, PUBSUB = "Microsoft.SignalRService/signalR", "Microsoft.SignalRService/webPubSub"
AKS = "Microsoft.ContainerService/managedClusters"
SUBNET = f"{GROUP}/providers/Microsoft.Network/virtualNetworks/v/subnets/s"


def cosmos(*texts: str, **properties: Any) -> list[Body]:
    rules = [{"ipAddressOrRange": text} for text in texts]
    return [service(COSMOS, **{"publicNetworkAccess": "Enabled", "ipRules": rules, **properties})]


def old_cosmos(text: str, **properties: Any) -> list[Body]:
    return [service(COSMOS, ipRangeFilter=text, **properties)]


def signalr(default: str, allow: list[str], deny: list[str], kind: str = SIGNALR, **acls: Any) -> list[Body]:
    public = {"allow": allow, "deny": deny}
    return [service(kind, networkACLs={"defaultAction": default, "publicNetwork": public, **acls})]


def cluster(**profile: Any) -> list[Body]:
    return [service(AKS, apiServerAccessProfile=profile)]


def batch(action: str, *texts: str, nodes: str = "Deny") -> list[Body]:
    rules = [{"action": "Allow", "value": text} for text in texts]
    access = {"defaultAction": action, "ipRules": rules}
    profile = {"accountAccess": access, "nodeManagementAccess": {"defaultAction": nodes, "ipRules": []}}
    return [service("Microsoft.Batch/batchAccounts", publicNetworkAccess="Enabled", networkProfile=profile)]


def connected(kind: str, status: str | None, **properties: Any) -> list[Body]:
    state = {} if status is None else {"privateLinkServiceConnectionState": {"status": status}}
    listed = [{"name": "c", "properties": {"privateEndpoint": {"id": f"{GROUP}/p"}, **state}}]
    return [service(kind, privateEndpointConnections=listed, **properties)]


def answers(bodies: list[Body], folder: Path, *options: str) -> list[str]:
    words = ("network", "query", estate(folder, *bodies), *options, "--from", "Internet", "--to", "svc")
    (record,) = in_process(*words, "-o", "json", "--allow-incomplete", at=folder).report["records"]
    return [door["answer"] for door in record["doors"] if door["door"] == "public"]


STATIC, STORE = "Microsoft.Web/staticSites", "Microsoft.AppConfiguration/configurationStores"
_WHOLE = ("0.0.0.0/0", "::/0")
_ALL = ["ServerConnection", "ClientConnection", "RESTAPI", "Trace"]
CASES: dict[str, tuple[list[Body], str]] = {
    "storage": (storage(), "no"),
    "storage, IPv6": (storage(ipv6Rules=[{"value": "::/0"}]), "yes"),
    "storage, halves of IPv6": (storage(ipv6Rules=[{"value": "2000::/4"}, {"value": "3000::/4"}]), "yes"),
    "storage, private IPv6": (storage(ipv6Rules=[{"value": "fd00::/8"}]), "no"),
    "Cosmos, Azure": (cosmos("0.0.0.0"), "unknown"),  # noqa: S104 - all of Azure
    "Cosmos, private": (cosmos("10.0.0.0/8"), "no"),
    "Cosmos, everybody": (cosmos(), "yes"),
    "Cosmos, networks alone": (cosmos(isVirtualNetworkFilterEnabled=True, virtualNetworkRules=[{"id": SUBNET}]), "no"),
    "Cosmos, networks that are off": (cosmos(isVirtualNetworkFilterEnabled=False, virtualNetworkRules=[{"id": SUBNET}]), "yes"),
    "Cosmos, of old": (old_cosmos("10.0.0.0/8,192.168.0.1"), "no"),
    "Cosmos, of old, Internet": (old_cosmos("0.0.0.0/1, 128.0.0.0/1"), "yes"),
    "Cosmos, of old, Azure": (old_cosmos("10.1.1.1,0.0.0.0"), "unknown"),
    "Cosmos, of old, everybody": (old_cosmos(""), "yes"),
    "Cosmos, of old, networks": (old_cosmos("", isVirtualNetworkFilterEnabled=True), "no"),
    "SQL": (database(SQL), "no"),
    "SQL, Azure": (database(SQL, AZURE), "unknown"),
    "SQL, everybody": (database(SQL, OPEN_SPAN), "yes"),
    "SQL, IPv6": (database(SQL, ("::", "ffff::"), child="ipv6FirewallRules", ends="IPv6Address"), "yes"),
    "PostgreSQL": (database(POSTGRESQL), "no"),
    "PostgreSQL, Azure": (database(POSTGRESQL, AZURE), "unknown"),
    "PostgreSQL, private": (database(POSTGRESQL, ("10.0.0.1", "10.0.0.9")), "no"),
    "PostgreSQL, everybody": (database(POSTGRESQL, OPEN_SPAN), "yes"),
    "PostgreSQL, in a network": ([service(POSTGRESQL, network={"delegatedSubnetResourceId": SUBNET})], "no"),
    "MySQL": (database(MYSQL), "no"),
    "MySQL, Azure": (database(MYSQL, AZURE), "unknown"),
    "MySQL, everybody": (database(MYSQL, OPEN_SPAN), "yes"),
    "MySQL, switched off": ([service(MYSQL, network={"publicNetworkAccess": "Disabled"})], "no"),
    "Redis": (database(REDIS), "yes"),
    "Redis, private": (database(REDIS, ("10.0.0.1", "10.0.0.9"), ends="IP"), "no"),
    "Redis, everybody": (database(REDIS, OPEN_SPAN, ends="IP"), "yes"),
    "Redis, in a network": ([service(REDIS, subnetId=SUBNET)], "no"),
    "SignalR": ([service(SIGNALR)], "yes"),
    "SignalR, as made": (signalr("Deny", _ALL, []), "yes"),
    "SignalR, none": (signalr("Deny", [], []), "no"),
    "SignalR, none of all": (signalr("Allow", [], _ALL), "no"),
    "SignalR, clients": (signalr("Deny", ["ClientConnection"], []), "yes"),
    "SignalR, all but some": (signalr("Allow", [], ["ServerConnection"]), "yes"),
    "SignalR, addresses": (signalr("Deny", _ALL, [], ipRules=[{"value": "203.0.113.0/24", "action": "Allow"}]), "yes"),
    "SignalR, all addresses": (
        signalr("Deny", _ALL, [], ipRules=[{"value": text, "action": "Allow"} for text in ("0.0.0.0/0", "::/0")]),
        "yes",
    ),
    "SignalR, some refused": (
        signalr("Deny", _ALL, [], ipRules=[{"value": "0.0.0.0/0", "action": "Allow"}, {"value": "::/0", "action": "Deny"}]),
        "yes",
    ),
    "SignalR, all refused first": (
        signalr("Deny", _ALL, [], ipRules=[{"value": text, "action": action} for action in ("Deny", "Allow") for text in _WHOLE]),
        "no",
    ),
    "SignalR, all let in first": (
        signalr("Deny", _ALL, [], ipRules=[{"value": text, "action": action} for action in ("Allow", "Deny") for text in _WHOLE]),
        "yes",
    ),
    "SignalR, private addresses": (signalr("Deny", _ALL, [], ipRules=[{"value": "10.0.0.0/8", "action": "Allow"}]), "no"),
    "SignalR, all addresses, no request": (
        signalr("Deny", [], [], ipRules=[{"value": text, "action": "Allow"} for text in _WHOLE]),
        "no",
    ),
    "SignalR, what is meant is refused": (
        signalr("Allow", [], [], ipRules=[{"value": "Contoso", "action": "Deny"}]),
        "unknown",
    ),
    "SignalR, what is meant is let in": (
        signalr("Deny", _ALL, [], ipRules=[{"value": "Contoso", "action": "Allow"}]),
        "unknown",
    ),
    "Web PubSub, none": (signalr("Deny", [], [], PUBSUB), "no"),
    "Web PubSub, REST": (signalr("Deny", ["RESTAPI"], [], PUBSUB), "yes"),
    "AKS": ([service(AKS)], "yes"),
    "AKS, private": (cluster(enablePrivateCluster=True), "no"),
    "AKS, not private": (cluster(enablePrivateCluster=False), "yes"),
    "AKS, private addresses": (cluster(authorizedIPRanges=["10.0.0.0/8"]), "no"),
    "AKS, its own": (cluster(authorizedIPRanges=["0.0.0.0/32"]), "unknown"),
    "AKS, everybody": (cluster(authorizedIPRanges=["0.0.0.0/1", "128.0.0.0/1"]), "yes"),
    "static site": ([service(STATIC)], "yes"),
    "static site, connected": (connected(STATIC, "Approved"), "no"),
    "static site, connected and on": (connected(STATIC, "Approved", publicNetworkAccess="Enabled"), "yes"),
    "static site, pending": (connected(STATIC, "Pending"), "yes"),
    "static site, in some state": (connected(STATIC, None), "unknown"),
    "store": ([service(STORE, privateEndpointConnections=None)], "yes"),
    "store, connected": (connected(STORE, "Approved"), "no"),
    "store, connected and on": (connected(STORE, "Approved", publicNetworkAccess="Enabled"), "yes"),
    "factory": ([service("Microsoft.DataFactory/factories")], "yes"),
    "factory, off": ([service("Microsoft.DataFactory/factories", publicNetworkAccess="Disabled")], "no"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_who_comes_from_the_internet_gets_in_as_the_rules_say(name: str, tmp_path: Path) -> None:
    bodies, answer = CASES[name]
    assert answers(bodies, tmp_path, "--complete") == [answer]


def test_each_endpoint_of_a_batch_account_has_rules_of_its_own(tmp_path: Path) -> None:
    assert answers(batch("Deny", "10.0.0.0/8"), tmp_path, "--complete") == ["no", "no"]
    assert answers(batch("Deny", nodes="Allow"), tmp_path, "--complete") == ["no", "yes"]
    assert answers(batch("Allow", "10.0.0.0/8"), tmp_path, "--complete") == ["yes", "no"]


@pytest.mark.parametrize("kind", [SQL, POSTGRESQL, MYSQL, REDIS])
def test_rules_that_were_not_read_may_let_anybody_in(kind: str, tmp_path: Path) -> None:
    assert answers(database(kind), tmp_path) == ["unknown"]
    ends = "IP" if kind == REDIS else "IpAddress"
    assert answers(database(kind, OPEN_SPAN, ends=ends), tmp_path) == ["yes"]


def projected(kind: str, *columns: str) -> Body:
    """Return a row of Resource Graph with some columns of the properties alone."""
    row: Body = {"id": f"{GROUP}/providers/{kind}/svc", "name": "svc", "type": kind}
    return row | dict.fromkeys(columns)


@pytest.mark.parametrize(
    ("kind", "column"),
    [
        (AKS, "properties_publicNetworkAccess"),
        (COSMOS, "properties_publicNetworkAccess"),
        (SIGNALR, "properties_publicNetworkAccess"),
        (REDIS, "properties_publicNetworkAccess"),
        (STATIC, "properties_publicNetworkAccess"),
    ],
)
def test_what_may_close_a_service_and_was_not_read_leaves_it_unknown(kind: str, column: str, tmp_path: Path) -> None:
    assert answers([projected(kind, column)], tmp_path) == ["unknown"]


@pytest.mark.parametrize(("port", "answer"), [("443", "yes"), ("5671", "yes"), ("22", "no")])
def test_a_service_that_listens_on_several_ports_listens_on_no_other(port: str, answer: str, tmp_path: Path) -> None:
    given = estate(tmp_path, service("Microsoft.EventHub/namespaces", publicNetworkAccess="Enabled"))
    words = ("network", "query", given, "--complete", "--from", "Internet", "--to", "svc", "--port", port, "-o", "json")
    (record,) = in_process(*words, at=tmp_path).report["records"]
    assert record["answer"] == answer


def verdicts(bodies: list[Body], folder: Path, rule: str, *options: str) -> list[str]:
    words = ("evaluate", estate(folder, *bodies), "--include-passed", "--select", rule, "-o", "json", *options)
    return [one["status"] for one in in_process(*words, at=folder).findings if str(one["resource_id"]).endswith("/svc")]


@pytest.mark.parametrize(
    ("bodies", "status"),
    [
        (database(SQL, OPEN_SPAN), "fail"),
        (database(SQL, ("0.0.0.0", "127.255.255.255"), ("128.0.0.0", "255.255.255.255")), "fail"),  # noqa: S104
        (database(POSTGRESQL, AZURE), "pass"),
        (database(MYSQL, OPEN_SPAN), "fail"),
        (database(REDIS, OPEN_SPAN, ends="IP"), "fail"),
        (database(REDIS, ("203.0.113.1", "203.0.113.9"), ends="IP"), "pass"),
        (old_cosmos("0.0.0.0/1, 128.0.0.0/1"), "fail"),
        (old_cosmos("203.0.113.7"), "pass"),
        (batch("Deny", "0.0.0.0/0"), "fail"),
        (cluster(authorizedIPRanges=["0.0.0.0/0"]), "fail"),
    ],
)
def test_a_list_that_names_the_whole_internet_fails_wherever_it_stands(
    bodies: list[Body], status: str, tmp_path: Path
) -> None:
    found = verdicts(bodies, tmp_path, "network-allowlist-not-internet", "--complete")
    assert found[0] == status
    assert set(found) <= {status, "pass"}


def test_rules_below_a_service_that_were_not_read_are_unknown_unless_it_is_closed(tmp_path: Path) -> None:
    rule = "network-allowlist-not-internet"
    assert verdicts(database(SQL), tmp_path, rule) == ["unknown"]
    assert verdicts(database(SQL, OPEN_SPAN), tmp_path, rule) == ["fail"]
    closed = [service(SQL, publicNetworkAccess="Disabled")]
    assert set(verdicts(closed, tmp_path, "network-*")) <= {"not_applicable"}


@pytest.mark.parametrize(("rules", "answer"), [([], "no"), ([OPEN_SPAN], "yes"), ([("10.0.0.1", "10.0.0.9")], "no")])
def test_rules_may_stand_in_the_server_itself(rules: list[tuple[str, str]], answer: str, tmp_path: Path) -> None:
    """An export may nest them, plainly or as resources; then they are all that there are."""
    plain = [{"startIpAddress": first, "endIpAddress": last} for first, last in rules]
    for listed in (plain, [{"name": f"r{place}", "properties": one} for place, one in enumerate(plain)]):
        nested = {name: [] for name in ("ipv6FirewallRules", "virtualNetworkRules")}
        assert answers([service(SQL, firewallRules=listed, **nested)], tmp_path) == [answer]


def printed(body: Body) -> Body:
    """Return a resource as the Azure CLI prints it: its properties stand one level higher."""
    return {
        **{key: value for key, value in body.items() if key != "properties"},
        **body["properties"],
        "resourceGroup": "rg",
    }


@pytest.mark.parametrize("kind", [SQL, POSTGRESQL, MYSQL])
def test_rules_count_as_the_command_line_prints_them(kind: str, tmp_path: Path) -> None:
    for span, answer in ((OPEN_SPAN, "yes"), (("10.0.0.1", "10.0.0.9"), "no")):
        assert answers(list(map(printed, database(kind, span))), tmp_path, "--complete") == [answer]
