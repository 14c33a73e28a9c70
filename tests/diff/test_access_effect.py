"""The operations that diff states are those that a naive reading, one operation at a time, finds to be gained or lost."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from auditor.diff.access_effect import access_effects
from auditor.rbac.access_graph import AccessGraph, read_access_graph
from auditor.rbac.assignments import memberships_of
from auditor.report.drift.document import access_document
from tests.diff import assignments as naive
from tests.diff.assignments import (
    ACCOUNT,
    GROUP,
    MEMBER,
    MEMBERS,
    RG,
    SUBSCRIPTION,
    Grants,
    edited,
    highest,
    holds,
    stated,
)
from tests.diff.estates import EDITS, attribution, estate

Entries = list[dict[str, Any]]
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"


def _graph(folder: Path, bodies: Iterable[dict[str, Any]]) -> AccessGraph:
    things = [{"id": ACCOUNT, "type": "Microsoft.Storage/storageAccounts", "name": "st", "properties": {}}]
    return read_access_graph(estate(folder, [*things, *bodies]), memberships=memberships_of(MEMBERS))


def _compared(folder: Path, old: Grants, new: Grants) -> tuple[Entries, Entries]:
    before, after = _graph(folder, old.bodies()), _graph(folder, new.bodies())
    effects = access_effects(before, after, attribution(before.estate, after.estate))
    return [access_document(one) for one in effects.gained], [access_document(one) for one in effects.lost]


@pytest.mark.parametrize("seed", range(4 * EDITS))
def test_operations_gained_and_lost_are_those_of_a_naive_reading(seed: int, tmp_path: Path) -> None:
    rng = Random(seed)  # noqa: S311 - the same edits each time
    old = naive.random_grants(rng)
    new = edited(rng, old)
    gained, lost = _compared(tmp_path, old, new)
    assert stated(gained) == highest(old, new)
    assert stated(lost) == highest(new, old)
    for one in (*gained, *lost):
        assert one["certain"]
        assert "*" not in one["action"]
        assert any(holds(block, one["plane"], one["action"]) for block in one["operations"])
        assert one["by"], "each effect has a change that made it"
    back_gained, back_lost = _compared(tmp_path, new, old)
    assert (stated(back_gained), stated(back_lost)) == (stated(lost), stated(gained))
    assert _compared(tmp_path, new, new) == ([], [])


def _held(principal: str, role: str, scope: str, name: str = "a") -> Grants:
    return Grants({}, {f"{name * 8}-0000-0000-0000-000000000000": (principal, role, scope)})


def test_an_assignment_made_anew_under_another_name_gives_nothing(tmp_path: Path) -> None:
    old, new = _held(MEMBER, READER, RG), _held(MEMBER, READER, RG, "b")
    assert _compared(tmp_path, old, new) == ([], [])


def test_a_member_who_keeps_through_the_group_what_it_had_is_not_listed(tmp_path: Path) -> None:
    gained, lost = _compared(tmp_path, _held(MEMBER, READER, RG), _held(GROUP, READER, RG, "b"))
    assert [(one["principal"], one["scope"], one["via"]) for one in gained] == [(GROUP, RG, None)]
    assert lost == []


def test_a_member_gains_through_the_group(tmp_path: Path) -> None:
    old = Grants()
    gained, _ = _compared(tmp_path, old, _held(GROUP, CONTRIBUTOR, RG))
    assert {(one["principal"], one["via"]) for one in gained} == {(GROUP, None), (MEMBER, GROUP)}


def test_what_moves_up_is_gained_at_the_highest_scope_alone(tmp_path: Path) -> None:
    gained, lost = _compared(tmp_path, _held(MEMBER, READER, RG), _held(MEMBER, READER, SUBSCRIPTION, "b"))
    assert [(one["scope"], one["operations"][0]["actions"]) for one in gained] == [(SUBSCRIPTION, ["*/read"])]
    assert lost == []


def test_a_wider_role_gives_what_it_has_besides(tmp_path: Path) -> None:
    new = _held(MEMBER, CONTRIBUTOR, RG)
    (gained,) = _compared(tmp_path, _held(MEMBER, READER, RG), new)[0]
    assert holds(gained["operations"][0], "control", "Microsoft.Storage/storageAccounts/write")
    assert not any(holds(block, "control", "Microsoft.Storage/storageAccounts/read") for block in gained["operations"])
    assert gained["by"][0]["change"] == "changed"
    assert gained["by"][0]["property"] == "properties.roleDefinitionId"


def test_who_may_be_in_a_group_loses_nothing_for_certain(tmp_path: Path) -> None:
    stranger = "11111111-0000-0000-0000-000000000009"
    old, new = _held(stranger, READER, RG), _held(GROUP, READER, RG, "b")
    before, after = (read_access_graph(estate(tmp_path, copy.deepcopy(list(state.bodies())))) for state in (old, new))
    effects = access_effects(before, after, attribution(before.estate, after.estate))
    assert [(one.change.principal, one.change.is_certain) for one in effects.lost] == [(stranger, False)]
