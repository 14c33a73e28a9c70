"""Write frozen objects of the tool's own classes as JSON, each once, and read them back in one pass.

A document is a list of entries, of which each may name those before it by their numbers; the last one is the whole. An
entry is a constructor's number with its arguments. An argument that is a number is an entry's; a text or null is itself;
any other plain JSON stands in a list of one. Classes are dataclasses, enumerations and named tuples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Final

import orjson
from msgspec import Struct

_LIST, _TUPLE, _DICT, _SET, _PATH, _CONSTANT = range(6)
_OWN: Final = "auditor."
_SCALARS: Final = (str, int, float, bool, type(None))


class UnwritableError(TypeError):
    """An object of a class that cannot be written, or that would not come back as it was."""


def dump(value: object, constants: Sequence[object] = ()) -> bytes:
    """Return a value as JSON. `constants` are objects that are told apart by identity, and come back as themselves."""
    writer = _Writer(constants)
    whole = writer.argument(value)
    return orjson.dumps([writer.classes, writer.entries, whole])


def load(text: bytes, constants: Sequence[object] = ()) -> object:
    """Return the value that `dump` wrote, of the same constants. ValueError or TypeError where the text is another."""
    classes, entries, whole = orjson.loads(text)
    makers: list[Callable[..., object]] = [_listed, _tuple, _dict, _set, Path, constants.__getitem__]
    makers += [_class_named(name) for name in classes]
    known: list[object] = []
    add = known.append
    for number, *arguments in entries:
        add(
            makers[number](
                *[
                    known[given] if type(given) is int else given[0] if type(given) is list else given
                    for given in arguments
                ]
            )
        )
    return known[whole] if type(whole) is int else whole[0] if type(whole) is list else whole


def _listed(*members: object) -> list[object]:
    return list(members)


def _tuple(*members: object) -> tuple[object, ...]:
    return members


def _dict(*pairs: object) -> dict[object, object]:
    return dict(zip(pairs[::2], pairs[1::2], strict=True))


def _set(*members: object) -> frozenset[object]:
    return frozenset(members)


def _class_named(name: str) -> Callable[..., object]:
    module, _, called = name.partition(":")
    if not module.startswith(_OWN):
        raise ValueError(f"{name} is no class of the tool")
    found: Callable[..., object] = getattr(import_module(module), called)
    return found


class _Writer:
    """The entries so far, and which object is which entry."""

    def __init__(self, constants: Sequence[object]) -> None:
        self.classes: list[str] = []
        self.entries: list[list[object]] = []
        self._constants = {id(constant): place for place, constant in enumerate(constants)}
        self._known: dict[bytes, int] = {}

    def argument(self, value: object) -> object:
        """Return how an entry names a value, which has an entry of its own from now on where it needs one."""
        if value is None or type(value) is str:
            return value
        if _is_plain(value):
            return [value]
        entry = list(self._entry(value))
        key = sha256(orjson.dumps(entry)).digest()  # orjson keeps a kilobyte for the shortest text
        number = self._known.get(key)
        if number is None:
            number = self._known[key] = len(self.entries)
            self.entries.append(entry)
        return number

    def _entry(self, value: object) -> Iterator[object]:
        if id(value) in self._constants:
            yield from (_CONSTANT, [self._constants[id(value)]])
        elif type(value) is list or type(value) is tuple:
            yield _LIST if type(value) is list else _TUPLE
            yield from map(self.argument, value)
        elif type(value) is dict:
            yield _DICT
            yield from (self.argument(part) for pair in value.items() for part in pair)
        elif type(value) is frozenset:
            yield _SET
            yield from map(self.argument, sorted(value))
        elif isinstance(value, Path):
            yield from (_PATH, str(value))
        elif isinstance(value, tuple) and hasattr(value, "_fields"):
            yield self._class(type(value))
            yield from map(self.argument, value)
        elif isinstance(value, Enum):
            yield from (self._class(type(value)), self.argument(value.value))
        elif isinstance(value, Struct):
            yield self._class(type(value))
            yield from (self.argument(getattr(value, name)) for name in value.__struct_fields__)
        elif is_dataclass(value) and all(field.init for field in fields(value)):
            yield self._class(type(value))
            yield from (self.argument(getattr(value, field.name)) for field in fields(value))
        else:
            raise UnwritableError(f"{type(value).__qualname__} cannot be written")

    def _class(self, kind: type) -> int:
        name = f"{kind.__module__}:{kind.__qualname__}"
        if not name.startswith(_OWN) or "." in kind.__qualname__:
            raise UnwritableError(f"{name} is no class of the tool")
        if name not in self.classes:
            self.classes.append(name)
        return self.classes.index(name) + _CONSTANT + 1


def _is_plain(value: object) -> bool:
    """Whether JSON keeps a value as it is."""
    if type(value) is list:
        return all(map(_is_plain, value))
    if type(value) is dict:
        return all(type(key) is str and _is_plain(inner) for key, inner in value.items())
    return type(value) in _SCALARS
