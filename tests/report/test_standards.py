"""Each format as its own standard's validator sees it: a plain report, a hostile one, an empty one."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import cmarkgfm  # type: ignore[import-untyped]  # it has no annotations
import openpyxl  # type: ignore[import-untyped]  # its stubs are a package of their own
import pytest
from cmarkgfm.cmark import Options  # type: ignore[import-untyped]  # as above
from jsonschema import Draft202012Validator
from junitparser import JUnitXml
from lxml import html
from msgspec.structs import replace
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema
from openpyxl.utils.escape import unescape  # type: ignore[import-untyped]  # as above
from sarif_pydantic import Sarif
from trestle.oscal.assessment_results import Model as AssessmentResults
from xmlschema import XMLSchema10

from auditor.model import Finding, Report, Severity, Status
from auditor.report.format import View, named
from auditor.report.formats.ocsf import OCSF_VERSION
from tests.checkout import ROOT
from tests.report.conftest import EXEMPT, MISSING, OPENAI_PUBLIC, PASSED, SKIPPED, UNREAD, report_of
from tests.report.hostile import HOSTILE, hostile_report
from tests.report.test_hostile_texts import bytes_of

REPORTS = pytest.mark.parametrize("kind", ["plain", "hostile", "empty"])
JUNIT = XMLSchema10(str(Path(__file__).parent / "standards" / "junit-10.xsd"))  # Jenkins' xUnit plugin, MIT
MULTITOOL = "node_modules/@microsoft/sarif-multitool-linux/Sarif.Multitool"


@pytest.fixture
def judged(kind: str, report: Report) -> Report:
    """Return a report of a kind."""
    if kind == "hostile":
        return hostile_report(list(HOSTILE))
    return report_of() if kind == "empty" else report


def json_of(report: Report, name: str) -> Any:
    return json.loads(bytes_of(report, name))


@REPORTS
def test_sarif_is_sarif(judged: Report) -> None:
    Sarif.model_validate(json_of(judged, "sarif"))


@REPORTS
def test_sarif_pleases_microsofts_validator_with_the_rules_of_github_and_azure_devops(
    judged: Report, tmp_path: Path
) -> None:
    tool = next((found for folder in _TOOL_FOLDERS if (found := folder / MULTITOOL).is_file()), None)
    if tool is None:
        pytest.skip("needs npm's @microsoft/sarif-multitool-linux in build/oracles")
    (tmp_path / "a.sarif").write_bytes(bytes_of(judged, "sarif"))
    options = ("--rule-kind", "Sarif;Ghas;GHAzDO", "--output", "told.sarif", "--log", "ForceOverwrite")
    subprocess.run([str(tool), "validate", "a.sarif", *options], cwd=tmp_path, check=True, capture_output=True)
    (run,) = json.loads((tmp_path / "told.sarif").read_text())["runs"]
    told = {(result["ruleId"], result.get("level", "warning")) for result in run["results"]}
    assert run["invocations"][0]["executionSuccessful"]
    # It would like an address of the tool, and ids of the build, which the task that publishes the file adds.
    assert told <= {("SARIF2005", "warning"), ("GHAzDO1019", "error"), ("GHAzDO1020", "error")}


_TOOL_FOLDERS = (ROOT / "build" / "oracles",)


def test_a_result_has_all_that_github_reads(report: Report) -> None:
    (run,) = json_of(report, "sarif")["runs"]
    rules = run["tool"]["driver"]["rules"]
    prints = [result["partialFingerprints"]["primaryLocationLineHash"] for result in run["results"]]
    assert run["automationDetails"]["id"] == f"auditor/openai-chat/{report.snapshot.scope['subscriptions'][0]}/"  # type: ignore[index]
    for rule in rules:
        assert rule["name"]
        assert rule["help"]["text"]
        assert rule["fullDescription"]["text"]
        assert re.fullmatch(r"\d\.\d", rule["properties"]["security-severity"])
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        region = result["locations"][0]["physicalLocation"]["region"]
        assert region == {"startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 2}
    assert len(prints) == len(report.findings)
    assert {result["level"] for result in run["results"] if result["kind"] != "fail"} == {"none"}


def test_sarif_tells_unknowns_as_open_and_exemptions_as_suppressions() -> None:
    (run,) = json.loads(bytes_of(report_of(UNREAD, EXEMPT, PASSED, SKIPPED), "sarif"))["runs"]
    kinds = {result["partialFingerprints"]["auditorFinding/v1"]: result["kind"] for result in run["results"]}
    assert kinds == {"f4": "fail", "f5": "open", "f6": "pass", "f7": "notApplicable"}
    (suppression,) = next(each for each in run["results"] if "suppressions" in each)["suppressions"]
    assert (suppression["kind"], suppression["status"]) == ("external", "accepted")
    assert "Test account without data" in suppression["justification"]


def test_a_run_of_sarif_holds_as_many_results_as_github_takes_and_each_run_is_a_category() -> None:
    many = [replace(OPENAI_PUBLIC, fingerprint=f"{number:06}") for number in range(50_001)]
    runs = json_of(report_of(*many), "sarif")["runs"]
    assert [len(run["results"]) for run in runs] == [25_000, 25_000, 1]
    assert len({run["automationDetails"]["id"] for run in runs}) == 3
    prints = {each["partialFingerprints"]["primaryLocationLineHash"] for run in runs for each in run["results"]}
    assert len(prints) == len(many)


@REPORTS
def test_junit_is_junit_and_its_counts_are_right(judged: Report) -> None:
    written = bytes_of(judged, "junit")
    JUNIT.validate(io.BytesIO(written))
    parsed = JUnitXml.fromstring(written)
    told = (parsed.tests, parsed.failures, parsed.errors)
    suites = [(suite.tests, suite.failures, suite.errors, suite.skipped) for suite in parsed]
    parsed.update_statistics()
    assert told == (parsed.tests, parsed.failures, parsed.errors)
    assert suites == [(suite.tests, suite.failures, suite.errors, suite.skipped) for suite in parsed]


def test_junit_skips_what_is_accepted_and_what_does_not_apply_and_an_unknown_is_an_error() -> None:
    parsed = JUnitXml.fromstring(bytes_of(report_of(OPENAI_PUBLIC, UNREAD, EXEMPT, PASSED, SKIPPED, MISSING), "junit"))
    parsed.update_statistics()
    assert (parsed.tests, parsed.failures, parsed.errors, parsed.skipped) == (6, 2, 1, 2)
    (told,) = next(case for suite in parsed for case in suite if "oai-test" in str(case.name)).result
    assert "accepted until 2024-12-31 by ciso@contoso.example" in str(told.message)


@cache
def _ocsf() -> Draft202012Validator:
    schema = OcsfJsonSchemaEmbedded(get_ocsf_schema(OCSF_VERSION)).get_class_schema("compliance_finding", ["cloud"])
    return Draft202012Validator(schema)


@REPORTS
def test_ocsf_is_a_compliance_finding_of_the_cloud_a_line(judged: Report) -> None:
    events: list[Mapping[str, Any]] = [json.loads(line) for line in bytes_of(judged, "ocsf").splitlines()]
    for event in events:
        _ocsf().validate(event)
        assert (event["class_uid"], event["metadata"]["profiles"]) == (2003, ["cloud"])
    assert len(events) == len(judged.findings)


def test_ocsf_tells_verdicts_in_its_own_numbers() -> None:
    written = bytes_of(report_of(OPENAI_PUBLIC, UNREAD, EXEMPT, PASSED, SKIPPED), "ocsf")
    events = [json.loads(line) for line in written.splitlines()]
    told = {each["finding_info"]["uid"]: (each["compliance"]["status_id"], each.get("status_id")) for each in events}
    assert told == {"f1": (3, 1), "f4": (3, 3), "f5": (0, 1), "f6": (1, None), "f7": (99, None)}
    assert {each["severity_id"] for each in events} == {5, 3}


@REPORTS
def test_oscal_is_assessment_results(judged: Report) -> None:
    AssessmentResults.model_validate_json(bytes_of(judged, "oscal"))


def test_oscal_tells_each_control_once_by_the_worst_of_its_findings() -> None:
    findings = [
        _on("A-1", Status.PASS), _on("A-1", Status.FAIL), _on("A-2", Status.PASS), _on("A-3", Status.UNKNOWN),
        _on("A-4", Status.NOT_APPLICABLE), _on("A-5", Status.UNKNOWN), _on("A-5", Status.FAIL),
    ]  # fmt: skip
    numbered = [replace(each, fingerprint=f"n{number}") for number, each in enumerate(findings)]
    (result,) = json_of(report_of(*numbered), "oscal")["assessment-results"]["results"]
    told = {each["target"]["target-id"]: each["target"]["status"] for each in result["findings"]}
    assert {name: (status["state"], status["reason"]) for name, status in told.items()} == {
        "A-1": ("not-satisfied", "fail"),
        "A-2": ("satisfied", "pass"),
        "A-3": ("not-satisfied", "other"),
        "A-5": ("not-satisfied", "fail"),
    }
    named_ones = {
        each["observation-uuid"] for finding in result["findings"] for each in finding["related-observations"]
    }
    assert named_ones <= {each["uuid"] for each in result["observations"]}
    assert len({each["uuid"] for each in result["observations"]}) == len(findings)


def _on(control: str, status: Status) -> Finding:
    return replace(OPENAI_PUBLIC, status=status, controls={"openai-chat": [control]})


@REPORTS
def test_excel_has_five_sheets_with_filters_and_nothing_that_runs(judged: Report) -> None:
    book = openpyxl.load_workbook(io.BytesIO(bytes_of(judged, "xlsx")))
    assert book.sheetnames == ["findings", "causes", "controls", "coverage", "gaps"]
    for sheet in book:
        columns = openpyxl.utils.get_column_letter(sheet.max_column)
        assert sheet.auto_filter.ref == f"A1:{columns}{sheet.max_row}"
        assert sheet.freeze_panes == "A2"
        for row in sheet.iter_rows():
            assert {cell.data_type for cell in row} <= {"s", "n", "inlineStr"}
            assert not any(cell.hyperlink for cell in row)
    assert book["findings"].max_row == len(judged.findings) + 1


def test_excel_holds_texts_as_they_are_and_numbers_as_numbers() -> None:
    names = ["=1+1", "007", "1e5", "https://evil.example", "_x0041_", "a & <b>"]
    findings = [replace(OPENAI_PUBLIC, workload=name, fingerprint=name) for name in names]
    sheet = openpyxl.load_workbook(io.BytesIO(bytes_of(report_of(*findings), "xlsx")))["findings"]
    assert {unescape(row[3].value) for row in sheet.iter_rows(min_row=2)} == set(names)


def test_excel_opens_in_libreoffice(report: Report, tmp_path: Path) -> None:
    office = shutil.which("soffice")
    if office is None:
        pytest.skip("needs LibreOffice")
    (tmp_path / "a.xlsx").write_bytes(bytes_of(report, "xlsx"))
    command = [office, "--headless", "--convert-to", "csv:Text - txt - csv (StarCalc):44,34,76", "a.xlsx"]
    home = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, env=home, timeout=120)
    assert (tmp_path / "a.csv").read_text().count("openai-public-network-access-off") >= 3


@pytest.mark.parametrize("kind", ["plain", "hostile"])
def test_markdown_is_what_github_shows_of_it(judged: Report) -> None:
    written = bytes_of(judged, "markdown").decode()
    page = cmarkgfm.github_flavored_markdown_to_html(written, options=Options.CMARK_OPT_UNSAFE)
    shown = html.fromstring(f"<div>{page.replace('<!-- -->', '')}</div>")
    assert {str(element.tag) for element in shown.iter()} <= {
        *("div", "h2", "h3", "p", "table", "thead", "tbody", "tr", "th", "td", "details", "summary", "code"),
    }
    assert all(set(element.attrib) <= {"align"} for element in shown.iter())


_STARTS = {
    "github": ("::error title=critical%3A Azure OpenAI accounts", "::warning title=medium%3A Content filters"),
    "azure-devops": (
        "##vso[task.logissue type=error;code=openai-public-",
        "##vso[task.logissue type=warning;code=openai-",
    ),
}


@pytest.mark.parametrize("name", ["github", "azure-devops"])
def test_annotations_tell_open_failures_and_unknowns_only(name: str) -> None:
    written = bytes_of(report_of(OPENAI_PUBLIC, UNREAD, EXEMPT, PASSED, SKIPPED), name).decode()
    first, second, *rest = written.splitlines()
    starts = _STARTS[name]
    assert (first.startswith(starts[0]), second.startswith(starts[1])) == (True, True)
    assert rest[0].startswith("2 failures (2 critical), 1 of them accepted by exemption · 1 unknown")
    assert rest[-1].startswith("Exit code 2")


def test_github_is_given_ten_annotations_of_a_kind_and_counts_the_others() -> None:
    levels = [*[Severity.HIGH] * 12, *[Severity.MEDIUM] * 3, *[Severity.INFO] * 11]
    findings = [replace(OPENAI_PUBLIC, severity=each, fingerprint=str(number)) for number, each in enumerate(levels)]
    lines = bytes_of(report_of(*findings), "github").decode().splitlines()
    assert [sum(line.startswith(f"::{kind} ") for line in lines) for kind in ("error", "warning", "notice")] == [
        10,
        3,
        10,
    ]
    assert "2 more of kind error in the step's summary: GitHub shows 10." in lines
    assert "1 more of kind notice in the step's summary: GitHub shows 10." in lines


def test_a_format_that_is_no_text_writes_bytes_to_the_stream_below() -> None:
    target = io.BytesIO()
    stream = io.TextIOWrapper(target, encoding="utf-8")
    named("xlsx").write(report_of(), stream, View(include_passed=True))
    stream.flush()
    assert target.getvalue().startswith(b"PK")
