"""When what Privileged Identity Management gives is in force: not before its beginning, and not from its end on."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_access_unsure import BLOB, BLOB_READER, STORE, _schedule, assigned
from tests.e2e.command import in_process

Body = dict[str, Any]
DAYS = [f"2026-05-{day:02}T00:00:00Z" for day in (1, 2, 3)]
KINDS = {
    "roleAssignmentScheduleInstances": "active",
    "roleAssignmentSchedules": "active",
    "roleEligibilityScheduleInstances": "eligible",
    "roleEligibilitySchedules": "eligible",
}


def doors(folder: Path, bodies: Sequence[Body], as_of: str) -> list[tuple[str, str]]:
    """Return (state, answer) of each who can read the store's blobs at a time."""
    (folder / "in.json").write_text(json.dumps(bodies))
    words = ["who-can", BLOB, "in.json", "--on", "st", "--complete", "--as-of", as_of, "-o", "json"]
    ended = in_process("access", *words, at=folder)
    return [(one["state"], one["answer"]) for one in json.loads(ended.out)["records"]]


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_in_force_from_its_beginning_until_its_end(kind: str, tmp_path: Path) -> None:
    for start, end, as_of in itertools.product([None, *DAYS], [None, *DAYS], DAYS):
        held = _schedule(kind, "p", startDateTime=start, endDateTime=end)
        is_in_force = (start is None or start <= as_of) and (end is None or as_of < end)

        assert doors(tmp_path, [STORE, held], as_of) == ([(KINDS[kind], "yes")] if is_in_force else [])


@pytest.mark.parametrize("kind", ["roleAssignmentScheduleInstances", "roleAssignmentSchedules"])
@pytest.mark.parametrize("is_named", [True, False])
def test_a_role_assignment_ends_with_the_last_of_its_schedules(kind: str, *, is_named: bool, tmp_path: Path) -> None:
    plain = assigned("p", BLOB_READER)
    origin = {"originRoleAssignmentId": plain["id"]} if is_named else {}
    for ends, as_of in itertools.product(itertools.product(DAYS, repeat=2), DAYS):
        timed = [_schedule(kind, "p", endDateTime=end, **origin) | {"name": end} for end in ends]
        for number, one in enumerate(timed):
            one["id"] += f"-{number}"

        assert bool(doors(tmp_path, [STORE, plain, *timed], as_of)) is (as_of < max(ends))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "odd", [{"endDateTime": "soon"}, {"startDateTime": ["?"]}, {"status": "PendingApproval"}, {"status": 7}], ids=str
)
def test_what_its_times_and_status_do_not_tell_is_not_known(kind: str, odd: Body, tmp_path: Path) -> None:
    assert doors(tmp_path, [STORE, _schedule(kind, "p", **odd)], DAYS[1]) == [(KINDS[kind], "maybe")]


def test_a_schedule_that_is_over_hides_none_that_is_not(tmp_path: Path) -> None:
    over = _schedule("roleEligibilityScheduleInstances", "p", endDateTime=DAYS[0])
    renewed = _schedule("roleEligibilitySchedules", "p", endDateTime=DAYS[2])

    assert doors(tmp_path, [STORE, over, renewed], DAYS[1]) == [("eligible", "yes")]


@pytest.mark.parametrize(
    ("kind", "state"), [("roleAssignmentScheduleRequests", "active"), ("roleEligibilityScheduleRequests", "eligible")]
)
def test_what_only_a_request_shows_may_be_in_force(kind: str, state: str, tmp_path: Path) -> None:
    until = {"scheduleInfo": {"startDateTime": DAYS[0], "expiration": {"endDateTime": DAYS[1]}}}
    for more, as_of, right in (
        ({"requestType": "AdminAssign", "status": "Provisioned"}, DAYS[0], [(state, "maybe")]),
        ({"requestType": "AdminAssign", "status": "Denied"}, DAYS[0], []),
        ({"requestType": "AdminRemove", "status": "Revoked"}, DAYS[0], []),
        ({"requestType": "SelfActivate", "status": "Provisioned"}, DAYS[0], []),
        ({"requestType": "AdminAssign", "status": "Provisioned", **until}, DAYS[0], [(state, "maybe")]),
        ({"requestType": "AdminAssign", "status": "Provisioned", **until}, DAYS[1], []),
    ):
        assert doors(tmp_path, [STORE, _schedule(kind, "p", **more)], as_of) == right
    shown = _schedule(kind.replace("Requests", "s"), "p")
    assert doors(tmp_path, [STORE, shown, _schedule(kind, "p", requestType="AdminAssign")], DAYS[0]) == [(state, "yes")]


@pytest.mark.parametrize(("as_of", "is_told"), [(DAYS[0], True), (DAYS[2], False)])
def test_an_owner_for_a_while_is_none_after_it(as_of: str, *, is_told: bool, tmp_path: Path) -> None:
    scope = "/subscriptions/00000000-0000-0000-0000-0000000000a1"
    owner = f"{scope}/providers/Microsoft.Authorization/roleDefinitions/8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
    given = {"principalId": "p", "principalType": "ServicePrincipal", "roleDefinitionId": owner, "scope": scope}
    kind = "Microsoft.Authorization/roleAssignmentScheduleInstances"
    held = {"id": f"{scope}/providers/{kind}/i", "name": "i", "type": kind}
    held["properties"] = {**given, "startDateTime": DAYS[0], "endDateTime": DAYS[1]}
    (tmp_path / "in.json").write_text(json.dumps([held]))

    words = ["in.json", "--complete", "--as-of", as_of, "--include-passed", "-o", "json", "--select"]
    ended = in_process("evaluate", *words, "access-service-principals-not-privileged", at=tmp_path)

    assert any(one["status"] == "fail" for one in ended.findings) is is_told
