"""Facts are judged the same whether all of each is made, or only what rules read; what they were derived from, when read."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Literal

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.analysis.contract import Analysis
from auditor.analysis.fact import About, Fact, Known, Record, fact, record
from auditor.engine import evaluate
from auditor.engine.evaluate import Evaluation
from auditor.engine.findings import packed_findings
from auditor.engine.findings.disclosure import without_secrets
from auditor.engine.findings.raw_inputs import RawInputs
from auditor.engine.findings.shared_evidence import FactInputs, InputLeaves, InputPlace, InputReader, SharedEvidence
from auditor.engine.memo import memo
from auditor.engine.partwise import findings
from auditor.model import Finding, Gap, Status
from auditor.rulebook.load import Words
from auditor.rulebook.rule import Rule
from tests.engine.memorable import by_reference
from tests.estates.things import CATALOGUE, GROUP, THING, estate_of, question, thing, write_rule

State = Literal["wet", "dry", "cracked"]


@record
class Coat(Record):
    """One coat of paint."""

    name: str
    """what it is called"""
    is_thick: Known[bool]
    """whether it is thick"""


@record
class Painter(Record):
    """Who painted it."""

    name: Known[str | None]
    """what the painter is called"""


@fact("paint.coats", subject="the thing")
class Coats(Fact):
    """What a thing is painted with."""

    presence = "layers"
    state: State
    """how it is"""
    hue: Known[str | None]
    """cold or warm"""
    layers: Known[int]
    """how many there are"""
    names: tuple[str, ...]
    """what the coats are called"""
    coats: tuple[Coat, ...]
    """the coats"""
    painter: Known[Painter | None]
    """who painted it"""
    unread: Known[str]
    """what no rule asks for"""

    def sentence(self) -> str:
        """Say what is wrong."""
        return f"It has {self.layers} layers." if isinstance(self.layers, int) else ""


_RULES = """\
coats-warm:
  applies: {fact: paint.coats, where: {field: state, in: [dry, cracked]}}
  require: {field: hue, equals: warm}
  evidence: [painter.name, names, layers, "coats[*].name"]
coats-whole:
  applies: {fact: paint.coats, where: {field: hue, notEquals: cold}, when: {field: layers, greater: 1}}
  require: {field: state, notEquals: cracked}
  evidence: [hue, HUE]
coats-thick:
  applies: {fact: paint.coats}
  require: {every: {in: "coats[*]", where: {field: "coats[*].isThick", equals: true}}}
  evidence: [state, layers]
coats-painted:
  applies: {fact: paint.coats, where: {not: {field: state, equals: wet}}}
  require: {field: painter.name, exists: true}
  evidence: [painter]
coats-named:
  applies: {fact: paint.coats}
  require: {anyOf: [{field: names, contains: base}, {field: id, like: "*t1*"}]}
  evidence: [id, names]
coats-beside:
  applies: {fact: paint.coats, where: {field: state, equals: dry}}
  require: {none: {related: child, where: {field: name, equals: "[subject('hue')]"}}}
  evidence: []
