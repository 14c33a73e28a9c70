"""Who a standing owner is, by what Azure says of its type: what the type does not tell is not known."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from auditor.rbac.principal_types import principal_type
from auditor.truth import Truth
from tests.cli.test_access_findings import findings
from tests.e2e.command import in_process
from tests.estates.access import SUBSCRIPTION, Bodies, add, assignment, deny_assignment

OWNER = f"{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
STRANGER = "77777777-0000-0000-0000-000000000001"
PEOPLE, APPLICATIONS = "access-people-no-standing-privilege", "access-service-principals-not-privileged"
BOTH = {PEOPLE: "unknown", APPLICATIONS: "unknown"}


@pytest.mark.parametrize(
    ("kind", "right"),
    [
        ("User", {PEOPLE: "fail"}),
        ("group", {PEOPLE: "fail"}),
        ("ForeignGroup", {PEOPLE: "fail"}),
        ("DirectoryRoleTemplate", {PEOPLE: "fail"}),
        ("Everyone", {PEOPLE: "fail"}),
        ("ServicePrincipal", {APPLICATIONS: "fail"}),
        ("MSI", {APPLICATIONS: "fail"}),
        ("Application", {APPLICATIONS: "fail"}),
        ("Device", {APPLICATIONS: "fail"}),
        ("DirectoryObjectOrGroup", BOTH),
        ("Unknown", BOTH),
        ("Robot", BOTH),
        ("", BOTH),
        (None, BOTH),
    ],
)
def test_a_standing_owner_is_told_by_what_its_type_says(kind: str, right: dict[str, str], tmp_path: Path) -> None:
    owner = assignment(STRANGER, OWNER, SUBSCRIPTION, kind=kind, name="standing")

    found = findings(lambda bodies: add(bodies, owner), tmp_path, PEOPLE, APPLICATIONS)

    assert {one["rule_id"]: one["status"] for one in found if one["resource_id"] == owner["id"]} == right


@pytest.mark.parametrize(
    ("kinds", "status"), [(["User"], "fail"), (["Unknown"], "unknown"), (["Unknown", "User"], "fail")]
)
def test_whom_azure_did_not_find_may_act_as_an_identity_and_may_not(
    kinds: list[str], status: str, tmp_path: Path
) -> None:
    rule = "access-act-as-workload-only"

    def give(bodies: Bodies) -> None:
        for number, kind in enumerate(kinds):
            add(bodies, assignment(f"{STRANGER}{number}", OWNER, SUBSCRIPTION, kind=kind, name=f"standing{number}"))

    told = [one for one in findings(give, tmp_path, rule) if "/userAssignedIdentities/" in (one["resource_id"] or "")]
    assert {one["status"] for one in told} == {status}


@pytest.mark.parametrize("kind", ["MSI", "Robot", "Unknown", None])
def test_an_identity_of_the_estate_is_an_application_whatever_its_type_says(kind: str, tmp_path: Path) -> None:
    def give(bodies: Bodies) -> None:
        identity = next(b for b in bodies.values() if b["type"].endswith("userAssignedIdentities"))
        add(bodies, assignment(identity["properties"]["principalId"], OWNER, SUBSCRIPTION, kind=kind, name="standing"))

    found = findings(give, tmp_path, PEOPLE)

    assert not [one for one in found if (one["resource_id"] or "").endswith("/standing")]


@pytest.mark.parametrize(("kind", "answer"), [("User", "yes"), ("Robot", "maybe"), ("DirectoryObjectOrGroup", "maybe")])
def test_who_may_be_a_member_of_what_a_deny_names_is_perhaps_denied(kind: str, answer: str, tmp_path: Path) -> None:
    group = f"{SUBSCRIPTION}/resourceGroups/rg"
    place = {"id": group, "name": "rg", "type": "Microsoft.Resources/resourceGroups", "location": "westeurope"}
    owner = assignment(STRANGER, OWNER, SUBSCRIPTION)
    named = [{"id": "77777777-0000-0000-0000-000000000002", "type": kind}]
    deny = deny_assignment(SUBSCRIPTION, {"actions": ["*"]}, principals=named)
    (tmp_path / "in.json").write_text(json.dumps([place, owner, deny]))

    ended = in_process(
        "access",
        "who-can",
        "Microsoft.Resources/tags/write",
        "in.json",
        "--on",
        group,
        "--complete",
        "-o",
        "json",
        at=tmp_path,
    )

    assert {one["principal"]: one["answer"] for one in json.loads(ended.out)["records"]}[STRANGER] == answer


def test_no_type_is_a_person_and_an_application_and_members_have_only_what_stands_for_several() -> None:
    for name in ("User", "Group", "ForeignGroup", "ServicePrincipal", "MSI", "Device", "Everyone", "Unknown", "x", ""):
        kind = principal_type(name)
        assert not (kind.is_person is Truth.YES and kind.is_application is Truth.YES)
        assert kind.is_user is not Truth.YES or (kind.is_person, kind.has_members) == (Truth.YES, Truth.NO)


def test_what_a_schedule_says_of_its_principal_beside_it_tells_its_type(tmp_path: Path) -> None:
    owner = assignment(STRANGER, OWNER, SUBSCRIPTION, name="standing")
    del owner["properties"]["principalType"]
    owner["properties"]["expandedProperties"] = {"principal": {"id": STRANGER, "type": "User"}}

    found = findings(lambda bodies: add(bodies, owner), tmp_path, PEOPLE, APPLICATIONS)

    assert {one["rule_id"]: one["status"] for one in found if one["resource_id"] == owner["id"]} == {PEOPLE: "fail"}
