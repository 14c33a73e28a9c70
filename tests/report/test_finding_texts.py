"""What is put together out of pieces that findings share is what each would be by itself."""

from __future__ import annotations

import gc
import io
import weakref
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from auditor.engine.bounded_cache import BoundedCache
from auditor.engine.findings.shared_evidence import (
    FactInputs,
    SharedEvidence,
    SharedLeaf,
    SharedLeaves,
    ValueOrigin,
    deciding,
)
from auditor.model import Evidence, Finding, Report, Severity, Status
from auditor.report.documents import finding_texts
from auditor.report.documents.document_parts import finding_of
from auditor.report.documents.finding_texts import FindingTexts
from auditor.report.escapes.json import value_text
from auditor.report.format import View, named
from auditor.report.formats.csv import FindingCells
from auditor.report.selection import listed, streamed
from tests.report.conftest import report_of
from tests.report.findings import shared_findings


@given(shared_findings())
def test_a_finding_in_json_is_that_of_its_document(findings: Sequence[Finding]) -> None:
    report = report_of(*findings)
    texts = FindingTexts(report)
    for _ in range(2):
        for each in findings:
            plain = replace(each, evidence=list(each.evidence))
            assert texts.of(each) == value_text(finding_of(plain, report))


@given(shared_findings())
def test_rows_of_csv_are_those_of_each_finding_alone(findings: Sequence[Finding]) -> None:
    together = _csv([*findings, *findings])
    alone = {id(each): _csv([replace(each, evidence=list(each.evidence))])[0] for each in findings}
    assert sorted(together) == sorted([*alone.values(), *alone.values()])


@given(shared_findings())
def test_what_decided_is_told_without_a_look_at_what_a_fact_was_derived_from(findings: Sequence[Finding]) -> None:
    for each in findings:
        assert repr(deciding(each)) == repr(each.deciding)
        if isinstance(each.evidence, SharedEvidence) and isinstance(each.evidence.inputs, FactInputs):
            unread = FactInputs([("/no such place", "")], each.evidence.inputs.reader)
            evidence = SharedEvidence(each.evidence.shared, each.evidence.origins, unread, each.evidence.own)
            assert repr(deciding(replace(each, evidence=evidence))) == repr(deciding(each))


def test_a_leaf_that_two_findings_share_is_told_as_whose_it_is_in_each() -> None:
    leaf = Evidence("properties.a", "equals", expected=True, actual=True)
    origins = (ValueOrigin("/a", "arm", "2024-01-01"), ValueOrigin("/b", "arm", "2023-05-01"))
    own, other = (
        Finding("openai-public-network-access-off", Severity.LOW, Status.PASS, "/a", None, "", fingerprint=str(owner),
                evidence=SharedEvidence(SharedLeaves((SharedLeaf(leaf, owner, was_read=True),)), origins))
        for owner in (0, 1)
    )  # fmt: skip

    first, second = _csv([own, other])

    assert ("api-version=2024-01-01" in first, "api-version=2023-05-01" in second) == (True, True)


def _csv(findings: Sequence[Finding]) -> Sequence[str]:
    out = io.StringIO(newline="")
    named("csv").write(report_of(*findings), out, View(include_passed=True))
    return out.getvalue().split("\r\n")[1:-1]


@pytest.mark.parametrize("capacity", [1, 2, 3])
def test_what_is_forgotten_is_made_again(capacity: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_SUBJECTS", "_PLACES", "_REMEMBERED", "_SETS"):
        monkeypatch.setattr(finding_texts, name, capacity)
    report = report_of()
    texts = FindingTexts(report)

    @given(shared_findings())
    def is_that_of_its_document(findings: Sequence[Finding]) -> None:
        for each in findings:
            assert texts.of(each) == value_text(finding_of(each, report))

    is_that_of_its_document()


@pytest.mark.parametrize("make", [FindingTexts, lambda report: FindingCells(report, list, str)])
def test_what_was_remembered_is_gone_with_who_remembered_it(make: Callable[[Report], object]) -> None:
    gc.collect()
    gc.disable()  # which writing may do without, too
    try:
        maker = make(report_of())
        known = weakref.ref(maker)
        del maker
        assert known() is None
    finally:
        gc.enable()


def test_of_a_round_that_is_too_long_part_is_still_found() -> None:
    cache: BoundedCache[int, int] = BoundedCache(8)
    found = 0
    for number in list(range(12)) * 20:
        found += cache.get(number) is not None or cache.keep(number, number) < 0
        assert len(cache) <= 8
    assert found >= 12 * 20 // 6


@given(shared_findings(), st.booleans())
def test_findings_are_gone_through_in_the_order_of_the_list(findings: list[Finding], is_in_order: bool) -> None:  # noqa: FBT001
    report = report_of(*findings)
    report = replace(report, findings=listed(report, include_passed=True)) if is_in_order else report
    for passed in (True, False):
        assert list(map(id, streamed(report, include_passed=passed))) == list(
            map(id, listed(report, include_passed=passed))
        )
