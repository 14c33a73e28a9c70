"""States that are judged together are judged as each is alone, and what is the same in them is judged once."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import pytest

from auditor import audit
from auditor.engine.memo.shared_answers import Alike
from auditor.inputs.shared_rows import SharedRows
from auditor.model import Finding, Report, Resource
from auditor.snapshot.hash import assemble
from auditor.snapshot.model import Metadata, Snapshot
from auditor.snapshot.normalise import ExportEntry, normalise
from tests.audit.judging import shipped, written
from tests.estates.chat import chat_bodies

Json = dict[str, Any]
TIMES = ("2024-03-01T00:00:00Z", "2025-09-09T00:00:00Z")


def _edited(chance: Random, documents: Sequence[Json]) -> list[Json]:
    """Return an estate with one to four resources gone or with other values, and now and then a tag on many."""
    edited = [dict(one) for one in documents]
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(edited))
        if chance.random() < 0.3:
            del edited[place]
        else:
            edited[place] = _with_other_values(chance, edited[place])
    return edited


def _with_other_values(chance: Random, value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: item if name in {"id", "type", "name"} else _with_other_values(chance, item)
            for name, item in value.items()
        }
    if isinstance(value, list):
        return [_with_other_values(chance, item) for item in value]
    if chance.random() > 0.1:
        return value
    return chance.choice([None, True, False, 1, "*", "Enabled", "Disabled", value, "10.0.0.0/8", "2031-01-01"])


def _states(documents: Sequence[Sequence[Json]], times: Sequence[str], *, complete: bool) -> list[Snapshot]:
    """Return states that share what they hold alike; collected at other times, only the bodies."""
    shared = SharedRows()
    found = []
    for bodies, time in zip(documents, times, strict=True):
        rows, gaps = normalise(ExportEntry(body, "here", collected_at=time) for body in bodies)
        found.append(assemble(shared.each(rows, _unchanged), gaps, Metadata(judge_at=time, complete=complete)))
    return found


def _unchanged(row: Resource) -> Resource:
    return row


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("explains", [True, False])
def test_states_judged_together_are_judged_as_each_alone(seed: int, *, explains: bool) -> None:
    chance = Random(seed)  # noqa: S311 - the same edits each time
    old = list(chat_bodies())
    states = _states((old, _edited(chance, old)), (TIMES[0], TIMES[seed % 2]), complete=bool(seed % 3))
    _judged_as_alone(states, explains=explains)


def _judged_as_alone(states: Sequence[Snapshot], *, explains: bool) -> Sequence[Report]:
    """Hold that states judged together are judged as each alone; return the reports."""
    terms = audit.Terms(explain_passes=explains, processes=1)
    together = [report for _, report in audit.judged_together(states, shipped(), terms)]
    for one, state in zip(together, states, strict=True):
        alone = audit.audit(state, shipped(), terms)
        assert [repr(each) for each in one.findings] == [repr(each) for each in alone.findings]
        assert written(one, "json") == written(alone, "json")
    return together


def _of_type(resource_type: str) -> list[Json]:
    return [one for one in chat_bodies() if one["type"].lower() == resource_type.lower()]


def _gateway_in_small_subnet() -> list[Json]:
    """Return the estate with other sizes of subnets, which stand in the body of their network."""
    text = json.dumps(chat_bodies())
    return list(json.loads(re.sub(r'("addressPrefix": "10\.0\.[0-9.]+)/2[0-9]"', r'\1/29"', text)))


def _logs_gone() -> list[Json]:
    return [one for one in chat_bodies() if one["type"] != "Microsoft.OperationalInsights/workspaces"]


@pytest.mark.parametrize(
    ("rule", "resource_type", "changed"),
    [
        ("gateway-subnet-large-enough", "Microsoft.Network/applicationGateways", _gateway_in_small_subnet),
        ("diagnostics-to-declared-workspace", "Microsoft.Insights/diagnosticSettings", _logs_gone),
        ("app-insights-workspace-based", "Microsoft.Insights/components", _logs_gone),
    ],
)
def test_a_subject_that_is_the_same_is_asked_again_where_one_related_to_it_is_another(
    rule: str, resource_type: str, changed: Callable[[], list[Json]]
) -> None:
    states = _states((chat_bodies(), changed()), (TIMES[0], TIMES[0]), complete=True)
    same, also = (
        {one.key: one.held for one in state.resources if one.type_key == resource_type.lower()} for state in states
    )
    assert same.keys() == also.keys()
    assert all(same[key] is also[key] for key in same)

    before, after = (
        [one.status for one in report.findings if one.rule_id == rule]
        for report in _judged_as_alone(states, explains=True)
    )
    assert before != after, "the change makes a difference"


def _other_link() -> Json:
    """Return a second link of a zone, to another network: the zone is linked to the first as before."""
    link, *_ = _of_type("Microsoft.Network/privateDnsZones/virtualNetworkLinks")
    [network] = _of_type("Microsoft.Network/virtualNetworks")
    leads = {"virtualNetwork": {"id": f"{network['id']}-other"}}
    return {**link, "id": f"{link['id']}-too", "name": "too", "properties": {**link["properties"], **leads}}


def _other_policy() -> Json:
    """Return an assignment of a policy that is not about keys."""
    scope = "/subscriptions/00000000-0000-0000-0000-0000000000a1"
    kind, name = "Microsoft.Authorization/policyAssignments", "too"
    policy = {"policyDefinitionId": "/providers/Microsoft.Authorization/policyDefinitions/of-tags", "scope": scope}
    return {"id": f"{scope}/providers/{kind}/{name}", "type": kind, "name": name, "properties": policy}


@pytest.mark.parametrize("other", [_other_link, _other_policy])
def test_what_a_fact_lists_is_told_of_each_state_as_it_is_there(other: Callable[[], Json]) -> None:
    states = _states((chat_bodies(), [*chat_bodies(), other()]), (TIMES[0], TIMES[0]), complete=True)

    before, after = _judged_as_alone(states, explains=True)

    listed = [
        [one.evidence for one in report.findings if other()["id"] in str(one.evidence)] for report in (before, after)
    ]
    assert not listed[0]
    assert listed[1], "it is listed"


def test_in_several_processes_they_are_judged_the_same() -> None:
    old = list(chat_bodies())
    states = _states((old, _edited(Random(7), old)), TIMES, complete=True)  # noqa: S311 - the same edits each time
    one, two = (audit.judged_together(states, shipped(), audit.Terms(processes=number)) for number in (1, 2))
    assert [written(report, "json") for _, report in one] == [written(report, "json") for _, report in two]


def test_what_is_the_same_in_two_states_is_judged_once() -> None:
    old = list(chat_bodies())
    states = _states(
        (old, [{**body, "tags": {"a": "b"}} if not place else body for place, body in enumerate(old)]),
        (TIMES[0], TIMES[0]),
        complete=True,
    )
    before, after = (
        {id(one) for one in report.findings}
        for _, report in audit.judged_together(states, shipped(), audit.Terms(explain_passes=False, processes=1))
    )
    assert len(before & after) > 0.8 * len(after)


@dataclass(frozen=True)
class _Spelled:
    key: str
    spelled: str = ""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Spelled) and self.key == other.key

    __hash__ = None  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("left", "right", "is_alike"),
    [
        (1, True, False),
        (1, 1.0, False),
        ((1, 2), (1, 2), True),
        ((1, (2, "x")), (1, (2, "y")), False),
        ((1,), (True,), False),
        (_Spelled("a", "a"), _Spelled("a", "A"), False),
        ((_Spelled("a", "a"),), (_Spelled("a", "a"),), True),
        (("x", _Spelled("a", "a")), ("x", _Spelled("a", "A")), False),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, False),
        (frozenset("ab"), frozenset("ba"), True),
        (frozenset([1]), frozenset([True]), False),
        ([None], [None], True),
        (object(), object(), False),
        (Finding, Finding, True),
    ],
)
def test_values_are_alike_only_where_nothing_tells_them_apart(left: object, right: object, *, is_alike: bool) -> None:
    assert Alike().are(left, right) is is_alike


def test_what_is_nested_without_end_is_alike_to_nothing() -> None:
    left: list[object] = []
    left.append(left)
    right: list[object] = []
    right.append(right)
    assert not Alike().are(left, right)
