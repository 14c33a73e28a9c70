"""Field cases on who may do what: every door to a resource that the input shows is in the answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.material import SHARED
from tests.e2e.command import in_process

FIELD = SHARED / "data" / "field" / "network-and-access"
USER, POLICY_HOLDER, PROVIDER = (f"0aa1b2c3-{at}{at}{at}{at}-4000-8000-00000000000{at}" for at in (1, 2, 3))
Bodies = list[dict[str, Any]]


def asked(
    name: str, folder: Path, change: Callable[[Bodies], object] = len, *without: str
) -> tuple[int, Mapping[str, Any]]:
    """Return exit code and answer of a case's own command, of its input after a change, without some words."""
    given = json.loads((FIELD / f"{name}.json").read_text())
    bodies: Bodies = given["input"]
    change(bodies)
    source = folder / "input.json"
    source.write_text(json.dumps(bodies))
    words = [word.replace("INPUT", str(source)) for word in given["command"] if word not in without]
    ended = in_process(*words, at=folder)
    answer: Mapping[str, Any] = json.loads(ended.out)
    return ended.code, answer


def properties(bodies: Bodies, kind: str) -> dict[str, Any]:
    found: dict[str, Any] = next(body for body in bodies if body["type"].lower().endswith(kind.lower()))["properties"]
    return found


def doors(answer: Mapping[str, Any]) -> dict[str, tuple[str, list[str]]]:
    return {record["principal"]: (record["answer"], record["doors"]) for record in answer["records"]}


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("H14", {USER: ("yes", ["role assignment"])}),
        ("H15", {PROVIDER: ("yes", ["Lighthouse delegation"])}),
        ("H16", {POLICY_HOLDER: ("yes", ["access policy"])}),
        ("H17", {USER: ("yes", ["role assignment"])}),
        ("H18", {USER: ("yes", ["account key"])}),
        ("H21", {USER: ("yes", ["role assignment"])}),
    ],
)
def test_who_can_says_by_which_door(name: str, right: Mapping[str, object], tmp_path: Path) -> None:
    code, answer = asked(name, tmp_path)
    assert (code, doors(answer)) == (0, right)


@pytest.mark.parametrize("name", ["H14", "H15", "H16", "H17", "H18", "H21"])
def test_what_the_input_may_leave_out_leaves_the_answer_open(name: str, tmp_path: Path) -> None:
    code, answer = asked(name, tmp_path, len, "--complete")
    assert code == 2
    assert any(text.startswith("Lighthouse delegations were not all collected") for text in answer["unknowns"])


def test_roles_rule_where_the_vault_says_so(tmp_path: Path) -> None:
    code, answer = asked("H16", tmp_path, lambda b: properties(b, "vaults").update(enableRbacAuthorization=True))
    assert (code, doors(answer)) == (0, {USER: ("yes", ["role assignment"])})
    code, answer = asked("H16", tmp_path, lambda b: properties(b, "vaults").pop("enableRbacAuthorization"))
    assert (code, doors(answer)) == (0, {POLICY_HOLDER: ("yes", ["access policy"])})


@pytest.mark.parametrize(("stated", "right"), [(False, {}), (None, {USER: ("yes", ["account key"])})])
def test_keys_open_what_accepts_them(stated: object, right: Mapping[str, object], tmp_path: Path) -> None:
    code, answer = asked(
        "H18", tmp_path, lambda b: properties(b, "storageAccounts").update(allowSharedKeyAccess=stated)
    )
    assert (code, doors(answer)) == (0, right)


def test_a_delegation_without_its_definition_is_a_door_unread(tmp_path: Path) -> None:
    def drop(bodies: Bodies) -> None:
        bodies[:] = [body for body in bodies if not body["type"].endswith("registrationDefinitions")]

    code, answer = asked("H15", tmp_path, drop)
    assert (code, doors(answer)) == (2, {})
    assert "definition of a delegation was not read" in answer["unknowns"][0]
