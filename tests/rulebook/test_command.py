"""A command that is shown can be run as it stands: every place is filled from the finding, or there is no command."""

from __future__ import annotations

import re
import shlex
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.errors import ContentError
from auditor.rulebook import in_force
from auditor.rulebook.command import filled
from auditor.rulebook.in_force import Selection
from tests.estates.things import RULE, write_rule

THING = "/subscriptions/s1/resourceGroups/rg-a/providers/Contoso.Test/things/t1"


@cache
def commands() -> dict[str, str]:
    return {rule.id: rule.remediation_cli for rule in in_force.load(Selection()).rules.values() if rule.remediation_cli}


@pytest.mark.parametrize(
    ("command", "becomes"),
    [
        ("az x --ids {id}", f"az x --ids {THING}"),
        ("az x -n {name} -g {resourceGroup} -s {subscription}", "az x -n t1 -g rg-a -s s1"),
        ("az x --color {field:properties.color}", "az x --color 'dark red'"),
        ("az x --size {field:properties.size}", "az x --size 3"),
        ('az x --body \'{"a":"b"}\' --url {id}"?x=1"', f'az x --body \'{{"a":"b"}}\' --url {THING}"?x=1"'),
        ("az x", "az x"),
    ],
)
def test_places_are_filled_from_the_resource(command: str, becomes: str) -> None:
    assert filled(command, THING, {"properties": {"color": "dark red", "size": 3}}) == becomes


@pytest.mark.parametrize("color", [None, "", [], {}, True])
def test_a_place_without_a_value_leaves_no_command(color: Any) -> None:
    assert filled("az x --color {field:properties.color}", THING, {"properties": {"color": color}}) == ""
    assert filled("az x -g {resourceGroup}", "/subscriptions/s1", {}) == ""
    assert filled("az x --ids {id}", None, {}) == ""


@given(st.text())
def test_what_a_stranger_named_is_one_word_of_the_command(name: str) -> None:
    command = filled("az x --color {field:color} {name}", "/a/{field:color}", {"color": name})

    assert command == "" or shlex.split(command) == ["az", "x", "--color", name, "{field:color}"]


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("az x -g <resource-group>", "the command leaves '<resource-group>' open (use {id}"),
        ("az x -g {resourcegroup}", "nothing fills '{resourcegroup}' in the command (did you mean 'resourceGroup'?)"),
        ("az x {field:colr}", "no property 'colr' that a command may name so (did you mean 'color'?"),
        ("az x {field:a..b}", "is no property path"),
        ("az x --query \\\"[?id=='{id}']\\\"", "'{id}' stands in quotes"),
    ],
)
def test_a_place_that_nothing_fills_is_an_error(tmp_path: Path, command: str, message: str) -> None:
    with pytest.raises(ContentError) as raised:
        write_rule(tmp_path, RULE, remediation=f'{{text: Paint it., cli: "{command}"}}')

    assert message in str(raised.value)
    assert "thing-is-red.yaml:" in raised.value.message


def test_no_shipped_command_leaves_a_place_to_its_reader() -> None:
    assert [
        name
        for name, command in commands().items()
        if re.search(r"(?<![\w./-])[A-Z]{2,}(_[A-Z]+)*(?![\w-])|…", command)
    ] == []
