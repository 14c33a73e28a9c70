"""Find where an entry of an export holds a value of another JSON kind than the known property there takes.

What stands there is no setting of Azure's: nobody can tell what is set, so it was not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Final

from msgspec import Struct

from auditor.azure import paths
from auditor.azure.catalogue import shipped
from auditor.azure.vocabulary import ValueKind
from auditor.snapshot.model import LIST_OF_ANOTHER_KIND

_REMEMBERED: Final = 256
_BOOLEANS: Final = frozenset({"true", "false"})
_WORDS: Final = {
    ValueKind.BOOLEAN: "true or false",
    ValueKind.NUMBER: "a number",
    ValueKind.OBJECT: "an object",
    ValueKind.TEXT: "a text",
}
_NUMBER: Final = re.compile(r"\s*[-+]?[0-9]+(\.[0-9]+)?\s*")


class Misread(Struct, frozen=True):
    """A place of which the value is of another kind: its path (of the whole list, inside one) and why it is not read.

    `is_cut` is set where a plain value stands in the place of an object or a list, as by what prints not all levels.
    `is_list` is set where a list belongs, `is_passed_over` where a list or an object has the other's place: whoever reads
    either finds nothing there.
    """

    path: str
    reason: str
    is_cut: bool = False
    is_number_for_text: bool = False
    is_list: bool = False
    is_passed_over: bool = False

    @property
    def names(self) -> Sequence[str]:
        """The names on the way, in lower case: what to take out."""
        return self.path.lower().split(".")


class _Way:
    """A member on the way to known properties: what leads on, by its name in lower case, and what it holds itself."""

    __slots__ = ("_found", "further", "is_list", "kind")

    def __init__(self) -> None:
        self.further: dict[str, _Way] = {}
        self.is_list = False
        self.kind: ValueKind | None = None
        self._found: dict[tuple[str, ...], Sequence[tuple[str, _Way]]] = {}

    def among(self, names: tuple[str, ...]) -> Sequence[tuple[str, _Way]]:
        """Return which of an object's names lead on, each with where to: of several spellings of one, the first."""
        found = self._found.get(names)
        if found is None:
            first: dict[str, str] = {}
            for name in names:
                first.setdefault(name.lower(), name)
            found = [(first[folded], way) for folded, way in self.further.items() if folded in first]
            if len(self._found) < _REMEMBERED:
                self._found[names] = found
        return found


@cache
def _ways(type_key: str) -> _Way:
    """Return the ways to the known properties of a type, and to those of the children that its resources hold."""
    start = _Way()
    kind = shipped().get(type_key)
    for known in kind.properties if kind else ():
        way = start
        for step in known.steps:
            if step is paths.EACH:
                way.is_list = True
            else:
                way = way.further.setdefault(step.folded, _Way())
        if known.holds is not None and not way.is_list:
            way.kind = ValueKind(known.holds.types[0])
    for child in shipped():
        if child.inline and child.key.rpartition("/")[0] == type_key:
            held = start.further.setdefault("properties", _Way()).further.setdefault(child.inline.lower(), _Way())
            held.is_list = True
            held.further |= _ways(child.key).further
    return start


def of_another(body: Mapping[str, object], type_key: str) -> Sequence[Misread]:
    """Return where the known properties of a type hold values of another kind; of a list, once for all of it."""
    return list(_misread(body, _ways(type_key), ""))


def _misread(value: Mapping[str, object], way: _Way, at: str) -> Iterator[Misread]:
    for name, further in way.among(tuple(value)):
        inner, path = value[name], f"{at}{name}"
        if inner is None:
            continue
        if further.kind is not None:
            if not _is_of(inner, further.kind):
                is_number = further.kind is ValueKind.TEXT and type(inner) in {int, float}
                yield Misread(path, _told(inner, _WORDS[further.kind]), is_number_for_text=is_number)
        elif further.is_list and isinstance(inner, list):
            if (found := _misread_member(inner, further)) is not None:
                yield Misread(path, LIST_OF_ANOTHER_KIND, is_list=True, is_passed_over=found.is_passed_over)
        elif further.further and not further.is_list and isinstance(inner, dict):
            yield from _misread(inner, further, f"{path}.")
        elif at and (further.further or further.is_list):
            is_cut = isinstance(inner, str | int | float) and not isinstance(inner, bool)
            wanted = "a list" if further.is_list else "an object"
            yield Misread(path, _told(inner, wanted), is_cut=is_cut, is_list=further.is_list, is_passed_over=True)


def _misread_member(members: Sequence[object], way: _Way) -> Misread | None:
    """Return the first place in a list that is not read as it stands, or None where all of it is."""
    for member in members if way.further else ():
        if isinstance(member, dict):
            if (found := next(_misread(member, way, "."), None)) is not None:
                return found
        elif member is not None:
            return Misread("", _told(member, "an object"), is_passed_over=True)
    return None


def _is_of(value: object, kind: ValueKind) -> bool:
    """Whether a value can be what a kind of property holds. Flags and numbers also come as texts that spell them."""
    if isinstance(value, str):
        spelled = kind is ValueKind.TEXT or (kind is ValueKind.BOOLEAN and value.lower() in _BOOLEANS)
        return spelled or (kind is ValueKind.NUMBER and _NUMBER.fullmatch(value) is not None)
    if isinstance(value, bool | dict):
        return kind is (ValueKind.BOOLEAN if isinstance(value, bool) else ValueKind.OBJECT)
    return isinstance(value, int | float) and kind is ValueKind.NUMBER


def _told(value: object, wanted: str) -> str:
    return f"the export holds {paths.kind_of_json(value)} where {wanted} belongs"
