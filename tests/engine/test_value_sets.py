"""Values that fail: what a later failure has that an earlier one had not, nor a worse one instead."""

from __future__ import annotations

import json
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.engine.accepted.finding_sets import as_document, from_document, grown
from auditor.engine.findings.value_sets import of_leaves
from auditor.language.explain import all_that_decided
from auditor.model import Evidence, FailedValue, ValueSet
from auditor.truth import Truth
from tests.language import asking

RESOURCE = "/subscriptions/s/resourceGroups/g/providers/A.B/things/t"


def values(operator: str, *given: object, at: str = "properties.x") -> ValueSet:
    leaves = [Evidence(at, operator, "wanted", each) for each in given]
    return of_leaves(leaves, RESOURCE) or ValueSet(())


@pytest.mark.parametrize(
    ("operator", "old", "new", "is_more"),
    [
        ("equals", ["Allow"], ["allow"], False),
        ("equals", ["a"], ["b"], True),
        ("equals", [None], ["b"], True),
        ("equals", [["1", "2"]], [["1"]], True),  # fewer zones are no better
        ("notIn", [["1", "2"]], [["1"]], False),
        ("notIn", [["1"]], [["1", "2"]], True),
        ("notContains", [["*", "a"]], [["*", "b", "c"]], False),
        ("contains", [["a"]], [["b", "c"]], False),
        ("greaterOrEquals", [30], [60], False),
        ("greaterOrEquals", [30], ["7"], True),
        ("lessOrEquals", [400], [100], False),
        ("lessOrEquals", [100], [400], True),
        ("notOlderThan", ["2024-01-01T00:00:00Z"], ["2024-02-01T00:00:00Z"], False),
        ("notOlderThan", ["2024-01-01T00:00:00Z"], ["2023-02-01T00:00:00Z"], True),
        ("greater", [None], ["2020-01-01"], True),
        ("any", [0], [3], False),
    ],
)
def test_what_got_better_is_not_more(operator: str, old: list[object], new: list[object], *, is_more: bool) -> None:
    assert (grown(values(operator, *new), values(operator, *old)) is not None) == is_more


@pytest.mark.parametrize(("old", "new", "is_more"), [("TLS1_0", "TLS1_1", False), ("TLS1_1", "TLS1_0", True)])
def test_versions_of_tls_have_an_order(old: str, new: str, *, is_more: bool) -> None:
    at = "properties.minimumTlsVersion"
    assert (grown(values("in", new, at=at), values("in", old, at=at)) is not None) == is_more


@pytest.mark.parametrize(
    ("wanted", "old", "new", "is_more"),
    [("count >= 3", 1, 2, False), ("count >= 3", 2, 1, True), ("count = 0", 1, 2, True), ("count = 0", 2, 1, False)],
)
def test_a_count_is_better_towards_what_is_wanted(wanted: str, old: int, new: int, *, is_more: bool) -> None:
    before, after = ([Evidence("rules[*]", "count", wanted, each)] for each in (old, new))
    less, more = of_leaves(before, RESOURCE), of_leaves(after, RESOURCE)
    assert less
    assert more
    assert (grown(more, less) is not None) == is_more


def test_elements_are_told_apart_by_name_and_counted_where_they_have_none() -> None:
    def elements(*named: tuple[int, str | None]) -> ValueSet:
        leaves = [Evidence(f"rules[{n}].open", "equals", expected=False, actual=True, name=name) for n, name in named]
        found = of_leaves(leaves, RESOURCE)
        assert found
        return found

    assert grown(elements((4, "a")), elements((1, "a"))) is None
    assert grown(elements((1, "b")), elements((1, "a"))) is not None
    assert grown(elements((1, None), (7, None)), elements((0, None), (3, None))) is None
    assert grown(elements((0, None), (1, None), (2, None)), elements((0, None), (1, None))) == ValueSet(
        (FailedValue("rules[*].open", "equals", "true"),)
    )


def test_what_the_baseline_says_is_no_value_of_the_estate() -> None:
    assert of_leaves([Evidence("[parameters('x')]", "equals", 1, 2)], RESOURCE) is None


def test_a_default_that_stands_in_is_the_value_that_azure_takes() -> None:
    absent = Evidence("properties.x", "equals", "Disabled", None, assumed="Enabled", absent=True)
    written = Evidence("properties.x", "equals", "Disabled", "Enabled")
    assert of_leaves([absent], RESOURCE) == of_leaves([written], RESOURCE)


LADDER = ["lessOrEquals", "greaterOrEquals", "equals", "notIn", "any"]
ladders = st.lists(
    st.builds(
        FailedValue,
        at=st.sampled_from(["a", "b"]),
        operator=st.sampled_from(LADDER),
        value=st.sampled_from(["1", "2", "3", "null", '["x"]', '["x", "y"]']),
        times=st.integers(1, 3),
    ),
    max_size=4,
    unique_by=lambda each: (each.at, each.operator, each.value),
).map(lambda each: ValueSet(tuple(sorted(each))))


@settings(max_examples=150)
@given(ladders, ladders, ladders)
def test_within_is_an_order(first: ValueSet, second: ValueSet, third: ValueSet) -> None:
    assert grown(first, first) is None
    if grown(first, second) is None and grown(second, third) is None:
        assert grown(first, third) is None
    more = grown(first, second)
    assert more is None or (isinstance(more, ValueSet) and grown(more, first) is None)


@settings(max_examples=150)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=4), st.lists(st.integers(0, 3), min_size=1, max_size=4))
def test_numbers_are_within_where_each_has_one_as_bad_of_its_own(new: list[int], old: list[int]) -> None:
    """Brute force: some way to give each new number an old one that is no smaller."""
    fits = any(
        all(mine <= theirs for mine, theirs in zip(new, order, strict=False))
        for order in permutations(old)
        if len(old) >= len(new)
    )
    assert (grown(values("lessOrEquals", *new), values("lessOrEquals", *old)) is None) == fits


@given(ladders)
def test_values_are_read_back_from_a_report_as_they_were(of: ValueSet) -> None:
    assert from_document(json.loads(json.dumps(as_document(of)))) == of


def _failed(written: dict[str, Any], *ports: int) -> ValueSet:
    rules = [{"name": f"r{port}", "properties": {"port": port}} for port in ports]
    environment = asking.scope({"properties": {"rules": rules}})
    found = of_leaves(all_that_decided(asking.condition(written), environment, Truth.NO), environment.here.id)
    assert found
    return found


def test_all_that_is_wrong_in_a_list_is_held_and_of_what_is_missing_that_it_is() -> None:
    is_safe = {"field": "properties.rules[*].properties.port", "equals": 443}
    every, some = ({kind: {"in": "properties.rules[*]", "where": is_safe}} for kind in ("every", "any"))
    few, many = (22, 23), range(20, 40)
    assert grown(_failed(every, *few), _failed(every, *many)) is None
    more = grown(_failed(every, *many), _failed(every, *few))
    assert isinstance(more, ValueSet)
    assert len(more.values) == len(many) - len(few)
    assert grown(_failed(some, *many), _failed(some, *few)) is None, "that none is right was known"
