"""Looking doubtful rows up by holder and scope finds what going through all of them for each assignment would find."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from auditor.analysis.access.doubtful_rows import DoubtfulRow, DoubtfulRows, Holder
from auditor.analysis.access.expected import RoleRow
from auditor.model import Gap
from auditor.rbac.assignments import Assignment, Role
from auditor.rbac.scopes import Hierarchy
from auditor.truth import Truth

GROUP = "/subscriptions/S/resourceGroups/g"
SCOPES = ["/", "/subscriptions/S", GROUP, f"{GROUP}/providers/A.B/c/x", f"{GROUP}/providers/A.B/c/x/d/y",
          f"{GROUP}/providers/A.B/c/xx", "/subscriptions/T/resourceGroups/g/", "/subscriptions/s/RESOURCEGROUPS/G"]  # fmt: skip
ROLES = [Role(f"role-{number}", f"Role {number}", None) for number in range(3)]
ROWS = [RoleRow(component, "target", role) for component in ("app", "hub") for role in ROLES]
HOLDERS = [(workload, component) for workload in ("one", "two", "three") for component in ("app", "hub")]


def gaps(what: str) -> st.SearchStrategy[Gap | None]:
    return st.one_of(st.none(), st.integers(0, 3).map(lambda number: Gap(f"/{number}", what, "not read")))


@st.composite
def doubts(draw: st.DrawFn) -> list[DoubtfulRow]:
    """Draw at most one doubt about each row in each workload."""
    found = []
    for workload in ("one", "two", "three"):
        for row in draw(st.lists(st.sampled_from(ROWS), unique_by=id)):
            targets = draw(st.lists(st.sampled_from(SCOPES[2:]), max_size=2))
            unheld, unplaced = draw(gaps("holder")), draw(gaps("scope"))
            found.append(DoubtfulRow((workload, row.principal), row, targets, unheld, unplaced))
    return found


def one_by_one(rows: list[DoubtfulRow], scope: str, own: set[Holder]) -> Iterator[tuple[str, str, Gap]]:
    """Yield the role, scope and reason of all that the rows may sanction of somebody at a scope."""
    for one in rows:
        is_held = one.holder in own
        unheld = None if is_held else one.unheld
        gap = unheld or one.unplaced
        if gap is not None and (is_held or unheld):
            for target in one.targets or ([scope] if one.unplaced else []):
                yield one.row.role.key, target, gap


@given(doubts(), st.sampled_from(SCOPES), st.sets(st.sampled_from(HOLDERS), max_size=3))
def test_the_look_up_finds_what_going_through_all_of_them_does(
    rows: list[DoubtfulRow], scope: str, own: set[Holder]
) -> None:
    found, known = list(one_by_one(rows, scope, own)), DoubtfulRows(rows)
    covers = Hierarchy({}).covers
    assignment = Assignment("a", "somebody", "ServicePrincipal", ROLES[0], scope)
    reaching = {one.role.key for one in known.expected(assignment, own, {}) if covers(one.scope, scope) is Truth.YES}

    assert known.doubt(own) == (found[0][2] if found else None)
    assert reaching == {role for role, target, _ in found if covers(target, scope) is Truth.YES}
    assert all(covers(one.scope, scope) is Truth.YES for one in known.expected(assignment, own, {}))
