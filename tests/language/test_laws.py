"""What holds for every condition on every resource, however odd."""

from __future__ import annotations

import itertools
import json
import random
import re
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import asdict

from auditor.language.evaluate import evaluate
from auditor.language.explain import Explanation
from auditor.model import Evidence
from auditor.truth import UNKNOWN, YES, Truth, negate, truth_of
from tests.evidence import verdict
from tests.language.asking import NOW, ask, condition, scope, truth
from tests.language.estates import GAPS, Json, bodies, conditions, gaps, junk, related, scalars


@given(written=conditions, body=bodies, others=related, missing=gaps)
def test_the_reasons_given_are_for_the_verdict_given(
    written: Json, body: Json, others: Json, missing: list[str]
) -> None:
    inside = scope(body, related=others, uncollected=missing)

    found = ask(written, body, related=others, uncollected=missing)

    assert found.truth is evaluate(condition(written), inside)
    assert found.evidence
    if found.truth is UNKNOWN:
        assert found.gaps or found.errors


@given(written=conditions, body=bodies, others=related, missing=gaps)
@example(written={"not": {"field": "color", "default": "Allow", "exists": False}}, body={}, others={}, missing=[])
def test_a_stranger_reaches_the_verdict_from_the_rows_alone(
    written: Json, body: Json, others: Json, missing: list[str]
) -> None:
    found = ask(written, body, related=others, uncollected=missing)

    if found.truth is not UNKNOWN:
        rows = [json.loads(json.dumps(asdict(leaf))) for leaf in found.evidence]
        assert verdict(rows, NOW) == ("pass" if found.truth is YES else "fail")


@given(left=conditions, right=conditions, body=bodies, missing=gaps)
def test_de_morgan_and_double_negation_hold_in_three_values(
    left: Json, right: Json, body: Json, missing: list[str]
) -> None:
    def value(written: Json) -> Truth:
        return truth(written, body, uncollected=missing)

    assert value({"not": {"not": left}}) is value(left)
    assert value({"not": {"allOf": [left, right]}}) is value({"anyOf": [{"not": left}, {"not": right}]})
    assert value({"not": {"anyOf": [left, right]}}) is value({"allOf": [{"not": left}, {"not": right}]})
    assert value({"allOf": [left, right]}) is value({"allOf": [right, left]})


@given(where=conditions, body=bodies, missing=gaps)
def test_none_is_not_any_and_every_is_none_that_does_not(where: Json, body: Json, missing: list[str]) -> None:
    def value(kind: str, inner: Json) -> Truth:
        return truth({kind: {"in": "rules[*]", "where": inner}}, body, uncollected=missing)

    any_does = value("any", where)
    assert value("none", where) is negate(any_does)
    assert value("every", where) is value("none", {"not": where})


@given(written=conditions, body=bodies, others=related, missing=gaps, more=gaps)
def test_knowing_less_never_turns_a_verdict_and_never_makes_one(
    written: Json, body: Json, others: Json, missing: list[str], more: list[str]
) -> None:
    before = truth(written, body, related=others, uncollected=missing)
    after = truth(written, body, related=others, uncollected=[*missing, *more])

    assert after is UNKNOWN or after is before


@given(written=conditions, body=bodies, values=st.lists(scalars, min_size=1, max_size=4))
def test_a_verdict_in_spite_of_a_gap_holds_whatever_is_in_the_gap(written: Json, body: Json, values: list[Any]) -> None:
    verdict = truth(written, body, uncollected=["properties.color"])
    properties = body.get("properties")
    if verdict is UNKNOWN or not isinstance(properties, dict):
        return

    filled = [truth(written, {**body, "properties": {**properties, "color": value}}) for value in values]

    assert {*filled} <= {verdict, UNKNOWN}


@given(data=st.data(), written=conditions, body=bodies, missing=gaps)
def test_neither_the_order_of_keys_nor_letter_case_matters(
    data: st.DataObject, written: Json, body: Json, missing: list[str]
) -> None:
    chance = random.Random(data.draw(st.integers(0, 999)))  # noqa: S311 - a test's dice

    assert truth(written, _disguised(body, chance), uncollected=missing) is truth(written, body, uncollected=missing)


def _disguised(value: Any, chance: random.Random) -> Any:
    if isinstance(value, dict):
        items = [(_other_case(key, chance), _disguised(item, chance)) for key, item in value.items()]
        chance.shuffle(items)
        return dict(items)
    if isinstance(value, list):
        return [_disguised(item, chance) for item in value]
    return _other_case(value, chance) if isinstance(value, str) else value


