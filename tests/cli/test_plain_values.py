"""A value that is taken without a check is what Typer's check would have made of it, for each option there is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from typer.main import get_command

from auditor.cli.app import command_line
from auditor.cli.plain_values import take_plain_values

VALUES = ["a", "", "high", "HIGH", "json", "table=x", "1", "-1", "true", "no", "comma", "a b", "ä", "2024-02-20"]


def leaves(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    if inner := getattr(command, "commands", None):
        for name, below in inner.items():
            yield from leaves(below, (*path, name))
    else:
        yield " ".join(path), command


CHECKED = dict(leaves(get_command(command_line())))


def tries(command: Any) -> Iterator[list[str]]:
    needed = ["a" for each in command.params if each.param_type_name == "argument" and each.required]
    yield []
    yield needed
    yield [*needed, "b", "c"]
    for each in command.params:
        if each.param_type_name == "option":
            option = max(each.opts, key=len)
            yield [*needed, option]
            yield [*needed, option, option]
            yield from ([*needed, option, value] for value in VALUES)
            yield [*needed, option, "a", option, "b"]
            yield from ([*needed, other] for other in each.secondary_opts)


def outcome(command: Any, arguments: list[str]) -> object:
    try:
        return {name: (type(value), value) for name, value in command.make_context("x", list(arguments)).params.items()}
    except Exception as problem:  # noqa: BLE001 - both have to say the same
        return type(problem), str(problem), getattr(problem, "message", "")


@pytest.mark.parametrize("name", sorted(CHECKED))
def test_it_is_what_the_check_makes_of_it(name: str) -> None:
    plain = dict(leaves(get_command(command_line())))[name]
    take_plain_values(plain)

    for arguments in tries(plain):
        assert outcome(plain, arguments) == outcome(CHECKED[name], arguments), arguments


@pytest.mark.parametrize("value", ["a", "high", "", "1"])
def test_variables_are_taken_as_by_the_check(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, checked = dict(leaves(get_command(command_line())))["evaluate"], CHECKED["evaluate"]
    take_plain_values(plain)
    for parameter in checked.params:
        if parameter.envvar:
            with monkeypatch.context() as patched:
                patched.setenv(parameter.envvar, value)
                assert outcome(plain, ["a"]) == outcome(checked, ["a"]), parameter.envvar
