"""Resolve the names that rules use for properties to where ARM keeps them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final

from msgspec import Struct

from auditor.azure import paths
from auditor.yaml_source import suggestion

ENVELOPE: Final = frozenset(
    (
        "id",
        "name",
        "type",
        "kind",
        "location",
        "tags",
        "identity",
        "sku",
        "zones",
        "managedby",
        "extendedlocation",
        "systemdata",
    )
)
COMPUTED: Final = frozenset(("apiversion", "resourcegroup", "subscriptionid"))
_PROPERTIES: Final = "properties"


class ValueKind(StrEnum):
    """What kind of JSON value a property of a resource holds. Azure's tools also write flags and numbers as texts."""

    BOOLEAN = "boolean"
    NUMBER = "number"
    OBJECT = "object"
    TEXT = "text"


class ValueType(Struct, frozen=True):
    """What a property can hold: JSON types (`text`, `boolean`, `number`, `list`, `object`; `absent`: it may be missing).

    `values` are those that a text can be, empty where it can be any.
    """

    types: tuple[str, ...]
    values: tuple[str, ...] = ()


class Property(Struct, frozen=True):
    """A property of a type that rules may read by its short name.

    `path` is where ARM keeps it. `default` is what Azure applies when it is absent (documented at `source`);
    `since` is the first API version (a date) that returns it: read with an older one, it is unknown and not absent.
    `holds` is what it can hold; None where that is not known.
    """

    path: str
    steps: paths.Steps
    default: object = paths.ABSENT
    since: str | None = None
    source: str | None = None
    holds: ValueType | None = None


class ResolvedName(Struct, frozen=True):
    """Where a name leads: the steps into the data, and what the catalogue knows of the place."""

    steps: paths.Steps
    known: Property | None = None


class UnknownName(Exception):  # noqa: N818 - caught and turned into an error with a place
    """A name that neither the envelope nor the catalogue has; the argument is a hint."""


class Vocabulary:
    """The names that conditions on one kind of subject may use."""

    def __init__(self, what: str, properties: Iterable[Property], *, is_fact: bool = False) -> None:
        self.what = what
        self.is_fact = is_fact
        self._by_name: dict[tuple[str, ...], Property] = {}
        self._prefixes: dict[tuple[str, ...], paths.Steps] = {}
        for item in properties:
            self._by_name[_short(item.steps)] = item
            for end in range(1, len(item.steps) + 1):
                self._prefixes.setdefault(_short(item.steps[:end]), item.steps[:end])

    def resolve(self, text: str) -> ResolvedName:
        """Return where a name leads. UnknownName where it is none of the subject's; ValueError where it is no path."""
        steps = paths.parse(text)
        first = steps[0].folded
        if self.is_fact:
            return self._fact(steps)
        short = _short(steps)
        if found := self._by_name.get(short):
            return ResolvedName(found.steps, found)
        if first in ENVELOPE or first in COMPUTED:
            return ResolvedName(steps)
        if prefix := self._prefixes.get(short):
            return ResolvedName(prefix)
        if first == _PROPERTIES:
            return ResolvedName(steps)
        raise UnknownName(self._hint(text))

    def _fact(self, steps: paths.Steps) -> ResolvedName:
        folded = tuple(step.folded for step in steps)
        if folded in self._prefixes or steps[0].folded in {"id", "type"}:
            return ResolvedName(steps, self._by_name.get(folded))
        raise UnknownName(suggestion(paths.show(steps), self.names()))

    def names(self) -> list[str]:
        """Return the short names known, sorted."""
        return sorted(
            paths.show(tuple(s for s in item.steps if s.folded != _PROPERTIES)) for item in self._by_name.values()
        )

    def _hint(self, text: str) -> str:
        near = suggestion(text, self.names())
        other = f"write 'properties.{text}' for a property that the type's file does not list"
        return f"{near} else {other}" if near.startswith("did") else other


def _short(steps: paths.Steps) -> tuple[str, ...]:
    return tuple(step.folded for step in steps if step.folded != _PROPERTIES)


def fact_vocabulary(kind: str, fields: Mapping[str, ValueType]) -> Vocabulary:
    """Return the names of a fact: exactly the field paths that its kind declares, and their prefixes."""
    declared = [Property(path, paths.parse(path), holds=holds) for path, holds in fields.items()]
    return Vocabulary(kind, declared, is_fact=True)
