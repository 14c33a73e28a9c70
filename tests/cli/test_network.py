"""The questions about networks, asked from the command line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.command import GROUP, SAMPLE, Ended, auditor, estate, in_process, is_one_line
from tests.estates.chat import chat_bodies

NETWORK = f"{GROUP}/providers/Microsoft.Network/virtualNetworks/vnet"
SECURITY_GROUP = "Microsoft.Network/networkSecurityGroups"
EVIL = "=HYPERLINK(1)\x1b[2J"


def rule(name: str, priority: int, direction: str, access: str, **sides: str) -> dict[str, Any]:
    body = {
        "priority": priority, "direction": direction, "access": access, "protocol": "*", "sourcePortRange": "*",
        "destinationPortRange": "*", "sourceAddressPrefix": "*", "destinationAddressPrefix": "*", **sides,
    }  # fmt: skip
    return {"name": name, "properties": body}


def group(name: str, *rules: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": f"{GROUP}/providers/{SECURITY_GROUP}/{name}", "name": name, "type": SECURITY_GROUP,
        "properties": {"securityRules": list(rules)},
    }  # fmt: skip


def subnet(name: str, prefix: str, network: str = NETWORK, **properties: Any) -> dict[str, Any]:
    return {
        "id": f"{network}/subnets/{name}", "name": name, "type": "Microsoft.Network/virtualNetworks/subnets",
        "properties": {"addressPrefix": prefix, **properties},
    }  # fmt: skip


def network(resource_id: str, prefix: str) -> dict[str, Any]:
    return {
        "id": resource_id, "name": resource_id.rpartition("/")[2], "type": "Microsoft.Network/virtualNetworks",
        "properties": {"addressSpace": {"addressPrefixes": [prefix]}},
    }  # fmt: skip


def guarded(name: str) -> dict[str, Any]:
    return {"networkSecurityGroup": {"id": f"{GROUP}/providers/{SECURITY_GROUP}/{name}"}}


def small(folder: Path, *more: dict[str, Any]) -> Path:
    vault = rule("from-tag", 100, "Inbound", "Allow", sourceAddressPrefix="AzureMonitor", destinationPortRange="8443")
    return estate(
        folder,
        network(NETWORK, "10.0.0.0/16"),
        subnet("web", "10.0.1.0/24", **guarded("nsg-web")),
        subnet("data", "10.0.2.0/24", **guarded("nsg-data")),
        group("nsg-web", vault, rule(EVIL, 200, "Inbound", "Deny", destinationPortRange="22")),
        group("nsg-data", rule("deny-web", 100, "Inbound", "Deny", sourceAddressPrefix="10.0.1.0/25")),
        *more,
        complete=True,
    )


def query(source: Path, at: Path, start: str, end: str, *more: str, width: int = 100) -> Ended:
    return in_process(
        "network", "query", source, "--from", start, "--to", end, *more, at=at, env={"COLUMNS": str(width)}
    )


def record(ended: Ended) -> Any:
    return ended.report["records"][0]


def test_a_yes_shows_the_rules_of_both_sides_and_a_drawn_packet(tmp_path: Path) -> None:
    ended = query(SAMPLE, tmp_path, "snet-web", "snet-pe", "--port", "443", "--complete")

    assert (ended.code, ended.err) == (0, "")
    assert "YES" in ended.out
    assert "├─ out through nsg-assist-web: rule allow-private-endpoints-out (100) allows" in ended.out
    assert "├─ in through nsg-assist-pe: default AllowVnetInBound (65000) allows" in ended.out


def test_a_no_names_the_rule_that_stops_it(tmp_path: Path) -> None:
    ended = query(SAMPLE, tmp_path, "snet-web", "snet-jump", "--port", "3389", "--complete", "-o", "json")

    found = record(ended)
    assert (ended.code, found["answer"], found["passes"]) == (0, "no", [])
    assert [one["access"] for one in found["rules"]][-1] == "Deny"
    assert found["packet"]["destination_port"] == 3389


def test_a_part_of_a_subnet_that_is_stopped_is_told(tmp_path: Path) -> None:
    found = record(query(small(tmp_path), tmp_path, "web", "data", "--port", "443", "-o", "json"))

    assert (found["answer"], found["partial"]) == ("yes", True)
    assert [one["traffic"] for one in found["stopped"]] == ["TCP 443 from 10.0.1.0/25"]


def test_an_answer_that_depends_on_a_tag_is_unknown_and_exits_2(tmp_path: Path) -> None:
    ended = query(small(tmp_path), tmp_path, "20.1.2.3", "web", "--port", "8443", "-o", "json")

    assert (ended.code, record(ended)["answer"]) == (2, "unknown")
    assert record(ended)["unknowns"] == ["depends on AzureMonitor"]
    assert record(ended)["packet"]["assuming"] == ["source is in AzureMonitor"]
    accepted = query(small(tmp_path), tmp_path, "20.1.2.3", "web", "--port", "8443", "--allow-incomplete")
    assert accepted.code == 0


def test_a_private_address_of_no_known_subnet_reaches_nothing_for_certain(tmp_path: Path) -> None:
    assert (
        record(query(small(tmp_path), tmp_path, "10.0.9.4", "web", "--port", "443", "-o", "json"))["answer"]
        == "unknown"
    )
    assert record(query(small(tmp_path), tmp_path, "10.0.9.4", "web", "--port", "22", "-o", "json"))["answer"] == "no"


@pytest.mark.parametrize(("hop", "answer"), [("VirtualAppliance", "unknown"), ("None", "no"), ("Internet", "yes")])
def test_a_default_route_is_followed(tmp_path: Path, hop: str, answer: str) -> None:
    table = f"{GROUP}/providers/Microsoft.Network/routeTables/rt"
    route = {"nextHopType": hop, "addressPrefix": "0.0.0.0/0", "nextHopIpAddress": "10.0.3.4"}
    source = small(
        tmp_path,
        subnet("routed", "10.0.4.0/24", routeTable={"id": table}),
        {
            "id": table, "name": "rt", "type": "Microsoft.Network/routeTables",
            "properties": {"routes": [{"name": "all", "properties": route}]},
        },
    )  # fmt: skip

    assert record(query(source, tmp_path, "routed", "8.8.8.8", "-o", "json"))["answer"] == answer


@pytest.mark.parametrize(("end", "answer"), [("100.64.0.9", "no"), ("8.8.8.8", "yes")])
def test_only_rfc_1918_goes_into_the_subnet_of_an_app_that_does_not_route_all(
    tmp_path: Path, end: str, answer: str
) -> None:
    site = {
        "id": f"{GROUP}/providers/Microsoft.Web/sites/app", "name": "app", "type": "Microsoft.Web/sites",
        "properties": {"virtualNetworkSubnetId": f"{NETWORK}/subnets/apps", "siteConfig": {"vnetRouteAllEnabled": False}},
    }  # fmt: skip
    config = {
        "id": f"{site['id']}/config/web", "name": "web", "type": "Microsoft.Web/sites/config",
        "properties": {"vnetRouteAllEnabled": False},
    }  # fmt: skip
    source = small(tmp_path, subnet("apps", "10.0.5.0/24"), site, config)

    assert record(query(source, tmp_path, "apps", end, "-o", "json"))["answer"] == answer


def test_networks_that_nothing_connects_do_not_reach_each_other(tmp_path: Path) -> None:
    other = NETWORK + "2"
    source = small(tmp_path, network(other, "10.9.0.0/16"), subnet("far", "10.9.1.0/24", other))

    found = record(query(source, tmp_path, "web", "far", "-o", "json"))
    assert (found["answer"], found["notes"]) == ("no", ["The networks of web and far are not peered."])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["snet-wbe", "Internet"], "did you mean snet-web"),
        (["10.0.1.300", "snet-web"], "is no address or prefix"),
        (["snet-web", "snet-pe", "--port", "70000"], "from 0 to 65535"),
        (["snet-web", "snet-pe", "--port", "443", "--protocol", "icmp"], "ICMP has no ports"),
        (["Internet", "8.8.8.8"], "neither Internet nor 8.8.8.8 is in a subnet"),
        (["snet-web", "id-assist-ui"], "no address in a subnet"),
    ],
)
def test_a_wrong_question_is_one_line_and_2(tmp_path: Path, arguments: Sequence[str], said: str) -> None:
    ended = query(SAMPLE, tmp_path, arguments[0], arguments[1], *arguments[2:])

    assert (ended.code, ended.out) == (2, "")
    assert is_one_line(ended.err)
    assert said in ended.err


def test_a_name_of_several_subnets_is_refused_with_their_ids(tmp_path: Path) -> None:
    other = NETWORK + "2"
    source = small(tmp_path, network(other, "10.9.0.0/16"), subnet("WEB", "10.9.1.0/24", other))

    ended = query(source, tmp_path, "web", "data")
    assert ended.code == 2
    assert f"{NETWORK}/subnets/web" in ended.err
    assert f"{other}/subnets/WEB" in ended.err
    assert query(source, tmp_path, "vnet/web", "data").code == 0


@pytest.mark.parametrize("width", [80, 200])
def test_tables_keep_to_the_width(tmp_path: Path, width: int) -> None:
    found = [
        query(small(tmp_path), tmp_path, "Internet", "web", "--port", "22", width=width),
        in_process("network", "matrix", SAMPLE, "--complete", at=tmp_path, env={"COLUMNS": str(width)}),
    ]

    for ended in found:
        assert ended.code == 0
        assert max(map(len, ended.out.splitlines())) <= width


def test_names_are_harmless_in_every_format(tmp_path: Path) -> None:
    source = small(tmp_path)

    assert "\x1b" not in query(source, tmp_path, "Internet", "web", "--port", "22").out
    rows = query(source, tmp_path, "Internet", "web", "--port", "22", "-o", "csv").rows
    assert not [cell for cell in rows[0].values() if cell.startswith("=") or "\x1b" in cell]


def test_the_matrix_has_every_pair_and_the_same_bytes_each_time(tmp_path: Path) -> None:
    one, other = (auditor("network", "matrix", SAMPLE, "--complete", "-o", "csv", at=tmp_path) for _ in range(2))

    assert one.out == other.out
    answers = {(row["from"], row["to"]): row["answer"] for row in one.rows}
    assert len(answers) == 8 * 7 + 2 * 8
    assert answers["Internet", "snet-jump"] == "yes"
    assert answers["snet-agents", "snet-jump"] == "no"
    assert "tmp-ssh-vendor" in next(
        row["rules"] for row in one.rows if (row["from"], row["to"]) == ("Internet", "snet-jump")
    )


def test_an_unknown_workload_is_refused_with_those_there_are(tmp_path: Path) -> None:
    ended = in_process("network", "matrix", SAMPLE, "--workload", "nothing", at=tmp_path)

    assert (ended.code, "known: mlw-assist-sdc" in ended.err) == (2, True)


def test_explain_draws_the_way_of_the_packet(tmp_path: Path) -> None:
    ended = in_process(
        "explain", "subnet-guarded-ports-closed", "snet-jump", "--input", SAMPLE, "--complete", at=tmp_path
    )

    assert ended.code == 0
    assert "├─ in through nsg-assist-jump: rule tmp-ssh-vendor (300) allows" in ended.out


@pytest.mark.parametrize(
    ("start", "end", "port", "deciding"),
    [
        ("snet-agents", "Internet", "443", "AllowInternetOutBound"),
        ("snet-appServicePlan", "snet-jumpbox", "3389", "AllowVnetInBound"),
        ("Internet", "snet-appGateway", "443", "AppGw.In.Allow443.Internet"),
    ],
)
def test_the_chat_estate_is_as_open_as_it_is(tmp_path: Path, start: str, end: str, port: str, deciding: str) -> None:
    found = record(query(estate(tmp_path, *chat_bodies()), tmp_path, start, end, "--port", port, "-o", "json"))

    assert found["answer"] == "yes"
    assert deciding in [one["rule"] for one in found["rules"]]


def test_the_grid_says_of_every_pair_what_the_rows_say(tmp_path: Path) -> None:
    table = in_process("network", "matrix", SAMPLE, "--complete", at=tmp_path, env={"COLUMNS": "200"}).out
    rows = in_process("network", "matrix", SAMPLE, "--complete", "-o", "csv", at=tmp_path).rows
    header, _, *lines = table.split("\n  from ")[1].split("From each row")[0].splitlines()
    columns = [(match.start(), match[0]) for match in re.finditer(r"\d+", f"  from {header}")]
    names = {line.split()[0]: line.split()[1] for line in lines if line.strip()}
    marks = {
        (names[line.split()[0]], names[number]): line[start : start + 4].strip()
        for line in lines
        if line.strip()
        for start, number in columns
        if line[start : start + 4].strip()
    }
    told = {
        (row["from"], row["to"]): "part" if (row["answer"], row["partial"]) == ("yes", "true") else row["answer"]
        for row in rows
    }
    assert marks == {pair: answer.replace("unknown", "?") for pair, answer in told.items()}
