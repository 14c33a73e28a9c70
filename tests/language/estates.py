"""Random conditions and random, also hostile, resources for the laws of the language."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

Json = dict[str, Any]

TEXTS = ["", "Red", "blue", "Deny", "Allow", "80", "1", "true", "TLS1_2", "2024-03-01", "/subscriptions/s/"]
scalars = st.sampled_from([*TEXTS, 0, 1, 80, 1.5, True, False, None])
junk = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["name", "x", "port"]), inner, max_size=2)
    ),
    max_leaves=4,
)
GAPS = [
    "properties", "properties.color", "properties.size", "properties.network", "properties.network.defaultAction",
    "properties.rules", "properties.rules[*].properties.port", "tags", "location", "related:child",
]  # fmt: skip
gaps = st.lists(st.sampled_from(GAPS), unique=True, max_size=3)


def _some(**properties: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    return st.fixed_dictionaries({}, optional=properties)


def _mostly(likely: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(likely, likely, likely, junk)


_rules = st.lists(
    _mostly(_some(name=scalars, properties=_some(port=scalars, sources=_mostly(st.lists(scalars, max_size=3))))),
    max_size=4,
)
bodies = _some(
    name=st.sampled_from(TEXTS),
    location=st.sampled_from(["eastus2", "East US 2"]),
    tags=_mostly(_some(env=scalars)),
    properties=_mostly(
        _some(
            color=_mostly(scalars),
            size=scalars,
            network=_mostly(_some(defaultAction=scalars)),
            rules=_mostly(_rules),
        )
    ),
)
related = _some(child=st.lists(bodies, max_size=3))

_OUTSIDE = ["color", "size", "network.defaultAction", "location", "name", "tags.env", "properties.color"]
_INSIDE = [*_OUTSIDE, "rules[*].name", "rules[*].port"]
_COMPARED = ["equals", "notEquals", "contains", "notContains", "like", "notLike", "less", "greaterOrEquals"]


def _leaves(fields: list[str]) -> st.SearchStrategy[Json]:
    left = st.one_of(
        st.builds(lambda name: {"field": name}, st.sampled_from(fields)),
        st.builds(lambda name: {"value": f"[field('{name}')]"}, st.sampled_from(fields)),
        st.builds(lambda name: {"field": name, "default": "Allow"}, st.sampled_from(fields)),
        st.builds(
            lambda name: {"value": f"[if(equals(field('properties.size'), 1), field('{name}'), 'x')]"},
            st.sampled_from(fields),
        ),
    )
    right = st.one_of(
        st.builds(lambda name, value: {name: value}, st.sampled_from(_COMPARED), scalars),
        st.builds(lambda value: {"exists": value}, st.booleans()),
        st.builds(lambda name, value: {name: value}, st.sampled_from(["in", "notIn"]), st.lists(scalars, max_size=3)),
        st.builds(lambda name: {"equals": f"[field('{name}')]"}, st.sampled_from(fields)),
    )
    return st.builds(lambda one, other: {**one, **other}, left, right)


def _joined(inner: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    several = st.lists(inner, min_size=1, max_size=3)
    return st.one_of(
        st.builds(lambda parts: {"allOf": parts}, several),
        st.builds(lambda parts: {"anyOf": parts}, several),
        st.builds(lambda part: {"not": part}, inner),
    )


_ports = _leaves([*_INSIDE, "rules[*].sources[*]"])
_within_sources = st.builds(
    lambda kind, where: {kind: {"in": "rules[*].sources[*]", "where": where}},
    st.sampled_from(["every", "any", "none"]),
    _ports,
)
_members = st.recursive(st.one_of(_leaves(_INSIDE), _within_sources), _joined, max_leaves=3)
_number = st.integers(0, 3)
_counting = st.sampled_from(["equals", "notEquals", "less", "lessOrEquals", "greater", "greaterOrEquals"])


def _counts(of: Json, where: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    return st.builds(
        lambda inner, operator, number: {"count": {**of, "where": inner}, operator: number}, where, _counting, _number
    )


_quantified = st.one_of(
    st.builds(
        lambda kind, where: {kind: {"in": "rules[*]", "where": where}},
        st.sampled_from(["every", "any", "none"]),
        _members,
    ),
    _counts({"field": "rules[*]"}, _members),
    _counts({"related": "child"}, _leaves(["name", "location", "properties.color"])),
    _counts(
        {"value": "[createArray('Red', field('color'))]", "name": "one"},
        st.just({"value": "[current('one')]", "equals": "red"}),
    ),
)
conditions = st.recursive(st.one_of(_leaves(_OUTSIDE), _quantified), _joined, max_leaves=5)
