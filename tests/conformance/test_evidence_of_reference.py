"""The reference estate's verdicts are reached again from the evidence of its report alone, and each failure shows Azure's own."""

from __future__ import annotations

import json
from datetime import datetime
from functools import cache
from typing import Any

from tests.audit.judging import judged, written
from tests.conformance.material import reference_file
from tests.evidence import verdict


@cache
def _report() -> dict[str, Any]:
    document = json.loads(reference_file().read_text(encoding="utf-8"))
    report: dict[str, Any] = json.loads(written(judged(document), "json"))
    return report


def test_a_stranger_reaches_each_verdict() -> None:
    report = _report()
    as_of = datetime.fromisoformat(report["as_of"])
    told = [one for one in report["findings"] if one["status"] in {"pass", "fail"}]
    assert len(told) > 500
    assert [one["rule_id"] for one in told if verdict(one["evidence"], as_of) != one["status"]] == []


def test_no_failure_shows_derived_flags_alone() -> None:
    alone = [
        one["rule_id"]
        for one in _report()["findings"]
        if one["status"] == "fail" and all(row.get("source") == "derived" for row in one["evidence"])
    ]
    assert alone == []
