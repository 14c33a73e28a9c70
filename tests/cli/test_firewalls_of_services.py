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
COSMOS = "Microsoft.DocumentDB/databaseAccounts"


def cosmos(*texts: str) -> list[Body]:
    return [service(COSMOS, publicNetworkAccess="Enabled", ipRules=[{"ipAddressOrRange": text} for text in texts])]


@pytest.mark.parametrize(
    ("bodies", "answer"),
    [
        (storage(), "no"),
        (storage(ipv6Rules=[{"value": "::/0"}]), "yes"),
        (storage(ipv6Rules=[{"value": "2000::/4"}, {"value": "3000::/4"}]), "yes"),
        (storage(ipv6Rules=[{"value": "fd00::/8"}]), "no"),
        (cosmos("0.0.0.0"), "unknown"),  # noqa: S104 - all of Azure
        (cosmos("10.0.0.0/8"), "no"),
        (database(SQL), "no"),
        (database(SQL, AZURE), "unknown"),
        (database(SQL, OPEN_SPAN), "yes"),
        (database(SQL, ("::", "ffff::"), child="ipv6FirewallRules", ends="IPv6Address"), "yes"),
        (database(POSTGRESQL), "unknown"),
        (database(POSTGRESQL, AZURE), "unknown"),
        (database(POSTGRESQL, ("10.0.0.1", "10.0.0.9")), "no"),
        (database(POSTGRESQL, OPEN_SPAN), "yes"),
    ],
    ids=[
        "storage", "storage, IPv6", "storage, halves of IPv6", "storage, private IPv6", "Cosmos, Azure", "Cosmos, private",
        "SQL", "SQL, Azure", "SQL, everybody", "SQL, IPv6", "PostgreSQL, no rule read", "PostgreSQL, Azure",
        "PostgreSQL, private", "PostgreSQL, everybody",
    ],
)  # fmt: skip
def test_who_comes_from_the_internet_gets_in_as_the_rules_say(bodies: list[Body], answer: str, tmp_path: Path) -> None:
    words = ("network", "query", estate(tmp_path, *bodies), "--complete", "--from", "Internet", "--to", "svc")
    (record,) = in_process(*words, "-o", "json", "--allow-incomplete", at=tmp_path).report["records"]
    assert [door["answer"] for door in record["doors"] if door["door"] == "public"] == [answer]


@pytest.mark.parametrize(("port", "answer"), [("443", "yes"), ("5671", "yes"), ("22", "no")])
def test_a_service_that_listens_on_several_ports_listens_on_no_other(port: str, answer: str, tmp_path: Path) -> None:
    given = estate(tmp_path, service("Microsoft.EventHub/namespaces", publicNetworkAccess="Enabled"))
    words = ("network", "query", given, "--complete", "--from", "Internet", "--to", "svc", "--port", port, "-o", "json")
    (record,) = in_process(*words, at=tmp_path).report["records"]
    assert record["answer"] == answer
