from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from auditor.engine.parallel import processes
from auditor.language.operators import OPERATORS
from auditor.model import Report
from auditor.report import selection
from auditor.report.comparison import comparison
from auditor.report.escapes.output import CsvDialect
from auditor.report.format import Style, View
from auditor.report.formats.csv import COLUMNS, FORMAT
from auditor.report.text import reads_as_number, safe_cell
from tests.checkout import ROOT
from tests.report.conftest import (
    EXEMPT,
    MISSING,
    OPENAI_PUBLIC,
    PASSED,
    ROUTE,
    SKIPPED,
    UNREAD,
    VAULT_NETWORK,
    named,
    report_of,
)

DESIGNED = (
    "schema_version, run_id, snapshot_sha256, scanned_at_utc, tool_version, baseline, baseline_version, rule_id, "
    "rule_title, severity, status, exempted, subscription_id, subscription_name, resource_group, resource_type, "
    "resource_id, resource_name, sub_object, workload, component, location, message, observed, expected, "
    "evidence_path, evidence_source, evidence_api_version, collected_at_utc, unknown_reason, missing_permission, "
    "exemption_id, exemption_reason, exemption_approved_by, exemption_expires_on, controls, remediation, fingerprint, "
    "operator, witness, cause, tags, first_seen_utc, change"
)


def text_of(report: Report, *, include_passed: bool = True) -> str:
    out = io.StringIO(newline="")
    FORMAT.write(report, out, View(include_passed=include_passed))
    return out.getvalue()


def rows_of(report: Report, *, include_passed: bool = True) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text_of(report, include_passed=include_passed), newline="")))


@pytest.mark.parametrize("number", [0, 1, 6, 7, 25])
def test_several_processes_write_the_same_rows_in_the_same_order(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "obstacle", lambda: "")
    monkeypatch.setattr(selection, "_SECTION", 2)
    found = [
        replace(PASSED, resource_id=f"/subscriptions/{each}", message=f"{each}: =1+1, \udc80") for each in range(number)
    ]
    out = io.StringIO(newline="")

    FORMAT.write(report_of(*found), out, View(include_passed=True, processes=3))

    assert out.getvalue() == text_of(report_of(*found))


def test_the_columns_are_those_of_the_contract() -> None:
    assert ", ".join(COLUMNS) == DESIGNED


def test_the_documentation_tells_every_column_in_order() -> None:
    text = (ROOT / "docs" / "outputs.md").read_text(encoding="utf-8")
    section = text.partition("## CSV\n")[2].partition("\n## ")[0]
    assert tuple(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == COLUMNS


def test_every_finding_is_one_line_that_reads_back(report: Report) -> None:
    text = text_of(report)
    assert text.count("\r\n") == len(text.splitlines()) == len(report.findings) + 1
    assert all(None not in row and None not in row.values() for row in rows_of(report))


def test_sub_objects_of_a_resource_are_rows_of_their_own() -> None:
    """C1: two parameters of one rule on one resource are two rows."""
    twins = [replace(OPENAI_PUBLIC, sub_object=name) for name in ("second", "first", "first")]
    assert [row["sub_object"] for row in rows_of(report_of(*twins))] == ["first", "first", "second"]


def test_rows_are_ordered_by_severity_rule_resource() -> None:
    rows = rows_of(report_of(UNREAD, VAULT_NETWORK, replace(OPENAI_PUBLIC, resource_id="/z"), EXEMPT, OPENAI_PUBLIC))
    assert [row["resource_name"] for row in rows] == ["oai-chat01", "oai-test", "z", "oai-chat01", "oai-chat01"]
    assert [row["severity"] for row in rows] == ["critical", "critical", "critical", "high", "medium"]


def test_a_row_shows_the_value_that_decided_and_where_it_is() -> None:
    (row,) = rows_of(report_of(VAULT_NETWORK))
    assert row["observed"] == "Allow; 7"
    assert row["expected"] == 'Deny; ["0.0.0.0/0"]'
    assert row["operator"] == "is; is none of"
    assert row["evidence_path"] == "properties.networkAcls.defaultAction; properties.networkAcls.ipRules[*].value"
    assert (row["evidence_source"], row["evidence_api_version"]) == ("arm; resource-graph", "api-version=2024-10-01")


def test_an_absent_value_names_the_default_that_stood_in() -> None:
    (row,) = rows_of(report_of(OPENAI_PUBLIC))
    assert row["observed"] == '(absent, assumed "Enabled")'
    bare = replace(OPENAI_PUBLIC.evidence[0], assumed=None)
    (row,) = rows_of(report_of(replace(OPENAI_PUBLIC, evidence=(bare,))))
    assert row["observed"] == "(absent)"


def test_the_subscription_is_named_whatever_its_case() -> None:
    (row,) = rows_of(report_of(OPENAI_PUBLIC))
    assert row["subscription_name"] == "Chat | production"
    assert (row["resource_group"], row["controls"]) == ("rg-chat", "mcsb:NS-2; mcsb:NS-1; openai-chat:AOAI-NET-001")


def test_an_exemption_stands_beside_the_status() -> None:
    (row,) = rows_of(report_of(EXEMPT))
    assert (row["status"], row["exempted"], row["exemption_id"]) == ("fail", "true", "EX-1")


def test_passes_are_left_out_on_demand_and_unknowns_never() -> None:
    rows = rows_of(report_of(PASSED, SKIPPED, UNREAD, OPENAI_PUBLIC), include_passed=False)
    assert [row["status"] for row in rows] == ["fail", "unknown"]


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("-1+1", "'-1+1"),
        ("-5", "-5"),
        ("-0.5e-3", "-0.5e-3"),
        ("\t=1", "' =1"),
        ("\rx", "' x"),
        (" \n=1", "'  =1"),
        ("\x1b[31m", " [31m"),
        ("a\r\nb\u2028c\u2029d", "a b c d"),
        ("name", "name"),
    ],
)
def test_a_cell_is_text_and_nothing_else(text: str, cell: str) -> None:
    assert safe_cell(text) == cell


