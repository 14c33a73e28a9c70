"""A role is one by its GUID: it is listed under each subscription and above them, and that is no drift."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.diff import configuration
from auditor.diff.authors import Authors
from tests.diff.assignments import RG, SUBSCRIPTION
from tests.diff.estates import Body, estate, written
from tests.e2e.command import in_process

READER, CONTRIBUTOR = "acdd72a7-3385-48ef-bd42-f606fba81ae7", "b24988ac-6180-42a0-ab88-20f7382dd24c"
ABOVE = ("", SUBSCRIPTION, "/subscriptions/00000000-0000-0000-0000-0000000000a2")
spelled = st.tuples(st.sampled_from(ABOVE), st.sampled_from([str.lower, str.upper, str]))


def definition(above: str, guid: str, actions: list[str]) -> Body:
    properties = {"roleName": "r", "type": "BuiltInRole", "permissions": [{"actions": actions}]}
    kind = "Microsoft.Authorization/roleDefinitions"
    return {"id": f"{above}/providers/{kind}/{guid}", "name": guid, "type": kind, "properties": properties}


def assignment(role: str) -> Body:
    kind, name = "Microsoft.Authorization/roleAssignments", "33333333-0000-0000-0000-000000000001"
    properties = {"principalId": "p", "principalType": "User", "roleDefinitionId": role, "scope": RG}
    return {"id": f"{RG}/providers/{kind}/{name}", "name": name, "type": kind, "properties": properties}


def changed(folder: Path, old: list[Body], new: list[Body]) -> list[str]:
    before, after = estate(folder, old), estate(folder, new)
    return [str(one.kind) for one in configuration.changes(before.resources, after.resources, Authors(after))]


@settings(max_examples=40)
@given(
    st.tuples(spelled, spelled), st.tuples(st.sampled_from(ABOVE), st.sampled_from(ABOVE)), st.booleans(), st.booleans()
)
def test_only_another_role_or_other_permissions_are_a_change(
    named: Any, listed: Any, is_other: Any, is_wider: Any
) -> None:
    def role(how: Any, guid: str) -> str:
        above, case = how
        return f"{above}/providers/Microsoft.Authorization/roleDefinitions/{case(guid)}"

    actions = ["*/read", *(["x/y/write"] if is_wider else [])]
    old = [assignment(role(named[0], READER)), definition(listed[0], READER, ["*/read"])]
    new = [assignment(role(named[1], CONTRIBUTOR if is_other else READER)), definition(listed[1], READER, actions)]
    with TemporaryDirectory() as folder:
        assert changed(Path(folder), old, new) == ["changed"] * (is_other + is_wider)


def test_a_list_read_at_another_subscription_is_no_drift(tmp_path: Path) -> None:
    files = [
        written(
            tmp_path,
            name,
            [assignment(definition(above, READER, ["*/read"])["id"]), definition(above, READER, ["*/read"])],
        )
        for name, above in (("old.json", ABOVE[1]), ("new.json", ABOVE[2]))
    ]
    assert in_process("diff", *files, at=tmp_path).code == 0
