"""Take values of options that need no check as they are.

Since 0.29 Typer has each value checked by pydantic, that of an option which nobody gave included. Importing it and
building what checks takes as long as judging a small estate. A default of ours, text where text is asked for, and a word
that an option lists are right as they stand; all else Typer checks as ever, and says what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from typing import Final, Protocol, cast

import typer
import typer.models

_CHECK: Final = object()
"""Stands for the value that Typer has to check."""


class _Declaration(Protocol):
    """What Typer knows of what a parameter is declared as."""

    annotation: object
    parameter_info: typer.models.ParameterInfo


class _TypedParameter(Protocol):
    """What is asked of an option or argument."""

    name: str
    multiple: bool
    nargs: int
    required: bool
    type_descriptor: _Declaration
    callback: Callable[[typer.Context, _TypedParameter, object], object] | None
    process_value: Callable[[typer.Context, object], object]

    def value_is_missing(self, value: object, /) -> bool: ...


class _ParsingCommand(Protocol):
    """What is asked of a command; a group has `commands` as well."""

    get_params: Callable[[typer.Context], Sequence[_TypedParameter]]


def take_plain_values(command: object) -> None:
    """Let the parameters of a command, and of all below it, take plain values without a check.

    Nothing changes with a Typer that does not say what a parameter is declared as: that one needs no pydantic.
    """
    taking = cast("_ParsingCommand", command)
    listed = taking.get_params  # with the option for help, which is made when it is asked for
    made: dict[int, _TypedParameter] = {}

    def get_params(context: typer.Context) -> Sequence[_TypedParameter]:
        parameters = listed(context)
        for parameter in parameters:
            if hasattr(parameter, "type_descriptor") and id(parameter) not in made:
                made[id(parameter)] = parameter
                parameter.process_value = _process(parameter, parameter.process_value)
        return parameters

    taking.get_params = get_params
    for inner in getattr(command, "commands", {}).values():
        take_plain_values(inner)


def _process(
    parameter: _TypedParameter, check: Callable[[typer.Context, object], object]
) -> Callable[[typer.Context, object], object]:
    def process_value(context: typer.Context, value: object) -> object:
        source = context.get_parameter_source(parameter.name)
        taken = value if source is not None and source.name == "DEFAULT" else _taken(parameter.type_descriptor, value)
        if taken is None and (parameter.multiple or parameter.nargs == -1):
            taken = ()
        if taken is _CHECK or (parameter.required and parameter.value_is_missing(taken)):
            return check(context, value)
        return taken if parameter.callback is None else parameter.callback(context, parameter, taken)

    return process_value


def _taken(declared: _Declaration, value: object) -> object:
    """Return what a value that was given is to the command, or `_CHECK` where that is not plain."""
    if declared.parameter_info.parser is not None:
        return _CHECK
    if declared.annotation is str and type(value) is str:
        return value
    if declared.annotation == list[str] and isinstance(value, list | tuple) and all(type(one) is str for one in value):
        return list(value)
    if isinstance(declared.annotation, type) and issubclass(declared.annotation, Enum):
        return next((member for member in declared.annotation if member.value == value), _CHECK)
    return _CHECK
