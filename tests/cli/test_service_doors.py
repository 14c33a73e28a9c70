"""Which door of a service lets somebody in, asked from the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.command import GROUP, estate, in_process

Body = dict[str, Any]
NETWORK = f"{GROUP}/providers/Microsoft.Network/virtualNetworks/vnet"
VAULT = f"{GROUP}/providers/Microsoft.KeyVault/vaults/kv"
ENDPOINT = f"{GROUP}/providers/Microsoft.Network/privateEndpoints/pep"
ZONE = f"{GROUP}/providers/Microsoft.Network/privateDnsZones/privatelink.vaultcore.azure.net"


def resource(resource_id: str, kind: str, **properties: Any) -> Body:
    return {"id": resource_id, "name": resource_id.rpartition("/")[2], "type": kind, "properties": properties}


def network(**subnet: Any) -> list[Body]:
    kind = "Microsoft.Network/virtualNetworks"
    return [
        resource(NETWORK, kind, addressSpace={"addressPrefixes": ["10.0.0.0/16"]}),
        resource(f"{NETWORK}/subnets/web", f"{kind}/subnets", addressPrefix="10.0.1.0/24", **subnet),
        resource(f"{NETWORK}/subnets/pe", f"{kind}/subnets", addressPrefix="10.0.2.0/24"),
    ]


def vault(access: str = "Disabled", default: str = "Deny", *ranges: str, subnets: tuple[str, ...] = ()) -> Body:
    acls = {
        "defaultAction": default,
        "bypass": "None",
        "ipRules": [{"value": text} for text in ranges],
        "virtualNetworkRules": [{"id": subnet} for subnet in subnets],
    }
    return resource(
        VAULT,
        "Microsoft.KeyVault/vaults",
        publicNetworkAccess=access,
        networkAcls=acls,
        vaultUri="https://kv.vault.azure.net/",
    )


def endpoint(status: str = "Approved", record: str = "10.0.2.5") -> list[Body]:
    connection = {
        "privateLinkServiceId": VAULT,
        "groupIds": ["vault"],
        "privateLinkServiceConnectionState": {"status": status},
    }
    interface = f"{GROUP}/providers/Microsoft.Network/networkInterfaces/nic"
    place = {"privateIPAddress": "10.0.2.5", "subnet": {"id": f"{NETWORK}/subnets/pe"}}
    return [
        resource(
            ENDPOINT,
            "Microsoft.Network/privateEndpoints",
            provisioningState="Succeeded",
            subnet={"id": f"{NETWORK}/subnets/pe"},
            privateLinkServiceConnections=[{"name": "c", "properties": connection}],
            networkInterfaces=[{"id": interface}],
        ),
        resource(
            interface,
            "Microsoft.Network/networkInterfaces",
            ipConfigurations=[{"name": "c", "properties": place}],
            privateEndpoint={"id": ENDPOINT},
        ),
        resource(ZONE, "Microsoft.Network/privateDnsZones"),
        resource(
            f"{ZONE}/virtualNetworkLinks/l",
            "Microsoft.Network/privateDnsZones/virtualNetworkLinks",
            virtualNetwork={"id": NETWORK},
            virtualNetworkLinkState="Completed",
        ),
        resource(f"{ZONE}/A/kv", "Microsoft.Network/privateDnsZones/A", aRecords=[{"ipv4Address": record}]),
    ]


def asked(folder: Path, *bodies: Body, source: str = "web", options: tuple[str, ...] = ()) -> tuple[int, Body]:
    given = estate(folder, *bodies)
    ended = in_process(
        "network", "query", given, "--complete", "--from", source, "--to", "kv", "-o", "json", *options, at=folder
    )
    (record,) = json.loads(ended.out)["records"]
    return ended.code, {
        "answer": record["answer"],
        "resolves": [door["resolves"] for door in record["doors"] if door["door"] == "private"],
        **{door["door"]: door["answer"] for door in record["doors"]},
    }


def test_a_closed_vault_is_reached_by_its_private_door_alone(tmp_path: Path) -> None:
    bodies = [*network(), vault(), *endpoint()]
    assert asked(tmp_path, *bodies) == (0, {"answer": "yes", "public": "no", "private": "yes", "resolves": ["yes"]})
    assert asked(tmp_path, *bodies, source="Internet")[1]["answer"] == "no"


def test_a_name_that_leads_elsewhere_is_told_beside_the_way_of_the_packets(tmp_path: Path) -> None:
    _, found = asked(tmp_path, *network(), vault(), *endpoint(record="10.88.0.9"))
    assert (found["private"], found["resolves"]) == ("yes", ["no"])


def test_a_connection_that_waits_for_approval_is_no_door(tmp_path: Path) -> None:
    _, found = asked(tmp_path, *network(), vault(), *endpoint("Pending"))
    assert (found["answer"], found["private"]) == ("no", "no")


@pytest.mark.parametrize(
    ("given", "source", "public"),
    [
        (vault("Enabled", "Allow"), "Internet", "yes"),
        (vault("Enabled", "Allow"), "web", "yes"),
        (vault("Enabled", "Deny"), "Internet", "no"),
        (vault("Enabled", "Deny", "203.0.113.0/24"), "203.0.113.9", "yes"),
        (vault("Enabled", "Deny", "203.0.113.0/24"), "198.51.100.1", "no"),
        (vault("Enabled", "Deny", "203.0.113.0/24"), "web", "unknown"),
        (vault("Disabled", "Allow"), "Internet", "no"),
        (vault("SecuredByPerimeter"), "Internet", "unknown"),
    ],
)
def test_the_public_door_lets_in_whom_the_firewall_lists(tmp_path: Path, given: Body, source: str, public: str) -> None:
    code, found = asked(tmp_path, *network(), given, source=source)
    assert (found["public"], code) == (public, 2 if public == "unknown" else 0)


@pytest.mark.parametrize(
    ("subnet", "public"),
    [
        ({"serviceEndpoints": [{"service": "Microsoft.KeyVault"}]}, "yes"),
        ({"serviceEndpoints": [{"service": "Microsoft.Storage"}]}, "no"),
        ({"serviceEndpoints": [{"service": "Microsoft.KeyVault", "provisioningState": "Failed"}]}, "no"),
        ({}, "no"),
    ],
)
def test_a_subnet_that_a_rule_names_gets_in_by_its_service_endpoint(tmp_path: Path, subnet: Body, public: str) -> None:
    named = vault("Enabled", "Deny", subnets=(f"{NETWORK}/subnets/web",))
    assert asked(tmp_path, *network(**subnet), named)[1]["public"] == public


def test_nothing_is_let_in_on_a_port_that_the_service_does_not_listen_on(tmp_path: Path) -> None:
    _, found = asked(tmp_path, *network(), vault("Enabled", "Allow"), source="Internet", options=("--port", "22"))
    assert found["public"] == "no"


def test_the_table_shows_both_doors_with_their_reasons(tmp_path: Path) -> None:
    given = estate(tmp_path, *network(), vault(), *endpoint())
    ended = in_process("network", "query", given, "--complete", "--from", "web", "--to", "kv", at=tmp_path)
    assert all(words in ended.out for words in ("Doors", "public", "publicNetworkAccess=Disabled", "private", "pep"))


def changed(name: str, **properties: Any) -> list[Body]:
    """Return the vault, its endpoint and its zone, with other properties of the resource that ends in a name."""
    bodies = [*network(), vault(), *endpoint()]
    next(one for one in bodies if one["id"].endswith(name))["properties"].update(properties)
    return bodies


def without_status() -> Body:
    return {"name": "c", "properties": {"privateLinkServiceId": VAULT, "groupIds": ["vault"]}}


def listed_by_the_vault(status: str) -> Body:
    state = {"privateEndpoint": {"id": ENDPOINT}, "privateLinkServiceConnectionState": {"status": status}}
    return {"id": f"{VAULT}/privateEndpointConnections/c", "properties": state}


@pytest.mark.parametrize(
    ("given", "private"),
    [
        (changed("/kv", privateEndpointConnections=[listed_by_the_vault("Approved")]), "yes"),
        (changed("/kv", privateEndpointConnections=[listed_by_the_vault("Rejected")]), "no"),
        (changed("/pep", provisioningState="Failed"), "no"),
        (changed("/pep", provisioningState=None), "unknown"),
        (changed("/pep", privateLinkServiceConnections=[without_status()]), "unknown"),
    ],
    ids=["both agree", "the vault refuses", "failed", "state not read", "status not read"],
)
def test_both_ends_of_a_connection_are_heard(tmp_path: Path, given: list[Body], private: str) -> None:
    assert asked(tmp_path, *given)[1]["private"] == private


def ruleset(*domains: str, state: str = "Enabled") -> list[Body]:
    kind = "Microsoft.Network/dnsForwardingRulesets"
    own = f"{GROUP}/providers/{kind}/rs"
    servers = [{"ipAddress": "10.9.0.4", "port": 53}]
    return [
        resource(own, kind),
        resource(f"{own}/virtualNetworkLinks/l2", f"{kind}/virtualNetworkLinks", virtualNetwork={"id": NETWORK}),
        *(
            resource(
                f"{own}/forwardingRules/r{place}",
                f"{kind}/forwardingRules",
                domainName=domain,
                forwardingRuleState=state,
                targetDnsServers=servers,
            )
            for place, domain in enumerate(domains)
        ),
    ]


def unlinked() -> list[Body]:
    return [one for one in changed("/vnet") if not one["id"].endswith("/l")]


@pytest.mark.parametrize(
    ("given", "resolves"),
    [
        (changed("/vnet", dhcpOptions={"dnsServers": ["10.9.0.4"]}), "unknown"),
        (changed("/vnet", dhcpOptions={"dnsServers": ["168.63.129.16"]}), "yes"),
        ([*changed("/vnet"), *ruleset("privatelink.vaultcore.azure.net.")], "unknown"),
        ([*changed("/vnet"), *ruleset(".", "contoso.com.")], "yes"),
        ([*unlinked(), *ruleset("contoso.com.")], "no"),
        ([*unlinked(), *ruleset("vaultcore.azure.net.")], "unknown"),
        ([*unlinked(), *ruleset("vault.azure.net.")], "unknown"),
        ([*unlinked(), *ruleset(".")], "unknown"),
        ([*unlinked(), *ruleset(".", state="Disabled")], "no"),
    ],
    ids=[
        "servers of its own",
        "Azure's server by its address",
        "the zone forwarded",
        "all else forwarded",
        "not linked, something else forwarded",
        "not linked, forwarded",
        "not linked, the public name forwarded",
        "not linked, everything forwarded",
        "not linked, the rule off",
    ],
)
def test_a_name_that_others_may_be_asked_for_is_not_known(tmp_path: Path, given: list[Body], resolves: str) -> None:
    assert asked(tmp_path, *given)[1]["resolves"] == [resolves]
    ended = in_process(
        "evaluate", estate(tmp_path, *given), "--complete", "--include-passed", "--no-progress", "-o", "json",
        "--select", "private-endpoint-name-resolves", at=tmp_path,
    )  # fmt: skip
    statuses = {"yes": "pass", "no": "fail", "unknown": "unknown"}
    assert [one["status"] for one in ended.findings] == [statuses[resolves]]


def test_a_zone_that_is_not_linked_may_be_in_what_was_not_read(tmp_path: Path) -> None:
    words = ("--from", "web", "--to", "kv", "-o", "json", "--allow-incomplete")
    ended = in_process("network", "query", estate(tmp_path, *unlinked()), *words, at=tmp_path)
    (record,) = ended.report["records"]
    assert [door["resolves"] for door in record["doors"] if door["name"] == "pep"] == ["unknown"]
