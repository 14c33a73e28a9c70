"""What leads from the Internet to what rules let in: pairs just inside and just outside, asked from the command line."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.command import in_process
from tests.estates.networks import (
    NETWORK,
    Body,
    at,
    configuration,
    interface,
    load_balancer,
    network,
    public_address,
    rule,
    scale_set,
    security_group,
    subnet,
    thing,
    to,
)

OPEN = security_group("nsg", rule(100))
PLACE = network(subnet("s", group="nsg"))
HELD = {"publicIPAddress": to("publicIPAddresses", "pip")}
POOLED = {
    "loadBalancerBackendAddressPools": [{"id": f"{at('Microsoft.Network/loadBalancers', 'lb')}/backendAddressPools/be"}]
}
ADDRESS = {"privateIPAddress": "10.0.1.4"}
NIC = interface("nic", configuration(**ADDRESS))
INSIDE = {"name": "in", "properties": {"subnet": {"id": f"{NETWORK}/subnets/s"}}}
EACH = {"publicIPAddressConfiguration": {"name": "own", "sku": {"name": "Standard"}, "properties": {}}}


def asked(folder: Path, bodies: Sequence[Body], end: str = "s", *options: str) -> dict[str, Any]:
    source = folder / "estate.json"
    source.write_text(json.dumps(list(bodies)), encoding="utf-8")
    words = ["network", "query", str(source), "--from", "Internet", "--to", end, "--port", "22", "-o", "json"]
    ended = in_process(*words, "--allow-incomplete", *(options or ("--complete",)), at=folder)
    found: dict[str, Any] = ended.report["records"][0]
    return found


def private(balancer: Body) -> Body:
    front = {"name": "fe", "properties": {"subnet": {"id": f"{NETWORK}/subnets/s"}, "privateIPAddress": "10.0.1.9"}}
    return {**balancer, "properties": {**balancer["properties"], "frontendIPConfigurations": [front]}}


def basic(address: Body) -> Body:
    return {**address, "sku": {"name": "Basic"}}


def leading_to(name: str, other: str) -> Body:
    """Return a load balancer whose pool is the front end of another one."""
    front = f"{at('Microsoft.Network/loadBalancers', other)}/frontendIPConfigurations/fe"
    entry = {"name": "a", "properties": {"loadBalancerFrontendIPConfiguration": {"id": front}}}
    return load_balancer(name, loadBalancerBackendAddresses=[entry])


REGIONS = [leading_to("glb", "lb"), private(load_balancer("lb")), public_address("pip")]


def circle() -> list[Body]:
    """Return two load balancers each of which names the other; machines name the second one's pool."""
    return [leading_to("glb", "lb"), leading_to("lb", "glb"), public_address("pip")]


