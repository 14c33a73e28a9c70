"""Whom the access rules of an app let in: many addresses in one rule, masks beside them, headers, tags."""

from __future__ import annotations

import ipaddress
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.azure import addresses
from auditor.azure.ranges import holds
from auditor.network.app_doors import AppDoor, app_doors
from tests.e2e.command import GROUP, in_process
from tests.estates.graph import estate_of

Body = dict[str, Any]
SITE = f"{GROUP}/providers/Microsoft.Web/sites/app"
HALVES = "0.0.0.0/1,128.0.0.0/1"
EVERYBODY = f"{HALVES},::/0"
MADE_UP = {"x-forwarded-host": ["shop.example"]}
SECRET = {"x-azure-fdid": ["55ce4ed1-4b06-4bf1-b40e-4638452104da"]}


def access_rule(address: str, action: str = "Allow", priority: int = 100, **more: Any) -> Body:
    return {"ipAddress": address, "action": action, "priority": priority, "name": f"r{priority}", **more}


def app(*rules: Body) -> list[Body]:
    kind = "Microsoft.Web/sites"
    config = {"ipSecurityRestrictions": list(rules), "scmIpSecurityRestrictionsUseMain": True}
    return [
        {"id": SITE, "name": "app", "type": kind, "properties": {"publicNetworkAccess": "Enabled"}},
        {"id": f"{SITE}/config/web", "name": "app/web", "type": f"{kind}/config", "properties": config},
    ]


def door(*rules: Body) -> AppDoor:
    estate = estate_of(app(*rules))
    site = estate.get(SITE)
    assert site is not None
    return next(iter(app_doors(estate, site)))


@pytest.mark.parametrize(
    ("rules", "answer"),
    [
        ([access_rule(HALVES)], "yes"),
        ([access_rule("203.0.113.0/24,198.51.100.7/32")], "yes"),
        ([access_rule("10.0.0.0/8,192.168.0.0/16")], "no"),
        ([access_rule(EVERYBODY, "Deny"), access_rule("Any", priority=200)], "no"),
        ([access_rule("128.0.0.0", subnetMask="128.0.0.0")], "yes"),
        ([access_rule("10.0.0.0", subnetMask="255.0.0.0")], "no"),
        ([access_rule("Any", "Deny", headers=MADE_UP), access_rule("Any", priority=200)], "yes"),
        ([access_rule("Any", "Deny", headers={"x-forwarded-for": []}), access_rule("Any", priority=200)], "no"),
        ([access_rule("Any", headers=MADE_UP)], "yes"),
        ([access_rule("Any", headers=SECRET)], "unknown"),
        ([access_rule("AzureFrontDoor.Backend,AzureCloud", tag="ServiceTag", headers=SECRET)], "unknown"),
        ([access_rule("AzureFrontDoor.Backend", "Deny", tag="ServiceTag"), access_rule("Any", priority=200)], "yes"),
    ],
    ids=[
        "two halves in one rule",
        "two chosen networks in one rule",
        "private networks in one rule",
        "everybody refused in one rule",
        "half of the Internet by the mask",
        "private by the mask",
        "refused with a header that anybody may leave out",
        "refused, the list of values empty",
        "let in with a header that anybody may send",
        "let in with a secret",
        "two tags with a secret",
        "a tag refused",
    ],
)
def test_what_comes_from_the_internet_gets_in_by_the_rules(rules: list[Body], answer: str, tmp_path: Path) -> None:
    source = tmp_path / "estate.json"
    source.write_text(json.dumps({"resources": app(*rules), "complete": True}))
    words = ("network", "query", source, "--from", "Internet", "--to", "app", "-o", "json", "--allow-incomplete")
    [record] = in_process(*words, at=tmp_path).report["records"]
    assert [one["answer"] for one in record["doors"] if one["door"] == "public"] == [answer, answer]


@pytest.mark.parametrize(("complete", "answer"), [(True, "yes"), (False, "unknown")])
def test_without_a_switch_an_app_is_open_only_where_no_private_endpoint_may_close_it(
    tmp_path: Path, *, complete: bool, answer: str
) -> None:
    site, config = app(access_rule("Any"))
    site["properties"] = {}
    source = tmp_path / "estate.json"
    source.write_text(json.dumps({"resources": [site, config], "complete": complete}))
    words = ("network", "query", source, "--from", "Internet", "--to", "app", "-o", "json", "--allow-incomplete")
    [record] = in_process(*words, at=tmp_path).report["records"]
    assert [one["answer"] for one in record["doors"] if one["door"] == "public"] == [answer, answer]


