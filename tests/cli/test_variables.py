"""A misspelt environment variable is told in one line; other programs' are theirs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.command import in_process


def _told(folder: Path, *words: str, **variables: str) -> list[str]:
    ended = in_process("rule", "list", *words, at=folder, env=variables)
    assert ended.code == 0
    return ended.err.splitlines()


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("AUDITOR_BASLINE", "AUDITOR_BASELINE"),
        ("AUDITOR_FAILON", "AUDITOR_FAIL_ON"),
        ("auditor_as_of", "AUDITOR_AS_OF"),
        ("AUDITOR_SUBSCRIPTIONS", "AUDITOR_SUBSCRIPTION"),
        ("AUDITOR_NOTIFY_KEYS", "AUDITOR_NOTIFY_KEY"),
    ],
)
def test_a_misspelt_variable_is_told_with_the_nearest_name(given: str, meant: str, tmp_path: Path) -> None:
    value = "never to be shown"
    (line,) = _told(tmp_path, **{given: value})

    assert given in line.split(": ")[1]
    assert line.endswith(f"did you mean {meant}?")
    assert value not in line


@pytest.mark.parametrize(
    "given",
    ["AUDITOR_SUBSCRIPTION", "AUDITOR_PAGER", "AUDITOR_NOTIFY_KEY", "AUDITOR_BUILD_VERSION", "AUDITOR_EXAMPLES"],
)
def test_variables_of_other_commands_and_of_other_programs_are_no_mistake(given: str, tmp_path: Path) -> None:
    assert _told(tmp_path, **{given: "1"}) == []


def test_who_wants_no_remarks_gets_none(tmp_path: Path) -> None:
    assert _told(tmp_path, AUDITOR_BASLINE="x", AUDITOR_QUIET="1") == []
