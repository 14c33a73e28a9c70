"""Whom the public door of a service lets in, for every combination of switch, firewall and perimeter."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.azure import addresses
from auditor.azure.catalogue import shipped
from auditor.azure.ranges import holds
from auditor.estate.graph import Estate
from auditor.model import Gap
from auditor.network.perimeters import ACCESS_RULES, Decider
from auditor.network.service_doors import PublicDoor, are_read, public_doors
from tests.estates.graph import estate_of

Body = dict[str, Any]
RG = "/subscriptions/00000000-0000-0000-0000-0000000000a1/resourceGroups/rg/providers"
STORAGE = f"{RG}/Microsoft.Storage/storageAccounts/st"
PERIMETER = f"{RG}/Microsoft.Network/networkSecurityPerimeters/nsp"
PROFILE = f"{PERIMETER}/profiles/p"
EVERYBODY = ("0.0.0.0/0", "::/0")


def account(access: str | None = None, default: str = "Deny", *ranges: str, subnets: tuple[str, ...] = ()) -> Body:
    acls = {
        "defaultAction": default,
        "ipRules": [{"value": text} for text in ranges],
        "virtualNetworkRules": [{"id": subnet} for subnet in subnets],
    }
    switch = {} if access is None else {"publicNetworkAccess": access}
    return {
        "id": STORAGE,
        "name": "st",
        "type": "Microsoft.Storage/storageAccounts",
        "properties": {"networkAcls": acls, **switch},
    }


def perimeter(mode: str | None = "Enforced", *ranges: str, state: str = "Succeeded", **rule: Any) -> list[Body]:
    """Return a perimeter with one profile, its inbound rule where there is one, and the association of the account."""
    association = {"privateLinkResource": {"id": STORAGE}, "profile": {"id": PROFILE}, "provisioningState": state}
    rules = [{"direction": "Inbound", "addressPrefixes": list(ranges), **rule}] if ranges or rule else []
    kind = "Microsoft.Network/networkSecurityPerimeters"
    return [
        {"id": PERIMETER, "name": "nsp", "type": kind, "properties": {}},
        {"id": PROFILE, "name": "p", "type": f"{kind}/profiles", "properties": {}},
        {
            "id": f"{PERIMETER}/resourceAssociations/a",
            "name": "a",
            "type": f"{kind}/resourceAssociations",
            "properties": association | ({} if mode is None else {"accessMode": mode}),
        },
        *(
            {
                "id": f"{PROFILE}/accessRules/r{at}",
                "name": f"r{at}",
                "type": f"{kind}/profiles/accessRules",
                "properties": one,
            }
            for at, one in enumerate(rules)
        ),
    ]


def door(*bodies: Body, estate: Estate | None = None) -> PublicDoor:
    known = estate or estate_of(bodies)
    resource = known.get(STORAGE)
    assert resource is not None
    (found,) = public_doors(known, resource) or ()
    return found


@pytest.mark.parametrize(
    ("access", "mode", "who"),
    [
        ("Enabled", None, "service"),
        ("Enabled", "Learning", "both"),
        ("Enabled", "Enforced", "perimeter"),
        ("Disabled", "Learning", "perimeter"),
        ("Disabled", "Enforced", "perimeter"),
        ("SecuredByPerimeter", "Learning", "perimeter"),
        ("SecuredByPerimeter", "Enforced", "perimeter"),
        ("Enabled", "Audit", "both"),
        ("Disabled", "Audit", "perimeter"),
    ],
)
def test_switch_and_access_mode_decide_whose_rules_count(access: str, mode: str | None, who: str) -> None:
    own, by_perimeter = "203.0.113.7", "198.51.100.7"
    around = perimeter(mode, by_perimeter) if mode is not None else []
    found = door(account(access, "Deny", own), *around)
    expected = {"service": {own}, "perimeter": {by_perimeter}, "both": {own, by_perimeter}}[who]
    assert {text.partition("/")[0] for text in addresses.prefixes(found.admits)} == expected
    assert found.is_moot is (who == "perimeter")


def test_an_association_that_states_no_mode_is_learning() -> None:
    assert door(account("Enabled", "Allow"), *perimeter(None)).admits_everybody
    assert not door(account("SecuredByPerimeter", "Allow"), *perimeter(None)).admits


@pytest.mark.parametrize(
    "around",
    [[], perimeter("Audit"), perimeter("Sometimes"), perimeter(state="Failed"), perimeter()[:1] + perimeter()[2:]],
    ids=["no perimeter seen", "audit", "a mode of another name", "association failed", "profile missing"],
)
def test_what_a_perimeter_lets_in_is_not_known_otherwise(around: list[Body]) -> None:
    found = door(account("SecuredByPerimeter"), *around)
    assert found.gap is not None
    assert not found.admits_everybody


def test_access_rules_that_were_not_read_leave_it_open() -> None:
    gap = Gap(PROFILE, ACCESS_RULES, "throttled")
    estate = estate_of([account("SecuredByPerimeter"), *perimeter()], gaps=[gap])
    assert door(estate=estate).gap == gap


def test_outbound_rules_let_nobody_in_and_tags_some() -> None:
    assert not door(account("Disabled"), *perimeter("Enforced", *EVERYBODY, direction="Outbound")).admits
    tagged = door(account("Disabled"), *perimeter("Enforced", serviceTags=["AzureMonitor"]))
    assert (tagged.admits, tagged.others) == ((), ("AzureMonitor",))


def test_what_a_service_shows_of_its_perimeter_counts_alike() -> None:
    kind = "Microsoft.Storage/storageAccounts/networkSecurityPerimeterConfigurations"
    rule = {"name": "r", "properties": {"direction": "Inbound", "addressPrefixes": ["198.51.100.7"]}}
    view = {
        "id": f"{STORAGE}/networkSecurityPerimeterConfigurations/c",
        "name": "c",
        "type": kind,
        "properties": {
            "resourceAssociation": {"name": "a", "accessMode": "Enforced"},
            "profile": {"name": "p", "accessRules": [rule]},
        },
    }
    found = door(account("Enabled", "Allow"), view)
    assert (found.decider, list(addresses.prefixes(found.admits))) == (Decider.PERIMETER, ["198.51.100.7"])


_PREFIX = st.sampled_from(["203.0.113.0/24", "203.0.113.128/25", "0.0.0.0/1", "128.0.0.0/1", "198.51.100.7", "::/0"])


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(["Enabled", "Disabled", "SecuredByPerimeter", None]),
    st.sampled_from(["Allow", "Deny"]),
    st.lists(_PREFIX, max_size=3),
    st.sampled_from(["Enforced", "Learning", None]),
    st.lists(_PREFIX, max_size=2),
)
def test_an_address_gets_in_just_when_asking_each_rule_says_so(
    access: str | None, default: str, own: list[str], mode: str | None, rules: list[str]
) -> None:
    found = door(account(access, default, *own), *(perimeter(mode, *rules) if mode else []))
    for sender in ("203.0.113.5", "203.0.113.200", "198.51.100.7", "8.8.8.8", "2001:db8::1"):
        by_service = (access or "Enabled") == "Enabled" and mode != "Enforced"
        by_service = by_service and (default == "Allow" or _is_listed(sender, own))
        expected = by_service or (mode is not None and _is_listed(sender, rules))
        if found.gap is None:
            assert holds(found.admits, (addresses.parse(sender) or ())[0][0]) is expected
        else:
            assert (access, mode) == ("SecuredByPerimeter", None)


def _is_listed(sender: str, prefixes: list[str]) -> bool:
    return any(ipaddress.ip_address(sender) in ipaddress.ip_network(prefix) for prefix in prefixes)


_SWITCHED = sorted(
    item.name
    for item in shipped()
    if item.way_in and are_read(item.way_in) and any(one.ip_rules for one in item.way_in.endpoints)
)


@pytest.mark.parametrize("kind", _SWITCHED)
def test_a_closed_service_of_any_type_has_a_moot_firewall(kind: str) -> None:
    known = shipped().get(kind)
    assert known is not None
    assert known.way_in is not None
    resource: Body = {"id": f"{RG}/{kind}/x", "name": "x", "type": kind, "properties": {}}
    for endpoint in known.way_in.endpoints:
        for path, value in ((endpoint.switch, "Disabled"), (endpoint.ip_rules[0], [{"value": "0.0.0.0/0"}])):
            at = resource
            *parents, last = path.split(".")
            for name in parents:
                at = at.setdefault(name, {})
            at[last] = value
    for switch, is_moot in (("Disabled", True), ("Enabled", False)):
        resource["properties"]["publicNetworkAccess"] = switch
        estate = estate_of([resource])
        for found in public_doors(estate, estate.resources[0]) or ():
            assert (found.is_moot, bool(found.admits)) == (is_moot, not is_moot)


def namespace(kind: str, *children: Body, access: str | None = None) -> list[Body]:
    """Return a namespace of Event Hubs or Service Bus with its rule sets."""
    own = {
        "id": f"{RG}/{kind}/ns",
        "name": "ns",
        "type": kind,
        "properties": {} if access is None else {"publicNetworkAccess": access},
    }
    rule_sets = [
        {
            "id": f"{own['id']}/networkRuleSets/default",
            "name": "default",
            "type": f"{kind}/networkRuleSets",
            "properties": child,
        }
        for child in children
    ]
    return [own, *rule_sets]


OFFICE = {"ipRules": [{"ipMask": "203.0.113.0/24", "action": "Allow"}]}
BY_SUBNET = {"virtualNetworkRules": [{"subnet": {"id": f"{RG}/Microsoft.Network/virtualNetworks/v/subnets/s"}}]}


@pytest.mark.parametrize("kind", ["Microsoft.EventHub/namespaces", "Microsoft.ServiceBus/namespaces"])
@pytest.mark.parametrize(
    ("rules", "admitted"),
    [
        ([], EVERYBODY),
        ([{"defaultAction": "Deny", **OFFICE}], ("203.0.113.0/24",)),
        ([{"defaultAction": "Allow", **OFFICE}], EVERYBODY),
        ([{**OFFICE}], EVERYBODY),
        ([{"defaultAction": "Deny"}], EVERYBODY),
        ([{"defaultAction": "Deny", **BY_SUBNET}], ()),
        ([{"defaultAction": "Deny", "publicNetworkAccess": "Disabled", **OFFICE}], ()),
    ],
)
def test_the_rule_set_of_a_namespace_decides_whom_it_lets_in(
    kind: str, rules: list[Body], admitted: tuple[str, ...]
) -> None:
    known = estate_of(namespace(kind, *rules))
    resource = known.get(f"{RG}/{kind}/ns")
    assert resource is not None
    (found,) = public_doors(known, resource) or ()
    assert tuple(addresses.prefixes(found.admits)) == admitted
    assert found.gap is None


def test_a_namespace_that_is_closed_takes_nothing_whatever_its_rules_say() -> None:
    kind = "Microsoft.EventHub/namespaces"
    known = estate_of(namespace(kind, {"defaultAction": "Allow"}, access="Disabled"))
    resource = known.get(f"{RG}/{kind}/ns")
    assert resource is not None
    (found,) = public_doors(known, resource) or ()
    assert (found.admits, found.decider) == ((), Decider.NOBODY)


_ENDPOINTS = sorted(item.name for item in shipped() if item.way_in and item.way_in.endpoints)


@pytest.mark.parametrize("kind", _ENDPOINTS)
def test_what_was_not_read_shuts_no_door_of_any_type(kind: str) -> None:
    known = shipped().get(kind)
    assert known is not None
    assert known.way_in is not None
    resource: Body = {"id": f"{RG}/{kind}/x", "name": "x", "type": kind, "properties": {}}
    names = kind.partition("/")[2].split("/")
    resource["id"] = f"{RG}/{kind.partition('/')[0]}/" + "/".join(f"{name}/x" for name in names)
    below = [rules.type for one in known.way_in.endpoints for rules in one.rules_below]
    hidden = {path for one in known.way_in.endpoints for path in one.paths}
    for what in [*sorted(hidden), *below]:
        gaps = [Gap(resource["id"], what, "not selected")]
        estate = estate_of([resource], gaps=gaps)
        for found in public_doors(estate, estate.resources[0]) or ():
            assert found.admits_everybody or found.gap is not None or found.others, what
