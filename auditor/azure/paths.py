"""Parse property paths and look them up in data, without case and without falling over odd shapes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Final

from msgspec import Struct

ABSENT: Final = object()
"""There is no value, or null: Azure returns both for the same setting."""

_STEP: Final = re.compile(r"([^.\[\]]+)|\[\*\]|\['([^']*)'\]|\[([^\]*'\"]+)\]|(\.)")
MAX_STEPS: Final = 32


class ShapeError(Exception):
    """The data has another shape than a rule expects: an object or a list was expected, something else is there."""


class PathStep(Struct, frozen=True):
    """One property name, or `[*]` (each element of a list) where `name` is None. `folded` is the name in lower case."""

    name: str | None
    folded: str


EACH: Final = PathStep(None, "[*]")
Steps = tuple[PathStep, ...]


@lru_cache(maxsize=4096)
def parse(text: str) -> Steps:
    """Parse `a.b[*].c`, `tags['a.b']` or `tags[a]`. ValueError says what is wrong."""
    steps: list[PathStep] = []
    position, dot = 0, True
    while position < len(text):
        match = _STEP.match(text, position)
        if match is None:
            raise ValueError(f"'{text}' is no property path: unexpected '{text[position]}' at character {position + 1}")
        name = _name(match, text)
        if match[4]:
            if dot:
                raise ValueError(f"'{text}' is no property path: a dot with no name before it")
            dot = True
        elif match[0] == "[*]":
            if not steps:
                raise ValueError(f"'{text}' is no property path: [*] needs a list before it")
            steps.append(EACH)
            dot = False
        else:
            if match[1] and not dot:
                raise ValueError(f"'{text}' is no property path: a dot is missing before '{name}'")
            steps.append(PathStep(name, name.lower()))
            dot = False
        position = match.end()
    if not steps or dot:
        raise ValueError(f"'{text}' is no property path")
    if len(steps) > MAX_STEPS:
        raise ValueError(f"'{text[:60]}…' is longer than {MAX_STEPS} steps")
    return tuple(steps)


def _name(match: re.Match[str], text: str) -> str:
    """Return what a part of a path names, or the empty text. ValueError for a number: no property has one for a name."""
    if (match[1] or "").isdigit():
        raise ValueError(f"'{text}' leads nowhere: {match[1]} is a place in a list; write [*] for each of its elements")
    return match[1] or match[2] or match[3] or ""


def show(steps: Steps) -> str:
    """Return a path as text."""
    return join("", *(step.name for step in steps))


def join(base: str, *names: str | int | None) -> str:
    """Append property names, indexes and `[*]` (None) to a path's text."""
    for name in names:
        if name is None:
            base += "[*]"
        elif isinstance(name, int):
            base += f"[{name}]"
        elif "." in name or "[" in name or "'" in name:
            base += f"['{name}']"
        else:
            base += f".{name}" if base else name
    return base


def member(value: object, step: PathStep) -> object:
    """Return a property of an object, by name without case; ABSENT where it is missing or null."""
    if value is ABSENT or value is None:
        return ABSENT
    if type(value) is not dict and not isinstance(value, Mapping):  # dict first: ten times as quick
        raise ShapeError(f"an object was expected, {kind_of_json(value)} is there")
    found = value.get(step.name, ABSENT)
    if found is ABSENT:
        spelled = spelling(value, step)
        found = ABSENT if spelled is None else value[spelled]
    return ABSENT if found is None else found


def spelling(value: object, step: PathStep) -> str | None:
    """Return how the data spells a property name, or None where it does not have it. The first in order of text wins."""
    if type(value) is not dict and not isinstance(value, Mapping):
        return None
    if step.name in value:
        return step.name
    return _any_case(value, step)


def _any_case(value: Mapping[str, object], step: PathStep) -> str | None:
    folded = step.folded
    if not folded.isascii():
        return min((name for name in value if name.lower() == folded), default=None)
    length = len(folded)  # folding changes no ASCII name's length, and comparing lengths is what most names end at
    return min([name for name in value if len(name) == length and name.lower() == folded], default=None)


def elements(value: object) -> list[object]:
    """Return a list's elements; none where it is absent. ShapeError where it is no list."""
    if value is ABSENT or value is None:
        return []
    if not isinstance(value, list):
        raise ShapeError(f"a list was expected, {kind_of_json(value)} is there")
    return value


def lookup(value: object, steps: Steps) -> object:
    """Follow a path without `[*]`; ABSENT where it leads nowhere."""
    for step in steps:
        if type(value) is dict:  # what JSON decodes to: the same as member(), without its detours
            found = value.get(step.name, ABSENT)
            if found is ABSENT and (spelled := _any_case(value, step)) is not None:
                found = value[spelled]
            value = ABSENT if found is None else found
        else:
            value = member(value, step)
        if value is ABSENT:
            return ABSENT
    return value


def walk(value: object, steps: Steps, at: str = "") -> Iterator[tuple[str, object]]:
    """Yield (path as spelled in the data, value) for each place a path leads to; absent ends are yielded as ABSENT."""
    for index, step in enumerate(steps):
        if step is EACH:
            for number, element in enumerate(elements(value)):
                yield from walk(ABSENT if element is None else element, steps[index + 1 :], join(at, number))
            return
        at = join(at, spelling(value, step) or step.name)
        value = member(value, step)
    yield at, value


def kind_of_json(value: object) -> str:
    """Return what a JSON value is called."""
    match value:
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a text"
        case list():
            return "a list"
        case _:
            return "an object"


def starts_with(steps: Steps, prefix: Steps) -> bool:
    """Whether a path begins with another, without case."""
    return len(steps) >= len(prefix) and all(a.folded == b.folded for a, b in zip(steps, prefix, strict=False))
