"""Show why a rule says what it says of one resource: each deciding leaf, its witness and how to mend it."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence
from typing import TextIO

from auditor import resource_id as ids
from auditor.engine.findings import message
from auditor.model import Evidence, Finding, Report, RuleInfo
from auditor.report.packet_path import path_of
from auditor.report.text import visible


def about(report: Report, resource_id: str) -> list[Finding]:
    """Return the findings on a resource: given by id in any case, or by the last part of it where that is enough."""
    key = ids.key(resource_id)
    exact = [finding for finding in report.findings if finding.resource_id and ids.key(finding.resource_id) == key]
    if exact or key.startswith("/"):
        return exact
    return [
        finding
        for finding in report.findings
        if finding.resource_id and ids.key(finding.resource_id).endswith("/" + key)
    ]


def write(rule: RuleInfo, findings: Sequence[Finding], out: TextIO, *, width: int) -> None:
    """Write the explanation as text."""
    out.write(f"{rule.id} · {rule.severity} · {rule.title}\n")
    out.writelines(textwrap.fill(paragraph, width) + "\n" for paragraph in (rule.rationale, *_controls(rule)))
    for finding in findings:
        where = visible(finding.resource_id or "")
        part = f" · {visible(finding.sub_object)}" if finding.sub_object else ""
        out.write(f"\n{finding.status.upper()} {where}{part}\n")
        out.write(textwrap.fill(visible(finding.message), width, initial_indent="  ", subsequent_indent="  ") + "\n")
        out.writelines("  - " + _leaf(leaf, finding) + "\n" for leaf in finding.evidence)
        if drawn := path_of(finding.witness):
            out.writelines(f"    {line}\n" for line in drawn)
        if finding.witness:
            out.write("  witness: " + visible(json.dumps(finding.witness, sort_keys=True, ensure_ascii=False)) + "\n")
        if finding.missing_permission:
            out.write(f"  needs permission: {finding.missing_permission}\n")
        if finding.remediation_cli:
            out.write("  mend it: " + visible(finding.remediation_cli) + "\n")
    out.write("\n" + textwrap.fill(f"Remediation: {rule.remediation}", width) + "\n")
    out.writelines(f"See {reference}\n" for reference in rule.references)


def _controls(rule: RuleInfo) -> list[str]:
    listed = [f"{framework} {', '.join(controls)}" for framework, controls in rule.controls.items()]
    return [f"Controls: {'; '.join(listed)}"] if listed else []


def _leaf(leaf: Evidence, finding: Finding) -> str:
    text = message.clause(leaf)
    if leaf.operator == "input":
        text = f"derived from {text}"
    elif leaf.operator == "context":
        text = f"also {text}"
    elsewhere = leaf.resource_id and ids.key(leaf.resource_id) != ids.key(finding.resource_id or "")
    return visible(f"{text} [{leaf.resource_id}]" if elsewhere else text)