ENVIRONMENT = f"{GROUP}/providers/Microsoft.Web/hostingEnvironments/ase"


def environment(mode: str | None) -> Body:
    properties = {} if mode is None else {"internalLoadBalancingMode": mode}
    return {"id": ENVIRONMENT, "name": "ase", "type": "Microsoft.Web/hostingEnvironments", "properties": properties}


@pytest.mark.parametrize(
    ("beside", "answers"),
    [
        ([environment("Web, Publishing")], ["no", "no"]),
        ([environment("web")], ["no", "yes"]),
        ([environment("None")], ["yes", "yes"]),
        ([environment(None)], ["yes", "yes"]),
        ([], ["unknown", "unknown"]),
    ],
    ids=["internal", "the site internal", "public", "not stated", "not read"],
)
def test_an_app_in_an_internal_environment_has_no_public_door(
    beside: list[Body], answers: list[str], tmp_path: Path
) -> None:
    bodies = app(access_rule("Any"))
    bodies[0]["properties"]["hostingEnvironmentProfile"] = {"id": ENVIRONMENT}
    source = tmp_path / "estate.json"
    source.write_text(json.dumps({"resources": [*bodies, *beside], "complete": True}))
    words = ("network", "query", source, "--from", "Internet", "--to", "app", "-o", "json", "--allow-incomplete")
    [record] = in_process(*words, at=tmp_path).report["records"]
    assert [one["answer"] for one in record["doors"] if one["door"] == "public"] == answers


def test_whoever_knows_the_secret_is_somebody_and_never_everybody() -> None:
    found = door(access_rule("Any", headers=SECRET))
    assert (found.admits, found.others) == ((), ("Any with x-azure-fdid",))


_PREFIXES = st.sampled_from(["0.0.0.0/1", "128.0.0.0/1", "203.0.113.0/24", "203.0.113.128/25", "198.51.100.7/32"])
_RULES = st.tuples(st.lists(_PREFIXES, min_size=1, max_size=3), st.sampled_from(["Allow", "Deny"]), st.booleans())


@settings(max_examples=100, deadline=None)
@given(st.lists(_RULES, min_size=1, max_size=4))
def test_an_address_gets_in_just_when_the_first_rule_that_matches_lets_it(
    drawn: list[tuple[list[str], str, bool]],
) -> None:
    rules = [
        access_rule(",".join(prefixes), action, 100 + place, **(_host(place) if has_header else {}))
        for place, (prefixes, action, has_header) in enumerate(drawn)
    ]
    found = door(*rules)
    for sender in ("203.0.113.5", "203.0.113.200", "198.51.100.7", "8.8.8.8", "192.0.2.1"):
        expected = any(_lets_in(drawn, sender, host) for host in (None, *range(len(drawn))))
        assert holds(found.admits, (addresses.parse(sender) or ())[0][0]) is expected


def _host(place: int) -> Body:
    return {"headers": {"x-forwarded-host": [f"host{place}.example"]}}


def _lets_in(rules: list[tuple[list[str], str, bool]], sender: str, host: int | None) -> bool:
    """Ask one rule after the other about a request that names the host of one rule, or none."""
    for place, (prefixes, action, wants_host) in enumerate(rules):
        is_from = any(ipaddress.ip_address(sender) in ipaddress.ip_network(prefix) for prefix in prefixes)
        if is_from and (not wants_host or host == place):
            return action == "Allow"
    return False


@pytest.mark.parametrize(
    ("status", "answer"), [("Approved", "no"), ("Pending", "yes"), ("Rejected", "yes"), (None, "unknown")]
)
def test_a_private_endpoint_turns_an_absent_switch_off_once_it_is_approved(
    status: str | None, answer: str, tmp_path: Path
) -> None:
    bodies = app()
    del bodies[0]["properties"]["publicNetworkAccess"]
    state = {} if status is None else {"privateLinkServiceConnectionState": {"status": status}}
    bodies.append(
        {
            "id": f"{SITE}/privateEndpointConnections/c",
            "name": "c",
            "type": "Microsoft.Web/sites/privateEndpointConnections",
            "properties": {
                "privateEndpoint": {"id": f"{GROUP}/providers/Microsoft.Network/privateEndpoints/far"},
                **state,
            },
        }
    )
    source = tmp_path / "estate.json"
    source.write_text(json.dumps(bodies))
    words = ("network", "query", source, "--complete", "--from", "Internet", "--to", "app", "-o", "json")
    (record,) = in_process(*words, "--allow-incomplete", at=tmp_path).report["records"]
    assert {one["answer"] for one in record["doors"] if one["door"] == "public"} == {answer}
