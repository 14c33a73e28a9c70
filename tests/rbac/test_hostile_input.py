"""Shapes that Azure never sends: nothing crashes, and nothing unreadable turns into a verdict."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.architecture.workloads import Workloads
from auditor.errors import ContentError
from auditor.rbac.access_graph import read_access_graph
from auditor.rbac.automaton import TooComplexError
from auditor.rbac.bounds import NOTHING_AT_ALL, certain
from auditor.rbac.operation_sets import complement, intersection, is_empty, pattern, union
from auditor.rbac.permissions import Permissions, Plane, covers
from auditor.truth import Truth
from tests.estates.access import (
    SUBSCRIPTION,
    analyse,
    assignment,
    deny_assignment,
    estate_of,
    facts_after,
    of_kind,
    role_definition,
    rows,
)

junk: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from(["", "*", "/", "a/b", "Group", "\x00"]),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["actions", "id", "type"]), inner, max_size=2)
    ),
    max_leaves=4,
)
AUTHORIZATION = (
    "roleAssignments",
    "roleDefinitions",
    "denyAssignments",
    "roleEligibilityScheduleInstances",
    "roleAssignmentScheduleInstances",
    "classicAdministrators",
)
NAMES = (
    "principalId",
    "principalType",
    "roleDefinitionId",
    "scope",
    "condition",
    "permissions",
    "principals",
    "excludePrincipals",
    "originRoleAssignmentId",
    "roleName",
    "assignableScopes",
    "expandedProperties",
)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(AUTHORIZATION), junk | st.dictionaries(st.sampled_from(NAMES), junk, max_size=6), junk)
def test_any_shape_of_authorization_objects_is_survived(kind: str, properties: Any, identity: Any) -> None:
    bodies = [
        {"id": f"{SUBSCRIPTION}/providers/Microsoft.Authorization/{kind}/x", "properties": properties},
        {
            "id": f"{SUBSCRIPTION}/resourceGroups/g/providers/Microsoft.Web/sites/s",
            "identity": identity,
            "properties": properties,
        },
        {"id": "/providers/Microsoft.Management/managementGroups/m", "properties": {"details": properties}},
        {
            "id": SUBSCRIPTION,
            "type": "Microsoft.Resources/subscriptions",
            "properties": {"managementGroupAncestorsChain": properties},
        },
    ]
    assert analyse(estate_of(bodies), workloads=Workloads())


@pytest.mark.parametrize("broken", [None, "all", 7, {"actions": "*"}, [None], [{"actions": "*"}], [{"actions": [1]}]])
def test_a_definition_that_cannot_be_read_is_unknown_and_not_harmless(broken: object) -> None:
    role = role_definition("Broken", [])
    role["properties"]["permissions"] = broken
    bodies = [role, assignment("u1", role["id"], SUBSCRIPTION)]

    facts = analyse(estate_of(bodies), workloads=Workloads())

    assert (
        read_access_graph(estate_of(bodies)).grants.may("u1", Plane.CONTROL, "A/b/read", SUBSCRIPTION) is Truth.UNKNOWN
    )
    assert "escalates" in of_kind(facts, "access.role")[0].uncollected
    assert {"dangers", "sanctioned", "escalates"} <= of_kind(facts, "access.assignment")[0].uncollected.keys()
    assert "ownerCount" in of_kind(facts, "access.subscription")[0].uncollected


def test_a_deny_that_cannot_be_read_may_deny_anything() -> None:
    role = role_definition("Reader", [{"actions": ["*/read"]}])
    deny = deny_assignment(SUBSCRIPTION, {})
    deny["properties"]["permissions"] = "everything"
    bodies = [role, assignment("u1", role["id"], SUBSCRIPTION), deny]
    assert (
        read_access_graph(estate_of(bodies)).grants.may("u1", Plane.CONTROL, "A/b/read", SUBSCRIPTION) is Truth.UNKNOWN
    )


def test_an_assignment_without_a_readable_principal_may_be_anybodys() -> None:
    def change(bodies: dict[str, Any]) -> None:
        for body in bodies.values():
            if body["type"].endswith("roleAssignments"):
                body["properties"] |= {"principalId": {"not": "text"}, "principalType": None}

    found = rows(facts_after(change))
    assert len(found) == 15
    assert all("works" in fact.uncollected for fact in found.values())


def test_an_incomplete_export_without_assignments_decides_no_row() -> None:
    def change(bodies: dict[str, Any]) -> None:
        for key in [key for key, body in bodies.items() if "Authorization" in body["type"]]:
            del bodies[key]

    found = rows(facts_after(change, complete=False))
    assert len(found) == 15
    assert all(fact.uncollected["works"].reason == "not in the export" for fact in found.values())
    assert {fact.fields["works"] for fact in rows(facts_after(change)).values()} == {"missing"}


def test_patterns_made_to_defeat_the_search_are_refused_and_leave_the_question_open() -> None:
    letters = "abcdefghijklmnop"
    every = intersection(pattern(f"*/{letter}/*") for letter in letters)
    last = intersection((pattern("*/read"), complement(pattern("*/read/*")), complement(pattern("*d"))))
    tangled, nothing = intersection((every, last)), union(pattern(f"{letter}*") for letter in letters)

    with pytest.raises(TooComplexError):
        is_empty(tangled)

    inner, outer = (Permissions(certain(one), NOTHING_AT_ALL) for one in (tangled, nothing))
    assert covers(outer, inner) is Truth.UNKNOWN


@pytest.mark.parametrize(
    "table",
    [
        {"rows": [{"principal": "a", "scope": "b", "role": "Nobody"}]},
        {"rows": [{"principal": "a", "role": "R"}], "roles": [{"name": "R", "guid": "g"}]},
        {"roles": [{"name": "R"}]},
        {"roles": [{"name": "R", "guid": "g", "permissions": "all"}]},
        {"people": ["Nobody"]},
    ],
)
def test_a_table_that_is_wrong_is_refused_and_not_read_as_less(table: Any) -> None:
    from auditor.analysis.access.expected import read_table  # noqa: PLC0415 - only this test needs it

    with pytest.raises(ContentError):
        read_table({"roles": table})
