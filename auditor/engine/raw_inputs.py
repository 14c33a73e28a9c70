"""Show what a fact was derived from, as it stands in the data: settings, rules, related resources, all of a type."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import islice
from operator import is_
from typing import Final

from auditor import resource_id as ids
from auditor.analysis.fact import Fact
from auditor.azure.paths import ABSENT, ShapeError, parse, walk
from auditor.engine.bounded_cache import BoundedCache
from auditor.engine.disclosure import evidence_without_secrets
from auditor.engine.shared_evidence import FactInputs, InputLeaves, InputPlace
from auditor.estate.graph import Estate
from auditor.model import Evidence, Resource
from auditor.network.security_groups import default_rule_properties

INPUTS_SHOWN: Final = 24
_REMEMBERED: Final = 8_192
_MEMBERS_SHOWN: Final = 20
_LEAVES_SHOWN: Final = 60
_DEEPEST: Final = 5
_RELATION: Final = re.compile(r"related\((\w+)\)")
_PLACE: Final = re.compile(r"(?P<list>[^\[\]]+)\[(?P<number>\d+)\]\.?")
_PLAIN: Final = frozenset((str, bool, int, float, type(None)))
_ANSWERED: Final = frozenset({"etag", "provisioningstate", "resourceguid"})
"""What Azure says of a resource whatever anybody set."""


class RawInputs:
    """What facts were derived from, without the secrets in it. Many are derived from the same: the last are remembered.

    `number` tells the estate from others that are judged together with it.
    """

    def __init__(self, estate: Estate, number: int = 0) -> None:
        self._estate = estate
        self.number = number
        self._known: BoundedCache[InputPlace, InputLeaves] = BoundedCache(_REMEMBERED)

    def of(self, fact: Fact) -> FactInputs:
        """Return what a fact was derived from, to be read when somebody wants to see it; what it rests on most comes first."""
        return FactInputs(tuple(islice(dict.fromkeys(fact.raw_inputs()), INPUTS_SHOWN)), self)

    def at(self, place: InputPlace) -> InputLeaves:
        """Return what stands at a path of a resource."""
        known = self._known.get(place)
        return self._known.keep(place, self._read(place)) if known is None else known

    def _read(self, place: InputPlace) -> InputLeaves:
        leaves = _raw_inputs(*place, self._estate)
        clean = list(map(evidence_without_secrets, leaves))
        if all(map(is_, clean, leaves)):
            return InputLeaves(clean)
        changed = [(old.actual, new.actual) for old, new in zip(leaves, clean, strict=True) if new is not old]
        return InputLeaves(clean, [pair for pair in changed if pair[0] is not pair[1]])


def is_of_one(path: str) -> bool:
    """Whether what stands at a place is part of the resource there, and lists no others."""
    return "/" not in path and _RELATION.fullmatch(path) is None


def _raw_inputs(resource_id: str, path: str, estate: Estate) -> Sequence[Evidence]:
    if path.startswith("related(") and (relation := _RELATION.fullmatch(path)) is not None:
        related = sorted((other.id for other in estate.related(resource_id, relation[1])), key=str.lower)
        return [_listed(path, resource_id, related)]
    if "/" in path:
        below = ids.key(resource_id)
        return [_listed(path, resource_id or None, _all_of(path, below, estate))]
    if (resource := estate.get(resource_id)) is not None:
        return _at(resource, path)
    if (rule := default_rule_properties(ids.name_of(resource_id))) is not None and _is_default_rule(resource_id):
        return [Evidence(path, "input", None, rule, resource_id=resource_id, source="azure-default")]
    return []


def _all_of(resource_type: str, scope: str, estate: Estate) -> list[str]:
    return sorted((other.id for other in estate.of_type_below(resource_type, scope)), key=str.lower)


def _is_default_rule(resource_id: str) -> bool:
    return "/defaultsecurityrules/" in ids.key(resource_id)


def _listed(path: str, resource_id: str | None, found: list[str]) -> Evidence:
    """Return which resources there are, by id; that there are none is an answer, too."""
    more = len(found) - _MEMBERS_SHOWN
    shown = [*found[:_MEMBERS_SHOWN], f"{more} more"] if more > 0 else found
    return Evidence(path, "input", None, shown, resource_id=resource_id)


def _ends(resource: Resource, path: str) -> Sequence[tuple[str, object]]:
    """Return what a path leads to; elements of lists go by their place, as evidence spells them."""
    start: object = resource.body
    if "[" not in path and "'" not in path:
        value = start
        for step in parse(path):  # as nearly always: what is asked for is there, and spelled as it was asked for
            value = value.get(step.name) if type(value) is dict else None
            if value is None:
                break
        else:
            return [(path, value)]
    before, rest = "", path
    while (place := _PLACE.match(rest)) is not None:
        lists = list(walk(start, parse(place["list"])))
        number = int(place["number"])
        elements = lists[0][1] if lists else ABSENT
        if not isinstance(elements, list) or number >= len(elements):
            return [(path, ABSENT)]
        before, start = f"{before}{lists[0][0]}[{number}]", elements[number]
        rest = rest[place.end() :]
        if not rest:
            return [(before, start)]
        before += "."
    return [(f"{before}{at}", value) for at, value in walk(start, parse(rest))]


def _at(resource: Resource, path: str) -> Sequence[Evidence]:
    try:
        ends = _ends(resource, path)[:_MEMBERS_SHOWN]
    except (ValueError, ShapeError):
        return []
    return [
        Evidence(
            path=at,
            operator="input",
            expected=None,
            actual=None if value is ABSENT else value if type(value) in _PLAIN else _Outline().of(value),
            absent=value is ABSENT,
            resource_id=resource.id,
            source=resource.source,
            api_version=resource.api_version,
            collected_at=resource.collected_at,
        )
        for at, value in ends
    ]


class _Outline:
    """A value without what Azure only answers, and cut where it is long: of what is left out, the size is told."""

    def __init__(self) -> None:
        self._left = _LEAVES_SHOWN

    def of(self, value: object, depth: int = 0) -> object:
        """Return the value, or how much it holds where there is no room for it."""
        if type(value) in _PLAIN:
            self._left -= 1
            return value
        if isinstance(value, Mapping):
            if depth > _DEEPEST or self._left <= 0:
                return f"object with {len(value)} properties"
            return self._object(value, depth)
        if isinstance(value, list):
            if depth > _DEEPEST or (value and self._left <= 0):
                return f"list of {len(value)}"
            return [self.of(each, depth + 1) for each in value]
        self._left -= 1
        return value

    def _object(self, value: Mapping[str, object], depth: int) -> object:
        members = {str(name): each for name, each in value.items() if str(name).lower() not in _ANSWERED}
        names = sorted(members, key=str.lower)  # in whatever order they came, the same are left out
        # plain members come first, so that what is long takes no room from what is short
        groups = [
            name for name in names if type(members[name]) not in _PLAIN and isinstance(members[name], Mapping | list)
        ]
        if not groups:
            self._left -= len(names)
            return {name: members[name] for name in names}
        later = frozenset(groups)
        outlined = {name: self.of(members[name], depth + 1) for name in names if name not in later}
        outlined |= {name: self.of(members[name], depth + 1) for name in groups}
        return {name: outlined[name] for name in names}
