"""Findings that are held packed are the findings that were given, in their order, however they came."""

from __future__ import annotations

import io
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from auditor import audit
from auditor.engine import partwise
from auditor.engine.accepted.known import KnownFailure, KnownFailures
from auditor.engine.findings import held_findings
from auditor.engine.findings.held_findings import (
    SETTLED,
    HeldFindings,
    Run,
    changed,
    packed,
    portable,
    runs_of,
    settled_apart,
    with_more,
)
from auditor.engine.findings.order import in_order, place_of, rule_of
from auditor.engine.findings.raw_inputs import RawInputs
from auditor.engine.findings.shared_evidence import SharedEvidence
from auditor.engine.parallel import processes
from auditor.estate.graph import Estate
from auditor.inputs import read
from auditor.model import Evidence, Finding, Report, Severity, Status
from auditor.report import format as formats
from benchmarks import estate
from tests.audit.judging import shipped
from tests.checkout import SAMPLE

_EXEMPTIONS = """\
exemptions:
  - {rule: "*", scope: "/subscriptions/*", reason: old, approved_by: me, ticket: T-1, expires_on: "2024-06-01"}
  - {rule: "storage-*", scope: /subscriptions/nowhere, reason: old, approved_by: me, ticket: T-2, expires_on: "2023-06-01"}
"""


@pytest.fixture(scope="module")
def inputs() -> RawInputs:
    return RawInputs(Estate(read.read(SAMPLE)))


_EVIDENCE = st.builds(Evidence, st.just("p"), st.just("equals"), st.none(), st.text())


@st.composite
def _findings(draw: st.DrawFn) -> Finding:
    rule = draw(st.integers(0, 3))
    return Finding(
        f"rule-{rule}",
        list(Severity)[rule],
        draw(st.sampled_from(list(Status))),
        draw(st.none() | st.sampled_from(["/subscriptions/A", "/subscriptions/a/b", "/subscriptions/a-b", "/x", "/Y"])),
        None,
        draw(st.sampled_from(["", "one", "Two"])),
        sub_object=draw(st.sampled_from(["", "a", "B"])),
        workload=draw(st.sampled_from([None, "w"])),
        evidence=draw(st.just(()) | st.lists(_EVIDENCE, min_size=1, max_size=2)),
    )


_FORMS = ("as they are", "packed", "portable")
_PARTS = st.lists(st.tuples(st.lists(_findings(), max_size=12), st.sampled_from(_FORMS)), max_size=5)


def _held(found: list[Finding], form: str, estate: Estate) -> Iterator[Run]:
    ordered = in_order(found)
    if form == "portable":
        return portable(ordered, estate)
    return map(packed, runs_of(ordered)) if form == "packed" else runs_of(ordered)


@given(parts=_PARTS, longest=st.integers(1, 4), more=st.lists(_findings(), max_size=3))
def test_parts_in_any_form_are_the_findings_in_order(
    parts: list[tuple[list[Finding], str]], longest: int, more: list[Finding], inputs: RawInputs
) -> None:
    numbers = iter(range(100))

    def told_apart(found: list[Finding]) -> list[Finding]:
        return [replace(each, message=f"{7 * next(numbers) % 101:03}") for each in found]

    parts = [(told_apart(found), form) for found, form in parts]
    more = told_apart(more)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(held_findings, "_LONGEST", longest)
        runs = [run for found, form in parts for run in _held(found, form, inputs.estate)]
        held, plain = HeldFindings(runs, inputs), in_order(chain.from_iterable(found for found, _ in parts))

        def told(number: int, finding: Finding) -> Finding:
            return replace(finding, first_seen=str(number))

        assert list(held) == plain
        assert (len(held), held[:], [held[at] for at in range(-len(plain), 0)]) == (len(plain), plain, plain)
        assert list(chain.from_iterable(held.sections())) == plain
        settled, others = settled_apart(held)
        assert settled + Counter(each.status for each in others) == Counter(each.status for each in plain)
        assert [each for each in others if each.status not in SETTLED] == [
            each for each in plain if each.status not in SETTLED
        ]
        assert list(changed(held, told)) == changed(plain, told)
        assert list(with_more(changed(held, told), more)) == with_more(changed(plain, told), more)


