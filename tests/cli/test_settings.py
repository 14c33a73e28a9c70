"""Defaults of options from `auditor.toml` or pyproject.toml."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.main import get_command

from auditor.cli import settings
from auditor.cli.app import command_line
from auditor.cli.content import settings_schema
from auditor.errors import ContentError


def option(name: str) -> Any:
    opts = ["--" + name.replace("_", "-")]
    return SimpleNamespace(name=name, param_type_name="option", opts=opts, multiple=False, envvar=None)


COMMAND = SimpleNamespace(
    params=[],
    commands={
        "evaluate": SimpleNamespace(params=[option("fail_on"), option("baseline")]),
        "rule": SimpleNamespace(params=[], commands={"test": SimpleNamespace(params=[option("baseline")])}),
    },
)


def test_each_command_gets_the_options_it_knows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "auditor.toml").write_text('fail-on = "high"\nbaseline = "own"\n')
    (tmp_path / "deep").mkdir()
    monkeypatch.chdir(tmp_path / "deep")

    assert settings.defaults(COMMAND) == {
        "evaluate": {"fail_on": "high", "baseline": "own"},
        "rule": {"test": {"baseline": "own"}},
    }


def test_the_nearest_file_wins_and_a_foreign_pyproject_says_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.auditor]\nbaseline = "far"\n')
    folder = tmp_path
    for text in ("tool = 5\n", "not toml [", '[tool]\nauditor = "x"\n', "[tool.ruff]\n"):
        folder /= "x"
        folder.mkdir()
        (folder / "pyproject.toml").write_text(text)
    monkeypatch.chdir(folder)

    assert settings.defaults(COMMAND)["evaluate"] == {"baseline": "far"}


@pytest.mark.parametrize(
    ("text", "message"), [("bseline = 1\n", "did you mean 'baseline'?"), ("x = [", "cannot be read")]
)
def test_a_mistake_in_the_own_file_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, message: str
) -> None:
    (tmp_path / "auditor.toml").write_text(text)
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ContentError) as raised:
        settings.defaults(COMMAND)

    assert str(tmp_path / "auditor.toml") in raised.value.message
    assert message in str(raised.value)


@pytest.mark.parametrize("name", sorted(settings.NEVER_FROM_FILE))
def test_no_file_says_who_signs_in_where_to_or_what_is_written(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "auditor.toml").write_text(f"{name} = 'x'\n")
    monkeypatch.chdir(tmp_path)
    command = SimpleNamespace(params=[], commands={"scan": SimpleNamespace(params=[option(name)])})

    with pytest.raises(ContentError) as raised:
        settings.defaults(command)

    assert f"'{name}' is never taken from a file" in raised.value.message
    assert raised.value.hint == f"use --{name}"


def test_all_mistakes_are_said_at_once_with_their_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nbaseline = "x"\n\n[tool.auditor]\nbaseline = 5\nfail-on = "hihg"\nselect = ["a", 1]\n  ignroe = "b"\n'
        'exit_zero = "yes"\noutput = ["json"]\n'
    )
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ContentError) as raised:
        settings.defaults(get_command(command_line()))

    assert [str(problem).removeprefix(f"{tmp_path}/pyproject.toml:") for problem in raised.value.problems] == [
        "10:1: 'output' is never taken from a file, which others may change (use --output or AUDITOR_OUTPUT)",
        "5:12: baseline must be text, not a number",
        "6:11: 'hihg' is no fail-on (use 'critical', 'high', 'medium', 'low' or 'info')",
        "7:10: each of select must be text, not a number",
        "8:3: unknown key 'ignroe' in the settings (did you mean 'ignore'?)",
        "9:13: exit-zero must be true or false, not the text 'yes'",
    ]


def test_a_day_is_a_value_and_several_values_are_one_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "auditor.toml").write_text('as-of = 2024-02-20\nselect = "storage-*"\nrules = ["mine"]\n')
    monkeypatch.chdir(tmp_path)

    evaluate = settings.defaults(get_command(command_line()))["evaluate"]

    assert (evaluate["as_of"], evaluate["select"], evaluate["rules"]) == ("2024-02-20", ["storage-*"], ["mine"])


def test_the_schema_has_every_option_that_a_file_may_set() -> None:
    schema = settings_schema(get_command(command_line()))

    assert schema["properties"]["fail-on"]["enum"] == ["critical", "high", "medium", "low", "info"]
    assert schema["properties"]["select"]["description"].startswith("Only these rules")
    assert not settings.NEVER_FROM_FILE & schema["properties"].keys()
    assert schema["additionalProperties"] is False