@given(st.text() | st.text(alphabet="=+-@\t\r\n |'\"5;,\x1b\u2028\ud800", max_size=8))
def test_no_text_makes_a_formula_a_line_or_a_control_character(text: str) -> None:
    (row,) = rows_of(report_of(replace(named("kv"), message=text, resource_id=text, sub_object=text)))
    for cell in (row["message"], row["resource_id"], row["sub_object"]):
        assert not re.match(r"\s*[=+\-@]", cell) or re.fullmatch(r"-\d+(\.\d+)?([eE][+-]?\d+)?", cell)
        assert not any(unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} for character in cell)


def test_a_cell_never_outgrows_a_spreadsheet(make_report: Callable[..., Report]) -> None:
    (row,) = rows_of(make_report(replace(OPENAI_PUBLIC, message="x" * 100_000)))
    assert len(row["message"]) < 32_767
    assert row["message"].endswith("(68,000 more characters in the JSON report)")


_UNSEEN = [
    "\u200b",
    "\ufeff",
    "\u00ad",
    "\u2060",
    "\u180e",
    "\ufe0f",
    "\u034f",
    "\u3164",
    "\u2800",
    "\U000e0020",
    " ",
    "\t",
    "\x00",
]


@given(
    st.lists(st.sampled_from(_UNSEEN), max_size=4).map("".join),
    st.sampled_from(
        ["=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20", "\ufe66", "\ufe62", "\u2212", "\u207a"]
    ),
    st.text(max_size=5),
)
def test_nothing_that_does_not_show_hides_a_formula(before: str, sign: str, after: str) -> None:
    assert safe_cell(f"{before}{sign}cmd{after}").startswith("'")


@pytest.mark.parametrize(
    ("operator", "expected", "sentence"),
    [
        ("greaterOrEquals", 1, "at least 1"),
        ("lessOrEquals", 90, "at most 90"),
        ("greater", 0, "more than 0"),
        ("equals", "Disabled", "is Disabled"),
        ("notEquals", "Allow", "is not Allow"),
        ("in", ["TLS1_2", "TLS1_3"], 'is one of ["TLS1_2","TLS1_3"]'),
        ("exists", True, "is present"),
        ("exists", False, "is absent"),
        ("exists", "false", "is absent"),
        ("count", "count >= 1", "at least 1 that match"),
        ("count", "count = 0", "exactly 0 that match"),
        ("notOlderThan", {"days": 90}, "at most 90 days old"),
        ("olderThan", {"days": 7}, "older than 7 days"),
        ("none", None, "no element as the rule says"),
        ("equals", "1.10", 'is "1.10"'),
        ("greater", "2024-02-20T12:00:00Z", "more than 2024-02-20T12:00:00Z"),
    ],
)
def test_operator_and_expected_read_as_a_sentence(operator: str, expected: object, sentence: str) -> None:
    leaf = replace(OPENAI_PUBLIC.evidence[0], operator=operator, expected=expected)
    (row,) = rows_of(report_of(replace(OPENAI_PUBLIC, evidence=(leaf,))))
    assert f"{row['operator']} {row['expected']}" == sentence


