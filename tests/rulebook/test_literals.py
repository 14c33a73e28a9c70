"""A rule on facts compares a field with what the field can be, or it is refused with what would be right."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest

from auditor.analysis.contract import Analysis
from auditor.analysis.fact import Fact, Known, Record, fact, record
from auditor.errors import ContentError
from auditor.rulebook.load import Words
from tests.estates.things import CATALOGUE, write_rule


@record
class Coat(Record):
    """A coat of paint."""

    colour: Literal["red", "blue"]
    """its colour"""


@fact("paint.job", subject="the thing")
class Job(Fact):
    """A job of painting."""

    state: Literal["wet", "dry"]
    """whether it is wet"""
    done: Known[bool]
    """whether it is done"""
    litres: int | None
    """how much it took"""
    painter: str
    """who did it"""
    mood: Literal["good"] | str  # noqa: PYI051 - one of two sources names no values
    """how it went"""
    stated: bool | str | tuple[str, ...]
    """as spelled"""
    coats: tuple[Coat, ...]
    """the coats"""
    tools: tuple[Literal["brush", "roll"], ...]
    """what with"""


WORDS = Words(CATALOGUE, {"paint.job": Analysis("paint", lambda _: [], (Job,))})


def load(tmp_path: Path, require: str) -> None:
    write_rule(tmp_path, words=WORDS, applies="{fact: paint.job}", require=require)


@pytest.mark.parametrize(
    ("require", "said"),
    [
        ("{field: state, equals: damp}", "'state' is never 'damp'"),
        ("{field: state, equals: drie}", "known: dry, wet"),
        ("{field: state, notIn: [wet, 'd ry']}", "'state' is never 'd ry'"),
        ("{field: state, equals: true}", "'state' is text, never true"),
        ("{field: state, equals: 3}", "'state' is text, never 3"),
        ("{field: done, equals: finished}", "'done' is true or false, never 'finished'"),
        ("{field: done, in: [true, 1]}", "'done' is true or false, never 1"),
        ("{field: done, greater: 1}", "'done' is true or false, which is neither less nor greater"),
        ("{field: litres, equals: much}", "'litres' is a number, never 'much'"),
        ("{field: litres, less: true}", "nothing is less or greater than true"),
        ("{field: painter, notEquals: false}", "'painter' is text, never false"),
        ("{field: coats, equals: red}", "'coats' is a list, never 'red'"),
        ("{any: {in: 'coats[*]', where: {field: 'coats[*].colour', equals: green}}}", "known: blue, red"),
        ("{any: {in: 'tools[*]', where: {field: 'tools[*]', in: [spoon]}}}", "known: brush, roll"),
    ],
)
def test_what_a_field_can_never_be_is_refused(tmp_path: Path, require: str, said: str) -> None:
    with pytest.raises(ContentError) as refusal:
        load(tmp_path, require)

    assert said in str(refusal.value)
    assert "thing-is-red.yaml:" in str(refusal.value)


@pytest.mark.parametrize(
    "require",
    [
        "{field: state, equals: WET}",
        "{field: state, in: [wet, Dry]}",
        "{field: state, equals: \"[toLower('DAMP')]\"}",
        "{field: state, like: d*}",
        "{field: done, equals: 'True'}",
        "{field: done, exists: false}",
        "{field: litres, greaterOrEquals: 3}",
        "{field: litres, equals: '3'}",
        "{field: litres, equals: null}",
        "{field: painter, equals: 7}",
        "{field: painter, less: m}",
        "{field: mood, equals: bad}",
        "{field: stated, in: [true, 'maybe']}",
        "{field: coats, equals: []}",
    ],
)
def test_what_a_field_can_be_is_not(tmp_path: Path, require: str) -> None:
    load(tmp_path, require)
