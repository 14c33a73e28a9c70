"""What the facts about role assignments say."""

from __future__ import annotations

from auditor.analysis.access.assignment import RoleAssignment
from auditor.analysis.fact import Schema
from auditor.rbac.privileges import PRIVILEGES


def test_each_privilege_is_a_field_of_every_assignment_and_says_what_it_is() -> None:
    words = [text for path, text in Schema(RoleAssignment).words.items() if path.startswith("permits.")]

    assert words == [f"whether it permits to {privilege.title}, at its scope" for privilege in PRIVILEGES]
