"""Exemptions stand beside a failure, for as long as they last."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from auditor.errors import ContentError
from auditor.model import Exemption, Finding, Severity, Status
from auditor.rulebook import exemptions

RULES = ("thing-is-red",)
GROUP = "/subscriptions/s1/resourceGroups/rg"
ENTRY = {
    "id": "e1", "rule": "thing-*", "scope": GROUP, "reason": "old", "approved_by": "me", "ticket": "T-1",
    "expires_on": "2024-03-01",
}  # fmt: skip


def finding(status: Status = Status.FAIL, resource_id: str | None = f"{GROUP}/providers/C.T/things/t1") -> Finding:
    return Finding("thing-is-red", Severity.HIGH, status, resource_id, None, "")


def exemption(**changed: str) -> Exemption:
    return Exemption(**{**ENTRY, **changed})


def test_an_exemption_is_given_to_failures_below_its_scope_and_to_nothing_else() -> None:
    found = [
        finding(),
        finding(resource_id=f"{GROUP.upper()}/PROVIDERS/C.T/THINGS/T2"),
        finding(Status.PASS),
        finding(Status.UNKNOWN),
        finding(resource_id=f"{GROUP}-2/providers/C.T/things/t1"),
        finding(resource_id=None),
    ]

    matched = exemptions.match(found, [exemption()], date(2024, 3, 1))

    assert [one is not None for one in matched.exempted] == [True, True, False, False, False, False]
    assert matched.notices == []
    assert [one.status for one in found][:2] == [Status.FAIL] * 2


def test_an_expired_exemption_has_no_effect_and_is_reported() -> None:
    matched = exemptions.match([finding()], [exemption()], date(2024, 3, 2))

    assert matched.exempted == [None]
    assert matched.notices == ["Exemption e1 (T-1) expired on 2024-03-01."]


@pytest.mark.parametrize("changed", [{"rule": "other-*"}, {"scope": "/subscriptions/s2"}, {"rule": "thing"}])
def test_an_exemption_that_matches_no_failure_is_reported(changed: dict[str, str]) -> None:
    matched = exemptions.match([finding()], [exemption(**changed)], date(2024, 1, 1))

    assert matched.exempted == [None]
    assert matched.notices == ["Exemption e1 (T-1) matches no failure."]


def test_the_first_exemption_in_force_wins() -> None:
    accepted = [exemption(id="old", expires_on="2020-01-01"), exemption(id="first"), exemption(id="second")]

    matched = exemptions.match([finding()], accepted, date(2024, 1, 1))

    assert [one.id for one in matched.exempted if one] == ["first"]
    assert len(matched.notices) == 1


def write(folder: Path, **changed: str) -> Path:
    lines = [f"{key}: {value}" for key, value in {**ENTRY, **changed}.items() if value != "-"]
    path = folder / "exemptions.yaml"
    path.write_text("exemptions:\n- " + "\n  ".join(lines) + "\n")
    return path


def test_an_exemption_file_is_read(tmp_path: Path) -> None:
    assert exemptions.load(write(tmp_path), RULES) == [exemption()]
    assert exemptions.load(write(tmp_path, id="-", ticket="4711"), RULES) == [
        exemption(id="exemption-1", ticket="4711")
    ]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"expires_on": "-"}, ":2:3: an exemption needs 'expires_on'"),
        ({"reason": "-"}, ":2:3: an exemption needs 'reason'"),
        ({"approved_by": ""}, ":6:15: approved_by must be text, not nothing"),
        ({"scope": "''"}, ":4:10: scope must be text, not empty text"),
        ({"scope": "[a]"}, ":4:10: scope must be text, not a list"),
        ({"rule": "5"}, ":3:9: rule must be text, not a number"),
        ({"expires_on": "soon"}, ":8:15: 'soon' is no date"),
        ({"expires_on": "2024-02-30"}, ":8:15: '2024-02-30' is no date"),
        ({"expires_on": "20240301"}, ":8:15: expires_on must be text"),
        ({"expires_on": "2024-W09-5"}, ":8:15: '2024-W09-5' is no date"),
        ({"ticket": "x\n  tiket: y"}, ":8:3: unknown key 'tiket'"),
    ],
)
def test_a_mistake_in_an_exemption_is_an_error_with_its_place(
    tmp_path: Path, changed: dict[str, str], message: str
) -> None:
    path = write(tmp_path, **changed)

    with pytest.raises(ContentError) as raised:
        exemptions.load(path, RULES)

    assert raised.value.message.startswith(f"{path}{message}")


def test_an_exemption_of_a_rule_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    path = write(tmp_path, rule="thnig-is-red")

    with pytest.raises(ContentError) as raised:
        exemptions.load(path, RULES)

    assert raised.value.message == f"{path}:3:9: there is no rule 'thnig-is-red'"
    assert raised.value.hint == "did you mean 'thing-is-red'?"


def test_an_exemption_of_a_retired_rule_names_its_successor(tmp_path: Path) -> None:
    with pytest.raises(ContentError) as raised:
        exemptions.load(write(tmp_path, rule="app-slot-https-only"), RULES)

    assert raised.value.hint == "'app-slot-https-only' is retired: 'app-https-only' asks its question now"
