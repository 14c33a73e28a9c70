"""Take the secrets out of the body of a resource: by the names of its members, and by what its texts hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from enum import Enum, auto
from functools import lru_cache
from itertools import pairwise
from operator import is_
from typing import Final

from auditor.redaction import text as texts
from auditor.redaction.harmless import BEFORE_OPTIONS, OPTION
from auditor.redaction.marks import Marker
from auditor.redaction.names import (
    API_PROPERTY_ENDINGS,
    ENVELOPE,
    NAMED,
    NAMES_IN_TREES,
    NAMING,
    VALUES,
    Meaning,
    folded,
    is_always_secret,
    looks_like_a_key,
    meaning_of,
)

_VALUES_ARE_SECRET: Final = re.compile(r"(?i)microsoft\.automation/automationaccounts/variables")
_NOTHING: Final[tuple[object, ...]] = ("", [], {})
_SCALARS: Final = frozenset({bool, int, float, type(None)})
_PAIR: Final = frozenset({"value"})
"""Stands for an object with a value beside which its name may stand."""
_PLAIN: Final = frozenset({Meaning.TEXT, Meaning.OPAQUE})
_REMEMBERED: Final = 16_384


class _CarefulNames(dict[tuple[str, ...], frozenset[str]]):
    """By the names of an object's members: those that say more of a value than that it is a text; there are few such sets."""

    def __missing__(self, names: tuple[str, ...]) -> frozenset[str]:
        """Look at the names, and remember what they say."""
        if len(self) >= _REMEMBERED:
            self.clear()
        if VALUES.isdisjoint(names):
            self[names] = frozenset(filter(_is_telling, names))
        else:
            self[names] = _PAIR
        return self[names]


def _is_telling(name: str) -> bool:
    return meaning_of(name) not in _PLAIN or name.lower() == "apiproperties"


_CAREFUL: Final = _CarefulNames()


class _Kind(Enum):
    """What a type tells of a resource's properties: settings that are secret by its name, a variable, nothing."""

    SETTINGS = auto()
    VARIABLE = auto()
    OTHER = auto()


