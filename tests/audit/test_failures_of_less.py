"""A failure neither comes nor goes because less of an input was seen: it may only become unknown."""

from __future__ import annotations

import json
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.model import Status
from tests.audit import laws
from tests.audit.judging import judged
from tests.audit.less_seen import WholeEstate
from tests.checkout import ROOT

_FEW = settings(max_examples=int(os.environ.get("AUDITOR_EXAMPLES", "2")))
_LANDING_ZONE, _CHAT = (
    WholeEstate(
        json.loads((ROOT / "samples" / f"{name}.json").read_text(encoding="utf-8")),
        anchors=["microsoft.cognitiveservices/accounts", "microsoft.machinelearningservices/workspaces"],
    )
    for name in ("landing-zone", "chat")
)
_ESTATES = pytest.mark.parametrize("estate", [_LANDING_ZONE, _CHAT], ids=["landing zone", "chat"])


@_ESTATES
@_FEW
@given(data=st.data())
def test_no_failure_comes_or_goes_with_resources(estate: WholeEstate, data: st.DataObject) -> None:
    assert not estate.came_or_went(
        data.draw(st.lists(st.sampled_from(estate.keys), min_size=1, max_size=6, unique=True))
    )


@_ESTATES
@_FEW
@given(data=st.data(), complete=st.booleans())
def test_no_failure_comes_or_goes_with_properties(estate: WholeEstate, data: st.DataObject, *, complete: bool) -> None:
    bare = data.draw(st.lists(st.sampled_from(estate.others), min_size=1, max_size=4, unique=True))
    assert not estate.came_or_went(bare=bare, complete=complete)


@_ESTATES
@_FEW
@given(data=st.data(), complete=st.booleans())
def test_no_failure_comes_or_goes_with_parts_that_are_only_named(
    estate: WholeEstate, data: st.DataObject, *, complete: bool
) -> None:
    named = data.draw(st.lists(st.sampled_from(estate.parts), min_size=1, max_size=3, unique_by=lambda pair: pair[0]))
    assert not estate.came_or_went(named=named, complete=complete)


@pytest.mark.parametrize(
    ("end", "listed"),
    [
        pytest.param("applicationGateways/agw-assist-sdc", "httpListeners", id="judged by defaults"),
        pytest.param("applicationGateways/agw-assist-sdc", "backendAddressPools", id="leads to parts of the workload"),
        pytest.param("privateEndpoints/pep-assist-oai", "privateLinkServiceConnections", id="leads to a service"),
        pytest.param("networkInterfaces/nic-assist-jump", "ipConfigurations", id="carries a machine into a subnet"),
        pytest.param("networkSecurityGroups/nsg-assist-bastion", "securityRules", id="children that the rule reads"),
        pytest.param("networkSecurityGroups/nsg-assist-training", "securityRules", id="children that are judged"),
        pytest.param("accounts/oai-assist-sdc", "privateEndpointConnections", id="what a target says of its ends"),
    ],
)
def test_parts_that_are_only_named_are_as_rows_without_properties(end: str, listed: str) -> None:
    assert not _CHAT.came_or_went(named=[(_CHAT.key(end), listed)], complete=True)


def test_an_interface_that_was_not_read_may_lie_in_the_subnet_that_is_looked_for() -> None:
    assert not _CHAT.came_or_went(bare=[_CHAT.key("networkInterfaces/nic-assist-jump")], complete=True)


def test_what_an_identity_may_act_on_may_be_on_the_other_side_of_a_boundary() -> None:
    assert not _CHAT.came_or_went(bare=[_CHAT.key("storageAccounts/stassistmlsdc")], complete=True)


@pytest.mark.parametrize(
    ("bare", "complete"),
    [
        pytest.param("accounts/oai-contoso-assist", False, id="whose networks those are that are peered"),
        pytest.param("privateEndpoints/pep-oai-assist", True, id="which networks ways in lead to"),
    ],
)
def test_what_tells_whose_something_is_was_not_read(*, bare: str, complete: bool) -> None:
    assert not _LANDING_ZONE.came_or_went(bare=[_LANDING_ZONE.key(bare)], complete=complete)


@pytest.mark.parametrize("complete", [False, True])
def test_a_delegation_whose_definition_was_not_read_may_give_anything(*, complete: bool) -> None:
    gone = [key for key in _LANDING_ZONE.keys if "/registrationdefinitions/" in key]
    document = laws.without(_LANDING_ZONE.document, gone)
    for rule in ("access-principals-exist", "access-people-no-standing-privilege"):
        found = judged(document, rule, complete=complete).findings
        told = [one for one in found if "/registrationassignments/" in (one.resource_id or "").lower()]
        assert [one.status for one in told] == [Status.UNKNOWN]
        assert "the definition of a delegation was not read" in told[0].message
