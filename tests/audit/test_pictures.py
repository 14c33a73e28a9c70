"""The picture of a workload shows what judging found: what is there, what is missing, who calls whom, who reaches whom."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from auditor import audit
from auditor.inputs import read
from auditor.model import Report, WorkloadPicture
from tests.audit.judging import shipped
from tests.checkout import SAMPLE
from tests.estates.chat import chat_document
from tests.report.test_hostile_texts import bytes_of


def drawn(document: dict[str, Any], tmp_path: Path, *, complete: bool = True) -> Report:
    path = tmp_path / "estate.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    terms = audit.Terms(complete=complete, draw=True)
    return audit.audit(read.read(str(path)), shipped(*_presence_rules()), terms)


def _presence_rules() -> list[str]:
    return sorted(
        key for key, rule in shipped().rules.items() if getattr(rule.applies, "kind", "") == "inventory.component"
    )


def without(document: dict[str, Any], name: str) -> dict[str, Any]:
    """Return an estate without the resources of a name and what lies below them."""
    rest = [body for body in document["resources"] if f"/{name}/" not in f"{body['id']}/".lower()]
    return {**document, "resources": rest}


def _picture(report: Report) -> WorkloadPicture:
    (picture,) = report.pictures
    return picture


@pytest.fixture(scope="module")
def whole() -> WorkloadPicture:
    terms = audit.Terms(complete=True, draw=True)
    return _picture(audit.audit(read.read(str(SAMPLE)), shipped(*_presence_rules()), terms))


def test_every_component_stands_in_an_area_and_calls_go_between_what_is_drawn(whole: WorkloadPicture) -> None:
    names = {each.name for each in whole.components}
    assert all(each.area and each.title for each in whole.components)
    assert {end for call in whole.calls for end in (call.source, call.target)} <= names
    assert {each.visitors for each in whole.components} - {""} == {"users of the chat", "authors and operators"}


def test_calls_are_seen_where_the_configuration_shows_them(whole: WorkloadPicture) -> None:
    seen = {(call.source, call.target): call.is_seen for call in whole.calls}
    assert seen["gateway", "chat-ui"]
    assert seen["workspace", "registry"]
    assert not seen["jump-box", "workspace"]


def test_a_call_whose_connection_is_cut_is_not_seen(tmp_path: Path) -> None:
    document = json.loads(SAMPLE.read_text(encoding="utf-8"))
    (gateway,) = (body for body in document["resources"] if body["type"].endswith("/applicationGateways"))
    for pool in gateway["properties"]["backendAddressPools"]:
        pool["properties"]["backendAddresses"] = [{"fqdn": "elsewhere.example"}]
    picture = _picture(drawn(document, tmp_path))
    seen = {(call.source, call.target): call.is_seen for call in picture.calls}
    assert not seen["gateway", "chat-ui"]


@pytest.mark.parametrize("component", ["openai", "search", "bastion", "jump-box", "log-analytics", "registry"])
def test_what_is_missing_in_the_picture_is_what_is_found_missing(
    component: str, whole: WorkloadPicture, tmp_path: Path
) -> None:
    document = json.loads(SAMPLE.read_text(encoding="utf-8"))
    held = next(each for each in whole.components if each.name == component)
    for resource_id in held.resource_ids:
        document = without(document, resource_id.rpartition("/")[2].lower())
    report = drawn(document, tmp_path)
    missing = {each.name for each in _picture(report).components if each.is_required and not each.resource_ids}
    found = {each.component for each in report.findings if each.is_absence and each.component}
    assert component in missing
    assert missing == found
    assert not any(each.not_known for each in _picture(report).components if each.name in missing)


def test_what_may_be_there_all_the_same_is_not_called_missing(whole: WorkloadPicture, tmp_path: Path) -> None:
    document = json.loads(SAMPLE.read_text(encoding="utf-8"))
    document.pop("complete", None)
    held = next(each for each in whole.components if each.name == "search")
    document = without(document, held.resource_ids[0].rpartition("/")[2].lower())
    picture = _picture(drawn(document, tmp_path, complete=False))
    (search,) = (each for each in picture.components if each.name == "search")
    assert search.resource_ids == []
    assert search.not_known


def test_two_workloads_are_two_pictures_in_the_order_of_their_names(tmp_path: Path) -> None:
    document = chat_document()
    copied = json.loads(json.dumps(document).replace("rg-chat", "rg-zwei").replace("chat01", "zwei01"))
    both = {**document, "resources": [*document["resources"], *copied["resources"]]}
    report = drawn(both, tmp_path)
    assert [each.workload for each in report.pictures] == sorted(each.workload for each in report.pictures)
    assert len(report.pictures) == 2
    written = bytes_of(report, "html").decode()
    assert written.count("<svg") == 2


def test_no_secret_in_a_name_of_a_rule_gets_into_a_picture(tmp_path: Path) -> None:
    document = json.loads(SAMPLE.read_text(encoding="utf-8"))
    token = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    for body in document["resources"]:
        if body["type"].endswith("/networkSecurityGroups"):
            for rule in body["properties"].get("securityRules", []):
                rule["name"] = token
    report = drawn(document, tmp_path)
    assert token not in str(report.pictures)
    assert token not in bytes_of(report, "html").decode()
