"""The questions about access, asked from the command line."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.command import in_process

GROUP = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg"
ACCOUNT = f"{GROUP}/providers/Microsoft.CognitiveServices/accounts/oai"
IDENTITY = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-app"
ROLE = "/providers/Microsoft.Authorization/roleDefinitions/5e0bd9bd-7b93-4f28-af87-19fc36ad61bd"
LIST_KEYS = "Microsoft.CognitiveServices/accounts/listKeys/action"
PRINCIPAL = "33d717b0-c721-5b56-967f-fbe0f16381dd"
DEFINITION = {
    "id": ROLE,
    "name": "5e0bd9bd-7b93-4f28-af87-19fc36ad61bd",
    "type": "Microsoft.Authorization/roleDefinitions",
    "properties": {
        "roleName": "Keys, and more",
        "type": "BuiltInRole",
        "permissions": [{"actions": [LIST_KEYS, "Microsoft.CognitiveServices/accounts/read"]}],
    },
}


def assignment(name: str, principal: str, kind: str, **properties: Any) -> dict[str, Any]:
    body = {"principalId": principal, "principalType": kind, "roleDefinitionId": ROLE, "scope": GROUP, **properties}
    kind_of_body = "Microsoft.Authorization/roleAssignments"
    return {"id": f"{GROUP}/providers/{kind_of_body}/{name}", "name": name, "type": kind_of_body, "properties": body}


def deny(principals: list[dict[str, str]], excluded: list[dict[str, str]]) -> dict[str, Any]:
    """Return a deny assignment at the resource group as ARM lists it."""
    name = "1a8c6e0f-7c55-4c5c-9d0f-3f6d2d9a5c11"
    kind = "Microsoft.Authorization/denyAssignments"
    return {
        "id": f"{GROUP}/providers/{kind}/{name}",
        "name": name,
        "type": kind,
        "properties": {
            "denyAssignmentName": "No keys",
            "permissions": [{"actions": [LIST_KEYS], "notActions": [], "dataActions": [], "notDataActions": []}],
            "scope": GROUP,
            "doNotApplyToChildScopes": False,
            "principals": principals,
            "excludePrincipals": excluded,
            "isSystemProtected": False,
        },
    }


@pytest.fixture
def estate(tmp_path: Path) -> Path:
    path = tmp_path / "estate.json"
    bodies = [
        {"id": ACCOUNT, "type": "Microsoft.CognitiveServices/accounts", "name": "oai", "kind": "OpenAI"},
        {
            "id": IDENTITY,
            "type": "Microsoft.ManagedIdentity/userAssignedIdentities",
            "name": "id-app",
            "properties": {"principalId": PRINCIPAL},
        },
        DEFINITION,
        assignment("a1", PRINCIPAL, "ServicePrincipal"),
        assignment("a2", "u1", "User", principalName="=HYPERLINK(1)\x1b[2J"),
    ]
    path.write_text(json.dumps({"resources": bodies}), encoding="utf-8")
    return path


def ask(folder: Path, *arguments: str) -> tuple[int, str, str]:
    ended = in_process("access", *arguments, at=folder, env={"COLUMNS": "120"})
    return ended.code, ended.out, ended.err


def test_who_can_is_answered_whole_where_the_input_is_the_whole_truth(estate: Path) -> None:
    code, out, _ = ask(estate.parent, "who-can", LIST_KEYS, str(estate), "--on", ACCOUNT, "--complete", "-o", "json")

    answer = json.loads(out)
    assert code == 0
    assert answer["unknowns"] == []
    assert answer["asked"] == {"operation": LIST_KEYS, "plane": "control", "resource": ACCOUNT}
    assert [(one["answer"], one["principal"], one["roles"]) for one in answer["records"]] == [
        ("yes", "u1", ["Keys, and more"]),
        ("yes", PRINCIPAL, ["Keys, and more"]),
    ]


def test_what_was_not_collected_leaves_the_answer_open(estate: Path) -> None:
    code, out, err = ask(estate.parent, "who-can", LIST_KEYS, str(estate), "--on", "oai")
    assert code == 2
    assert "deny assignments were not all collected" in out
    assert err == ""

    code, out, err = ask(
        estate.parent, "who-can", LIST_KEYS, str(estate), "--on", "oai", "-o", "csv", "--allow-incomplete"
    )
    assert code == 0
    assert "note: deny assignments were not all collected" in err


EVERYONE = {"id": "00000000-0000-0000-0000-000000000000", "type": "SystemDefined"}
TEAM = {"id": "6f0cdd7f-3a3c-4b86-9d5b-6a4a6c8b9a10", "type": "Group"}
STRANGER = {"id": "0b7c7b5e-2d3f-4d0a-8a35-0f8a2d6c1e77", "type": "User"}


@pytest.mark.parametrize(
    ("principals", "excluded", "expected"),
    [
        ([TEAM], [], "maybe"),
        ([STRANGER, TEAM], [], "maybe"),
        ([EVERYONE], [TEAM], "maybe"),
        ([EVERYONE], [STRANGER], None),
        ([STRANGER], [TEAM], "yes"),
    ],
)
def test_a_deny_leaves_open_what_depends_on_who_is_in_its_group(
    estate: Path, principals: list[dict[str, str]], excluded: list[dict[str, str]], expected: str | None
) -> None:
    document = json.loads(estate.read_text(encoding="utf-8"))
    document["resources"].append(deny(principals, excluded))
    estate.write_text(json.dumps(document), encoding="utf-8")

    code, out, err = ask(estate.parent, "who-can", LIST_KEYS, str(estate), "--on", ACCOUNT, "--complete", "-o", "json")

    answers = {record["principal"]: record["answer"] for record in json.loads(out)["records"]}
    assert (answers.get("u1"), answers.get(PRINCIPAL)) == (expected, expected), err
    assert code == (2 if expected == "maybe" else 0)


INNER = {"id": "7a0cdd7f-3a3c-4b86-9d5b-6a4a6c8b9a11", "type": "Group"}


def in_groups(estate: Path, principals: list[dict[str, str]], excluded: list[dict[str, str]], **more: Any) -> list[str]:
    """Return who surely can list keys: u1 is in a group that lies in the team, and an outer group holds the role."""
    document = json.loads(estate.read_text(encoding="utf-8"))
    barred = deny(principals, excluded)
    barred["properties"] |= more
    document["resources"] += [barred, assignment("a3", TEAM["id"], "Group")]
    estate.write_text(json.dumps(document), encoding="utf-8")
    members = f"group_members={{{TEAM['id']}: [{INNER['id']}], {INNER['id']}: [u1, u2]}}"
    code, out, err = ask(
        estate.parent, "who-can", LIST_KEYS, str(estate), "--on", ACCOUNT, "--complete", "-o", "json", "--set", members
    )
    assert code == 0, err
    return sorted(record["principal"] for record in json.loads(out)["records"] if record["answer"] == "yes")


ALL = sorted([PRINCIPAL, TEAM["id"], INNER["id"], "u1", "u2"])


@pytest.mark.parametrize(
    ("principals", "excluded", "more", "left"),
    [
        ([TEAM], [], {}, [PRINCIPAL]),
        ([INNER], [], {}, sorted([PRINCIPAL, TEAM["id"]])),
        ([EVERYONE], [TEAM], {}, sorted([TEAM["id"], INNER["id"], "u1", "u2"])),
        ([EVERYONE], [{"id": "u2", "type": "User"}], {}, ["u2"]),
        ([TEAM], [{"id": "u2", "type": "User"}], {}, sorted([PRINCIPAL, "u2"])),
        ([EVERYONE], [], {}, []),
        ([EVERYONE], [], {"doNotApplyToChildScopes": True}, ALL),
        ([TEAM], [INNER], {}, sorted([PRINCIPAL, INNER["id"], "u1", "u2"])),
    ],
)
def test_a_deny_reaches_members_of_groups_in_groups(
    estate: Path,
    principals: list[dict[str, str]],
    excluded: list[dict[str, str]],
    more: dict[str, Any],
    left: list[str],
) -> None:
    assert in_groups(estate, principals, excluded, **more) == left


def test_nobody_is_no_answer_where_a_member_of_the_group_may_be_spared(estate: Path) -> None:
    document = json.loads(estate.read_text(encoding="utf-8"))
    spared = [{"id": "u7", "type": "User"}]
    document["resources"] = [r for r in document["resources"] if not r["type"].endswith("roleAssignments")]
    document["resources"] += [deny([EVERYONE], spared), assignment("a3", TEAM["id"], "Group")]
    estate.write_text(json.dumps(document), encoding="utf-8")

    code, out, _ = ask(estate.parent, "who-can", LIST_KEYS, str(estate), "--on", ACCOUNT, "--complete", "-o", "json")

    assert (code, json.loads(out)["records"]) == (2, [])
    assert json.loads(out)["unknowns"] == [f"the members of group {TEAM['id']} are not known"]


def test_a_principal_of_a_deny_without_a_type_may_be_a_group(estate: Path) -> None:
    document = json.loads(estate.read_text(encoding="utf-8"))
    document["resources"].append(deny([{"id": TEAM["id"]}], []))
    estate.write_text(json.dumps(document), encoding="utf-8")

    code, out, _ = ask(estate.parent, "who-can", LIST_KEYS, str(estate), "--on", ACCOUNT, "--complete", "-o", "json")

    assert code == 2
    assert {record["answer"] for record in json.loads(out)["records"]} == {"maybe"}


def test_names_from_strangers_run_nowhere(estate: Path) -> None:
    _, table, _ = ask(estate.parent, "who-can", LIST_KEYS, str(estate), "--on", "oai", "--complete")
    _, text, _ = ask(estate.parent, "who-can", LIST_KEYS, str(estate), "--on", "oai", "--complete", "-o", "csv")

    assert "\x1b" not in table
    (row, _) = csv.DictReader(io.StringIO(text))
    assert row["name"].startswith("'=HYPERLINK(1)")
    assert "\x1b" not in row["name"]


@pytest.mark.parametrize("name", [PRINCIPAL, "ID-APP", IDENTITY])
def test_what_a_principal_can_do_is_found_by_any_of_its_names(name: str, estate: Path) -> None:
    code, out, _ = ask(estate.parent, "what-can", name, str(estate), "--complete", "-o", "json")

    (record,) = json.loads(out)["records"]
    assert code == 0
    assert record["actions"] == [LIST_KEYS, "Microsoft.CognitiveServices/accounts/read"]
    assert record["dangers"] == ["read-keys"]
    assert record["scope"] == GROUP


def test_a_group_whose_members_are_not_known_leaves_open_what_a_principal_can_do(estate: Path) -> None:
    document = json.loads(estate.read_text())
    document["resources"].append(assignment("a3", "g1", "Group"))
    estate.write_text(json.dumps(document))
    code, out, _ = ask(estate.parent, "what-can", "id-app", str(estate), "--complete")
    assert code == 2
    assert "the members of group g1 are not known" in out
    known = ("--set", "group_members.g1=[]")
    code, _, err = ask(estate.parent, "what-can", "id-app", str(estate), "--complete", *known)
    assert (code, err) == (0, "")


def test_the_smallest_role_of_a_file_is_suggested_with_the_command(estate: Path) -> None:
    smaller = json.loads(json.dumps(DEFINITION))
    smaller["id"] = smaller["id"][:-1] + "f"
    smaller["name"] = smaller["name"][:-1] + "f"
    smaller["properties"] |= {"roleName": "Keys only", "permissions": [{"actions": [LIST_KEYS]}]}
    roles = estate.parent / "roles.json"
    roles.write_text(json.dumps([smaller]), encoding="utf-8")
    asked = ("--actions", LIST_KEYS, "--on", "oai", "--roles", str(roles), "-o", "json")
    code, out, _ = ask(estate.parent, "suggest", "id-app", str(estate), *asked)

    (record,) = json.loads(out)["records"]
    assert code == 0
    assert record["roles"] == ["Keys only"]
    assert record["commands"] == [
        f"az role assignment create --assignee-object-id {PRINCIPAL} --role {smaller['name']} --scope {ACCOUNT}"
    ]


def test_a_custom_role_is_proposed_where_no_role_does(estate: Path) -> None:
    asked = ("--actions", "Microsoft.Nowhere/things/read data:Microsoft.Nowhere/things/poke/action", "--on", GROUP)
    narrow = ("--roles", str(_only_keys(estate.parent)))
    code, out, _ = ask(estate.parent, "suggest", "id-app", str(estate), *asked, *narrow, "-o", "json")

    (record,) = json.loads(out)["records"]
    assert code == 0
    assert record["custom_role"]["DataActions"] == ["Microsoft.Nowhere/things/poke/action"]
    assert record["custom_role"]["AssignableScopes"] == [GROUP]


def _only_keys(folder: Path) -> Path:
    path = folder / "roles.json"
    path.write_text(json.dumps([DEFINITION]), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("who-can", "listKeys", "{}", "--on", "oai"), "'listKeys' is no operation (write it as roles do"),
        (("who-can", "Microsoft.X/*/read", "{}", "--on", "oai"), "ask about one operation, not about a pattern"),
        (("who-can", LIST_KEYS, "{}", "--on", "oia"), "'oia' is not in the estate (did you mean oai?)"),
        (("who-can", LIST_KEYS, "{}", "--on", f"{ACCOUNT}2"), "is not in the estate (did you mean"),
        (("who-can", LIST_KEYS, "{}", "--on", "/"), "the root scope is no resource"),
        (("who-can", LIST_KEYS, "{}", "--on", GROUP + "2"), "is not in the estate"),
        (("what-can", "id-ap", "{}"), "nobody is named 'id-ap' in the estate (did you mean id-app?)"),
        (("what-can", ACCOUNT, "{}"), "'oai' runs as no managed identity that is known"),
        (("suggest", "id-app", "{}"), "the baseline's table of roles has no row for it"),
        (("suggest", "id-app", "{}", "--actions", LIST_KEYS), "--actions needs a scope"),
        (("suggest", "id-app", "{}", "--actions", " ", "--on", "oai"), "no operation is given"),
        (("suggest", "id-app", "{}", "--actions", "read!", "--on", "oai"), "'read!' is no operation"),
        (("suggest", "id-app", "{}", "--roles", "absent.json"), "absent.json: cannot be read as JSON"),
        (("suggest", "id-app", "{}", "--roles", "{}"), "holds no role definition"),
    ],
)
def test_a_question_without_an_answer_says_what_is_wrong(arguments: Sequence[str], said: str, estate: Path) -> None:
    code, out, err = ask(estate.parent, *(str(estate) if one == "{}" else one for one in arguments))
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1


def test_a_child_of_a_resource_can_be_asked_about_though_it_was_not_read(estate: Path) -> None:
    child = f"{ACCOUNT}/deployments/gpt"
    code, out, _ = ask(estate.parent, "who-can", LIST_KEYS, str(estate), "--on", child, "--complete", "-o", "json")
    assert code == 0
    assert len(json.loads(out)["records"]) == 2