"""

_GAPS = [Gap(f"{GROUP}/providers/{THING}/t1", "properties.color", "forbidden"), Gap("/elsewhere", "x", "not collected")]
_hues = st.sampled_from(["warm", "cold", "", None, *_GAPS])
_facts = st.builds(
    lambda **fields: fields,
    state=st.sampled_from(["wet", "dry", "cracked"]),
    hue=_hues,
    layers=st.sampled_from([0, 1, 2, 10**12, _GAPS[0]]),
    names=st.lists(st.sampled_from(["base", "top", "x" * 90]), max_size=3).map(tuple),
    coats=st.lists(
        st.builds(Coat, name=st.sampled_from(["base", "top"]), is_thick=st.sampled_from([True, False, _GAPS[1]])),
        max_size=3,
    ).map(tuple),
    painter=st.one_of(st.none(), st.sampled_from(_GAPS), st.builds(Painter, name=_hues)),
    unread=st.sampled_from(["warm", *_GAPS]),
)
_INPUTS = [
    (f"{GROUP}/providers/{THING}/t1", "properties.color"),
    (f"{GROUP}/providers/{THING}/t2", "properties"),
    ("/gone", "x"),
    (f"{GROUP}/providers/{THING}/t1", "properties.rules[0].name"),
    ("", THING),
]
_SUBJECTS = [f"{GROUP}/providers/{THING}/t1", f"{GROUP}/providers/{THING}/T2", "/subscriptions/s/gone", ""]
_abouts = st.tuples(
    st.sampled_from(_SUBJECTS), st.lists(st.sampled_from(_INPUTS), max_size=4).map(tuple), st.sampled_from(["", "w"])
)


def _analyses(made: Iterable[Fact]) -> dict[str, Analysis]:
    return {"paint.coats": Analysis("paint", lambda _: made, (Coats,), reads=frozenset({THING.lower()}))}


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> list[Rule]:
    folder, words = tmp_path_factory.mktemp("rules"), Words(CATALOGUE, _analyses(()))
    return [
        write_rule(folder, words=words, id=name, **{part: json.dumps(text) for part, text in written.items()})
        for name, written in yaml.safe_load(_RULES).items()
    ]


def _facts_of(drawn: list[tuple[dict[str, Any], Any]]) -> list[Fact]:
    return [
        Coats(about=About(subject=subject, sub_object=f"part {number}", workload=workload or None, inputs=inputs), **fields)
        for number, (fields, (subject, inputs, workload)) in enumerate(drawn)
    ]  # fmt: skip


def _question(rules: list[Rule], made: list[Fact], *, explains: bool) -> Evaluation:
    things = [thing(color="red", rules=[{"name": "a"}], apiKey="open sesame now"), thing("t2", size=3)]
    children = [{"id": f"{things[0]['id']}/parts/warm", "type": f"{THING}/parts", "name": "warm", "properties": {}}]
    return question(estate_of([*things, *children]), *rules, analyses=_analyses(made), explain_passes=explains)


@settings(max_examples=60)
@given(
    drawn=st.lists(st.tuples(_facts, _abouts), max_size=12),
    explains=st.booleans(),
    capacity=st.sampled_from([2, 9]),
    at_once=st.sampled_from([1, 5, 1_000]),
)
def test_facts_of_which_only_what_is_read_is_made_are_judged_as_whole_ones(
    rules: list[Rule], drawn: list[tuple[dict[str, Any], Any]], *, explains: bool, capacity: int, at_once: int
) -> None:
    asked = _question(rules, _facts_of([*drawn, *drawn, *drawn]), explains=explains)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memo, "CAPACITY", capacity)
        patch.setattr(evaluate, "_FACTS", at_once)

        remembered = findings(asked)

        patch.setattr(evaluate, "_FACTS", 1_000)
        assert [repr(one) for one in remembered] == [repr(one) for one in by_reference(asked, patch)]


@pytest.mark.parametrize("turn", [1, -1])
def test_what_is_not_known_of_a_fact_counts_where_its_relations_are_asked_for_it(
    rules: list[Rule], turn: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    hues: list[Known[str | None]] = [None, _GAPS[0], "warm", "cold", _GAPS[1]]
    made = [
        Coats(about=About(subject=_SUBJECTS[0], sub_object=f"{number}"), hue=hue, **_DRY)
        for number, hue in enumerate(hues)
    ]
    asked = _question([rule for rule in rules if rule.id == "coats-beside"], made[::turn], explains=True)

    found = findings(asked)

    assert [one.status.value for one in found] == ["pass", "unknown", "fail", "pass", "unknown"]
    assert [repr(one) for one in found] == [repr(one) for one in by_reference(asked, monkeypatch)]


_DRY: dict[str, Any] = {"state": "dry", "names": (), "coats": (), "painter": None, "unread": "", "layers": 0}


def _found(rules: list[Rule], *, inputs: list[tuple[str, str]], hue: str) -> Finding:
    made = Coats(about=About(subject=_SUBJECTS[0], inputs=inputs), hue=hue, **_DRY)
    [finding] = findings(_question(rules[:1], [made], explains=True))
    return finding


class _CountingReader:
    """A reader of inputs that keeps which places were read."""

    def __init__(self, reader: InputReader) -> None:
        self._reader = reader
        self.read: list[InputPlace] = []

    def at(self, place: InputPlace) -> InputLeaves:
        self.read.append(place)
        return self._reader.at(place)


def test_what_a_fact_was_derived_from_is_read_when_somebody_looks(rules: list[Rule]) -> None:
    finding = _found(rules, inputs=_INPUTS, hue="warm")
    assert isinstance(finding.evidence, SharedEvidence)
    assert isinstance(finding.evidence.inputs, FactInputs)
    counting = finding.evidence.inputs.reader = _CountingReader(finding.evidence.inputs.reader)

    assert finding.evidence
    assert [leaf.operator for leaf in finding.evidence.without_inputs()] == ["equals", *["context"] * 3]
    assert without_secrets([finding])[0] is finding
    assert counting.read == []
    assert [leaf.path for leaf in finding.evidence.inputs] == [
        "properties.color", "properties", "properties.rules[0].name", THING,
    ]  # fmt: skip
    assert finding.evidence.inputs[0].actual == "red"
    assert len(finding.evidence.inputs) == 4
    assert set(counting.read) == set(_INPUTS)


def test_a_finding_goes_to_another_process_with_all_that_it_shows(rules: list[Rule]) -> None:
    secret = [(_SUBJECTS[0], "properties.apiKey")]
    for inputs, hue in ((_INPUTS, "warm"), (secret, "cold"), ([], "cold")):
        finding = _found(rules, inputs=inputs, hue=hue)

        assert isinstance(finding.evidence, SharedEvidence)
        assert isinstance(finding.evidence.inputs, FactInputs)
        reader = finding.evidence.inputs.reader
        assert isinstance(reader, RawInputs)
        packed = packed_findings.dumps([finding])

        [sent] = packed_findings.loads(packed, reader)

        assert repr(sent) == repr(finding)
        assert repr(without_secrets([sent])) == repr(without_secrets([finding]))
        assert b"Estate" not in packed


def test_a_sentence_quotes_no_secret_of_what_the_fact_was_derived_from(rules: list[Rule]) -> None:
    class Leaking(Coats):
        """Coats that tell too much."""

        def sentence(self) -> str:
            """Quote a setting."""
            return "It was painted with open sesame now."

    about = About(subject=_SUBJECTS[0], inputs=[(_SUBJECTS[0], "properties.apiKey")])

    [finding] = without_secrets(
        findings(_question(rules[:1], [Leaking(about=about, hue="cold", **_DRY)], explains=False))
    )

    assert (finding.status, finding.message) == (Status.FAIL, "It was painted with redacted.")
    assert "sesame" not in repr(finding)
