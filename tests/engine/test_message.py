"""The sentence of a finding."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.engine import message
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


def test_a_sentence_names_three_leaves_and_counts_the_rest() -> None:
    leaves = [Evidence(name, "equals", 1, 2) for name in "abcde"] + [Evidence("z", "context", None, 5)]

    assert message.decided("T", leaves) == "T: a is 2, expected 1; b is 2, expected 1; c is 2, expected 1; and 2 more."
    assert message.decided("T", leaves[5:]) == "T."
    assert message.decided("T", []) == "T."


def test_an_unknown_names_what_is_missing_and_what_would_settle_it() -> None:
    gap = Gap("/s", "properties.x", "forbidden", "x/read")

    assert message.undecided("T", [gap], ["bad"]) == (
        "Not known whether: T: properties.x at /s: forbidden, needs x/read; this could not be evaluated: bad."
    )
    assert message.undecided("T", [], []) == "Not known whether: T: the data does not say."


@pytest.mark.parametrize(
    ("gap", "expected"),
    [
        (Gap("/", "n/sites", "not in the export", "n/sites/read"), "n/sites is not in the export, needs n/sites/read"),
        (
            Gap("/s", "n/sites", "not in the export: a, which b names"),
            "n/sites at /s is not in the export: a, which b names",
        ),
        (Gap("/s", "n/sites", "only its id is in the export"), "n/sites at /s: only its id is in the export"),
        (Gap("/s", "properties.x", "the site does not state it"), "properties.x at /s: the site does not state it"),
        (Gap("/s", "n/sites", "throttled"), "n/sites at /s: throttled"),
    ],
)
def test_an_unknown_says_once_that_something_is_missing(gap: Gap, expected: str) -> None:
    assert message.undecided("T", [gap], ()) == f"Not known whether: T: {expected}."