class Redactor:
    """Takes secrets out of what it is given, which stays as it is; what holds none comes back as the same object.

    `key` is that of the hashes that stand for secrets; without one, nothing tells one secret from another. `people`
    takes out e-mail addresses of those who made and changed a resource, too.
    """

    def __init__(self, key: bytes | None = None, *, people: bool = False) -> None:
        self._marker = Marker(key)
        self._people = people

    def body(self, body: Mapping[str, object], *, is_harmless: bool = False) -> Mapping[str, object]:
        """Return the body of a resource without its secrets; what identifies it stays.

        `is_harmless`: all that it is made of was seen to be, so that only its type may make a secret of something in it.
        """
        if is_harmless and not self._people and _kind_of(str(body.get("type", ""))) is _Kind.OTHER:
            return body
        changed: dict[str, object] | None = None
        for name in _looked_at(tuple(body)):
            value = body[name]
            try:
                clean = self._property(body, name, value)
            except RecursionError:
                clean = self._marker.mark(name)  # what is nested too deeply to be looked at is not shown
            if clean is not value:
                changed = dict(body) if changed is None else changed
                changed[name] = clean
        return body if changed is None else changed

    def text(self, text: str) -> str:
        """Return a text without its secrets."""
        return texts.redacted(text, self._marker)

    def value(self, name: str, value: object) -> object:
        """Return a value without its secrets; `name` is that of the member that holds it."""
        return self._member(name, value)

    def at(self, names: tuple[str, ...], value: object) -> object:
        """Return a value without its secrets; `names` are those of the members that lead to it."""
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, str) and _are_in_secrets(names):
            return self._secret(value)
        return self._member(names[-1] if names else "", value)

    def _property(self, body: Mapping[str, object], name: str, value: object) -> object:
        """Treat what a resource's own type or name tells of its properties."""
        if name.lower() != "properties" or not isinstance(value, Mapping):
            return self._member(name, value)
        kind = _kind_of(str(body.get("type", "")))
        if kind is not _Kind.OTHER or isinstance(value.get("value"), str):
            own_name = str(body.get("name", "")).rpartition("/")[2]
            if kind is _Kind.SETTINGS and folded(own_name) in {"appsettings", "connectionstrings"}:
                return self._each(value, lambda _, item: self._tree(item))
            is_secret = kind is _Kind.VARIABLE or meaning_of(own_name) is Meaning.SECRET
            if is_secret and isinstance(value.get("value"), str):
                return self._each(
                    value, lambda key, item: self._tree(item) if key == "value" else self._member(key, item)
                )
        return self._any(value)

    def _object(self, value: Mapping[str, object]) -> Mapping[str, object]:
        """Clean the members of an object, and look twice only at what is not known to be harmless."""
        careful = _CAREFUL[tuple(value)]
        if careful is _PAIR:
            return self._pair(value)
        known = texts.KNOWN_CLEAN
        changed: dict[str, object] | None = None
        for name, item in value.items():  # it is the inmost of reading an estate: what is known is seen without a call
            if careful and name in careful:
                clean = self._member(name, item)
            elif type(item) is str:
                if item in known:
                    continue
                clean = texts.redacted(item, self._marker, meaning_of(name) is Meaning.OPAQUE)
            elif type(item) in _SCALARS:
                continue
            elif type(item) is dict:
                clean = self._object(item)
            elif type(item) is list:
                clean = self._items(item)
            else:
                clean = self._member(name, item)
            if clean is not item:
                changed = dict(value) if changed is None else changed
                changed[name] = clean
        return value if changed is None else changed

    def _items(self, value: list[object]) -> list[object]:
        """Clean a list that no name says anything of."""
        known = texts.KNOWN_CLEAN
        changed: list[object] | None = None
        is_command = bool(value) and isinstance(value[0], str)
        for place, item in enumerate(value):
            if type(item) is str:
                if is_command and item[:1] in BEFORE_OPTIONS:
                    return self._list(value, self._any)
                if item in known:
                    continue
                clean: object = texts.redacted(item, self._marker)
            elif type(item) in _SCALARS:
                continue
            else:
                clean = self._object(item) if type(item) is dict else self._any(item)
            if clean is not item:
                changed = list(value) if changed is None else changed
                changed[place] = clean
        return value if changed is None else changed

    @staticmethod
    def _each(value: Mapping[str, object], clean: Callable[[str, object], object]) -> Mapping[str, object]:
        """Return an object with each member cleaned: the same object where that changes none."""
        changed: dict[str, object] | None = None
        for name, item in value.items():
            replaced = clean(name, item)
            if replaced is not item:
                changed = dict(value) if changed is None else changed
                changed[name] = replaced
        return value if changed is None else changed

    def _member(self, name: str, value: object) -> object:
        meaning = meaning_of(name)
        if isinstance(value, str):
            return self._named_text(meaning, value)
        if isinstance(value, dict | list):
            return self._named_group(name, meaning, value)
        return self._secret(value) if meaning is Meaning.SECRET else value

    def _named_text(self, meaning: Meaning, value: str) -> object:
        if meaning is Meaning.SECRET or (meaning is Meaning.MAYBE and looks_like_a_key(value)):
            return self._secret(value)
        if meaning is Meaning.PERSON and self._people and "@" in value:
            return self._marker.mark(value)
        return texts.redacted(value, self._marker, meaning is Meaning.OPAQUE)

    def _named_group(self, name: str, meaning: Meaning, value: Mapping[str, object] | list[object]) -> object:
        if meaning is Meaning.TREE or (
            meaning is Meaning.SECRET and (isinstance(value, list) or is_always_secret(name))
        ):
            return self._tree(value)
        if isinstance(value, list):
            return self._list(value, self._named_value) if meaning is Meaning.VALUES else self._items(value)
        if meaning is Meaning.SECRET:
            return self._each(value, self._secret_value)
        return self._each(value, self._api_property) if name.lower() == "apiproperties" else self._any(value)

    def _secret_value(self, name: str, value: object) -> object:
        """Clean what an object states whose name speaks of a secret: its type and times are none."""
        return self._tree(value) if folded(name) in NAMED else self._member(name, value)

    def _any(self, value: object) -> object:
        if isinstance(value, str):
            return texts.redacted(value, self._marker)
        if isinstance(value, dict):
            return self._object(value)
        return self._items(value) if isinstance(value, list) else value

    def _pair(self, value: Mapping[str, object]) -> Mapping[str, object]:
        """Clean an object with a `value`: where it has a name beside it, that says what the value is."""
        name = next((str(item) for key, item in value.items() if folded(key) in NAMING), "")

        def clean(key: str, item: object) -> object:
            return self._member(name if name and folded(key) in NAMED else key, item)

        return self._each(value, clean)

    def _list(self, value: list[object], clean: Callable[[object], object]) -> list[object]:
        """Clean a list; in the arguments of a command, what follows an option for a secret is one."""
        cleaned = [clean(item) for item in value]
        if not value or not isinstance(value[0], str):
            return value if all(map(is_, value, cleaned)) else cleaned
        for place, (option, item) in enumerate(pairwise(value), 1):
            if isinstance(option, str) and isinstance(item, str) and OPTION.fullmatch(option) and item[:1] != "-":
                cleaned[place] = self._secret(item)
        return value if all(map(is_, value, cleaned)) else cleaned

    def _api_property(self, name: str, value: object) -> object:
        return self._tree(value) if name.lower().endswith(API_PROPERTY_ENDINGS) else self._member(name, value)

    def _named_value(self, value: object) -> object:
        if not isinstance(value, Mapping):
            return self._any(value)
        return self._each(
            value, lambda name, item: self._tree(item) if name.lower() == "value" else self._member(name, item)
        )

    def _tree(self, value: object) -> object:
        """Redact every leaf but those that name things."""
        if isinstance(value, Mapping):
            return self._each(
                value,
                lambda name, item: (
                    self._any(item)
                    if name.lower() in NAMES_IN_TREES and not isinstance(item, Mapping | list)
                    else self._tree(item)
                ),
            )
        if isinstance(value, list):
            return self._list(value, self._tree)
        return self._secret(value)

    def _secret(self, value: object) -> object:
        if value is None or isinstance(value, bool) or value in _NOTHING:
            return value  # whether it is set is what the reader may know
        if isinstance(value, str) and texts.is_reference(value):
            return self.text(value)
        return self._marker.mark(str(value))


@lru_cache(maxsize=4096)
def _looked_at(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return which members of a resource may hold secrets: all but those that identify it."""
    return tuple(name for name in names if name.lower() not in ENVELOPE)


@lru_cache(maxsize=4096)
def _kind_of(resource_type: str) -> _Kind:
    if "/config" in resource_type.lower():
        return _Kind.SETTINGS
    return _Kind.VARIABLE if _VALUES_ARE_SECRET.fullmatch(resource_type) else _Kind.OTHER


@lru_cache(maxsize=65_536)
def _are_in_secrets(names: tuple[str, ...]) -> bool:
    return any(_holds_secrets(name, names[-1]) for name in names[:-1])


def _holds_secrets(name: str, last: str) -> bool:
    """Whether the last of some members holds a secret because it is one of a group of this name."""
    meaning = meaning_of(name)
    if meaning is Meaning.VALUES:
        return last.lower() == "value"
    return last.lower() not in NAMES_IN_TREES and (meaning is Meaning.TREE or is_always_secret(name))
