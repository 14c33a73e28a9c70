"""Show what a fact was derived from, as it stands in the data: settings, rules, related resources, all of a type."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import Final, NamedTuple

import orjson

from auditor import resource_id as ids
from auditor.analysis.fact import Fact
from auditor.azure.paths import ABSENT, ShapeError, parse, walk
from auditor.engine.bounded_cache import BoundedCache
from auditor.engine.findings.disclosure import evidence_without_secrets
from auditor.engine.findings.shared_evidence import (
    FactInputs,
    InputLeaves,
    InputPlace,
    SharedEvidence,
    SharedLeaf,
    SharedLeaves,
    ValueOrigin,
)
from auditor.estate.graph import Estate
from auditor.model import Evidence, Resource
from auditor.network.security_groups import default_rule_properties

INPUTS_SHOWN: Final = 24
_REMEMBERED: Final = 8_192
_VALUES: Final = 8_192
_MEMBERS_SHOWN: Final = 20
_LEAVES_SHOWN: Final = 60
_DEEPEST: Final = 5
_RELATION: Final = re.compile(r"related\((\w+)\)")
_PLACE: Final = re.compile(r"(?P<list>[^\[\]]+)\[(?P<number>\d+)\]\.?")
_PLAIN: Final = frozenset((str, bool, int, float, type(None)))
_EQUAL_READS_ALIKE: Final = frozenset((str, bool, int, type(None), type(ABSENT)))
"""The types of which two equal values are the same, which 0.0 and -0.0 are not."""
_GROUPS: Final = (Mapping, list)
_EXACTLY: Final = orjson.OPT_PASSTHROUGH_SUBCLASS | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS
_LONGEST: Final = 4_096  # of what stands at a place, as JSON, that is remembered
_ANSWERED: Final = frozenset({"etag", "provisioningstate", "resourceguid"})
"""What Azure says of a resource whatever anybody set."""


class _CleanLeaves(NamedTuple):
    """What stands at a place, without whose it is and without the secrets in it, which are `hidden`."""

    leaves: SharedLeaves
    hidden: Sequence[tuple[object, object]]


_Standing = tuple[str, type, object] | bytes
"""What stands where: the same for the same values at the same paths, whatever they are of."""


class RawInputs:
    """What facts were derived from, without the secrets in it. Many are derived from the same: the last are remembered.

    `number` tells the estate from others that are judged together with it.
    """

    def __init__(self, estate: Estate, number: int = 0) -> None:
        self.estate = estate
        self.number = number
        self._known: BoundedCache[InputPlace, InputLeaves] = BoundedCache(_REMEMBERED)
        self._values: BoundedCache[_Standing, _CleanLeaves] = BoundedCache(_VALUES)

    def of(self, fact: Fact) -> FactInputs:
        """Return what a fact was derived from, to be read when somebody wants to see it; what it rests on most comes first."""
        return FactInputs(tuple(islice(dict.fromkeys(fact.raw_inputs()), INPUTS_SHOWN)), self)

    def at(self, place: InputPlace) -> InputLeaves:
        """Return what stands at a path of a resource. Where many hold the same there, it is the same leaves."""
        known = self._known.get(place)
        return self._known.keep(place, self.read(place)) if known is None else known

    def read(self, place: InputPlace) -> InputLeaves:
        """Return the same without a look at what is remembered of places, and without remembering it."""
        resource_id, path = place
        if is_of_one(path):
            resource = self.estate.get(resource_id)
            if resource is not None:
                clean = self._at(resource, path)
                origin = ValueOrigin(resource.id, resource.source, resource.api_version, resource.collected_at)
                return InputLeaves(SharedEvidence(clean.leaves, (origin,)), clean.hidden)
        owner = 0 if resource_id or "/" not in path else None
        clean = _clean(_elsewhere(resource_id, path, self.estate), owner)
        return InputLeaves(SharedEvidence(clean.leaves, (ValueOrigin(resource_id),)), clean.hidden)

    def _at(self, resource: Resource, path: str) -> _CleanLeaves:
        """Return what stands at a path of a resource; settings are alike in many."""
        try:
            ends = _ends(resource, path)[:_MEMBERS_SHOWN]
        except (ValueError, ShapeError):
            ends = []
        standing = _standing(ends)
        known = None if standing is None else self._values.get(standing)
        if known is None:
            is_kept = standing is not None
            known = _clean([_leaf(at, value) for at, value in ends], 0, was_read=True, is_kept=is_kept)
            if standing is not None:
                self._values.keep(standing, known)
        return known


def _standing(ends: Sequence[tuple[str, object]]) -> _Standing | None:
    """Return what stands where, so that it can be found again; None where it is long, or JSON does not tell it apart."""
    if len(ends) == 1 and type(ends[0][1]) in _EQUAL_READS_ALIKE:
        [(at, value)] = ends
        return (at, type(value), value)
    try:
        text = orjson.dumps(ends, option=_EXACTLY)
    except TypeError:
        return None
    return None if len(text) > _LONGEST or b"null" in text else text  # null may be a number that is none


def _clean(
    leaves: Sequence[Evidence], owner: int | None, *, was_read: bool = False, is_kept: bool = False
) -> _CleanLeaves:
    """Return leaves without secrets, and without whose they are."""
    clean = list(map(evidence_without_secrets, leaves))
    changed = [(old.actual, new.actual) for old, new in zip(leaves, clean, strict=True) if new is not old]
    hidden = [pair for pair in changed if pair[0] is not pair[1]]
    return _CleanLeaves(SharedLeaves(tuple([SharedLeaf(leaf, owner, was_read) for leaf in clean]), is_kept), hidden)


def is_of_one(path: str) -> bool:
    """Whether what stands at a place is part of the resource there, and lists no others."""
    return "/" not in path and _RELATION.fullmatch(path) is None


def _elsewhere(resource_id: str, path: str, estate: Estate) -> Sequence[Evidence]:
    """Return what is no part of a resource that is known: which others there are, or a rule that Azure adds by itself."""
    if path.startswith("related(") and (relation := _RELATION.fullmatch(path)) is not None:
        related = sorted((other.id for other in estate.related(resource_id, relation[1])), key=str.lower)
        return [_listed(path, related)]
    if "/" in path:
        return [_listed(path, _all_of(path, ids.key(resource_id), estate))]
    if (rule := default_rule_properties(ids.name_of(resource_id))) is not None and _is_default_rule(resource_id):
        return [Evidence(path, "input", None, rule, source="azure-default")]
    return []


def _all_of(resource_type: str, scope: str, estate: Estate) -> list[str]:
    return sorted((other.id for other in estate.of_type_below(resource_type, scope)), key=str.lower)


def _is_default_rule(resource_id: str) -> bool:
    return "/defaultsecurityrules/" in ids.key(resource_id)


def _listed(path: str, found: list[str]) -> Evidence:
    """Return which resources there are, by id; that there are none is an answer, too."""
    more = len(found) - _MEMBERS_SHOWN
    shown = [*found[:_MEMBERS_SHOWN], f"{more} more"] if more > 0 else found
    return Evidence(path, "input", None, shown)


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


def _leaf(path: str, value: object) -> Evidence:
    if value is ABSENT:
        return Evidence(path, "input", None, None, absent=True)
    return Evidence(path, "input", None, value if type(value) in _PLAIN else _Outline().of(value))


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
        names = _shown(tuple(value))
        # plain members come first, so that what is long takes no room from what is short
        groups = [name for name in names if type(item := value[name]) not in _PLAIN and isinstance(item, _GROUPS)]
        if not groups:
            self._left -= len(names)
            return {str(name): value[name] for name in names}
        later = frozenset(groups)
        outlined = {name: self.of(value[name], depth + 1) for name in names if name not in later}
        outlined |= {name: self.of(value[name], depth + 1) for name in groups}
        return {str(name): outlined[name] for name in names}


@lru_cache(maxsize=_VALUES)
def _shown(names: tuple[str, ...]) -> Sequence[str]:
    """Return the names of an object's members that are shown; in whatever order they came, the same are left out."""
    return sorted((name for name in names if str(name).lower() not in _ANSWERED), key=lambda name: str(name).lower())
