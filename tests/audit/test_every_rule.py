"""No rule in force is passed over in silence, whatever the input shows or lacks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import auditor
from auditor.rulebook import in_force
from tests.checkout import SAMPLE


@pytest.mark.parametrize("complete", [True, False])
@pytest.mark.parametrize("kept", ["everything", "one account", "rows without properties"])
def test_every_rule_in_force_has_a_finding(kept: str, complete: bool, tmp_path: Path) -> None:  # noqa: FBT001
    document: dict[str, Any] = json.loads(SAMPLE.read_text())
    resources = document["resources"]
    if kept == "one account":
        resources = [body for body in resources if body["type"] == "Microsoft.CognitiveServices/accounts"][:1]
    elif kept == "rows without properties":
        resources = [{name: value for name, value in body.items() if name != "properties"} for body in resources]
    source = tmp_path / "input.json"
    source.write_text(json.dumps({**document, "resources": resources, "complete": complete}))

    report = auditor.evaluate(auditor.load(source))

    told = {finding.rule_id for finding in report.findings}
    assert {rule.id for rule in in_force.load(in_force.Selection()).in_force} == told
