"""The laws of three values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.truth import Truth, all_of, any_of, negate, truth_of

truths = st.sampled_from(Truth)
several = st.lists(truths, max_size=5)


def completions(given_truths: Sequence[Truth]) -> Iterator[list[bool]]:
    """Yield every way in which the unknown ones may turn out."""
    if not given_truths:
        yield []
        return
    first, *rest = given_truths
    for tail in completions(rest):
        for value in (True, False) if first is Truth.UNKNOWN else (first is Truth.YES,):
            yield [value, *tail]


def settled(outcomes: set[bool]) -> Truth:
    """Return what all outcomes say, or that they differ."""
    return truth_of(outcomes.pop()) if len(outcomes) == 1 else Truth.UNKNOWN


@given(parts=several)
def test_a_connective_is_known_exactly_where_every_way_that_the_unknown_may_turn_out_gives_the_same(
    parts: list[Truth],
) -> None:
    assert all_of(parts) is settled({all(way) for way in completions(parts)})
    assert any_of(parts) is settled({any(way) for way in completions(parts)})


@given(parts=several)
def test_de_morgan(parts: list[Truth]) -> None:
    assert negate(all_of(parts)) is any_of(map(negate, parts))
    assert negate(any_of(parts)) is all_of(map(negate, parts))


@given(truth=truths)
def test_double_negation(truth: Truth) -> None:
    assert negate(negate(truth)) is truth


@given(data=st.data(), parts=several)
def test_order_and_repetition_do_not_matter(data: st.DataObject, parts: list[Truth]) -> None:
    shuffled = data.draw(st.permutations([*parts, *parts]))

    assert all_of(shuffled) is all_of(parts)
    assert any_of(shuffled) is any_of(parts)


@given(left=several, right=several)
def test_the_parts_may_be_grouped(left: list[Truth], right: list[Truth]) -> None:
    assert all_of([all_of(left), all_of(right)]) is all_of([*left, *right])
    assert any_of([any_of(left), any_of(right)]) is any_of([*left, *right])


@given(parts=several, truth=truths)
def test_one_distributes_over_the_other(parts: list[Truth], truth: Truth) -> None:
    assert all_of([truth, any_of(parts)]) is any_of(all_of([truth, part]) for part in parts)
    assert any_of([truth, all_of(parts)]) is all_of(any_of([truth, part]) for part in parts)


@given(parts=several, data=st.data())
def test_learning_more_never_turns_what_was_known(parts: list[Truth], data: st.DataObject) -> None:
    learned = [data.draw(truths) if part is Truth.UNKNOWN else part for part in parts]

    for connective in (all_of, any_of):
        assert connective(parts) in {Truth.UNKNOWN, connective(learned)}


def test_what_decides_ends_the_asking() -> None:
    def asked(decisive: Truth) -> Iterator[Truth]:
        yield decisive
        pytest.fail("asked on")

    assert all_of(asked(Truth.NO)) is Truth.NO
    assert any_of(asked(Truth.YES)) is Truth.YES


@pytest.mark.parametrize("truth", Truth)
def test_no_truth_may_be_taken_for_a_boolean(truth: Truth) -> None:
    with pytest.raises(TypeError, match="unknown"):
        bool(truth)