ENTRIES: dict[str, tuple[list[Body], str | None]] = {
    "a machine without anything": ([NIC], "no"),
    "a machine with a public address": (
        [interface("nic", configuration(**ADDRESS, **HELD)), public_address("pip")],
        "yes",
    ),
    "an address that says itself whose it is": (
        [NIC, public_address("pip", f"{NIC['id']}/ipConfigurations/ip")],
        "yes",
    ),
    "an address of somebody else": ([NIC, public_address("pip", f"{NIC['id']}x/ipConfigurations/ip")], "no"),
    "instances with an address each": ([scale_set("vmss", configuration(**EACH))], "yes"),
    "instances without": ([scale_set("vmss", configuration())], "no"),
    "a load balancer on the port": (
        [scale_set("vmss", configuration(**POOLED)), load_balancer("lb"), public_address("pip")],
        "yes",
    ),
    "a load balancer on another port": (
        [scale_set("vmss", configuration(**POOLED)), load_balancer("lb", 443), public_address("pip")],
        "no",
    ),
    "a load balancer of all regions before one": ([scale_set("vmss", configuration(**POOLED)), *REGIONS], "yes"),
    "load balancers that lead to each other": ([scale_set("vmss", configuration(**POOLED)), *circle()], "yes"),
    "a load balancer inside": ([scale_set("vmss", configuration(**POOLED)), private(load_balancer("lb"))], "no"),
    "a load balancer that was not read": ([scale_set("vmss", configuration(**POOLED))], "unknown"),
    "a service that holds an address": (
        [
            thing(
                "Microsoft.Network/applicationGateways",
                "agw",
                properties={"frontendIPConfigurations": [{"name": "fe", "properties": HELD}],
                            "gatewayIPConfigurations": [INSIDE]},
            ),
            public_address("pip", f"{at('Microsoft.Network/applicationGateways', 'agw')}/frontendIPConfigurations/fe"),
        ],
        "yes",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ENTRIES)
def test_beside_what_rules_let_in_stands_whether_something_leads_it_there(name: str, tmp_path: Path) -> None:
    bodies, entered = ENTRIES[name]
    found = asked(tmp_path, [PLACE, OPEN, *bodies])
    assert (found["answer"], found["entered"]) == ("yes", entered)
    assert bool(found["ways_in"]) is (entered != "no")
    assert any("Only the rules" in note for note in found["notes"]) is (entered == "no")


def test_where_no_rule_lets_it_in_no_way_in_is_asked_for(tmp_path: Path) -> None:
    shut = security_group("nsg", rule(100, "Deny"))
    bodies = [PLACE, shut, interface("nic", configuration(**ADDRESS, **HELD)), public_address("pip")]
    found = asked(tmp_path, bodies)
    assert (found["answer"], found["entered"], found["ways_in"]) == ("no", None, [])


def test_only_the_machine_with_an_address_is_led_to(tmp_path: Path) -> None:
    other = interface("other", configuration(privateIPAddress="10.0.1.5"))
    bodies = [PLACE, OPEN, interface("nic", configuration(**ADDRESS, **HELD)), other, public_address("pip")]
    assert {end: asked(tmp_path, bodies, end)["entered"] for end in ("nic", "other", "10.0.1.4", "10.0.1.5")} == {
        "nic": "yes",
        "other": "no",
        "10.0.1.4": "yes",
        "10.0.1.5": "no",
    }


def test_what_was_not_read_may_lead_in(tmp_path: Path) -> None:
    assert asked(tmp_path, [PLACE, OPEN, NIC], "s", "--as-of", "2026-01-01T00:00:00Z")["entered"] == "unknown"


def test_a_standard_address_without_a_group_is_closed_and_a_basic_one_open(tmp_path: Path) -> None:
    """Azure documents both: https://learn.microsoft.com/azure/virtual-network/ip-services/public-ip-addresses."""
    bare = [network(subnet("s")), interface("nic", configuration(**ADDRESS, **HELD))]
    assert asked(tmp_path, [*bare, public_address("pip")])["entered"] == "no"
    assert asked(tmp_path, [*bare, basic(public_address("pip"))])["entered"] == "yes"
    assert asked(tmp_path, bare)["entered"] == "unknown"


def test_what_a_machine_that_forwards_leads_on_is_not_known(tmp_path: Path) -> None:
    """It answers under its own address, so that a rule for private sources lets it in."""
    inside = security_group("nsg", rule(100, sourceAddressPrefix="10.0.9.0/24"), rule(4000, "Deny"))
    place = network(subnet("s", group="nsg"), subnet("dmz", "10.0.9.0/24"))

    def appliance(*, forwards: bool, **held: Any) -> Body:
        own = configuration("dmz", privateIPAddress="10.0.9.4", **held)
        return interface("nva", own, enableIPForwarding=forwards)

    for forwards, held, answer in ((True, HELD, "unknown"), (False, HELD, "no"), (True, {}, "no")):
        bodies = [place, inside, NIC, appliance(forwards=forwards, **held), public_address("pip")]
        assert asked(tmp_path, bodies)["answer"] == answer


def test_the_table_says_that_only_rules_let_it_in(tmp_path: Path) -> None:
    source = tmp_path / "estate.json"
    source.write_text(json.dumps([PLACE, OPEN, NIC]), encoding="utf-8")
    shown = in_process(
        "network", "query", str(source), "--from", "Internet", "--to", "s", "--port", "22", "--complete", at=tmp_path
    )
    assert "YES, BY THE RULES ALONE" in shown.out
