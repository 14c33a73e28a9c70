"""From the evidence of a report alone a stranger reaches each verdict, and sees what it rests on in Azure."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Any

import pytest

from tests.audit.judging import judged, written
from tests.checkout import SAMPLE
from tests.estates.chat import chat_document
from tests.estates.faults import FAULTS
from tests.estates.hub import hub_and_spokes
from tests.estates.repaired import as_document, repaired
from tests.evidence import COMPARED_WITH_NOTHING, is_met, verdict

_FAULTS_AT_ONCE = 60


def _faulty(seed: int) -> dict[str, Any]:
    """Return the repaired estate with many faults; those that another one has made impossible are left out."""
    draft = repaired()
    for fault in random.Random(seed).sample(FAULTS, _FAULTS_AT_ONCE):  # noqa: S311 - a sample, not a secret
        before = json.loads(json.dumps(draft.bodies))
        try:
            fault.make(draft)
        except (KeyError, ValueError, IndexError, TypeError):
            draft.bodies = before
        if _has_twins(draft.bodies):
            draft.bodies = before
    return as_document(draft)


def _has_twins(bodies: list[dict[str, Any]]) -> bool:
    """Whether two resources, or two parts of one, have the same name: no estate has."""
    ids = [body["id"].lower() for body in bodies]
    parts = [
        (body["id"].lower(), key, part.get("name"))
        for body in bodies
        for key, value in body.get("properties", {}).items()
        if isinstance(value, list)
        for part in value
        if isinstance(part, dict) and "name" in part and key == "securityRules"
    ]
    return len(set(ids)) < len(ids) or len(set(parts)) < len(parts)


ESTATES: dict[str, Callable[[], Any]] = {
    "sample": lambda: json.loads(SAMPLE.read_text(encoding="utf-8")),
    "chat": chat_document,
    "repaired": lambda: as_document(repaired()),
    "hub": lambda: {"resources": hub_and_spokes()},
    **{f"faults {seed}": (lambda seed=seed: _faulty(seed)) for seed in range(1, 5)},  # type: ignore[misc]
}


@cache
def report_on(estate: str) -> dict[str, Any]:
    """Return the JSON report on an estate of the tests."""
    report: dict[str, Any] = json.loads(written(judged(ESTATES[estate]()), "json"))
    return report


def _as_of(report: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(report["as_of"])


@pytest.mark.parametrize("estate", ESTATES)
def test_a_stranger_reaches_each_verdict_from_the_report_alone(estate: str) -> None:
    report = report_on(estate)
    judged_findings = [one for one in report["findings"] if one["status"] in {"pass", "fail"}]
    assert judged_findings
    assert [
        (one["rule_id"], one["resource_id"], one["status"])
        for one in judged_findings
        if verdict(one["evidence"], _as_of(report)) != one["status"]
    ] == []


@pytest.mark.parametrize("estate", ESTATES)
def test_no_row_of_a_failure_reads_as_met(estate: str) -> None:
    report = report_on(estate)
    assert [
        (one["rule_id"], row)
        for one in report["findings"]
        if one["status"] == "fail"
        for row in one["evidence"]
        if row["operator"] not in COMPARED_WITH_NOTHING and is_met(row, _as_of(report))
    ] == []


@pytest.mark.parametrize("estate", ESTATES)
def test_each_failure_rests_on_something_that_azure_shows(estate: str) -> None:
    assert [
        (one["rule_id"], one["resource_id"], one["sub_object"])
        for one in report_on(estate)["findings"]
        if one["status"] == "fail" and not any(map(_is_raw, one["evidence"]))
    ] == []


def _is_raw(row: dict[str, Any]) -> bool:
    """Whether a row shows a property as Azure spells it, what a relation leads to, or all resources of a type."""
    path = row["path"]
    if path.startswith("related(") or ("/" in path and row["operator"] == "input"):
        return True
    if path.startswith("[parameters("):
        return True  # what the baseline says of the estate is what there is
    is_read = row.get("source") not in {None, "derived"}
    return is_read and not str(row["actual"]).startswith(("object with", "list of"))


@pytest.mark.parametrize("estate", ESTATES)
def test_what_is_shown_under_a_propertys_name_stands_there(estate: str) -> None:
    bodies = {one["id"].lower(): one for one in ESTATES[estate]()["resources"]}
    wrong = []
    for finding in report_on(estate)["findings"]:
        for row in finding["evidence"]:
            body = bodies.get((row.get("resource_id") or finding["resource_id"] or "").lower())
            is_read = row.get("source") not in {None, "derived"}
            if body is None or not is_read or set(row["path"]) & set("[(/") or isinstance(row["actual"], dict | list):
                continue
            there: Any = body
            for step in row["path"].split("."):
                there = there.get(step) if isinstance(there, dict) else None
            if not isinstance(there, dict | list) and there != row["actual"] and "REDACTED" not in str(row["actual"]):
                wrong.append((finding["rule_id"], row["path"], there, row["actual"]))
    assert wrong == []


def test_an_analysis_of_traffic_shows_the_rules_that_decide() -> None:
    [finding] = [
        one
        for one in report_on("chat")["findings"]
        if one["rule_id"] == "subnet-gateway-control-plane-restricted" and one["status"] == "fail"
    ]
    [rule] = [
        row for row in finding["evidence"] if (row.get("resource_id") or "").endswith("AppGw.In.Allow.ControlPlane")
    ]
    assert {"access", "direction", "priority", "sourceAddressPrefix", "destinationPortRange"} <= rule["actual"].keys()


def test_what_an_expression_computes_is_shown_as_the_expressions() -> None:
    rows = [row for one in report_on("chat")["findings"] for row in one["evidence"] if row["operator"] == "equals"]
    flags = {"app-identity-not-shared": "sharesIdentityWithComponents"}
    assert not [row for row in rows if row["path"] in flags.values()]
    assert any(row["path"].startswith("[empty(field(") for row in rows)
