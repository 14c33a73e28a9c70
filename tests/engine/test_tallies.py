"""What findings add up to is the same however they come: together, or in parts that are counted apart."""

from __future__ import annotations

import pickle
from collections import Counter
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.engine.findings.order import order_of, rule_of
from auditor.engine.findings.tallies import Counting, NumberSet, Tallies, numbers_by_type, numbers_of, tallies_of
from auditor.estate.graph import Estate
from auditor.inputs import read
from auditor.model import Finding, Gap, Severity, Status
from tests.checkout import SAMPLE

_ESTATE = Estate(read.read(SAMPLE))
_IDS = [resource.id for resource in _ESTATE.resources]
_GAPS = [Gap("/", "one", "no"), Gap("/x", "two", "no", "a/read"), Gap("/x", "Two", "no", "a/read")]
_CONTROLS = st.sampled_from([{"own": ["1"]}, {"own": ["1", "2"], "other": ["9"]}, {}])


@st.composite
def _findings(draw: st.DrawFn) -> Finding:
    rule, place = draw(st.integers(0, 2)), draw(st.none() | st.sampled_from([*_IDS, "/elsewhere"]))
    return Finding(
        f"rule-{rule}",
        list(Severity)[rule],
        draw(st.sampled_from(list(Status))),
        place,
        None if place is None else "A/b",
        draw(st.text("ab", max_size=2)),
        sub_object=draw(st.sampled_from(["", "a"])),
        controls=draw(_CONTROLS),
        gaps=draw(st.lists(st.sampled_from(_GAPS), max_size=2)),
        claims=draw(st.sampled_from([(), ("Waiver",), ("Mitigated", "Waiver")])),
    )


def _told(tallies: Tallies) -> Any:
    """Return tallies so that they can be compared: bytes without numbers say nothing."""
    by_rule = {
        (rule, controls): (
            tally.statuses,
            tally.judged.as_bits,
            tally.others,
            tally.unknown,
            tally.nothing_met and tally.nothing_met[-1],
        )
        for rule, by_controls in tallies.by_rule.items()
        for controls, tally in by_controls.items()
    }
    return by_rule, tallies.claims


@given(found=st.lists(_findings(), max_size=30), cuts=st.lists(st.integers(0, 30), max_size=4))
def test_parts_add_up_to_the_whole(found: list[Finding], cuts: list[int]) -> None:
    numbers, parts = numbers_of(_ESTATE), list[Tallies]()
    for first, last in pairwise([0, *sorted(cuts), len(found)]):
        counting = Counting(numbers)
        counting.add(found[first:last])
        parts.append(pickle.loads(pickle.dumps(counting.tallies)))  # noqa: S301 - its own

    assert _told(Tallies.together(parts)) == _told(tallies_of(found, _ESTATE))


@given(found=st.lists(_findings(), max_size=30))
def test_they_are_what_one_counts_by_hand(found: list[Finding]) -> None:
    numbers = numbers_of(_ESTATE)
    by_rule, claims = _told(tallies_of(found, _ESTATE))

    assert claims == Counter(each.claims[0] for each in found if each.claims)
    for (rule, controls), (statuses, judged, others, unknown, nothing_met) in by_rule.items():
        own = [
            each
            for each in found
            if each.rule_id == rule
            and controls == tuple((name, one) for name in sorted(each.controls) for one in each.controls[name])
        ]
        placed = [each.resource_id for each in own if each.status is not Status.NOT_APPLICABLE and each.resource_id]
        unmet = [each for each in own if each.status is Status.NOT_APPLICABLE and each.resource_id is None]
        assert statuses == Counter(each.status for each in own)
        assert judged == sum(1 << numbers[one] for one in set(placed) if one in numbers)
        assert set(others) == set(placed) - numbers.keys()
        assert sum(unknown.values()) == statuses[Status.UNKNOWN]
        assert nothing_met == (min(unmet, key=lambda one: (rule_of(one), order_of(one))).message if unmet else None)
    assert sum(sum(statuses.values()) for statuses, *_ in by_rule.values()) == len(found)


@given(sets=st.lists(st.lists(st.integers(0, 300), max_size=6), max_size=4))
def test_sets_of_numbers_hold_what_was_added(sets: list[list[int]]) -> None:
    whole = NumberSet()
    for numbers in sets:
        own = NumberSet()
        for number in numbers:
            own.add(number)
        assert own.as_bits == sum(1 << number for number in set(numbers))
        whole.update(own)
    assert whole.as_bits == sum(1 << number for number in {number for numbers in sets for number in numbers})


def test_resources_are_numbered_type_by_type() -> None:
    by_type, numbers = numbers_by_type(_ESTATE), numbers_of(_ESTATE)
    assert sorted(numbers.values()) == list(range(len(_IDS)))
    assert all(numbers[resource.id] in by_type[resource.type_key] for resource in _ESTATE.resources)


def test_a_set_of_near_numbers_is_small() -> None:
    numbers = NumberSet()
    for number in range(1_000_000, 1_001_000):
        numbers.add(number)
    assert len(numbers.bits) == pytest.approx(125, abs=1)
