"""Each operator on each kind of left side: the table is written out by hand, not computed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.azure.body import as_time
from auditor.truth import NO, UNKNOWN, YES, truth_of
from tests.language.asking import ask, truth

GONE: dict[str, Any] = {"properties": {}}
NULL = {"properties": {"color": None}}


def holding(value: Any) -> dict[str, Any]:
    return {"properties": {"color": value}}


# operator, right side, left values that satisfy it, left values that do not, whether an absent one does
TABLE: list[tuple[str, Any, list[Any], list[Any], bool]] = [
    ("equals", "Red", ["Red", "rEd"], ["", "re", "redd", [], {}, 0, ["Red"]], False),
    ("equals", "", [""], ["x", [], {}, 0, False], False),
    ("equals", None, [], ["", "null", 0, False, [], {}], True),
    ("equals", 80, [80, 80.0, "80", " 80 ", "80.0"], [81, "81", "8o", True, "", [], {}], False),
    ("equals", 1, [1, "1"], [True, "true", 0], False),
    ("equals", True, [True, "true", "TRUE"], [1, "1", False, "yes", "", [], {}], False),
    ("equals", False, [False, "False"], [0, "", "no", [], {}, True], False),
    ("equals", ["a", 1], [["A", "1"]], [[1, "a"], ["a"], ["a", 1, 1], "a", {}], False),
    ("equals", [], [[]], ["", {}, [""]], False),
    ("equals", {"A": "x"}, [{"a": "X"}], [{}, {"a": "x", "b": 1}, {"a": "y"}, "x", []], False),
    ("equals", "STRASSE", ["straße"], ["strase"], False),
    ("in", ["Red", "Blue"], ["red", "BLUE"], ["", "re", [], {}, ["Red"]], False),
    ("in", [], [], ["", "x", 0, [], {}], False),
    ("in", [None, "x"], ["X"], ["", "null"], False),
    ("in", [80, True], ["80", "true", True, 80], [1, "1", 81], False),
    ("in", "Red", ["red"], ["re", "d"], False),
    ("contains", "lu", ["Blue", "LU", ["x", "LU"], {"Lu": 1}], ["", "ul", ["Blue"], [], {}, {"Blue": 1}], False),
    ("contains", 8, [80, "80", [8], ["8"]], [70, "", [80], {}], False),
    ("contains", "", ["", "x"], [[], {}, ["x"]], False),
    ("containsKey", "Env", [{"env": None}, {"ENV": "x"}], [{}, {"environment": 1}, "env", ["env"], ""], False),
    ("like", "b*e", ["be", "Blue", "b*e"], ["", "blues", "able"], False),
    ("like", "*", ["", "x", 5, True], [], False),
    ("like", "b?e", ["bXe"], ["be", "blue"], False),
    ("like", "a[bc]", ["A[BC]"], ["ab", "ac"], False),
    ("like", "10.*", ["10.0.0.0", "10."], ["100", "10"], False),
    ("match", "a#?.", ["a1b!", "a1bé"], ["A1b!", "a1", "ab1!", "a1b!!", ""], False),
    ("matchInsensitively", "A#?.", ["a1b!", "A9Z."], ["b1b!", ""], False),
    ("less", 10, [9, "9", -1, 9.5], [10, "10", 11], False),
    ("lessOrEquals", 10, [10, "10", 9], [10.5, "11"], False),
    ("greater", 10, [11, "11"], [10, "9"], False),
    ("greaterOrEquals", 10, [10, "10.0"], [9], False),
    ("less", "blue", ["Apple", ""], ["BLUE", "red"], False),
    ("greater", "TLS1_1", ["tls1_2"], ["TLS1_1", "TLS1_0"], False),
    ("less", "2024-03-01T00:00:00Z", ["2024-02-29", "2024-03-01T01:00:00+02:00", "2024-02-29T23:59:59.9999999Z"],
     ["2024-03-01", "2024-03-01T00:00:00.0000001Z", "2024-03-02"], False),
    ("greater", "2024-03-01T00:00:00.1234560Z", ["2024-03-01T00:00:00.1234570Z"], ["2024-03-01T00:00:00.123456Z"], False),
    ("exists", True, ["", [], {}, 0, False, "x"], [], False),
    ("exists", "false", [], ["", [], {}, 0, False], True),
]  # fmt: skip
NEGATED = {
    "equals": "notEquals", "in": "notIn", "contains": "notContains", "containsKey": "notContainsKey",
    "like": "notLike", "match": "notMatch", "matchInsensitively": "notMatchInsensitively",
}  # fmt: skip


@pytest.mark.parametrize(("operator", "right", "held", "failed", "absent"), TABLE)
def test_an_operator_holds_for_exactly_the_listed_values(
    operator: str, right: Any, held: list[Any], failed: list[Any], *, absent: bool
) -> None:
    leaf = {"field": "color", operator: right}

    assert [truth(leaf, holding(value)) for value in held] == [YES] * len(held)
    assert [truth(leaf, holding(value)) for value in failed] == [NO] * len(failed)
    assert [truth(leaf, body) for body in (GONE, NULL, {}, {"properties": None})] == [truth_of(absent)] * 4


@pytest.mark.parametrize(("operator", "right", "held", "failed", "absent"), [row for row in TABLE if row[0] in NEGATED])
def test_a_negative_operator_is_the_opposite_everywhere(
    operator: str, right: Any, held: list[Any], failed: list[Any], *, absent: bool
) -> None:
    leaf = {"field": "color", NEGATED[operator]: right}

    assert [truth(leaf, holding(value)) for value in held] == [NO] * len(held)
    assert [truth(leaf, holding(value)) for value in failed] == [YES] * len(failed)
    assert [truth(leaf, body) for body in (GONE, NULL)] == [truth_of(not absent)] * 2


@pytest.mark.parametrize(
    ("operator", "right", "left"),
    [
        ("less", 1, "x"), ("less", 1, True), ("less", 1, []), ("greater", "x", 1), ("greater", [1], 1),
        ("greaterOrEquals", None, 1), ("contains", [1], "1"), ("like", "*", []), ("like", "*", {}),
        ("match", "#", [1]), ("match", "#", {}), ("matchInsensitively", "#", []), ("contains", None, "x"),
    ],
)  # fmt: skip
def test_a_comparison_that_makes_no_sense_is_unknown_with_an_error_and_never_decides(
    operator: str, right: Any, left: Any
) -> None:
    for condition in ({"field": "color", operator: right}, {"not": {"field": "color", operator: right}}):
        found = ask(condition, holding(left))
        assert found.truth is UNKNOWN
        assert found.errors


@pytest.mark.parametrize(
    ("operator", "right", "without", "with_default"),
    [
        ("equals", "Deny", False, True),
        ("notEquals", "Deny", True, False),
        ("in", ["deny"], False, True),
        ("less", "E", False, True),
        ("exists", True, False, True),
    ],
)
def test_a_default_stands_in_for_an_absent_value_only(
    operator: str, right: Any, *, without: bool, with_default: bool
) -> None:
    leaf = {"field": "color", operator: right}

    assert [truth(leaf, body) for body in (GONE, NULL)] == [truth_of(without)] * 2
    assert [truth({**leaf, "default": "Deny"}, body) for body in (GONE, NULL)] == [truth_of(with_default)] * 2
    assert truth({"field": "color", "equals": "", "default": "Deny"}, holding("")) is YES


@pytest.mark.parametrize("operator", ["equals", "notEquals", "notIn", "notContains", "like", "notLike"])
def test_a_computed_value_that_is_missing_satisfies_no_operator(operator: str) -> None:
    assert truth({"value": "[field('color')]", operator: "x"}, GONE) is NO
    assert truth({"value": "[field('color')]", "exists": False}, GONE) is YES


@pytest.mark.parametrize("spelled", ["eastus2", "East US 2", "EASTUS2", " east us2"])
def test_a_location_ignores_case_and_spaces_on_both_sides(spelled: str) -> None:
    body = {"location": spelled, "properties": {"location": spelled, "color": spelled}}

    assert truth({"field": "location", "equals": "East US2"}, body) is YES
    assert truth({"field": "location", "in": ["westus", "East US 2"]}, body) is YES
    assert truth({"field": "properties.location", "notIn": ["eastus2"]}, body) is NO
    assert truth({"field": "color", "equals": "eastus 2"}, body) is NO


def test_an_id_compares_without_its_last_slash_and_other_text_does_not() -> None:
    spelled = "/Subscriptions/S/resourceGroups/RG/"

    assert truth({"field": "color", "equals": "/subscriptions/s/resourcegroups/rg"}, holding(spelled)) is YES
    assert truth({"field": "color", "in": ["/subscriptions/s/resourcegroups/rg"]}, holding(spelled)) is YES
    assert truth({"field": "color", "equals": "a/b"}, holding("a/b/")) is NO


@pytest.mark.parametrize("path", ["tags['a.b']", "tags['A.B']"])
def test_a_tag_with_a_dot_is_named_in_brackets(path: str) -> None:
    assert truth({"field": path, "equals": "x"}, {"tags": {"a.B": "X"}}) is YES


@pytest.mark.parametrize("path", ["tags.env", "tags[ENV]", "tags['env']", "TAGS.Env"])
def test_the_spellings_of_a_tag_are_one_thing(path: str) -> None:
    assert truth({"field": path, "exists": True}, {"Tags": {"Env": ""}}) is YES
    assert truth({"field": path, "exists": True}, {"tags": None}) is NO


@pytest.mark.parametrize("shape", ["text", 5, True, ["x"], [{}]])
def test_an_object_of_another_shape_is_unknown_and_never_absent(shape: Any) -> None:
    body = {"properties": {"network": shape}}

    for operator, right in (("equals", "Allow"), ("notEquals", "Allow"), ("exists", False), ("exists", True)):
        assert truth({"field": "network.defaultAction", operator: right}, body) is UNKNOWN
    assert truth({"field": "color", "exists": False}, {"properties": shape}) is UNKNOWN


@pytest.mark.parametrize("shape", ["text", 5, True, {"a": 1}])
def test_a_list_of_another_shape_is_unknown_and_never_empty(shape: Any) -> None:
    body = {"properties": {"rules": shape}}

    for kind in ("every", "any", "none"):
        inner = {"in": "rules[*]", "where": {"field": "rules[*].name", "equals": "x"}}
        assert truth({kind: inner}, body) is UNKNOWN
    assert truth({"count": {"field": "rules[*]"}, "equals": 0}, body) is UNKNOWN


@pytest.mark.parametrize(
    ("body", "count"), [({}, 0), ({"rules": None}, 0), ({"rules": []}, 0), ({"rules": [None, {}]}, 2)]
)
def test_every_of_nothing_is_true_and_any_of_nothing_false(body: dict[str, Any], count: int) -> None:
    named = {"in": "rules[*]", "where": {"field": "rules[*].name", "exists": True}}

    assert truth({"every": named}, {"properties": body}) is truth_of(count == 0)
    assert truth({"any": named}, {"properties": body}) is NO
    assert truth({"none": named}, {"properties": body}) is YES
    assert truth({"count": {"field": "rules[*]"}, "equals": count}, {"properties": body}) is YES


@given(
    st.text(max_size=40)
    | st.from_regex(r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)?)?", fullmatch=True)
)
def test_a_time_is_a_moment_of_the_calendar_or_none(text: str) -> None:
    moment = as_time(text)
    assert moment is None or moment.utcoffset() == timedelta(0)
