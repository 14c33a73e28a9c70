"""How old something is: measured at the time of judgement, and never guessed where no time stands."""

from __future__ import annotations

import pytest

from auditor.errors import ContentError
from auditor.truth import NO, UNKNOWN, YES, Truth
from tests.language.asking import ask, condition, truth

# the time of judgement is 2024-03-01T00:00:00Z
AGES = [
    ("2024-02-20T00:00:00Z", NO),
    ("2024-02-20T00:00:00.0000000Z", NO),
    ("2024-02-19T23:59:59Z", YES),
    ("2024-02-20T01:00:00+01:00", NO),
    ("2024-02-20T00:30:00+01:00", YES),
    ("2025-01-01", NO),
    ("soon", UNKNOWN),
    (5, UNKNOWN),
    ([], UNKNOWN),
]


@pytest.mark.parametrize(("moment", "is_older"), AGES)
def test_a_time_is_older_than_some_days_or_it_is_not(moment: object, is_older: Truth) -> None:
    body = {"properties": {"color": moment}}
    opposite = {YES: NO, NO: YES, UNKNOWN: UNKNOWN}[is_older]

    assert truth("{field: color, olderThan: {days: 10}}", body) is is_older
    assert truth("{field: color, notOlderThan: {days: 10}}", body) is opposite
    assert truth("{field: color, notOlderThan: {days: \"[parameters('n')]\"}}", body, parameters={"n": 10}) is opposite


@pytest.mark.parametrize("operator", ["olderThan", "notOlderThan"])
def test_a_time_that_is_not_there_is_neither_old_nor_young(operator: str) -> None:
    assert truth(f"{{field: color, {operator}: {{days: 10}}}}", {"properties": {}}) is NO
    assert truth(f"{{field: color, {operator}: {{days: 10}}}}", {"properties": {"color": None}}) is NO


def test_evidence_shows_the_time_and_the_days() -> None:
    (leaf,) = ask("{field: color, notOlderThan: {days: 9}}", {"properties": {"color": "2024-01-01"}}).evidence

    assert (leaf.operator, leaf.expected, leaf.actual) == ("notOlderThan", {"days": 9}, "2024-01-01")


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("{field: color, olderThan: 5}", "olderThan must be a mapping"),
        ("{field: color, olderThan: {}}", "'olderThan' needs 'days'"),
        ("{field: color, olderThan: {dyas: 5}}", "did you mean 'days'?"),
        ("{field: color, olderThan: {days: x}}", "days must be a number, or an expression"),
        ("{field: color, olderThan: {days: true}}", "days must be a number, or an expression"),
        ("{count: {field: 'rules[*]'}, olderThan: {days: 1}}", "a count is no time"),
        ("{unknown: {what: a}}", "'unknown' needs 'why'"),
        ("{unknown: {what: a, why: ''}}", "why must be text"),
        ("{unknown: {what: a, why: b}, equals: true}", "unknown key 'equals'"),
    ],
)
def test_a_mistake_says_what_would_be_right(written: str, message: str) -> None:
    with pytest.raises(ContentError, match=None) as raised:
        condition(written)

    assert message in str(raised.value)


def test_the_data_may_have_no_answer_in_either_spelling() -> None:
    for written in (
        "{unknown: {what: the color, why: it is dark}}",
        "{unknown: {what: the color, why: \"[concat('it ', 'is dark')]\"}}",
        "{value: \"[unknown('the color', 'it is dark')]\", equals: true}",
    ):
        explanation = ask(written, {})
        assert explanation.truth is UNKNOWN
        assert [(gap.what, gap.reason) for gap in explanation.gaps] == [("the color", "it is dark")]
        assert explanation.evidence == ()
        assert truth(f"{{not: {written}}}", {}) is UNKNOWN
