"""Bring one entry of an export into the form of Azure Resource Manager, and say which of it was not read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import takewhile
from typing import Final

import orjson

from auditor import resource_id as ids
from auditor.azure import paths
from auditor.azure.body import value
from auditor.azure.catalogue import shipped
from auditor.azure.resource_type import ResourceType
from auditor.azure.vocabulary import Property
from auditor.inputs import command_line, powershell, twins
from auditor.inputs.bare_items import bare_items
from auditor.model import Gap
from auditor.snapshot.model import NOT_PRINTED, NUMBER_FOR_WORD, REST_NOT_READ, TEXT_FOR_OBJECT
from auditor.snapshot.normalise import WITHOUT_PROPERTIES

_UNKNOWN_TYPE: Final = ResourceType("")
# How PowerShell writes objects that it did not print: `ConvertTo-Json` stops at a depth of 2 unless told otherwise.
# https://learn.microsoft.com/powershell/module/microsoft.powershell.utility/convertto-json
_CUT: Final = re.compile(r"@\{.*\}|System\.(?:Object|String|Collections|Management)[\w.\[\]`]*", re.DOTALL)
_DEEPEST: Final = 30
_REMEMBERED: Final = 256


def as_arm(raw: object, text: bytes | memoryview | None = None) -> tuple[object, list[Gap]]:
    """Return an entry as Azure Resource Manager states it, with the gaps in it; what is no resource stays as it is.

    `text` is the entry as it was read, where that is at hand.
    """
    if not isinstance(raw, dict):
        return raw, []
    once, doubled = twins.each_once(raw)
    body = powershell.as_arm(once) if powershell.is_from_powershell(once) else once
    resource_id = body.get("id")
    if isinstance(resource_id, str) and resource_id.lower().startswith("subscriptions/"):
        # Azure Monitor answers so for the diagnostic settings of a subscription
        resource_id = f"/{resource_id}"
        body = {**body, "id": resource_id}
    if not isinstance(resource_id, str) or not ids.is_resource_id(resource_id):
        return command_line.classic_administrator(body) or body, []
    stated = body.get("type")
    name = stated if isinstance(stated, str) and stated else ids.type_of(resource_id) or ""
    kind = shipped().get(name)
    gaps = list(twins.gaps_of(doubled, resource_id, name))
    if name.lower() not in WITHOUT_PROPERTIES and command_line.lifted_names(body):
        known = kind or _UNKNOWN_TYPE
        reason = NOT_PRINTED if command_line.is_whole(body, known) else REST_NOT_READ
        gaps.append(Gap(resource_id, "properties.*", reason))
        body = command_line.as_arm(body, known)
    gaps += [Gap(resource_id, path, TEXT_FOR_OBJECT) for path in sorted(_cut_places(body, kind, text))]
    if isinstance(properties := body.get("properties"), dict):
        gaps += bare_items(resource_id, name.lower(), properties)
    if kind is not None and powershell.is_from_powershell(raw):
        for word in _numbers_for_words(body, kind):
            gaps.append(Gap(resource_id, word.path, NUMBER_FOR_WORD))
            body = _without(body, [step.folded for step in word.steps])
    return body, gaps


def _numbers_for_words(body: Mapping[str, object], kind: ResourceType) -> list[Property]:
    """Return the properties of which PowerShell printed the number of a word, as `ConvertTo-Json` does unless told otherwise."""
    words = (known for known in kind.properties if isinstance(known.default, str) and paths.EACH not in known.steps)
    return [known for known in words if type(value(body, known.path)) is int]


def _without(body: dict[str, object], names: Sequence[str]) -> dict[str, object]:
    """Return an object without what lies at a path of names in lower case."""
    first, *rest = names
    return {
        name: _without(inner, rest) if rest and name.lower() == first and isinstance(inner, dict) else inner
        for name, inner in body.items()
        if rest or name.lower() != first
    }


def _cut_places(body: Mapping[str, object], kind: ResourceType | None, text: bytes | memoryview | None) -> set[str]:
    """Return the paths at which a text stands where an object or a list belongs."""
    identity, properties = body.get("identity"), body.get("properties")
    cut = {"identity"} if isinstance(identity, str) and identity else set()
    if not isinstance(properties, dict):
        return cut
    places = cut | (set(_cut_texts(properties, "properties")) if _may_be_cut(properties, text) else set())
    if kind is not None:
        places.update(_texts_on_the_way(body, _ways(kind.key), ""))
    return places


def _may_be_cut(properties: Mapping[str, object], text: bytes | memoryview | None) -> bool:
    """Whether any text may begin as PowerShell begins what it cut: nearly none does, and the whole tells quickly."""
    if text is not None and (whole := bytes(text)) and b"\\u" not in whole:
        return b'"@{' in whole or b'"System.' in whole
    try:
        text = orjson.dumps(properties)
    except TypeError:  # nested too deeply to be written
        return True
    return b'"@{' in text or b'"System.' in text


def _cut_texts(value: object, at: str, depth: int = 0) -> Iterator[str]:
    if isinstance(value, str):
        if _CUT.fullmatch(value):
            yield at
    elif depth < _DEEPEST and isinstance(value, dict):
        for name, inner in value.items():
            if isinstance(name, str):
                yield from _cut_texts(inner, f"{at}.{name}", depth + 1)
    elif (
        depth < _DEEPEST
        and isinstance(value, list)
        and any(isinstance(item, str) and _CUT.fullmatch(item) for item in value)
    ):
        yield at


class _Way:
    """A member on the way to known properties; what leads on, by its name in lower case."""

    __slots__ = ("_found", "further")

    def __init__(self) -> None:
        self.further: dict[str, _Way] = {}
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
    """Return the ways to the known properties of a type, each as far as the first list."""
    start = _Way()
    kind = shipped().get(type_key)
    for known in kind.properties if kind else ():
        way = start
        for step in takewhile(lambda step: step is not paths.EACH, known.steps[:-1]):
            way = way.further.setdefault(step.folded, _Way())
    return start


def _texts_on_the_way(value: Mapping[str, object], way: _Way, at: str) -> Iterator[str]:
    """Yield the paths at which known paths end too early in a text."""
    for name, further in way.among(tuple(value)):
        inner = value[name]
        if isinstance(inner, dict):
            yield from _texts_on_the_way(inner, further, f"{at}{name}.")
        elif at and isinstance(inner, str | int | float) and not isinstance(inner, bool):
            yield f"{at}{name}"
