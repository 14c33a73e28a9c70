"""Read how types refer to others, and the files of relations; every mistake is an error that says where.

`docs/resource-types.md` describes the keys.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Final, TypeVar

from auditor.azure import paths
from auditor.azure.relation import NETWORKS, Inherited, Join, Navigation, Place, StatedBy, StatedRelation
from auditor.yaml_source import Node, suggestion

_RELATION: Final = re.compile(r"[a-z]+(-[a-z]+)*")
_WAY: Final = re.compile(r"[a-z][A-Za-z]*")
TYPE: Final = re.compile(r"[A-Za-z0-9]+(\.[A-Za-z0-9]+)+(/[A-Za-z0-9]+)+")
_FLAGS: Final = ("whole", "of_parent", "reverse")
_WAY_FLAGS: Final = ("back", "below", "own", "by_scope", "near")

_Word = TypeVar("_Word", bound=StrEnum)


def stated_relations(node: Node | None) -> Sequence[StatedRelation]:
    """Return what the entries of `refers` say."""
    return [] if node is None else [_stated(item) for item in node.items("refers")]


def placements(node: Node | None) -> Sequence[StatedRelation]:
    """Return what the entries of `placed` say: paths of the subnets in which resources of the type sit."""
    found = []
    for item in [] if node is None else node.items("placed"):
        place, mark = Place(_steps(item.text("each of placed"), item)), str(item.mark)
        found.append(StatedRelation("attached", [place], place=mark))
        found.append(StatedRelation("in-network", [place], to=[NETWORKS], place=mark))
    return found


def _stated(node: Node, relation_of_file: Node | None = None) -> StatedRelation:
    own, what = ("relation", "each of refers") if relation_of_file is None else ("by", "each of stated")
    entries = node.check_keys((own, "at", "join", "first", "to", "where", *_FLAGS), what)
    if relation_of_file is not None:
        entries = {**entries, "relation": relation_of_file}
    if "relation" not in entries:
        node.fail("each of refers needs its 'relation'", "relation: uses")
    if "at" in entries and "first" in entries:
        node.fail("each of refers takes 'at' or 'first', not both")
    places = (
        [_place(item) for item in entries["first"].items("first")] if "first" in entries else [_place(node, entries)]
    )
    to = types_of(entries, "to")
    if any(place.join is Join.NAME for place in places) and not to:
        node.fail("a name is one of something: 'to' says of which types", "to: [Microsoft.KeyVault/vaults/secrets]")
    if "whole" in entries and to:
        node.fail("each of refers takes 'to' or 'whole', not both")
    return StatedRelation(
        relation=_matched(entries["relation"], _RELATION, "relation"),
        places=places,
        to=to,
        where=values_by_path(entries.get("where"), "where"),
        place=str(entries["relation"].mark),
        **{key: _flag(entries, key) for key in _FLAGS},
    )


def values_by_path(node: Node | None, what: str) -> Mapping[paths.Steps, frozenset[str]]:
    """Return property paths with the values, in lower case, that they must lead to."""
    return {
        _steps(path, item): frozenset(str(one.value).lower() for one in item.items(path))
        for path, item in ({} if node is None else node.mapping(what)).items()
    }


def _place(node: Node, entries: Mapping[str, Node] | None = None) -> Place:
    entries = node.check_keys(("at", "join"), "each of first") if entries is None else entries
    join = word(entries["join"], "join", Join) if "join" in entries else Join.ID
    if "at" not in entries and join is not Join.SCOPE:
        node.fail("'at' is missing: the path of what names the other", "at: properties.subnet.id")
    return Place(_steps(entries["at"].text("at"), entries["at"]) if "at" in entries else (), join)


def _steps(text: str, node: Node) -> paths.Steps:
    try:
        return paths.parse(text)
    except ValueError as problem:
        node.fail(str(problem))


def relation(node: Node, name: str) -> tuple[Mapping[str, Navigation], Sequence[StatedBy]]:
    """Return the ways that a relation's file gives, and what it says of types; `name` is the file's, without suffix."""
    entries = node.check_keys(("relation", "ways", "stated"), "a relation")
    if "relation" not in entries:
        node.fail("the file needs 'relation'", f"relation: {name}")
    kind = _matched(entries["relation"], _RELATION, "relation")
    if kind != name:
        entries["relation"].fail(f"'{kind}' must lie in {kind}.yaml, not in {name}.yaml")
    ways = entries["ways"].mapping("ways") if "ways" in entries else {}
    if not ways:
        node.fail("a relation needs 'ways', by whose names it is followed")
    given = entries["stated"].items("stated") if "stated" in entries else []
    stated = [_stated_by(item, entries["relation"]) for item in given]
    return {way: _way(way, item, kind) for way, item in ways.items()}, stated


def _stated_by(node: Node, relation_of_file: Node) -> StatedBy:
    entries = node.mapping("each of stated")
    if "by" not in entries:
        node.fail("each of stated needs 'by': the type whose resources state it", "by: Microsoft.Web/sites")
    return _matched(entries["by"], TYPE, "by").lower(), replace(_stated(node, relation_of_file), place=str(node.mark))


def _way(name: str, node: Node, kind: str) -> Navigation:
    if not _WAY.fullmatch(name):
        node.fail(f"'{name}' is no name of a way", "such as diagnosticSetting")
    entries = node.check_keys(("says", "types", "stated_by", "inherited", "then", *_WAY_FLAGS), f"way '{name}'")
    if "says" not in entries:
        node.fail(f"way '{name}' needs 'says': where it leads, in words")
    flags = {key: _flag(entries, key) for key in _WAY_FLAGS}
    return Navigation(
        kind,
        outward=not flags.pop("back"),
        types=tuple(types_of(entries, "types")),
        stated_by=tuple(types_of(entries, "stated_by")),
        inherited=word(entries["inherited"], "inherited", Inherited) if "inherited" in entries else None,
        then=_matched(entries["then"], _RELATION, "then") if "then" in entries else "",
        says=entries["says"].text("says"),
        **flags,
    )


def types_of(entries: Mapping[str, Node], key: str) -> Sequence[str]:
    """Return the resource types below a key, in lower case."""
    return (
        [_matched(item, TYPE, f"each of {key}").lower() for item in entries[key].items(key)] if key in entries else []
    )


def word(node: Node, key: str, words: type[_Word]) -> _Word:
    """Return one of some words."""
    text = node.text(key)
    if text not in list(words):
        node.fail(f"'{text}' is no value of '{key}'", suggestion(text, words))
    return words(text)


def _matched(node: Node, form: re.Pattern[str], what: str) -> str:
    text = node.text(what)
    if not form.fullmatch(text):
        node.fail(f"'{text}' does not fit '{what}'", "a type such as Microsoft.Web/sites" if form is TYPE else "")
    return text


def _flag(entries: Mapping[str, Node], key: str) -> bool:
    if key not in entries:
        return False
    value = entries[key].value
    if not isinstance(value, bool):
        entries[key].fail(f"'{key}' takes true or false")
    return value
