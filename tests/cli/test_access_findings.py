"""What the command line finds on the chat estate's access: nothing but what is known, and each single change."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.command import in_process
from tests.estates.access import (
    GROUP,
    ROOT_GROUP,
    SUBSCRIPTION,
    Bodies,
    add,
    assignment,
    chat_by_id,
    deny_assignment,
    find,
    place,
    principal_of,
    role_definition,
)
from tests.estates.roles import definition

RULES = ("access-*", "app-*ident*", "keyvault-consumers-separated", "ml-*-identit*", "vm-identity-*")
PULL = "the endpoint's pull assignment"
PULL_ROW = ("access-endpoint-pull-images", "ept-chat01")
EXCESS_ROW = ("access-no-more-than-the-table", "ept-chat01")
FURTHER = "access-machine-learning-no-further-roles"
PULL_ACTION = "Microsoft.ContainerRegistry/registries/pull/read"
Change = Callable[[Bodies], None]
Found = set[tuple[str, str, str]]


def findings(change: Change, folder: Path, *rules: str, options: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """Return what the rules on access, or those named, find on the chat estate after a change."""
    bodies = copy.deepcopy(chat_by_id())
    change(bodies)
    path = folder / "estate.json"
    path.write_text(json.dumps({"resources": list(bodies.values())}), encoding="utf-8")
    selected = [part for rule in rules or RULES for part in ("--select", rule)]
    ended = in_process("evaluate", path, "--complete", "-o", "json", *selected, *options, at=folder)
    assert ended.code in {0, 1, 2}, ended.err
    return ended.findings


def told(listed: list[dict[str, Any]]) -> Found:
    """Return (rule, resource, status) of all that failed or is not known."""
    known = {pull(chat_by_id())["name"]: PULL}
    names = [(one, one["resource_id"].rpartition("/")[2]) for one in listed if one["status"] in {"fail", "unknown"}]
    return {(one["rule_id"], known.get(name, name), one["status"]) for one, name in names}


def unchanged(_: Bodies) -> None:
    """Leave the estate as it is."""


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    return findings(unchanged, tmp_path_factory.mktemp("before"))


def pull(bodies: Bodies) -> dict[str, Any]:
    return find(bodies, "AcrPull", "online-endpoint", place("registry"))


def use(bodies: Bodies, definition: dict[str, Any]) -> None:
    add(bodies, definition)
    pull(bodies)["properties"]["roleDefinitionId"] = definition["id"]


def moved(scope: str) -> Change:
    return lambda bodies: pull(bodies)["properties"].__setitem__("scope", scope)


def remove(bodies: Bodies) -> None:
    del bodies[pull(bodies)["id"]]


def equivalent(bodies: Bodies) -> None:
    use(bodies, role_definition("Puller", [{"actions": [PULL_ACTION]}]))


def wider(bodies: Bodies) -> None:
    use(bodies, definition("AcrPush"))


def second_block(bodies: Bodies) -> None:
    use(
        bodies,
        role_definition("Harmless", [{"actions": [PULL_ACTION]}, {"actions": ["Microsoft.Authorization/*/write"]}]),
    )


def grouped(bodies: Bodies) -> None:
    pull(bodies)["properties"] |= {"principalId": "99999999-0000-0000-0000-000000000001", "principalType": "Group"}


def denied(bodies: Bodies) -> None:
    add(bodies, deny_assignment(place("registry"), {"actions": ["*/pull/read"]}))


def denied_to_the_endpoint(bodies: Bodies) -> None:
    denied(bodies)
    spared = sorted({b["properties"]["principalId"] for b in bodies.values() if b["type"].endswith("roleAssignments")})
    own = principal_of(bodies, "online-endpoint")
    deny = next(body for body in bodies.values() if body["type"].endswith("denyAssignments"))
    deny["properties"]["excludePrincipals"] = [{"id": one, "type": "ServicePrincipal"} for one in spared if one != own]


EXCEEDED = {(*EXCESS_ROW, "fail"), (FURTHER, PULL, "fail")}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param(moved(GROUP), EXCEEDED, id="moved to the group"),
        pytest.param(moved(SUBSCRIPTION), EXCEEDED, id="moved to the subscription"),
        pytest.param(moved(ROOT_GROUP), EXCEEDED, id="moved to the management group"),
        pytest.param(equivalent, set(), id="a role with the same permissions"),
        pytest.param(wider, EXCEEDED, id="a wider role"),
        pytest.param(remove, {(*PULL_ROW, "fail")}, id="no pull role"),
        pytest.param(denied_to_the_endpoint, {(*PULL_ROW, "fail")}, id="denied"),
        pytest.param(
            grouped,
            {(*PULL_ROW, "unknown"), (*EXCESS_ROW, "unknown"), ("access-principals-exist", PULL, "unknown")},
            id="a group",
        ),
        pytest.param(
            second_block,
            EXCEEDED
            | {
                ("access-workload-identity-not-privileged", PULL, "fail"),
                ("access-custom-roles-cannot-grant", "aaaaaaaa-0000-0000-0000-000000000001", "fail"),
            },
            id="a second block that writes authorization",
        ),
    ],
)
def test_each_single_change_is_found_and_nothing_else_changes(
    change: Change, expected: Found, before: list[dict[str, Any]], tmp_path: Path
) -> None:
    after = findings(change, tmp_path)
    assert told(after) - told(before) == expected
    assert told(before) - told(after) == set()


def test_all_ten_rows_pass_on_the_chat_estate(before: list[dict[str, Any]]) -> None:
    wanted = {f"IAM-RBAC-{number:03}" for number in range(1, 11)}
    passed = {
        control
        for one in before
        if one["status"] == "pass" and one["severity"] == "high" and len(one["controls"]["openai-chat"]) == 1
        for control in one["controls"]["openai-chat"]
    }
    assert wanted <= passed
    assert not [one for one in before if one["status"] == "unknown"]


def test_broad_rows_are_advisory_and_say_what_they_allow(before: list[dict[str, Any]]) -> None:
    found = {one["sub_object"]: one for one in before if one["rule_id"] == "access-sanctioned-but-broad"}
    group, vault = (
        found["Contributor on workspace rg-chat"],
        found["Key Vault Administrator on workspace-vault kv-chat01"],
    )
    assert (group["severity"], vault["severity"]) == ("medium", "medium")
    for one in (group, vault):
        assert "sanctioned by the architecture, advisory" in one["message"]
    assert "read or replace access keys" in group["message"]
    assert "read secrets of a vault" in vault["message"]


BROAD = "access-sanctioned-but-broad"


def unread(*components: str) -> Change:
    """Return a change after which nothing but their ids was read of some components."""

    def change(bodies: Bodies) -> None:
        for component in components:
            bodies[place(component)].pop("properties")

    return change


@pytest.mark.parametrize(
    ("components", "doubtful"),
    [
        pytest.param(
            ("chat-ui", "flow-app", "gateway"),
            "Key Vault Administrator on workspace-vault kv-chat01",
            id="what leads to it",
        ),
        pytest.param(("app-vault",), "Microsoft.KeyVault/vaults", id="the scope itself"),
    ],
)
def test_what_nothing_binds_may_be_what_a_broad_row_reaches(
    components: tuple[str, ...], doubtful: str, tmp_path: Path
) -> None:
    found = {one["sub_object"]: one for one in findings(unread(*components), tmp_path, BROAD)}
    assert found[doubtful]["status"] == "unknown"
    assert found["Contributor on workspace rg-chat"]["status"] == "fail"


def test_a_missing_row_names_the_assignment_to_create(tmp_path: Path) -> None:
    (found,) = [one for one in findings(remove, tmp_path) if one["rule_id"] == PULL_ROW[0] and one["status"] == "fail"]
    command = found["remediation"]["cli"]
    assert command.startswith("az role assignment create --assignee-object-id ")
    assert command.endswith(place("registry"))


def test_an_assignment_beyond_the_table_names_the_one_to_remove_quoted_for_the_shell(tmp_path: Path) -> None:
    def change(bodies: Bodies) -> None:
        owner = definition("Owner")
        add(bodies, owner)
        add(bodies, assignment("u1", owner["id"], GROUP, name="a1; rm -rf ~", principalName="ada@contoso.com"))

    listed = [one for one in findings(change, tmp_path) if one["status"] == "fail"]
    (found,) = [one for one in listed if one["rule_id"] == "access-people-no-standing-privilege"]
    assert found["remediation"]["cli"].startswith("az role assignment delete --ids '/subscriptions/")
    assert found["remediation"]["cli"].endswith("rm -rf ~'")
    assert "ada@contoso.com → Owner on resource group rg-chat" in found["message"]
