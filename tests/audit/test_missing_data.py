"""What is missing is failed or does not apply where the estate is whole, and unknown where it could not be read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from functools import cache
from typing import Any

import pytest

from auditor.azure.catalogue import shipped
from auditor.model import Finding, Report, Status
from tests.audit.judging import architecture, judged, those
from tests.e2e.command import sample

Subject = tuple[str, str, str]

_TYPES = sorted({body["type"] for body in sample()["resources"]}, key=str.lower)
_BETTER_WITHOUT = {
    # Without autoscale the plan keeps the three instances that it has; with it, it falls to one.
    ("microsoft.insights/autoscalesettings", "app-plan-minimum-instances"),
    # An identity without any role is on no side of a boundary.
    ("microsoft.authorization/roleassignments", "access-identity-on-one-side"),
}
_STILL_POINTED_AT = {
    # What others point at, and is not there although the file is whole, contradicts the file: its effect is not known.
    "microsoft.authorization/roledefinitions",
    # A deployment without a policy has one of the service's own, which an account always lists.
    "microsoft.cognitiveservices/accounts/raipolicies",
    "microsoft.keyvault/vaults",
    "microsoft.machinelearningservices/workspaces/onlineendpoints",
    "microsoft.network/networkinterfaces",
    "microsoft.network/networksecuritygroups",
}
_JUDGED_WITHOUT = {
    # Of the workspace it reads nothing: it looks at the plan, the gateway, its address and the network.
    ("microsoft.machinelearningservices/workspaces", "workload-production-profile"),
    # The baseline requires no compute; the rules on computes say that they are not known.
    ("microsoft.machinelearningservices/workspaces/computes", "workload-components-provisioned"),
    ("microsoft.machinelearningservices/workspaces/computes", "workload-references-resolve"),
}
_SHOWN_BY_OTHERS = {
    # The link says by itself that its zone is linked.
    ("microsoft.network/privatednszones", "private-dns-zone-linked"),
    # What runs as an identity names it, and its principal.
    ("microsoft.managedidentity/userassignedidentities", "access-identity-on-one-side"),
}


def _subject(finding: Finding) -> Subject:
    return finding.rule_id, (finding.resource_id or "").lower(), finding.sub_object.lower()


def _statuses(report: Report) -> Mapping[Subject, set[Status]]:
    found: defaultdict[Subject, set[Status]] = defaultdict(set)
    for finding in report.findings:
        found[_subject(finding)].add(finding.status)
    return found


def _without(missing: str, **beside: Any) -> dict[str, Any]:
    document = sample()
    kept = [body for body in document["resources"] if body["type"].lower() != missing.lower()]
    return {**document, "resources": kept, **beside}


@cache
def _whole() -> Report:
    return judged(sample(), *architecture())


@cache
def _deleted(missing: str) -> Report:
    return judged(_without(missing), *architecture())


@cache
def _unread(missing: str) -> Report:
    return judged(_without(missing, gaps=[_gap(missing)]), *architecture())


def _gap(what: str, scope: str = "/") -> dict[str, str]:
    return {"scope": scope, "what": what, "reason": "forbidden", "permission": f"{what}/read"}


@pytest.mark.parametrize("missing", _TYPES)
def test_deleting_a_type_makes_no_failure_pass_and_leaves_nothing_unknown(missing: str) -> None:
    before, report = _statuses(_whole()), _deleted(missing)
    after = _statuses(report)
    better = {
        subject[0]
        for subject, statuses in after.items()
        if Status.PASS in statuses and Status.FAIL in before.get(subject, ())
    }
    assert better <= {rule for kind, rule in _BETTER_WITHOUT if kind == missing.lower()}
    unknown = {_subject(one) for one in report.findings if one.status is Status.UNKNOWN}
    known = shipped().get(missing)
    assert not unknown or missing.lower() in _STILL_POINTED_AT or (known is not None and known.always_exists)


@pytest.mark.parametrize(
    "missing", ["Microsoft.Web/sites/config", "Microsoft.Web/sites/basicPublishingCredentialsPolicies"]
)
def test_deleting_what_azure_always_has_leaves_its_rules_unknown(missing: str) -> None:
    judging = {one.rule_id for one in _whole().findings if (one.resource_type or "").lower() == missing.lower()}
    report = _deleted(missing)
    assert judging
    for rule in judging:
        assert {one.status for one in those(report.findings, rule)} == {Status.UNKNOWN}


@pytest.mark.parametrize("missing", _TYPES)
def test_a_type_that_could_not_be_read_is_unknown_and_names_the_permission(missing: str) -> None:
    before = _whole()
    report = _unread(missing)
    after = _statuses(report)
    judging = {one.rule_id for one in before.findings if (one.resource_type or "").lower() == missing.lower()}
    for rule in judging - {rule for kind, rule in _JUDGED_WITHOUT if kind == missing.lower()}:
        unknown = [one for one in those(report.findings, rule) if one.status is Status.UNKNOWN]
        assert f"{missing}/read" in {one.missing_permission for one in unknown}, rule
    gone = {_subject(one) for one in before.findings if (one.resource_type or "").lower() == missing.lower()}
    passing = {subject[0] for subject in gone if Status.PASS in after.get(subject, ())}
    assert passing <= {rule for kind, rule in _SHOWN_BY_OTHERS if kind == missing.lower()}
    assert [gap.permission for gap in report.gaps] == [f"{missing}/read"]


@pytest.mark.parametrize("missing", _TYPES)
def test_not_knowing_a_type_settles_nothing_that_knowing_it_leaves_open(missing: str) -> None:
    """What fails without the type but not with it is unknown while nobody knows; what passes passes either way."""
    with_it, without_it = _statuses(_whole()), _statuses(_deleted(missing))
    for subject, statuses in _statuses(_unread(missing)).items():
        seen = with_it.get(subject, set()) | without_it.get(subject, set())
        if Status.FAIL in statuses:
            assert Status.FAIL in with_it.get(subject, {Status.FAIL}), subject
        if Status.PASS in statuses and seen:
            assert Status.FAIL not in seen, subject


def _account(**properties: Any) -> dict[str, Any]:
    account = next(body for body in sample()["resources"] if body["name"] == "stassistmlsdc")
    return {**account, "properties": {**account["properties"], **properties}}


_RULE = "storage-public-network-access-off"
_PATH = "properties.publicNetworkAccess"


@pytest.mark.parametrize("what", [_PATH, _PATH.upper(), "properties"])
@pytest.mark.parametrize("value", ["Enabled", "Disabled"])
def test_a_property_that_could_not_be_read_is_unknown_whatever_stands_there(what: str, value: str) -> None:
    account = _account(publicNetworkAccess=value)
    gap = {"scope": account["id"].upper(), "what": what, "reason": "masked", "permission": "p/read"}
    (found,) = judged({"resources": [account], "gaps": [gap]}, _RULE).findings
    assert (found.status, found.missing_permission) == (Status.UNKNOWN, "p/read")


def test_a_gap_in_one_property_leaves_the_rules_on_others_alone() -> None:
    account = _account()
    gap = {"scope": account["id"], "what": _PATH, "reason": "masked"}
    found = judged({"resources": [account], "gaps": [gap]}, "storage-minimum-tls").findings
    assert [one.status for one in found] == [Status.PASS]


def test_a_relation_that_could_not_be_followed_is_unknown() -> None:
    document = sample()
    gateway = next(body for body in document["resources"] if body["type"].lower().endswith("/applicationgateways"))
    rule = "gateway-subnet-large-enough"
    assert [one.status for one in judged(document, rule).findings] == [Status.PASS]
    document["resources"] = [gateway]
    document["gaps"] = [
        {"scope": gateway["id"], "what": "related:subnet", "reason": "forbidden", "permission": "s/read"}
    ]
    (found,) = judged(document, rule).findings
    assert (found.status, found.missing_permission) == (Status.UNKNOWN, "s/read")


def test_when_any_type_may_be_missing_nothing_is_missing_for_sure() -> None:
    """Rules on what is there keep their verdicts; what is not there may be where nobody looked."""
    account = _account()
    gap = {"scope": "/", "what": "*/*", "reason": "the rest was cut off", "permission": "*/read"}
    report = judged({"resources": [account], "gaps": [gap]}, *architecture())
    about_account = {_subject(one): one.status for one in report.findings if one.resource_id == account["id"]}
    assert about_account[("storage-minimum-tls", account["id"].lower(), "")] is Status.PASS
    for finding in report.findings:
        if finding.resource_id != account["id"]:
            assert finding.status is Status.UNKNOWN, (finding.rule_id, finding.message)
    assert not [one for one in report.findings if one.status is Status.FAIL and "is missing" in one.message]


def test_a_gap_elsewhere_makes_the_estate_here_no_less_known() -> None:
    elsewhere = _gap(
        "Microsoft.Compute/virtualMachines/extensions", "/subscriptions/00000000-0000-0000-0000-0000000000ee"
    )
    report = judged({**sample(), "gaps": [elsewhere]}, *architecture())
    assert _statuses(report) == _statuses(_whole())