def _other_case(text: str, chance: random.Random) -> str:
    return "".join(chance.choice((letter.upper(), letter.lower())) for letter in text)


@given(written=conditions, body=bodies, others=related)
def test_evidence_points_at_what_stands_there_or_says_that_nothing_does(
    written: Json, body: Json, others: Json
) -> None:
    found = ask(written, {"id": "/judged", **body}, related=others)

    for leaf in found.evidence:
        if leaf.resource_id == "/judged":
            _check(leaf, body, found)


def _check(leaf: Evidence, body: Json, found: Explanation) -> None:
    if leaf.path.startswith(("[", "related(")):
        return  # computed, or a relation
    if leaf.path.endswith("[*]"):
        assert leaf.operator in {"count", "every", "any", "none"}
        place = _at(body, leaf.path.removesuffix("[*]"))
        assert place in (None, []) or isinstance(place, list) or found.truth is UNKNOWN or found.errors
        return
    if leaf.operator == "exists" and leaf.absent:
        assert _at(body, leaf.path) is None
        return
    assert _at(body, leaf.path) == leaf.actual
    assert leaf.absent is (leaf.actual is None) or found.errors


def _at(body: Any, path: str) -> Any:
    """Follow a path exactly as it is spelled; None where it leads nowhere."""
    for name, index in re.findall(r"([^.\[\]]+)|\[(\d+)\]", path):
        if index:
            body = body[int(index)]
        elif not isinstance(body, dict):
            return None
        else:
            body = body.get(name)
    return body


@given(
    written=conditions,
    body=st.fixed_dictionaries({}, optional={"properties": junk, "tags": junk, "name": junk, "location": junk}),
)
def test_no_resource_makes_a_condition_raise(written: Json, body: Json) -> None:
    assert ask(written, body, related={"child": [body]}).truth in set(Truth)


_TURNS = ["equals", "notEquals", "less", "lessOrEquals", "greater", "greaterOrEquals", "in", "notIn", "like", "notLike"]


@given(
    members=st.lists(st.sampled_from([True, False, None]), max_size=6),
    operator=st.sampled_from(_TURNS),
    number=st.integers(-1, 7),
    open_ended=st.booleans(),
)
def test_a_count_is_known_where_it_comes_out_the_same_however_the_unknown_members_turn_out(
    members: list[bool | None], operator: str, number: int, *, open_ended: bool
) -> None:
    spelled = {True: {"properties": {"color": "red"}}, False: {"properties": {}}, None: {"properties": "unreadable"}}
    right: Any = [number, number + 2] if operator in {"in", "notIn"} else f"{number}*" if "ike" in operator else number
    written = {"count": {"related": "child", "where": {"field": "properties.color", "equals": "red"}}, operator: right}
    missing = ["related:child"] if open_ended else []

    found = truth(written, {}, related={"child": [spelled[one] for one in members]}, uncollected=missing)

    choices = [(True, False) if one is None else (one,) for one in members]
    totals = {sum(way) + more for way in itertools.product(*choices) for more in (range(90) if open_ended else (0,))}
    outcomes = {truth_of(_compared(operator, total, right)) for total in totals}
    assert found is UNKNOWN or outcomes == {found}
    assert len(outcomes) > 1 or found is not UNKNOWN or "ike" in operator


def _compared(operator: str, total: int, right: Any) -> bool:
    outcome: bool = {
        "equals": total == right,
        "notEquals": total != right,
        "less": total < _n(right),
        "lessOrEquals": total <= _n(right),
        "greater": total > _n(right),
        "greaterOrEquals": total >= _n(right),
        "in": isinstance(right, list) and total in right,
        "notIn": isinstance(right, list) and total not in right,
        "like": str(total).startswith(str(right).rstrip("*")),
        "notLike": not str(total).startswith(str(right).rstrip("*")),
    }[operator]
    return outcome


def _n(right: Any) -> int:
    return right if isinstance(right, int) else 0


@given(written=conditions)
def test_where_nothing_at_all_was_collected_nothing_about_properties_is_decided(written: Json) -> None:
    known = truth(written, {"name": "n", "location": "l"}, uncollected=GAPS)
    other = truth(
        written, {"name": "n", "location": "l", "properties": {"color": "Red", "rules": [{}]}}, uncollected=GAPS
    )

    assert known is other