def test_every_operator_of_the_language_has_words() -> None:
    for name in OPERATORS:
        assert (
            comparison(replace(OPENAI_PUBLIC.evidence[0], operator=name, expected="x"))[0] != name or name == "contains"
        )


def test_what_version_2_adds_tells_witness_cause_and_tags() -> None:
    tagged = replace(ROUTE, tags={"owner": "team; a", "cost": 7}, witness={"b": 1, "a": [2]})
    rows = rows_of(
        report_of(tagged, replace(OPENAI_PUBLIC, rule_id="keyvault-network-closed"), PASSED, UNREAD, MISSING)
    )
    told = {row["status"] + row["rule_id"]: row for row in rows}
    assert told["failsubnet-private-endpoints-closed"]["witness"] == '{"a":[2],"b":1}'
    assert told["failsubnet-private-endpoints-closed"]["tags"] == "cost=7; owner=team; a"
    assert told["failkeyvault-network-closed"]["cause"] == "publicNetworkAccess of oai-chat01"
    assert told["failarchitecture-components-present"]["cause"] == "firewall is missing in chat01"
    assert told["unknownopenai-content-filter-strict"]["cause"] == "forbidden"
    assert told["passopenai-public-network-access-off"]["cause"] == ""
    assert all((row["schema_version"], row["first_seen_utc"], row["change"]) == ("2", "", "") for row in rows)


@pytest.mark.parametrize(
    "name", ["2024.1", "007", "1e5", "3/4", "2024-10-01", "12:30", "MAR1", "1 sept", "true", "-5", "5%", "$5"]
)
def test_a_version_and_an_id_never_are_a_number(name: str) -> None:
    finding = replace(OPENAI_PUBLIC, sub_object=name, workload=name, component=name, fingerprint=name)
    (row,) = rows_of(replace(report_of(finding), tool_version=name, baseline_version=name))
    assert {row[column] for column in ("sub_object", "workload", "component", "fingerprint")} == {f"'{name}"}
    assert (row["tool_version"], row["baseline_version"]) == (f"auditor {name}", f"openai-chat {name}")


@pytest.mark.parametrize("name", ["kv-prod-01", "march", "rg.chat", "a1e5", "oai", "12 angry men", "e", "()"])
def test_a_name_that_is_none_stays_as_it_is(name: str) -> None:
    (row,) = rows_of(report_of(replace(OPENAI_PUBLIC, workload=name)))
    assert row["workload"] == name


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("has_bom", [False, True])
def test_a_reader_chooses_delimiter_and_byte_order_mark(report: Report, delimiter: str, has_bom: bool) -> None:  # noqa: FBT001
    out = io.StringIO(newline="")
    FORMAT.write(report, out, View(include_passed=True, style=Style(CsvDialect(delimiter, has_bom))))
    text = out.getvalue()
    assert text.startswith("\ufeff") == has_bom
    assert list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), delimiter=delimiter)) == list(
        csv.reader(io.StringIO(text_of(report), newline=""))
    )


@given(st.text(alphabet="0123456789 .,:/eE+%$€£()-٣\u00a0\x1caMAR", min_size=20, max_size=40))
def test_what_is_longer_than_a_date_is_a_number_where_it_holds_nothing_else(text: str) -> None:
    assert reads_as_number(text) == bool(re.fullmatch(r"[\s\d.,:/eE+%$€£()-]*\d[\s\d.,:/eE+%$€£()-]*", text))


@given(st.text("abcdeijlmnoprstuvyzABDEJMNOS19 .,:-e", max_size=9) | st.text(max_size=4))
def test_a_month_or_a_truth_is_a_number_and_no_other_word_is(text: str) -> None:
    month = r"(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}"
    told_apart = r"[\s./-]?"
    digits = r"\d{1,4}"
    date = rf"{month}{told_apart}{digits}|{digits}{told_apart}{month}({told_apart}{digits})?"
    number = r"[\s\d.,:/eE+%$€£()-]*\d[\s\d.,:/eE+%$€£()-]*"
    assert reads_as_number(text) == bool(re.fullmatch(rf"(?i:{number}|true|false|{date})", text))
