"""Laws of the pattern sets, against exhaustive enumeration and against a library of automata."""

from __future__ import annotations

import os
import pickle
import re
import subprocess
import sys
from itertools import product

from automata.fa.dfa import DFA
from automata.fa.nfa import NFA
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.rbac.bounds import certain
from auditor.rbac.operation_sets import (
    NOTHING,
    WELL_FORMED,
    OperationSet,
    complement,
    difference,
    holds,
    intersection,
    is_empty,
    is_within,
    pattern,
    union,
    witness,
)
from auditor.rbac.permissions import NO_PERMISSIONS, Permissions, covers, perhaps
from auditor.truth import Truth

SEGMENTS = ("a", "b", "read")
LETTERS = "ab/"

by_segment = st.lists(st.sampled_from([*SEGMENTS, "*"]), min_size=1, max_size=4).map("/".join)
by_letter = st.text(alphabet=LETTERS + "*", min_size=1, max_size=5)


def role(patterns: st.SearchStrategy[str]) -> st.SearchStrategy[tuple[tuple[list[str], list[str]], ...]]:
    block = st.tuples(st.lists(patterns, max_size=3), st.lists(patterns, max_size=2))
    return st.lists(block, min_size=1, max_size=2).map(tuple)


Blocks = tuple[tuple[list[str], list[str]], ...]


def language(blocks: Blocks) -> OperationSet:
    return union(difference(union(map(pattern, plus)), union(map(pattern, minus))) for plus, minus in blocks)


def matches(text: str, operation: str) -> bool:
    return re.fullmatch(re.escape(text).replace(r"\*", ".*"), operation, re.DOTALL) is not None


def permits(blocks: Blocks, operation: str) -> bool:
    return any(
        any(matches(p, operation) for p in plus) and not any(matches(p, operation) for p in minus)
        for plus, minus in blocks
    )


def operations_by_segment() -> list[str]:
    segments = [*SEGMENTS, "other"]
    return ["/".join(chosen) for size in range(1, 6) for chosen in product(segments, repeat=size)]


def operations_by_letter() -> list[str]:
    return ["".join(chosen) for size in range(6) for chosen in product("ab/x", repeat=size)]


def assert_containment_agrees(inner: Blocks, outer: Blocks, operations: list[str]) -> None:
    """Compare with enumeration, which can only refute: a claimed excess must prove itself by its witness."""
    left, right = language(inner), language(outer)
    beyond = [name for name in operations if permits(inner, name) and not permits(outer, name)]

    if is_within(left, right):
        assert beyond == []
        assert witness(difference(left, right)) is None
    else:
        found = witness(difference(left, right))
        assert found is not None
        assert permits(inner, found)
        assert not permits(outer, found)
        assert holds(left, found.upper())


@settings(max_examples=150, deadline=None)
@given(role(by_segment), role(by_segment))
def test_containment_of_segment_patterns_agrees_with_enumeration(inner: Blocks, outer: Blocks) -> None:
    assert_containment_agrees(inner, outer, operations_by_segment())


@settings(max_examples=150, deadline=None)
@given(role(by_letter), role(by_letter))
def test_containment_of_patterns_with_stars_inside_words_agrees_with_enumeration(inner: Blocks, outer: Blocks) -> None:
    assert_containment_agrees(inner, outer, operations_by_letter())


def by_library(blocks: Blocks) -> DFA:
    """Build the same set with a library; `x` stands for every letter that no pattern spells."""
    letters = {*LETTERS, "x"}

    def one(text: str) -> DFA:
        return DFA.from_nfa(NFA.from_regex(text.replace("*", ".*"), input_symbols=letters))

    found = DFA.empty_language(letters)
    for plus, minus in blocks:
        block = DFA.empty_language(letters)
        for text in plus:
            block = block.union(one(text))
        for text in minus:
            block = block.difference(one(text))
        found = found.union(block)
    return found


@settings(max_examples=200, deadline=None)
@given(role(by_letter), role(by_letter))
def test_containment_agrees_with_an_automaton_library(inner: Blocks, outer: Blocks) -> None:
    left, right = by_library(inner), by_library(outer)

    assert is_within(language(inner), language(outer)) == left.difference(right).isempty()
    assert is_empty(intersection((language(inner), language(outer)))) == left.intersection(right).isempty()


@settings(max_examples=100, deadline=None)
@given(role(by_segment), role(by_letter))
def test_sets_obey_the_laws_of_boolean_algebra(one: Blocks, other: Blocks) -> None:
    left, right = language(one), language(other)

    assert is_empty(intersection((left, complement(left))))
    assert is_within(intersection((left, right)), left)
    assert is_within(left, union((left, right)))
    assert is_within(complement(union((left, right))), intersection((complement(left), complement(right))))
    assert is_within(NOTHING, left)


@settings(max_examples=100, deadline=None)
@given(role(by_segment))
def test_a_witness_ends_in_a_verb_where_one_exists(blocks: Blocks) -> None:
    found = witness(language(blocks))
    verb_exists = not is_empty(intersection((language(blocks), WELL_FORMED)))

    assert (found is not None and holds(WELL_FORMED, found)) == verb_exists


@settings(max_examples=60, deadline=None)
@given(role(by_segment), role(by_segment))
def test_law_what_is_held_perhaps_covers_no_more_than_nothing_does(held: Blocks, asked: Blocks) -> None:
    asked_for = Permissions(certain(language(asked)), certain(NOTHING))
    maybe = perhaps(Permissions(certain(language(held)), certain(language(held))))
    answers = {covers(outer, asked_for) is Truth.YES for outer in (maybe, NO_PERMISSIONS)}
    assert len(answers) == 1


def test_a_pickled_set_is_found_among_equal_ones_in_another_process() -> None:
    made = "language(((['a/*/read', 'b/*'], ['b/read']),))"
    found = f"pickle.loads({pickle.dumps(language(((['a/*/read', 'b/*'], ['b/read']),)))!r}) in {{{made}}}"
    program = f"import pickle; from tests.rbac.test_operation_set_laws import language; print({found})"
    for seed in ("1", "2"):
        ran = subprocess.run(
            [sys.executable, "-c", program], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True
        )
        assert ran.stdout.strip() == b"True"
