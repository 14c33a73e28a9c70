"""Mistakes in conditions are found when a rule is loaded, with their place and what would be right."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.errors import ContentError
from auditor.truth import NO, YES, Truth
from tests.language.asking import THING, condition, truth

MISTAKES = [
    # the condition, where it is wrong, the message, what is suggested
    ("{feild: color, equals: x}", "1:1", "a condition needs one of", "did you mean 'field'?"),
    ("{}", "1:1", "a condition needs one of", ""),
    ("text", "1:1", "a condition must be a mapping", ""),
    ("[{field: color, equals: x}]", "1:1", "a condition must be a mapping, not a list", ""),
    ("{field: color, equal: x}", "1:16", "there is no operator 'equal'", "did you mean 'equals'"),
    ("{field: color}", "1:1", "exactly one operator", ""),
    ("{field: color, equals: x, in: [y]}", "1:1", "exactly one operator, not equals, in", ""),
    ("{field: color, value: x, equals: x}", "1:1", "a field or a value, not both", ""),
    ("{field: colour, equals: x}", "1:9", "Contoso.Test/things has no property 'colour'", "did you mean 'color'?"),
    ("{field: zzz, equals: x}", "1:9", "no property 'zzz'", "write 'properties.zzz'"),
    ("{field: 5, equals: x}", "1:9", "field must be text", ""),
    ("{field: 'rules[*].name', equals: x}", "1:9", "several values at once", "every: {in: '…[*]', where: …}"),
    ("{field: 'properties.any[*]', notEquals: x}", "1:9", "several values at once", "every"),
    ("{field: 'a..b', equals: x}", "1:9", "no property path", ""),
    ("{field: 'color[', equals: x}", "1:9", "no property path", ""),
    ("{allOf: {field: color, equals: x}}", "1:9", "must be a list, not a mapping", ""),
    ("{anyOf: []}", "1:9", "at least one condition", ""),
    ("{not: [{field: color, equals: x}]}", "1:7", "a condition must be a mapping", ""),
    ("{allOf: [{field: color, equals: x}], anyOf: []}", "1:38", "unknown key 'anyOf'", ""),
    ("{allOf: [{field: color, equals: x}], ALLOF: [{field: size, equals: 1}]}", "1:38", "stands here twice", ""),
    ("{field: color, Field: size, equals: x}", "1:16", "'Field' stands here twice", ""),
    ("{field: color, exists: perhaps}", "1:24", "'exists' takes true or false", ""),
    ("{field: color, equals: x, default: \"[parameters('p')]\"}", "1:36", "must be a literal", ""),
    ("{every: {in: 'rules[*]'}}", "1:9", "needs 'where'", ""),
    ("{every: {where: {field: color, equals: x}}}", "1:9", "either 'in' (a list) or 'related'", ""),
    ("{any: {in: rules, where: {field: color, equals: x}}}", "1:12", "must end in [*]", "write 'rules[*]'"),
    ("{any: {on: 'rules[*]', where: {field: color, equals: x}}}", "1:8", "unknown key 'on'", "known: in, related, where"),
    ("{any: {related: chld, where: {field: name, equals: x}}}", "1:17", "no relation 'chld'", "did you mean 'child'"),
    ("{count: {field: 'rules[*]'}}", "1:1", "exactly one operator", ""),
    ("{count: {field: 'rules[*]', related: child}, equals: 1}", "1:9", "exactly one of", ""),
    ("{count: {value: [1]}, equals: 1}", "1:9", "needs a 'name'", ""),
    ("{count: {field: 'rules[*]', wher: {}}, equals: 1}", "1:29", "unknown key 'wher'", "did you mean 'where'?"),
    ("{field: color, in: [\"[parameters('p')]\", x]}", "1:20", "expressions inside a list", "createArray"),
    ("{field: color, equals: \"[parameter('p')]\"}", "1:24", "no function 'parameter'; did you mean 'parameters'", ""),
    ("{field: color, equals: \"[parameters('q')]\"}", "1:24", "declares no parameter 'q'", ""),
    ("{field: color, equals: \"[field('colour')]\"}", "1:24", "unknown property", "did you mean 'color'?"),
    ("{field: color, equals: \"[split('a')]\"}", "1:24", "split takes 2 arguments, 1 are given", ""),
    ("{field: color, equals: \"[substring('a')]\"}", "1:24", "substring takes 2 to 3 arguments, 1", ""),
    ('{field: color, equals: "[utcNow(1)]"}', "1:24", "utcNow takes 0 arguments, 1", ""),
    ("{field: color, equals: \"[concat('a']\"}", "1:24", "',' was expected, the end is there", ""),
    ("{field: color, equals: \"[concat('a')) ]\"}", "1:24", "')' was not expected here", ""),
    ('{field: color, equals: "[concat(\u00a7)]"}', "1:24", "cannot be read", ""),
    ('{field: color, equals: "[]"}', "1:24", "it ends too soon", ""),
    ("{field: color, equals: \"[field(concat('a'))]\"}", "1:24", "a literal name in quotes", ""),
    ("{field: color, equals: \"[current('rules[*].name')]\"}", "1:24", "outside a count or quantifier", ""),
    ("{field: 'Microsoft.Network/privateEndpoints/connections', exists: true}", "1:9", "another type", ""),
]  # fmt: skip


@pytest.mark.parametrize(("written", "place", "message", "hint"), MISTAKES)
def test_a_mistake_is_an_error_with_its_place_and_what_would_be_right(
    written: str, place: str, message: str, hint: str
) -> None:
    with pytest.raises(ContentError) as raised:
        condition(written, ["p"])

    assert raised.value.message.startswith(f"rule.yaml:{place}: ")
    assert message in raised.value.message
    assert hint in raised.value.hint


@pytest.mark.parametrize(
    "written", ["{FIELD: color, EQUALS: red}", "{Field: COLOR, eQuals: RED}", "{allof: [{field: color, EQUALS: red}]}"]
)
def test_the_words_of_the_language_ignore_case(written: str) -> None:
    assert truth(written, {"properties": {"color": "Red"}}) is YES


@pytest.mark.parametrize(
    "name", ["color", "properties.color", "Properties.Color", f"{THING}/color", f"{THING.upper()}/COLOR"]
)
def test_a_property_has_a_short_a_full_and_a_global_name(name: str) -> None:
    assert truth({"field": name, "equals": "red"}, {"properties": {"color": "red"}}) is YES


def test_the_longest_type_gives_a_global_name_its_meaning() -> None:
    found = condition("{field: Contoso.Test/things/parts/material, exists: true}", resource_type=f"{THING}/parts")

    assert found == condition("{field: material, exists: true}", resource_type=f"{THING}/parts") or "material" in str(
        found
    )


def test_a_text_in_double_brackets_is_a_literal() -> None:
    assert truth({"field": "color", "equals": "[[x]"}, {"properties": {"color": "[x]"}}) is YES
    assert truth({"field": "color", "equals": "y", "default": "[[x]"}, {"properties": {}}) is NO


def _deep(levels: int) -> str:
    return '{"not": ' * levels + '{"field": "color", "equals": "x"}' + "}" * levels


def test_conditions_and_expressions_may_be_deep_but_not_bottomless() -> None:
    condition(_deep(62))
    condition({"field": "color", "equals": f"[{'trim(' * 60}'x'{')' * 60}]"})
    for written in (_deep(70), json.dumps({"field": "color", "equals": f"[{'trim(' * 70}'x'{')' * 70}]"})):
        with pytest.raises(ContentError, match="deeper than 64 levels"):
            condition(written)


def _nested(kind: str, levels: int) -> Any:
    inner: Any = {"field": "name", "equals": "x"}
    for _ in range(levels):
        of = {"related": "child"} if kind == "related" else {"value": [1, 2], "name": "one"}
        inner = {"count": {**of, "where": inner}, "greater": 0}
    return inner


@pytest.mark.parametrize("kind", ["related", "value"])
def test_counts_are_nested_four_deep_at_most_whatever_they_go_over(kind: str) -> None:
    condition(_nested(kind, 4))
    with pytest.raises(ContentError, match="nested deeper than 4"):
        condition(_nested(kind, 5))


_LONG = [
    "(" * 100_000,
    "concat(" * 20_000,
    f"'{chr(39) * 120_000}'",
    "a." * 60_000,
    "x" + "[0]" * 40_000,
    " " * 200_000 + "!",
]


def test_a_long_expression_is_read_or_refused_quickly() -> None:
    start = time.process_time()

    for text in _LONG:
        try:
            condition({"field": "color", "equals": f"[{text}]"})
        except ContentError as problem:
            place = problem.message
        else:
            place = "rule.yaml:1:1: "  # some are long but right
        assert re.match(r"rule.yaml:\d+:\d+: ", place)

    assert time.process_time() - start < 3


@given(st.text(st.sampled_from("[]()',. 0a-\\'fieldconcat\u00e9"), max_size=20))
def test_any_expression_is_read_or_refused_with_a_place(text: str) -> None:
    written = {"field": "color", "equals": f"[{text}]"}

    if (place := _refused(written)) is None:
        assert truth(written, {"properties": {"color": "x"}}) in set(Truth)
    else:
        assert place.startswith("rule.yaml:1:")


def _refused(written: Any) -> str | None:
    """Return what a condition is refused with, or None where it loads."""
    try:
        condition(written)
    except ContentError as problem:
        return problem.message
    return None


_KEYS = st.sampled_from(["field", "equals", "in", "count", "where", "allOf", "not", "any", "related"])
_anything = st.recursive(
    st.sampled_from(["color", "rules[*]", "x", 1, None, True]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_KEYS, inner, max_size=3),
    max_leaves=8,
)


@given(written=_anything)
def test_any_condition_is_read_or_refused_with_a_place(written: Any) -> None:
    place = _refused([written] if isinstance(written, str) else written)

    assert place is None or place.startswith("rule.yaml:1:")


def test_current_and_field_mean_the_member_in_hand() -> None:
    body = {
        "properties": {"rules": [{"name": "a", "properties": {"port": 1}}, {"name": "b", "properties": {"port": 2}}]}
    }
    inner = {
        "value": "[concat(current('rules[*].name'), first(field('rules[*].port')), string(length(field('rules'))))]"
    }

    assert truth({"any": {"in": "rules[*]", "where": {**inner, "equals": "b22"}}}, body) is YES
    assert truth({"any": {"in": "rules[*]", "where": {**inner, "equals": "a22"}}}, body) is NO


def test_subject_means_the_judged_resource_inside_a_relation() -> None:
    same = {"field": "name", "equals": "[subject('name')]"}

    assert truth({"any": {"related": "child", "where": same}}, {"name": "N"}, related={"child": [{"name": "n"}]}) is YES
    assert truth({"any": {"related": "child", "where": same}}, {"name": "N"}, related={"child": [{"name": "m"}]}) is NO
