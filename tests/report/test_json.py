from __future__ import annotations

import io
import json
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from auditor.model import Report
from auditor.report.format import View
from auditor.report.formats.json import FORMAT
from auditor.report.json_document import schema
from tests.report.conftest import EXEMPT, OPENAI_PUBLIC, PASSED, SKIPPED, UNREAD, VAULT_NETWORK, report_of

VALIDATOR = Draft202012Validator(schema())


def document_of(report: Report, *, include_passed: bool = True) -> dict[str, Any]:
    out = io.StringIO()
    FORMAT.write(report, out, View(include_passed=include_passed))
    document: dict[str, Any] = json.loads(out.getvalue())
    return document


def test_the_published_schema_is_a_schema_and_accepts_the_report(report: Report) -> None:
    Draft202012Validator.check_schema(schema())
    VALIDATOR.validate(document_of(report))


def test_the_published_schema_refuses_a_report_without_its_keys(report: Report) -> None:
    document = document_of(report)
    del document["findings"][0]["fingerprint"]
    document["findings"][1]["status"] = "maybe"
    assert len(list(VALIDATOR.iter_errors(document))) == 2


def test_the_top_level_is_that_of_the_contract(report: Report) -> None:
    document = document_of(report)
    agreed = {"schema_version", "tool", "baseline", "snapshot", "summary", "findings", "gaps"}
    assert set(document) == agreed | {"as_of", "as_of_source", "coverage", "notices", "reference_data", "run_id"}
    assert document["tool"] == {"name": "auditor", "version": "0.1.0"}
    assert document["baseline"] == {"name": "openai-chat", "version": "2024.1"}
    assert document["as_of"] == "2024-02-06T12:00:00Z"
    assert isinstance(document["snapshot"]["scope"], dict)


def test_a_finding_has_the_keys_of_the_contract() -> None:
    (finding,) = document_of(report_of(OPENAI_PUBLIC))["findings"]
    assert set(finding) == {
        *("rule_id", "title", "severity", "status", "resource_id", "resource_type", "workload", "component"),
        *("location", "message", "evidence", "witness", "unknown_reason", "missing_permission", "exemption"),
        *("controls", "remediation", "fingerprint", "sub_object", "collected_at"),
    }
    assert finding["controls"] == {"mcsb": ["NS-2", "NS-1"], "openai-chat": ["AOAI-NET-001"]}
    assert set(finding["remediation"]) == {"text", "cli"}


def test_evidence_has_exactly_its_keys_and_a_word_on_absence_and_name_where_they_say_something() -> None:
    agreed = {"path", "operator", "expected", "actual", "assumed", "resource_id", "source", "api_version"}
    absent, plain, named = (
        leaf for each in document_of(report_of(OPENAI_PUBLIC, VAULT_NETWORK))["findings"] for leaf in each["evidence"]
    )
    assert (set(absent), set(plain), set(named)) == (agreed | {"absent"}, agreed, agreed | {"name"})
    assert (absent["actual"], absent["assumed"], absent["absent"]) == (None, "Enabled", True)


def test_the_summary_counts_what_is_not_listed() -> None:
    document = document_of(report_of(PASSED, SKIPPED, UNREAD, OPENAI_PUBLIC, EXEMPT), include_passed=False)
    assert document["summary"] == {
        "by_status": {"pass": 1, "fail": 2, "unknown": 1, "not_applicable": 1},
        "by_severity": {"critical": 2, "high": 0, "medium": 0, "low": 0, "info": 0},
        "exempted": 1,
        "rules": 9,
        "resources": 158,
    }
    assert [each["status"] for each in document["findings"]] == ["fail", "fail", "unknown"]


def test_equal_values_give_equal_bytes_whatever_their_key_order() -> None:
    texts = []
    for actual in ({"a": 1, "b": {"c": 2, "d": 3}}, {"b": {"d": 3, "c": 2}, "a": 1}):
        out = io.StringIO()
        leaf = replace(OPENAI_PUBLIC.evidence[0], actual=actual, absent=False)
        FORMAT.write(report_of(replace(OPENAI_PUBLIC, evidence=(leaf,))), out, View(include_passed=True))
        texts.append(out.getvalue())
    assert texts[0] == texts[1]
    assert texts[0].endswith("}\n")


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(st.characters())
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(value=JSON_VALUES, name=st.text(st.characters()))
def test_any_value_and_name_reads_back(value: object, name: str) -> None:
    leaf = replace(OPENAI_PUBLIC.evidence[0], actual=value, absent=False)
    (finding,) = document_of(report_of(replace(OPENAI_PUBLIC, resource_id=name, evidence=(leaf,))))["findings"]
    assert (finding["resource_id"], finding["evidence"][0]["actual"]) == (name, value)
