"""Small estates in, findings out."""

from __future__ import annotations

import gc
import logging
import random
import shlex
import threading
import weakref
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from auditor.analysis.contract import Analysis, Context
from auditor.analysis.fact import About, Fact, Hidden, Known, fact
from auditor.architecture.workloads import Binding, Workload, Workloads
from auditor.engine import verdict
from auditor.engine.findings.finding import finding_of, info_of
from auditor.engine.partwise import findings
from auditor.engine.subjects import ResourceSubject
from auditor.engine.verdict import Verdict
from auditor.estate.graph import Estate
from auditor.model import Finding, Gap, Resource, Status
from auditor.rulebook.load import Words
from auditor.rulebook.rule import Rule
from auditor.snapshot.hash import assemble
from auditor.snapshot.model import ANY_TYPE, Facet, Metadata
from auditor.snapshot.normalise import ExportEntry, normalise
from auditor.truth import Truth
from tests.estates.things import CATALOGUE, GROUP, RULE, THING, Body, estate_of, in_force, question, thing, write_rule

ID = f"{GROUP}/providers/{THING}/t1"


@pytest.fixture
def red(tmp_path: Path) -> Rule:
    return write_rule(tmp_path)


def judged(rule: Rule, *bodies: Body, gaps: tuple[Gap, ...] = (), **rest: Any) -> list[Finding]:
    return findings(question(estate_of(bodies, gaps, **rest), rule))


def test_a_failure_names_the_resource_the_leaf_and_the_remedy(red: Rule) -> None:
    [finding] = judged(red, thing(color="blue"))

    assert (finding.status, finding.resource_id, finding.resource_type) == (Status.FAIL, ID, THING)
    assert finding.message == "color is blue; it must be red."
    [leaf] = finding.evidence
    assert (leaf.path, leaf.operator, leaf.expected, leaf.actual) == ("properties.color", "equals", "red", "blue")
    assert (leaf.resource_id, leaf.source) == (ID, "export")
    assert finding.remediation_cli == f"paint {ID} --name t1 --color red"


def test_a_pass_has_evidence_only_where_it_is_asked_for(red: Rule) -> None:
    estate = estate_of([thing(color="RED")])

    [long] = findings(question(estate, red))
    [short] = findings(question(estate, red, explain_passes=False))

    assert (long.status, len(long.evidence)) == (Status.PASS, 1)
    assert (short.status, short.evidence) == (Status.PASS, ())
    assert short.fingerprint == long.fingerprint


def test_a_gap_in_a_property_is_unknown_with_the_permission_that_would_settle_it(red: Rule) -> None:
    gap = Gap(ID.upper(), "properties.color", "forbidden", "Contoso.Test/things/read")

    [finding] = judged(red, thing(color="red"), gaps=(gap,))

    assert finding.status is Status.UNKNOWN
    assert finding.missing_permission == "Contoso.Test/things/read"
    assert finding.unknown_reason == "properties.color: forbidden"
    assert "Not known whether: Things are red:" in finding.message


def test_a_property_that_the_api_version_cannot_show_is_unknown_and_not_absent(tmp_path: Path) -> None:
    rule = write_rule(tmp_path, require="{field: late, equals: x, default: x}")

    [old] = judged(rule, thing(), version="2023-05-01")
    [new] = judged(rule, thing(), version="2024-01-01")

    assert (old.status, new.status) == (Status.UNKNOWN, Status.PASS)
    assert "2023-05-01" in (old.unknown_reason or "")


@pytest.mark.parametrize("what", [THING.upper(), ANY_TYPE])
def test_resources_that_could_not_be_listed_are_one_unknown_finding_beside_the_others(red: Rule, what: str) -> None:
    scope = "/subscriptions/00000000-0000-0000-0000-0000000000b2"
    gap = Gap(scope, what, "forbidden", "Contoso.Test/things/read")

    alone = judged(red, gaps=(gap,))
    beside = judged(red, thing(color="red"), gaps=(gap,))

    [finding] = alone
    assert (finding.status, finding.resource_id) == (Status.UNKNOWN, scope)
    assert finding.missing_permission == "Contoso.Test/things/read"
    assert [one.status for one in beside] == [Status.PASS, Status.UNKNOWN]


