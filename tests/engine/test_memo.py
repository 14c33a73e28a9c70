"""A rule that remembers says what the reference evaluator says, of every subject, in every field, to the byte."""

from __future__ import annotations

from itertools import count
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from auditor import audit
from auditor.engine.evaluate import Evaluation
from auditor.engine.memo import memo
from auditor.engine.memo.memo import Memo, Places, Reading
from auditor.engine.partwise import findings
from auditor.language.ast import Condition
from auditor.rulebook import in_force
from auditor.rulebook.in_force import RuleInForce
from auditor.rulebook.rule import OnType, Rule
from auditor.snapshot.hash import assemble
from auditor.snapshot.model import Metadata
from auditor.snapshot.normalise import ExportEntry, normalise
from tests.audit.judging import shipped
from tests.engine.memorable import BothWays, MemorableExample, ReferenceAlone, by_reference, example
from tests.estates.chat import chat_bodies
from tests.estates.things import in_force as bound
from tests.estates.things import write_rule
from tests.language.asking import condition, names
from tests.language.estates import Json, bodies, conditions, gaps, junk, related

_RULES = list(in_force.all_rules().values())
_SUBJECTS = st.lists(st.tuples(bodies, related, gaps), min_size=1, max_size=4)
_SHOWN = st.lists(st.sampled_from(["color", "rules[*].name", "network", "size", "name"]), max_size=2)


@pytest.fixture(scope="module")
def thing_rule(tmp_path_factory: pytest.TempPathFactory) -> Rule:
    return write_rule(tmp_path_factory.mktemp("rule"))


def _asking(rule: Rule, require: Condition, when: Condition | None, shown: list[str]) -> RuleInForce:
    evidence = [names().here.resolve(name) for name in shown]
    changed = replace(rule, require=require, applies=OnType(["Contoso.Test/things"], when), evidence=evidence)
    return bound([changed])[0]


@given(asked=st.tuples(conditions, st.none() | conditions, _SHOWN), drawn=_SUBJECTS, explains_passes=st.booleans())
def test_conditions_on_odd_resources_are_remembered_as_they_were_answered(
    thing_rule: Rule, asked: tuple[Json, Json | None, list[str]], drawn: list[Any], *, explains_passes: bool
) -> None:
    require, when, shown = asked
    rule = _asking(thing_rule, condition(require), None if when is None else condition(when), shown)
    both = BothWays(rule, explain_passes=explains_passes)
    for turn in range(2):
        for number, (body, others, uncollected) in enumerate(drawn):
            both.agree_on(example(body, others, uncollected, f"{turn}-{number}"))


@settings(max_examples=30)
@given(require=conditions, values=st.lists(junk, min_size=2, max_size=8))
def test_values_that_are_nearly_the_same_are_told_apart(thing_rule: Rule, require: Json, values: list[Any]) -> None:
    both = BothWays(_asking(thing_rule, condition(require), None, ["color"]))
    numbers = count()
    near = [
        *values,
        1,
        1.0,
        True,
        "1",
        "true",
        0,
        False,
        -0.0,
        0.0,
        2**70,
        "RED",
        "red",
        [1],
        [True],
        [[None]],
        [],
        {},
        None,
    ]
    for value in near:
        for properties in (
            {"color": value},
            {"Color": value},
            {"size": value, "color": "red"},
            {"rules": value},
            value,
        ):
            both.agree_on(example({"properties": properties}, {}, [], str(next(numbers))))


_ON_NAMES: list[Json] = [
    {"field": "id", "like": "*/t1*"},
    {"anyOf": [{"field": "id", "in": ["/subscriptions/s/t1"]}, {"field": "name", "notIn": ["T1", "t12"]}]},
    {"not": {"field": "name", "exists": False}},
    {"field": "name", "greater": "t12"},
    {"field": "name", "olderThan": {"days": 5}},
    {"field": "name", "equals": "[field('id')]"},
    {"allOf": [{"field": "name", "contains": "t"}, {"field": "name", "equals": "[field('properties.color')]"}]},
    {"any": {"related": "child", "where": {"field": "name", "like": "t*2"}}},
    {"count": {"related": "child", "where": {"field": "id", "equals": "[subject('id')]"}}, "equals": 0},
    {"every": {"in": "rules[*]", "where": {"field": "name", "notEquals": "t3"}}},
]


@pytest.mark.parametrize("require", _ON_NAMES, ids=str)
@pytest.mark.parametrize("shown", [[], ["name"]])
def test_names_that_no_two_subjects_share_are_told_as_they_are(
    thing_rule: Rule, require: Json, shown: list[str]
) -> None:
    both = BothWays(_asking(thing_rule, condition(require), condition({"field": "name", "notLike": "*7"}), shown))
    for number in range(30):
        odd = {5: None, 15: 3, 25: ["t1"]}.get(number, f"t{number}")
        body = {"name": odd, "properties": {"color": f"t{number % 4}", "rules": [{"name": "x"}] * (number % 3)}}
        children = [{"name": f"t{number}{each}"} for each in range(number % 4)]
        both.agree_on(example(body, {"child": children}, ["name"] if number == 20 else [], f"t{number}"))


