"""The sentence of a finding."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.engine.findings import message
from auditor.model import Evidence, Gap


@pytest.mark.parametrize(
    ("leaf", "expected"),
    [
        (Evidence("a.b", "equals", "x", "y"), "a.b is y, expected x"),
        (Evidence("a", "equals", expected=True, actual=False), "a is false, expected true"),
        (Evidence("a", "in", ["x", "y"], ""), 'a is "", expected one of x, y'),
        (Evidence("a", "in", [], "x"), "a is x, expected one of nothing"),
        (Evidence("a", "equals", "x", None, absent=True), "a is absent, expected x"),
        (
            Evidence("a", "equals", "x", None, assumed="z", absent=True),
            "a is absent, which Azure takes as z, expected x",
        ),
        (Evidence("a", "exists", expected=True, actual=None, absent=True), "a is absent"),
        (Evidence("r[1]", "any", None, {"p": 1}, name="ssh"), 'r[1] (ssh) is {"p": 1}'),
        (Evidence("r[1]", "every", None, 443), "r[1] is 443"),
        (Evidence("r[*]", "every", None, 0), "r[*] has 0 elements"),
        (Evidence("r[*]", "every", None, None), "r[*] is not known"),
        (Evidence("related(child)", "any", None, 2), "related(child) has 2 elements"),
        (Evidence("r[*]", "count", "count >= 1", 0), "r[*]: 0 that match, expected >= 1"),
        (Evidence("{x}", "like", "{0}", "{1}"), "{x} is {1}, must fit {0}"),
    ],
)
def test_a_clause_says_where_what_and_what_was_expected(leaf: Evidence, expected: str) -> None:
    assert message.clause(leaf) == expected


@pytest.mark.parametrize("value", ["x" * 500, ["x" * 500], {"k": "x" * 500}])
def test_long_values_are_cut(value: Any) -> None:
    assert len(message.value(value)) == message.VALUE_LENGTH


def test_a_failure_names_the_fault_first_and_then_what_is_wanted() -> None:
    leaf = Evidence("properties.httpsOnly", "equals", expected=True, actual=False)

    assert message.failed("T", "The app answers plain HTTP.", [leaf]) == (
        "The app answers plain HTTP: httpsOnly is false; it must be true."
    )
    assert message.failed("T", "", [leaf]) == "httpsOnly is false; it must be true."
    assert message.failed("T", "It is old.", []) == "It is old."
    assert message.failed("T", "", []) == "This does not hold: T."


def test_what_failed_in_several_ways_is_told_by_what_is_there() -> None:
    leaves = [Evidence(name, "equals", 1, 2) for name in "abcde"] + [Evidence("z", "context", None, 5)]

    assert message.failed("T", "Wrong.", leaves) == "Wrong: a is 2; b is 2; c is 2; and 2 more."


@pytest.mark.parametrize("path", ["[length(field('x'))]", "related(slot)", "rules[*]"])
def test_what_is_computed_or_counted_is_in_no_sentence(path: str) -> None:
    leaf = Evidence(path, "any" if path.endswith(")") else "equals", 1, 0)

    assert message.failed("T", "Wrong.", [leaf]) == "Wrong."
    assert message.passed("Right", [leaf]) == "Right."


def test_a_pass_reads_as_a_pass() -> None:
    leaf = Evidence("properties.publicNetworkAccess", "equals", "Disabled", "Disabled")

    assert message.passed("Public access off", [leaf]) == "Public access off: publicNetworkAccess is Disabled."


def test_what_a_rule_does_not_apply_to_is_told_in_words() -> None:
    kind = Evidence("kind", "equals", "a", "b")
    flag = Evidence("asked", "equals", expected=True, actual=False, source="derived")
    choice = Evidence("[parameters('x')]", "equals", expected=True, actual=False)

    assert message.not_applicable([kind], {}) == "Does not apply: kind is b."
    assert (
        message.not_applicable([flag], {"asked": "whether anybody asks"}) == "Does not apply: whether anybody asks: no."
    )
    assert message.not_applicable([choice], {}) == "Does not apply: the baseline does not ask for it."
    assert message.not_applicable([], {}) == "Does not apply."


def test_an_unknown_names_what_is_missing_and_what_would_settle_it() -> None:
    gap = Gap("/s", "properties.x", "forbidden", "x/read")

    assert message.undecided("T", [gap], ["bad"]) == (
        "Not known whether: T: x of s: forbidden, needs x/read; this could not be evaluated: bad."
    )
    assert message.undecided("T", [], []) == "Not known whether: T: the data does not say."


@pytest.mark.parametrize(
    ("gap", "expected"),
    [
        (Gap("/", "n/sites", "not in the export", "n/sites/read"), "n/sites is not in the export, needs n/sites/read"),
        (
            Gap("/s", "n/sites", "not in the export: a, which b names"),
            "n/sites of s is not in the export: a, which b names",
        ),
        (Gap("/s", "n/sites", "only its id is in the export"), "n/sites of s: only its id is in the export"),
        (Gap("/s", "properties.x", "the site does not state it"), "x of s: the site does not state it"),
        (Gap("/s", "n/sites", "throttled"), "n/sites of s: throttled"),
    ],
)
def test_an_unknown_says_once_that_something_is_missing(gap: Gap, expected: str) -> None:
    assert message.undecided("T", [gap], ()) == f"Not known whether: T: {expected}."