def test_a_resource_outside_the_scope_that_was_only_followed_is_not_judged(red: Rule) -> None:
    resources, _ = normalise(ExportEntry(thing(name, color="blue"), "here") for name in ("t1", "t10"))
    facets = [Facet(ID.upper(), "followed", "complete")]
    estate = Estate(assemble(resources, [], Metadata(complete=True), facets))

    [finding] = findings(question(estate, red))

    assert finding.resource_id == ID + "0"


def test_a_rule_that_meets_nothing_says_so_once_and_does_not_pass(red: Rule) -> None:
    [finding] = judged(red, thing(kind="Contoso.Test/others"), complete=True)
    assert (finding.status, finding.resource_id) == (Status.NOT_APPLICABLE, None)
    assert "no Contoso.Test/things in the estate" in finding.message


def test_a_rule_that_meets_nothing_in_what_is_not_complete_is_not_answered(red: Rule) -> None:
    [finding] = judged(red, thing(kind="Contoso.Test/others"), complete=False)
    assert (finding.status, finding.resource_id) == (Status.UNKNOWN, None)
    assert "not in the export" in finding.message
    assert finding.missing_permission == "contoso.test/things/read"


def test_an_export_that_is_not_complete_does_not_settle_a_relation(tmp_path: Path) -> None:
    require = "{count: {related: diagnosticSetting}, greater: 0}"
    rule = write_rule(tmp_path, require=require)

    assert [one.status for one in judged(rule, thing(), complete=False)] == [Status.UNKNOWN]
    assert [one.status for one in judged(rule, thing(), complete=True)] == [Status.FAIL]


@pytest.mark.parametrize(
    ("size", "color", "status"),
    [(1, "red", "pass"), (1, "blue", "fail"), (2, "blue", "not_applicable"),
     ("?", "red", "pass"), ("?", "blue", "unknown"), (1, [], "fail")],
)  # fmt: skip
def test_when_decides_whether_a_rule_applies_and_its_doubt_never_fails(
    tmp_path: Path, size: Any, color: Any, status: str
) -> None:
    rule = write_rule(tmp_path, applies=f"{{type: {THING}, when: {{field: size, lessOrEquals: 1}}}}")
    gaps = (Gap(ID, "properties.size", "masked"),) if size == "?" else ()

    [finding] = judged(rule, thing(size=size, color=color), gaps=gaps)

    assert finding.status == status
    if status == "unknown":
        assert finding.unknown_reason == "properties.size: masked"


@pytest.mark.parametrize("properties", ["text", 5, ["x"], {"color": {"x": 1}}, {"color": ["red"]}])
def test_a_resource_of_an_odd_shape_is_judged_without_a_crash(red: Rule, properties: Any) -> None:
    [finding] = judged(red, {**thing(), "properties": properties})

    assert finding.status in {Status.UNKNOWN, Status.FAIL}


