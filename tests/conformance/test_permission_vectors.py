"""The access vectors: containment, grants, table differences, minimal roles and escalation over the built-in roles."""

from __future__ import annotations

import re
from typing import Any

import pytest

from auditor.rbac.assignments import Assignment, Deny, Memberships, Role
from auditor.rbac.effective import Grants
from auditor.rbac.operation_sets import WELL_FORMED, difference, intersection, is_empty, witness
from auditor.rbac.permissions import Permissions, Plane, covers, permissions_of, permits
from auditor.rbac.scopes import Hierarchy
from auditor.rbac.suggest import smallest
from auditor.truth import Truth
from tests.conformance.material import builtin, builtin_definitions, builtins, vectors


def asking(question: str) -> list[Any]:
    return [pytest.param(vector, id=vector["id"]) for vector in vectors("rbac") if vector["question"] == question]


def role(source: dict[str, Any]) -> Role:
    if "builtin" in source:
        return builtin(source["builtin"])
    return Role("custom", "custom", permissions_of(source["permissions"]))


def known(source: dict[str, Any]) -> Permissions:
    permissions = role(source).permissions
    assert permissions is not None
    return permissions


def assignment(index: int, row: dict[str, Any]) -> Assignment:
    principal = row["principal"]
    kind = "Group" if principal.startswith("grp:") else "User"
    return Assignment(f"/a/{index}", principal, kind, role(row["role"]), row["scope"], row.get("condition"))


def deny(index: int, row: dict[str, Any]) -> Deny:
    block = {"actions": row["actions"], "notActions": row["not_actions"]}
    permissions = permissions_of([block])
    assert permissions is not None
    everyone = "00000000-0000-0000-0000-000000000000"
    principals = frozenset(everyone if p == "*" else p for p in row["principals"])
    return Deny(
        f"/d/{index}",
        row["scope"],
        permissions,
        principals,
        frozenset(row["exclude"]),
        applies_to_children=not row.get("no_children", False),
    )


def grants(rows: list[dict[str, Any]], vector: dict[str, Any]) -> Grants:
    parents = {child.lower(): parent.lower() for child, parent in vector.get("parents", {}).items()}
    groups = frozenset(vector.get("member_of", ()))
    return Grants(
        [assignment(index, row) for index, row in enumerate(rows)],
        [deny(index, row) for index, row in enumerate(vector.get("deny_assignments", ()))],
        hierarchy=Hierarchy(parents),
        memberships=Memberships({vector.get("principal", ""): groups}, all_known=vector.get("groups_known", False)),
    )


def by_regex(blocks: list[dict[str, Any]], plane: Plane, operation: str) -> bool:
    """Decide membership without the code under test."""
    names = ("actions", "notActions") if plane is Plane.CONTROL else ("dataActions", "notDataActions")

    def hit(patterns: list[str]) -> bool:
        return any(
            re.fullmatch(re.escape(p.strip()).replace(r"\*", ".*"), operation, re.IGNORECASE | re.DOTALL)
            for p in patterns
        )

    return any(hit(block.get(names[0], [])) and not hit(block.get(names[1], [])) for block in blocks)


def blocks(source: dict[str, Any]) -> list[dict[str, Any]]:
    if "builtin" in source:
        return list(builtin_definitions()[source["builtin"]]["properties"]["permissions"])
    return list(source["permissions"])


@pytest.mark.parametrize("vector", asking("contained"))
def test_a_role_is_within_another_as_the_vector_says(vector: dict[str, Any]) -> None:
    plane = Plane(vector["plane"])
    beyond = difference(known(vector["role"]).on(plane).may, known(vector["within"]).on(plane).may)
    if vector["universe"] != "all strings":
        beyond = intersection((beyond, WELL_FORMED))

    found = witness(beyond)

    assert is_empty(beyond) == vector["expected"]["contained"]
    assert (found is None) == vector["expected"]["contained"]
    if found is not None:
        assert by_regex(blocks(vector["role"]), plane, found)
        assert not by_regex(blocks(vector["within"]), plane, found)
        expected = vector["expected"]["witness"]
        assert expected == "<any>" or len(found.split("/")) <= len(expected.split("/"))


@pytest.mark.parametrize("vector", asking("granted"))
def test_an_operation_is_granted_as_the_vector_says(vector: dict[str, Any]) -> None:
    answer = grants(vector["assignments"], vector).may(
        vector["principal"], Plane(vector["plane"]), vector["operation"], vector["target"]
    )
    assert answer is {"YES": Truth.YES, "NO": Truth.NO, "MAYBE": Truth.UNKNOWN}[vector["expected"]]


@pytest.mark.parametrize("vector", asking("table"))
def test_a_table_differs_as_the_vector_says(vector: dict[str, Any]) -> None:
    actual, expected = grants(vector["actual"], vector), grants(vector["expected_table"], vector)

    def label(found: Assignment) -> str:
        return f"{found.role.name} at {found.scope.rpartition('/')[2]}"

    def holds(side: Grants, found: Assignment) -> Truth:
        return covers(side.effective(found.principal, found.scope).permissions, found.permissions)

    def is_subsumed(found: Assignment) -> bool:
        others = [other for other, _ in actual.covering(found.scope) if other is not found]
        rest = actual.effective_of(found.principal, found.scope, others).permissions
        return covers(rest, found.permissions) is Truth.YES

    assert {
        "excess": [label(found) for found in actual.assignments if holds(expected, found) is not Truth.YES],
        "missing": [label(found) for found in expected.assignments if holds(actual, found) is Truth.NO],
        "subsumed": [label(found) for found in actual.assignments if is_subsumed(found)],
    } == vector["expected"]


@pytest.mark.parametrize("vector", asking("minimal"))
def test_the_minimal_roles_for_operations_are_those_of_the_vector(vector: dict[str, Any]) -> None:
    plane = Plane(vector["plane"])
    candidates = [
        found
        for found in builtins()
        if all(permits(found.at_most, plane, name) is Truth.YES for name in vector["operations"])
    ]

    assert len(candidates) == vector["expected"]["candidates"]
    assert sorted(found.name for found in smallest(candidates)) == sorted(vector["expected"]["minimal"])


@pytest.mark.parametrize("vector", asking("escalation"))
def test_the_roles_that_escalate_are_as_many_as_the_vector_says(vector: dict[str, Any]) -> None:
    for operation, expected in vector["expected"].items():
        answers = [permits(found.at_most, Plane.CONTROL, operation) for found in builtins()]
        assert len([a for a in answers if a is not Truth.NO]) == expected["may"], operation
        assert answers.count(Truth.YES) == expected["unconditional"], operation


def test_every_access_vector_is_asked() -> None:
    asked = {"contained", "granted", "table", "minimal", "escalation"}
    assert {vector["question"] for vector in vectors("rbac")} == asked
    assert len(vectors("rbac")) == 47


def test_built_in_conditions_restrict_only_the_operations_they_name() -> None:
    conditional = [
        r
        for r in builtins()
        if any(b.get("condition") for b in builtin_definitions()[r.name]["properties"]["permissions"])
    ]
    write, other = "Microsoft.Authorization/roleAssignments/write", "Microsoft.Authorization/roleAssignments/read"
    answers = {
        (permits(r.at_most, Plane.CONTROL, write), permits(r.at_most, Plane.CONTROL, other)) for r in conditional
    }
    assert len(conditional) == 29
    assert (Truth.UNKNOWN, Truth.YES) in answers
    assert not any(one is Truth.YES for one, _ in answers)
