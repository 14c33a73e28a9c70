"""Rules that allow or deny, of which the first that fits decides: whom they let in, asked of each address by itself."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from hypothesis import example, given
from hypothesis import strategies as st

from auditor.azure import addresses
from auditor.azure.ranges import holds
from auditor.model import Resource
from auditor.network.allow_lists import by_first_match
from tests.estates.arm import Body, resource

_RULES, _DEFAULT = "properties.networkACLs.ipRules", "properties.networkACLs.defaultAction"
_PREFIXES = st.sampled_from(
    ["0.0.0.0/0", "0.0.0.0/1", "52.0.0.0/8", "52.1.0.0/16", "52.1.2.0/24", "52.1.2.3", "::/0", "2a00::/12"]
)
_ACTIONS = st.sampled_from(["Allow", "Deny", "allow", "DENY"])
_ADDRESSES = st.sampled_from(
    ["9.9.9.9", "52.9.9.9", "52.1.9.9", "52.1.2.9", "52.1.2.3", "203.0.113.9", "2a00::1", "2620:fe::fe"]
)
_LISTS = st.lists(st.builds(lambda text, action: {"value": text, "action": action}, _PREFIXES, _ACTIONS), max_size=5)


def _service(rules: list[Body], default: str | None) -> Resource:
    acls = {"ipRules": rules} | ({} if default is None else {"defaultAction": default})
    return Resource.of(resource("Microsoft.SignalRService/signalR", "hub", properties={"networkACLs": acls}))


def _gets_in(address: str, rules: list[Body], default: str | None) -> bool:
    asked = ip_address(address)
    for rule in rules:
        network = ip_network(rule["value"])
        if network.version == asked.version and asked in network:
            return bool(rule["action"].lower() == "allow")
    return (default or "Allow").lower() == "allow"


@given(rules=_LISTS, default=st.sampled_from([None, "Allow", "Deny", "deny"]), address=_ADDRESSES)
@example(rules=[], default="Deny", address="9.9.9.9")
def test_an_address_gets_in_as_the_first_rule_that_names_it_says(
    rules: list[Body], default: str | None, address: str
) -> None:
    found = by_first_match(_service(rules, default), _RULES, _DEFAULT)
    if not rules:
        assert found is None
        return
    assert found is not None
    [(number, _)] = addresses.must_parse(address)
    assert holds(found.admits, number) is _gets_in(address, rules, default)


@given(before=_LISTS, after=_LISTS, address=_ADDRESSES)
def test_behind_a_denial_that_is_not_clear_nobody_is_known_to_get_in(
    before: list[Body], after: list[Body], address: str
) -> None:
    unclear = {"value": "Contoso", "action": "Deny"}
    found = by_first_match(_service([*before, unclear, *after], "Allow"), _RULES, _DEFAULT)
    assert found is not None
    assert found.unclear == "Contoso"
    [(number, _)] = addresses.must_parse(address)
    assert not holds(found.admits, number) or _gets_in(address, before, "Deny")
