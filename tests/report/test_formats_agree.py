"""The same report in all formats agrees on counts, ids and fingerprints, and twice the same report is the same bytes."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import openpyxl  # type: ignore[import-untyped]  # its stubs are a package of their own
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from junitparser import JUnitXml
from lxml import html
from msgspec.structs import replace

from auditor.model import Finding, Report, Severity, Status
from auditor.report.format import NAMES
from auditor.report.summary import summarise
from tests.report.agents import azure_commands, github_commands
from tests.report.conftest import EXEMPT, GROUP, OPENAI_PUBLIC, report_of
from tests.report.hostile import HOSTILE
from tests.report.test_hostile_texts import bytes_of

_RULES = sorted(report_of().rules)


@st.composite
def findings(draw: st.DrawFn) -> Finding:
    """Draw a finding of any status and severity on a resource of any name."""
    name = draw(st.sampled_from(HOSTILE) | st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True))
    return replace(
        OPENAI_PUBLIC,
        rule_id=draw(st.sampled_from(_RULES)),
        status=draw(st.sampled_from(list(Status))),
        severity=draw(st.sampled_from(list(Severity))),
        resource_id=f"{GROUP}/providers/Microsoft.Storage/storageAccounts/{name}",
        sub_object=draw(st.sampled_from(["", "a", "b"])),
        exemption=draw(st.none() | st.just(EXEMPT.exemption)),
    )


REPORTS = st.lists(findings(), max_size=12).map(
    lambda drawn: report_of(*(replace(each, fingerprint=f"{number:032x}") for number, each in enumerate(drawn)))
)
Triple = tuple[str, str, str]


def _objects(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def _of_json(found: list[dict[str, Any]]) -> Counter[Triple]:
    return Counter((each["status"], each["rule_id"], each["fingerprint"]) for each in found)


def _of_csv(written: bytes) -> Counter[Triple]:
    rows = csv.DictReader(io.StringIO(written.decode(), newline=""))
    return Counter((row["status"], row["rule_id"], row["fingerprint"].removeprefix("'")) for row in rows)


def _of_sarif(written: bytes) -> Counter[Triple]:
    results = [result for run in json.loads(written)["runs"] for result in run["results"]]
    return Counter(
        (each["properties"]["status"], each["ruleId"], each["partialFingerprints"]["auditorFinding/v1"])
        for each in results
    )


def _of_ocsf(written: bytes) -> Counter[Triple]:
    words = {1: "pass", 3: "fail", 0: "unknown", 99: "not_applicable"}
    return Counter(
        (words[each["compliance"]["status_id"]], each["compliance"]["control"], each["finding_info"]["uid"])
        for each in _objects(written.decode())
    )


def _of_oscal(written: bytes) -> Counter[Triple]:
    (result,) = json.loads(written)["assessment-results"]["results"]
    told = ({prop["name"]: prop["value"] for prop in each["props"]} for each in result.get("observations", ()))
    return Counter((props["status"], props["rule-id"], props["fingerprint"]) for props in told)


def _of_xlsx(written: bytes) -> Counter[Triple]:
    header, *rows = openpyxl.load_workbook(io.BytesIO(written))["findings"].iter_rows(values_only=True)
    told = (dict(zip(header, row, strict=True)) for row in rows)
    return Counter((row["Status"], row["Rule"], row["Fingerprint"]) for row in told)


def _of_html(written: bytes) -> Counter[Triple]:
    found = json.loads(html.document_fromstring(written.decode()).get_element_by_id("report-data").text)["findings"]
    return Counter((each["status"], each["rule"], each["id"]) for each in found)


LISTING: dict[str, Callable[[bytes], Counter[Triple]]] = {
    "csv": _of_csv,
    "html": _of_html,
    "json": lambda written: _of_json(json.loads(written)["findings"]),
    "jsonl": lambda written: _of_json(_objects(written.decode())[1:]),
    "ocsf": _of_ocsf,
    "oscal": _of_oscal,
    "sarif": _of_sarif,
    "xlsx": _of_xlsx,
}
"""The formats that list every finding by its fingerprint, and how it is read from them."""


@settings(max_examples=25)
@given(REPORTS)
def test_all_formats_tell_the_same_findings(report: Report) -> None:
    expected = Counter((each.status.value, each.rule_id, each.fingerprint) for each in report.findings)
    for name, read in LISTING.items():
        assert read(bytes_of(report, name)) == expected, name


@settings(max_examples=25)
@given(REPORTS)
def test_all_formats_count_alike(report: Report) -> None:
    summary = summarise(report)
    by_status = {status.value: count for status, count in summary.by_status.items()}
    assert json.loads(bytes_of(report, "json"))["summary"]["by_status"] == by_status
    parsed = JUnitXml.fromstring(bytes_of(report, "junit"))
    parsed.update_statistics()
    accepted = summary.exempted
    assert (parsed.tests, parsed.failures) == (len(report.findings), by_status["fail"] - accepted)
    assert (parsed.errors, parsed.skipped) == (by_status["unknown"], by_status["not_applicable"] + accepted)
    open_ones = [
        each for each in report.findings if each.exemption is None and each.status in {Status.FAIL, Status.UNKNOWN}
    ]
    assert len(azure_commands(bytes_of(report, "azure-devops").decode())) == len(open_ones)
    told = Counter(command.name for command in github_commands(bytes_of(report, "github").decode()))
    assert all(count <= 10 for count in told.values())
    assert sum(told.values()) == len(open_ones) or max(told.values()) == 10


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=5)
@given(report=REPORTS)
def test_twice_the_same_report_is_the_same_bytes(name: str, report: Report) -> None:
    other = replace(report, findings=report.findings[::-1])
    assert bytes_of(report, name) == bytes_of(report, name) == bytes_of(other, name)