def test_what_findings_share_is_one_object_however_they_are_packed(inputs: RawInputs) -> None:
    report = audit.audit(read.read(SAMPLE), shipped(), audit.Terms(complete=True))

    once, again = (list(HeldFindings(map(packed, runs_of(report.findings)), inputs)) for _ in range(2))

    shared = [each.evidence.shared for each in once if isinstance(each.evidence, SharedEvidence)]
    assert len({id(leaves) for leaves in shared}) < len(shared)
    for one, two in zip(once, again, strict=True):
        if isinstance(one.evidence, SharedEvidence) and one.evidence.shared.is_kept:
            assert isinstance(two.evidence, SharedEvidence)
            assert one.evidence.shared is two.evidence.shared


@pytest.mark.parametrize("is_large", [False, True])
def test_once_there_are_many_all_are_packed(monkeypatch: pytest.MonkeyPatch, *, is_large: bool) -> None:
    snapshot, terms = read.read(SAMPLE), audit.Terms(complete=True)
    plain = audit.audit(snapshot, shipped(), terms).findings
    monkeypatch.setattr(held_findings, "MANY", len(plain) // 2)
    if is_large:
        monkeypatch.setattr(partwise, "_LARGE", 1)

    held = audit.audit(snapshot, shipped(), terms).findings

    assert isinstance(held, HeldFindings)
    assert all(isinstance(run.content, bytes) for run in held.runs)
    assert list(held) == plain


def _terms(folder: Path, number: int) -> audit.Terms:
    known = KnownFailures.of([KnownFailure("0" * 32, "public-access", None, "", None)])
    (folder / "accepted.yaml").write_text(_EXEMPTIONS, encoding="utf-8")
    return audit.Terms(
        complete=True, exemption_files=[folder / "accepted.yaml"], known=known, draw=True, processes=number
    )


@given(parts=st.lists(st.lists(_findings(), min_size=1, max_size=12), min_size=2, max_size=5))
def test_sections_are_short_whatever_parts_lie_across_each_other(parts: list[list[Finding]], inputs: RawInputs) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(held_findings, "_LONGEST", 1)
        held = HeldFindings(chain.from_iterable(map(runs_of, map(in_order, parts))), inputs)
        sections, again = (list(map(list, held.sections())) for _ in range(2))

    assert list(chain.from_iterable(sections)) == list(held)
    assert again == sections
    places = Counter(map(_place, held))  # with runs of one finding, as many lie side by side as are on one place
    for section in sections:
        assert sum(places[one] == 1 for one in map(_place, section)) <= 2 * max(places.values())


def _place(finding: Finding) -> tuple[object, ...]:
    return rule_of(finding), place_of(finding)


def _written(report: Report, name: str, number: int = 1, *, include_passed: bool = True) -> bytes:
    chosen, raw = formats.named(name), io.BytesIO()
    with io.TextIOWrapper(raw, encoding="utf-8", newline="", errors="surrogatepass") as out:
        chosen.write(report, out, formats.View(include_passed, processes=number))
        out.flush()
        return raw.getvalue()


@pytest.mark.parametrize(("number", "keeps_answers"), [(1, False), (2, False), (2, True)])
def test_every_format_writes_the_same_of_findings_that_are_held(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, keeps_answers: bool
) -> None:
    (tmp_path / "estate.json").write_bytes(estate.document(400))
    snapshot, rules = read.read(tmp_path / "estate.json"), shipped()
    plain = audit.audit(snapshot, rules, _terms(tmp_path, 1))
    monkeypatch.setattr(held_findings, "MANY", 0)
    monkeypatch.setattr(processes, "obstacle", lambda: "")

    terms = replace(_terms(tmp_path, number), answers=tmp_path / "answers" if keeps_answers else None)
    if keeps_answers:
        audit.audit(snapshot, rules, terms)
    held = audit.audit(snapshot, rules, terms)

    assert isinstance(plain.findings, list)
    assert isinstance(held.findings, HeldFindings)
    assert replace(held, findings=list(held.findings)) == plain
    assert any(each.exemption for each in plain.findings)
    for name in formats.NAMES:
        if name != "xlsx":  # a time stands in it
            for passed in (True, False):
                one, other = (
                    _written(held, name, number, include_passed=passed),
                    _written(plain, name, include_passed=passed),
                )
                assert one == other, (name, passed)


def test_a_packed_run_takes_no_more_room_than_its_bytes() -> None:
    found = [
        Finding("rule", Severity.LOW, Status.PASS, f"/subscriptions/s/{number}", None, "as all others")
        for number in range(1_000)
    ]
    [run] = runs_of(found)
    packed(run)  # makes what packs

    tracemalloc.start()
    try:
        content = packed(run).content
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert isinstance(content, bytes)
    assert held < len(content) + 4_000