def test_a_rule_that_raises_is_unknown_with_the_reason_and_takes_no_other_down(
    red: Rule, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = write_rule(tmp_path, RULE.replace("thing-is-red", "thing-has-size"), require="{field: size, equals: 1}")
    real = ResourceSubject.gap

    def broken(self: ResourceSubject, place: Any) -> Gap | None:
        if place.steps[-1].name == "color":
            raise RuntimeError("out of paint")
        return real(self, place)

    monkeypatch.setattr(ResourceSubject, "gap", broken)
    found = findings(question(estate_of([thing(size=1)]), red, other))

    assert {one.rule_id: (one.status, one.unknown_reason) for one in found} == {
        "thing-is-red": (Status.UNKNOWN, "error: RuntimeError: out of paint"),
        "thing-has-size": (Status.PASS, None),
    }


@fact("paint.hue", subject="the thing")
class Hue(Fact):
    """The hue of a thing or of a part of it."""

    hue: Known[str]
    """cold or warm"""
    said: Hidden[str]
    shown: Hidden[Mapping[str, object] | None]

    def sentence(self) -> str:
        """Say what the test wants to be said."""
        return self.said

    def witness(self) -> Mapping[str, object] | None:
        """Return what the test wants to be shown."""
        return self.shown


@fact("paint.gloss", subject="the thing")
class Gloss(Fact):
    """How much a thing shines."""

    gloss: Known[str]
    """mat or high"""

    def sentence(self) -> str:
        """Say nothing."""
        return ""

    def witness(self) -> None:
        """Show nothing."""


def hue(of: Known[str], part: str = "", *, subject: str = ID, **more: Any) -> Hue:
    about = About(subject=subject, sub_object=part, inputs=more.pop("inputs", ()))
    return Hue(about=about, hue=of, said=more.pop("said", ""), shown=more.pop("shown", None))


def _hues(run: Any) -> dict[str, Analysis]:
    return {"paint.hue": Analysis("paint", run, (Hue,), reads=frozenset({THING.lower()}))}


def _fact_rule(folder: Path, analyses: dict[str, Analysis]) -> Rule:
    return write_rule(
        folder, words=Words(CATALOGUE, analyses), applies="{fact: paint.hue}", require="{field: hue, equals: warm}"
    )


class _Knot:
    """Something that holds itself, as closures that call themselves do."""

    def __init__(self) -> None:
        self.own = self


def test_what_an_analysis_leaves_in_cycles_is_freed_while_it_runs(tmp_path: Path) -> None:
    def run(_: Context) -> Iterator[Fact]:
        knots = [weakref.ref(_Knot()) for _ in range(200_000)]
        alive = sum(knot() is not None for knot in knots)
        assert alive < len(knots), (gc.isenabled(), gc.get_threshold(), gc.get_count(), threading.enumerate())
        yield hue("warm")

    analyses = _hues(run)

    [finding] = findings(question(estate_of([thing(color="red")]), _fact_rule(tmp_path, analyses), analyses=analyses))

    assert finding.status is Status.PASS, finding.unknown_reason
    assert (gc.isenabled(), gc.get_freeze_count()) == (True, 0)


def test_an_analysis_that_raises_makes_its_rules_unknown_with_the_reason(red: Rule, tmp_path: Path) -> None:
    def run(_: Context) -> Iterator[Fact]:
        yield hue("warm")
        raise ValueError("no light")

    analyses = _hues(run)
    rule = replace(_fact_rule(tmp_path, analyses), id="thing-hue-warm")

    found = findings(question(estate_of([thing(color="red")]), rule, red, analyses=analyses))

    assert {one.rule_id: one.status for one in found} == {"thing-hue-warm": Status.UNKNOWN, "thing-is-red": Status.PASS}
    assert found[0].unknown_reason == "analysis paint failed: ValueError: no light"


@pytest.mark.parametrize(
    ("yielded", "statuses", "reason"),
    [
        ("gh", ["gloss pass", "hue pass"], None),
        ("gh!", ["gloss pass", "hue unknown"], "analysis paint failed: ValueError: no light"),
        ("g!", ["gloss unknown", "hue unknown"], "analysis paint failed: ValueError: no light"),
        ("ghg", ["gloss pass", "gloss unknown", "hue pass"], "analysis paint failed: KeyError: 'paint.gloss'"),
    ],
)
def test_an_analysis_by_kind_that_raises_leaves_the_kinds_that_are_whole(
    yielded: str, statuses: list[str], reason: str | None, tmp_path: Path
) -> None:
    def run(_: Context) -> Iterator[Fact]:
        for each in yielded:
            if each == "!":
                raise ValueError("no light")
            yield hue("warm") if each == "h" else Gloss(about=About(subject=ID), gloss="high")

    analysis = Analysis("paint", run, (Hue, Gloss), reads=frozenset({THING.lower()}), is_by_kind=True)
    analyses = {"paint.hue": analysis, "paint.gloss": analysis}
    words = Words(CATALOGUE, analyses)
    rules = [
        replace(
            write_rule(
                tmp_path, words=words, applies=f"{{fact: paint.{name}}}", require=f"{{field: {name}, equals: {of}}}"
            ),
            id=name,
        )
        for name, of in (("hue", "warm"), ("gloss", "high"))
    ]

    found = findings(question(estate_of([thing(color="red")]), *rules, analyses=analyses))

    assert sorted(f"{one.rule_id} {one.status}" for one in found) == statuses
    assert {one.unknown_reason for one in found if one.status is Status.UNKNOWN} == ({reason} if reason else set())


def test_what_raises_while_judging_leaves_its_traceback_in_the_log(
    red: Rule, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def run(_: Context) -> Iterator[Fact]:
        raise KeyError("x")

    def evaluate(*_: object) -> Truth:
        raise ZeroDivisionError

    analyses = _hues(run)
    rule = replace(_fact_rule(tmp_path, analyses), id="thing-hue-warm")
    monkeypatch.setattr(verdict, "evaluate", evaluate)
    with caplog.at_level(logging.DEBUG, "auditor"):
        found = findings(question(estate_of([thing(color="red")]), rule, red, analyses=analyses))

    assert {one.status for one in found} == {Status.UNKNOWN}
    assert [(record.message, record.exc_info and record.exc_info[0]) for record in caplog.records] == [
        ("analysis paint failed", KeyError),
        (f"rule thing-is-red failed on {ID}", ZeroDivisionError),
    ]


def test_facts_are_filed_under_their_subject_with_their_own_part_summary_and_witness(tmp_path: Path) -> None:
    def run(_: Context) -> Iterator[Fact]:
        inputs = [(ID, "properties.color"), (ID, "properties.none"), ("/gone", "x"), (ID, "..")]
        yield hue("cold", "door", said="The door is cold.", shown={"hue": 7}, inputs=inputs)
        yield hue("warm", "roof", shown={"hue": 1})
        yield hue(Gap(ID, "properties.light", "forbidden", "light/read"), "wall")
        yield hue("cold", subject="/subscriptions/s/gone")

    analyses = _hues(run)
    rule = _fact_rule(tmp_path, analyses)

    found = findings(question(estate_of([thing(color="red")]), rule, analyses=analyses))

    by_part = {one.sub_object: one for one in found}
    door = by_part["door"]
    assert (door.status, door.message, door.witness, door.is_absence) == (
        Status.FAIL,
        "The door is cold.",
        {"hue": 7},
        False,
    )
    shown = [(leaf.path, leaf.actual, leaf.absent) for leaf in door.evidence if leaf.operator == "input"]
    assert shown == [("properties.color", "red", False), ("properties.none", None, True)]
    assert (by_part["roof"].status, by_part["roof"].witness) == (Status.PASS, None)
    assert (by_part["wall"].status, by_part["wall"].missing_permission) == (Status.UNKNOWN, "light/read")
    assert (by_part[""].resource_id, by_part[""].resource_type) == ("/subscriptions/s/gone", "fact/paint.hue")
    assert len({one.fingerprint for one in found}) == 4


def test_a_failure_that_a_fact_cannot_put_into_words_is_still_a_failure(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Mute(Hue):
        """A hue that nothing can be said of."""

        def sentence(self) -> str:
            """Fail."""
            raise LookupError("speechless")

    def run(_: Context) -> Iterator[Fact]:
        yield Mute(about=About(subject=ID), hue="cold", said="", shown=None)

    analyses = _hues(run)
    rule = _fact_rule(tmp_path, analyses)
    with caplog.at_level(logging.DEBUG, "auditor"):
        [found] = findings(question(estate_of([thing(color="red")]), rule, analyses=analyses))

    assert (found.status, found.message) == (Status.FAIL, "This does not hold: Things are red.")
    assert [record.exc_info and record.exc_info[0] for record in caplog.records] == [LookupError]


def test_an_analysis_without_facts_is_not_applicable_or_unknown_where_its_types_have_gaps(tmp_path: Path) -> None:
    analyses = _hues(lambda _: [])
    rule = _fact_rule(tmp_path, analyses)

    [nothing] = findings(question(estate_of([]), rule, analyses=analyses))
    [gap] = findings(question(estate_of([], [Gap("/", THING, "throttled")]), rule, analyses=analyses))

    assert (nothing.status, gap.status) == (Status.NOT_APPLICABLE, Status.UNKNOWN)


def _workloads(*members: tuple[str, list[Resource]]) -> Workloads:
    return Workloads([
        Workload(name, resources[0], {"painted": [Binding("painted", one, "structure") for one in resources]})
        for name, resources in members
    ])  # fmt: skip


def test_a_rule_on_a_component_judges_what_is_bound_a_shared_resource_once(tmp_path: Path) -> None:
    words = Words(CATALOGUE, {}, {"painted": [THING, "Contoso.Test/others"]})
    rule = write_rule(
        tmp_path, words=words, applies="{component: painted}", require="{field: properties.color, equals: red}"
    )
    estate = estate_of([thing("t1", color="blue"), thing("t2", color="red"), thing("t3", color="red")])
    one, two, _ = estate.resources
    workloads = _workloads(("w1", [one]), ("w2", [one, two]))

    found = findings(question(estate, rule, workloads=workloads, components=words.components))

    assert [(item.resource_id, item.status, item.workload, item.component) for item in found] == [
        (ID, Status.FAIL, "w1", "painted"),
        (ID.replace("t1", "t2"), Status.PASS, "w2", "painted"),
    ]


def test_a_gap_in_any_type_is_one_finding_for_a_component_of_several_types(tmp_path: Path) -> None:
    words = Words(CATALOGUE, {}, {"painted": [THING, "Contoso.Test/others"]})
    rule = write_rule(
        tmp_path, words=words, applies="{component: painted}", require="{field: properties.color, equals: red}"
    )
    estate = estate_of([], [Gap("/", ANY_TYPE, "forbidden"), Gap("/", ANY_TYPE, "throttled")])

    [finding] = findings(question(estate, rule, components=words.components))

    assert finding.status is Status.UNKNOWN


def test_findings_are_sorted_and_do_not_depend_on_the_order_of_anything(red: Rule, tmp_path: Path) -> None:
    critical = RULE.replace("thing-is-red", "thing-has-size").replace("severity: high", "severity: critical")
    size = write_rule(tmp_path, critical, require="{field: size, equals: 1}")
    bodies = [thing(name, color=color, size=1) for name, color in (("B", "red"), ("a", "blue"), ("C", "red"))]
    first = findings(question(estate_of(bodies), size, red))
    chance = random.Random(1)  # noqa: S311 - a test's dice

    for _ in range(4):
        chance.shuffle(bodies)
        assert findings(question(estate_of(bodies), red, size)) == first
    assert [(one.severity.value, (one.resource_id or "")[-1]) for one in first] == [
        ("critical", "a"), ("critical", "B"), ("critical", "C"), ("high", "a"), ("high", "B"), ("high", "C"),
    ]  # fmt: skip


def test_fingerprints_are_unique_and_change_with_neither_values_nor_letter_case(red: Rule) -> None:
    before = judged(red, thing("t1", color="blue"), thing("t2", color="blue"))
    body = thing("t1", color="red")
    after = judged(red, {**body, "id": body["id"].upper()}, thing("t2"))

    assert [one.fingerprint for one in before] == [one.fingerprint for one in after]
    assert len({one.fingerprint for one in before}) == 2
    assert all(len(one.fingerprint) == 32 for one in before)


_NAMES = st.text(st.sampled_from("a'\"$`;|&(){}<>\\ \n*?~#!name{id}{name}"), min_size=1, max_size=20).filter(
    lambda name: "/" not in name and name.strip()
)


@given(name=_NAMES)
def test_a_remediation_command_stays_one_command_whatever_a_resource_is_called(red: Rule, name: str) -> None:
    resource = Resource.of({"id": f"{GROUP}/providers/{THING}/{name}", "type": THING})

    finding = finding_of(in_force([red])[0], Verdict(Status.FAIL), info_of(resource, None, None, estate_of([])), {})

    assert shlex.split(finding.remediation_cli) == ["paint", resource.id, "--name", name, "--color", "red"]
