from __future__ import annotations

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from msgspec.structs import replace

from auditor.engine.parallel import processes
from auditor.model import Report
from auditor.report import selection
from auditor.report.documents import json_document
from auditor.report.documents.report_document import line_schema, schema
from auditor.report.format import Style, View, named
from auditor.report.formats.json import FORMAT
from tests.report.conftest import EXEMPT, OPENAI_PUBLIC, PASSED, SKIPPED, UNREAD, VAULT_NETWORK, report_of

VALIDATORS = {1: Draft202012Validator(json_document.schema()), 2: Draft202012Validator(schema())}
VERSIONS = pytest.mark.parametrize("version", [1, 2])


def document_of(report: Report, version: int = 2, *, include_passed: bool = True) -> dict[str, Any]:
    out = io.StringIO()
    FORMAT.write(report, out, View(include_passed=include_passed, style=Style(json_version=version)))
    document: dict[str, Any] = json.loads(out.getvalue())
    return document


@pytest.mark.parametrize("name", ["json", "jsonl"])
@pytest.mark.parametrize("number", [0, 1, 6, 7, 25])
@pytest.mark.parametrize("include_passed", [True, False])
def test_several_processes_write_the_same_findings_in_the_same_order(
    name: str,
    number: int,
    include_passed: bool,  # noqa: FBT001 - a parameter
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(processes, "obstacle", lambda: "")
    monkeypatch.setattr(selection, "_SECTION", 2)
    found = [
        replace(
            PASSED if each % 5 < 3 else OPENAI_PUBLIC, resource_id=f"/subscriptions/{each}", message=f"{each}: ü \udc80"
        )
        for each in range(number)
    ]
    written = []

    for many in (1, 3):
        out = io.StringIO()
        named(name).write(report_of(*found), out, View(include_passed=include_passed, processes=many))
        written.append(out.getvalue())

    assert written[0] == written[1]
    assert written[0].count('"fingerprint"') == (
        number if include_passed else sum(each % 5 >= 3 for each in range(number))
    )


@VERSIONS
def test_the_published_schema_is_a_schema_and_accepts_the_report(report: Report, version: int) -> None:
    VALIDATORS[version].check_schema(VALIDATORS[version].schema)
    VALIDATORS[version].validate(document_of(report, version))


@VERSIONS
def test_the_published_schema_refuses_a_report_without_its_keys(report: Report, version: int) -> None:
    document = document_of(report, version)
    del document["findings"][0]["fingerprint"]
    document["findings"][1]["status"] = "maybe"
    document["schema_version"] = 3
    assert len(list(VALIDATORS[version].iter_errors(document))) == 3


@VERSIONS
def test_the_top_level_is_that_of_the_contract(report: Report, version: int) -> None:
    document = document_of(report, version)
    agreed = {"schema_version", "tool", "baseline", "snapshot", "summary", "findings", "gaps"}
    added = {"rules", "causes"} if version == 2 else set()
    assert set(document) == agreed | added | {
        *("as_of", "as_of_source", "coverage", "notices", "reference_data", "run_id"),
    }
    assert document["schema_version"] == version
    assert document["tool"] == {"name": "auditor", "version": "0.1.0"}
    assert document["baseline"] == {"name": "openai-chat", "version": "2024.1"}
    assert document["as_of"] == "2024-02-06T12:00:00Z"
    assert isinstance(document["snapshot"]["scope"], dict)


@VERSIONS
def test_a_finding_has_the_keys_of_the_contract(version: int) -> None:
    (finding,) = document_of(report_of(OPENAI_PUBLIC), version)["findings"]
    assert set(finding) - {"cause"} == {
        *("rule_id", "title", "severity", "status", "resource_id", "resource_type", "workload", "component"),
        *("location", "message", "evidence", "witness", "unknown_reason", "missing_permission", "exemption"),
        *("controls", "remediation", "fingerprint", "sub_object", "collected_at"),
    }
    assert finding["controls"] == {"mcsb": ["NS-2", "NS-1"], "openai-chat": ["AOAI-NET-001"]}
    assert set(finding["remediation"]) == ({"text", "cli"} if version == 1 else {"cli"})


def test_rules_and_causes_stand_once_and_findings_refer_to_them(report: Report) -> None:
    document = document_of(report)
    causes = {cause["id"]: cause for cause in document["causes"]}
    assert set(document["rules"]) == set(report.rules)
    assert len(causes) == len(document["causes"])
    for finding in document["findings"]:
        assert finding["rule_id"] in document["rules"]
        assert ("cause" in finding) == (finding["status"] in {"fail", "unknown"})
        if "cause" in finding:
            assert causes[finding["cause"]["id"]]["what"] == finding["cause"]["what"]
    assert sum(cause["findings"] for cause in causes.values()) == sum("cause" in each for each in document["findings"])
    assert [cause["status"] for cause in document["causes"]] == sorted(cause["status"] for cause in document["causes"])


def test_json_lines_are_the_head_and_then_one_finding_a_line(report: Report) -> None:
    out = io.StringIO()
    named("jsonl").write(report, out, View(include_passed=True))
    head, *findings = map(json.loads, out.getvalue().splitlines())
    whole = document_of(report)
    assert findings == whole.pop("findings")
    assert whole.pop("causes")
    assert head == whole
    validator = Draft202012Validator(line_schema())
    for line in (head, *findings):
        validator.validate(line)


def test_evidence_of_version_1_has_exactly_its_keys_and_a_word_on_absence_and_name_where_they_say_something() -> None:
    agreed = {"path", "operator", "expected", "actual", "assumed", "resource_id", "source", "api_version"}
    document = document_of(report_of(OPENAI_PUBLIC, VAULT_NETWORK), 1)
    absent, plain, named_leaf = (leaf for each in document["findings"] for leaf in each["evidence"])
    assert (set(absent), set(plain), set(named_leaf)) == (agreed | {"absent"}, agreed, agreed | {"name"})
    assert (absent["actual"], absent["assumed"], absent["absent"]) == (None, "Enabled", True)


def test_evidence_of_version_2_leaves_out_what_says_nothing() -> None:
    context = replace(OPENAI_PUBLIC.evidence[0], operator="context", absent=False, assumed=None, resource_id="/other")
    own = replace(context, operator="equals", resource_id=OPENAI_PUBLIC.resource_id, source=None, api_version=None)
    (finding,) = document_of(report_of(replace(OPENAI_PUBLIC, evidence=(context, own))))["findings"]
    read = {"resource_id": "/other", "source": "arm", "api_version": "2024-10-01"}
    path = {"path": "properties.publicNetworkAccess", "actual": None}
    assert finding["evidence"] == [
        {**path, "operator": "context", **read},
        {**path, "operator": "equals", "expected": "Disabled"},
    ]


@VERSIONS
def test_the_summary_counts_what_is_not_listed(version: int) -> None:
    document = document_of(report_of(PASSED, SKIPPED, UNREAD, OPENAI_PUBLIC, EXEMPT), version, include_passed=False)
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


@VERSIONS
@given(value=JSON_VALUES, name=st.text(st.characters()))
def test_any_value_and_name_reads_back(version: int, value: object, name: str) -> None:
    leaf = replace(OPENAI_PUBLIC.evidence[0], actual=value, absent=False)
    (finding,) = document_of(report_of(replace(OPENAI_PUBLIC, resource_id=name, evidence=(leaf,))), version)["findings"]
    assert (finding["resource_id"], finding["evidence"][0]["actual"]) == (name, value)