def test_the_reference_is_asked_once_for_all_subjects_that_are_alike_but_for_their_names(
    thing_rule: Rule, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    answer = ReferenceAlone.answer
    monkeypatch.setattr(ReferenceAlone, "answer", lambda self, one: asked.append(one.id) or answer(self, one))
    both = BothWays(_asking(thing_rule, condition({"field": "color", "equals": "red"}), condition(_ON_NAMES[1]), []))
    for number in range(100, 120):
        both.agree_on(example({"name": f"n{number}", "properties": {"color": "red"}}, {}, [], str(number)))

    assert len(asked) == 1


def test_what_is_related_to_a_subject_out_of_scope_is_not_looked_at(
    thing_rule: Rule, monkeypatch: pytest.MonkeyPatch
) -> None:
    followed: list[str] = []
    related_to = MemorableExample.related
    monkeypatch.setattr(
        MemorableExample, "related", lambda self, name: followed.append(self.id) or related_to(self, name)
    )
    require: Json = {"any": {"related": "child", "where": {"field": "properties.color", "equals": "red"}}}
    both = BothWays(_asking(thing_rule, condition(require), condition({"field": "name", "like": "in*"}), ["size"]))
    for number in range(12):
        children = [{"name": f"c{each}", "properties": {"color": f"{number}{each}"}} for each in range(number % 4)]
        body = {"name": f"{'in' if number % 6 == 5 else 'out'}{number}", "properties": {"size": number}}
        both.agree_on(example(body, {"child": children}, ["color"] if number == 3 else [], f"t{number}"))

    assert {one.rpartition("/")[2] for one in followed} == {"t0", "t5", "t11"}, "the first out of scope, and two in it"


@pytest.mark.parametrize("rule", _RULES, ids=lambda rule: rule.id)
def test_the_examples_of_a_rule_get_the_same_finding_twice(rule: Rule) -> None:
    by_parameters: dict[str, BothWays] = {}
    for turn in range(2):
        for number, one in enumerate(rule.examples):
            parameters = {name: item.default for name, item in rule.parameters.items()} | dict(one.parameters)
            asked = replace(bound([replace(rule, parameters={})])[0], rule=rule, parameters=parameters)
            both = by_parameters.setdefault(repr(parameters), BothWays(asked))
            both.agree_on(MemorableExample(one.resource, one.related, one.uncollected))
            both.agree_on(example(one.resource, one.related, one.uncollected, f"{turn}-{number}"))


def _spoiled(chance: Random, value: Any) -> Any:
    """Return a body in which some values are others, some are missing, and some names are spelled otherwise."""
    if isinstance(value, dict):
        kept = {key: item for key, item in value.items() if key in {"id", "type"} or chance.random() > 0.02}
        return {
            (key.upper() if key not in {"id", "type"} and chance.random() < 0.02 else key): (
                item if key in {"id", "type"} else _spoiled(chance, item)
            )
            for key, item in chance.sample(list(kept.items()), len(kept))
        }
    if isinstance(value, list):
        return [_spoiled(chance, item) for item in value]
    if chance.random() < 0.03:
        return chance.choice([None, True, 1, 1.0, "", "x", [], {}, [[]], 2**53, "2031-01-01"])
    return value.swapcase() if isinstance(value, str) and chance.random() < 0.02 else value


def _evaluation(documents: list[Json], *, complete: bool, explains: bool) -> Evaluation:
    resources, own = normalise(ExportEntry(body, "here", api_version="2023-05-01") for body in documents)
    terms = audit.Terms(complete=complete, explain_passes=explains)
    snapshot = assemble(resources, own, Metadata(judge_at="2024-03-01T00:00:00Z"))
    return Evaluation(audit.context(snapshot, shipped(), terms), shipped(), explains)


@pytest.mark.parametrize(("seed", "complete", "explains"), [(0, True, True), (1, False, True), (2, True, False)])
def test_whole_estates_are_judged_the_same_in_every_field(
    seed: int, *, complete: bool, explains: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = Random(seed)  # noqa: S311 - to spoil an estate
    documents = [_spoiled(chance, body) for body in chat_bodies()] if seed else list(chat_bodies())
    question = _evaluation(documents, complete=complete, explains=explains)

    remembered = findings(question)

    expected = by_reference(question, monkeypatch)
    assert [repr(one) for one in remembered] == [repr(one) for one in expected]


@given(left=junk, right=junk)
def test_two_values_have_one_key_only_where_they_are_written_alike(left: Any, right: Any) -> None:
    places = Places()
    number = places.number(names().here.resolve("color").steps)

    def token(value: Any) -> Any:
        reading = Reading(example({"properties": {"color": value}}, {}, [], "x"), places)
        reading.read([number])
        return reading.tokens[number]

    assert (token(left) == token(right)) == (repr(left) == repr(right))


def test_what_is_no_json_is_asked_of_the_reference_each_time(thing_rule: Rule) -> None:
    both = BothWays(_asking(thing_rule, condition({"field": "color", "exists": True}), None, []))
    for value in ("x", {1, 2}, object, complex(1, 2)):
        both.agree_on(MemorableExample({"id": "/x", "properties": {"color": value}}, {}, []))


def test_a_memory_is_bounded_and_forgets_what_nobody_asks_again() -> None:
    useless: Memo[int] = Memo()
    useful: Memo[int] = Memo()
    for number in range(3 * memo.CAPACITY):
        useless.keep(number, number)
        useful.keep(number, number)
        assert useful.get(number) == useful.get(number)

    assert [useless.get(number) for number in range(3 * memo.CAPACITY)] == [None] * 3 * memo.CAPACITY
    assert sum(useful.get(number) is not None for number in range(3 * memo.CAPACITY)) == memo.CAPACITY


def test_beyond_what_is_remembered_the_reference_answers(thing_rule: Rule, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memo, "CAPACITY", 3)
    both = BothWays(_asking(thing_rule, condition({"field": "color", "equals": "7"}), None, ["size"]))
    for number in [*range(10), *range(10)]:
        both.agree_on(example({"properties": {"color": str(number), "size": number}}, {}, [], str(number)))
