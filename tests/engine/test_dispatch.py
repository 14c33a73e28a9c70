"""Which facts a rule meets is found by index: the same as asking its `where` of each."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from auditor.engine.dispatch import SubjectIndex
from auditor.engine.subjects import ExampleSubject
from auditor.engine.verdict import judge
from auditor.language.ast import Condition
from auditor.language.environment import Environment
from auditor.language.evaluate import evaluate
from auditor.rulebook.rule import OnFact, Rule
from auditor.truth import Truth
from tests.estates.things import write_rule
from tests.language.asking import NOW, condition
from tests.language.estates import TEXTS, Json, bodies, conditions, gaps, scalars

_FIELDS = st.sampled_from(["color", "size", "network.defaultAction", "location", "tags.env", "id", "resourceGroup"])
_EQUATIONS = st.one_of(
    st.builds(lambda name, text: {"field": name, "equals": text}, _FIELDS, st.sampled_from(TEXTS) | scalars),
    st.builds(lambda name, texts: {"field": name, "in": texts}, _FIELDS, st.lists(scalars, max_size=3)),
    st.builds(lambda name, text: {"field": name, "equals": text, "default": text}, _FIELDS, st.sampled_from(TEXTS)),
)
_WHERES = st.one_of(
    _EQUATIONS,
    conditions,
    st.lists(st.one_of(_EQUATIONS, _EQUATIONS, conditions), min_size=1, max_size=3).map(lambda parts: {"allOf": parts}),
)
_SUBJECTS = st.lists(st.builds(lambda body, missing: ExampleSubject(body, {}, missing), bodies, gaps), max_size=5)


@pytest.fixture(scope="module")
def thing_rule(tmp_path_factory: pytest.TempPathFactory) -> Rule:
    return write_rule(tmp_path_factory.mktemp("rule"))


def asked(where: Condition, subject: ExampleSubject) -> Truth:
    return evaluate(where, Environment(subject, subject, {}, NOW))


@given(written=st.lists(_WHERES, min_size=1, max_size=3), subjects=_SUBJECTS)
def test_no_subject_that_a_condition_may_hold_of_is_left_out(
    written: list[Json], subjects: list[ExampleSubject]
) -> None:
    index = SubjectIndex(subjects)
    for where in map(condition, written):
        candidates = index.candidates(where)
        met = [position for position in candidates if asked(where, subjects[position]) is not Truth.NO]

        assert met == [position for position, one in enumerate(subjects) if asked(where, one) is not Truth.NO]


def test_only_those_with_the_text_are_candidates_and_those_of_which_it_is_not_known() -> None:
    def colored(color: object, *uncollected: str) -> ExampleSubject:
        return ExampleSubject({"properties": {"color": color, "size": 1}}, {}, uncollected)

    subjects = [colored("Red"), colored("blue"), colored(None), colored("red", "properties.color"), colored(["red"])]
    where = condition({"allOf": [{"field": "color", "in": ["RED", "green"]}, {"field": "size", "equals": 1}]})

    alone = condition({"field": "color", "equals": "RED"})

    assert SubjectIndex(subjects).candidates(where) == [0, 3, 4]
    assert SubjectIndex(subjects).candidates(alone) == [0, 3, 4]
    assert SubjectIndex(subjects).candidates(None) == range(5)


@given(where=_WHERES, besides=st.none() | conditions, body=bodies, missing=gaps)
def test_a_where_that_was_asked_before_gives_the_same_verdict(
    thing_rule: Rule, where: Json, besides: Json | None, body: Json, missing: list[str]
) -> None:
    applies = OnFact("any", condition(where), None if besides is None else condition(besides))
    subject = ExampleSubject(body, {}, missing)
    environment = Environment(subject, subject, {}, NOW)
    on_fact = replace(thing_rule, applies=applies)
    about = evaluate(condition(where), environment)

    assert judge(on_fact, environment, about=about) == judge(on_fact, environment)
