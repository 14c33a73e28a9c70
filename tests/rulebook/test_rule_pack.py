"""A folder of rules may bring files of resource types, under `types`."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.audit import Terms, audit
from auditor.errors import ContentError
from auditor.model import Status
from auditor.rulebook.in_force import Selection, load
from auditor.snapshot.hash import assemble
from auditor.snapshot.model import Metadata
from auditor.snapshot.normalise import ExportEntry, normalise

RULE = """\
id: thing-guarded
title: Things are guarded
severity: high
rationale: A reason.
remediation: {text: Guard it.}
applies: {type: Contoso.Test/things}
require: {field: guard, equals: "on"}
examples:
  - {name: guarded, resource: {properties: {guard: "on"}}, verdict: pass}
  - {name: Azure guards by itself, resource: {properties: {}}, verdict: pass}
  - {name: unguarded, resource: {properties: {guard: "off"}}, verdict: fail}
"""
TYPE = """\
type: Contoso.Test/things
way_in:
  by: public endpoint
  endpoints: [{switch: properties.publicNetworkAccess, ip_rules: properties.allowed}]
properties:
  properties.guard: {default: "on", source: "https://example.net/guards"}
  properties.publicNetworkAccess: {default: Enabled, source: "https://example.net/network"}
"""


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    (tmp_path / "types" / "Contoso.Test").mkdir(parents=True)
    (tmp_path / "types" / "Contoso.Test" / "things.yaml").write_text(TYPE)
    (tmp_path / "thing-guarded.yaml").write_text(RULE)
    return tmp_path


def judged(pack: Path, *select: str, **properties: object) -> dict[str, Status]:
    """Return the status of each rule selected on one thing."""
    thing = {
        "id": "/subscriptions/00000000-0000-0000-0000-0000000000a1/resourceGroups/rg/providers/Contoso.Test/things/one",
        "type": "Contoso.Test/things",
        "properties": properties,
    }
    snapshot = assemble(*normalise([ExportEntry(thing, "the thing")]), Metadata(complete=True))
    report = audit(snapshot, load(Selection(rules=[pack], select=select)), Terms(complete=True))
    return {finding.rule_id: finding.status for finding in report.findings if finding.resource_id == thing["id"]}


def test_a_rule_reads_the_names_and_defaults_of_the_pack_s_types(pack: Path) -> None:
    assert judged(pack, "thing-*") == {"thing-guarded": Status.PASS}
    assert judged(pack, "thing-*", guard="off") == {"thing-guarded": Status.FAIL}


def test_the_tool_s_rules_see_the_public_endpoint_of_the_pack_s_types(pack: Path) -> None:
    whole = {"allowed": ["0.0.0.0/1", "128.0.0.0/1"]}

    assert judged(pack, "network-allowlist-*", **whole)["network-allowlist-not-internet"] is Status.FAIL
    assert (
        judged(pack, "network-allowlist-*", allowed=["192.0.2.0/24"])["network-allowlist-not-internet"] is Status.PASS
    )


def test_without_its_type_the_rule_is_an_error(pack: Path) -> None:
    (pack / "types" / "Contoso.Test" / "things.yaml").unlink()

    with pytest.raises(ContentError, match="has no property 'guard'"):
        load(Selection(rules=[pack]))
