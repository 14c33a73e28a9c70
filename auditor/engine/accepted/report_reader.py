"""Read a JSON report of ours back, in either of its versions, as far as its findings go, and whether it saw everything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from auditor.azure import body
from auditor.azure.body import as_time
from auditor.engine.accepted.finding_sets import from_document, grown
from auditor.engine.findings import value_sets
from auditor.errors import InputError
from auditor.model import (
    Coverage,
    Evidence,
    Exemption,
    Finding,
    FindingSet,
    Gap,
    OpenGap,
    Report,
    RuleInfo,
    Severity,
    SnapshotIdentity,
    Status,
)
from auditor.redaction.body import Redactor
from auditor.snapshot import file
from auditor.snapshot.compression import label_of, load
from auditor.snapshot.json_text import decode

_VERSIONS: Final = (1, 2)
_HEAD: Final = 1_000
"""Reports say first which version they are of."""
_NEEDED: Final = ("fingerprint", "rule_id", "status")
_HINT: Final = "give what `auditor evaluate … -o json=FILE` wrote"
_REDACTOR: Final = Redactor()

Object = Mapping[str, object]


def report_in(source: str) -> Report | None:
    """Return the report that a file holds, or None where it holds something else. `-` and folders hold none.

    Raise InputError for a report that cannot be read.
    """
    path = Path(source)
    if source == "-" or not path.is_file() or file.is_sqlite(path):
        return None
    try:
        data = load(path)
    except InputError:
        return None  # whoever reads it as an estate says what is wrong
    if b'"schema_version"' not in data[:_HEAD]:
        return None
    label = label_of(path)
    try:
        document = decode(data, label)
    except InputError:
        return None  # whoever reads it as an estate says what is wrong
    return report_of(document, label)


def report_of(document: object, label: str) -> Report | None:
    """Return the report that a JSON document is, or None where it is something else; InputError where it is damaged."""
    if (
        not isinstance(document, Mapping)
        or "findings" not in document
        or document.get("schema_version") not in _VERSIONS
    ):
        return None
    return _report(document, label)


def _report(document: Object, label: str) -> Report:
    as_of = as_time(body.text(document, "as_of") or "") or datetime.fromtimestamp(0, UTC)
    findings = list(_findings(document, label))
    if body.value(document, "rules") is not None and not isinstance(document.get("rules"), Mapping):
        raise InputError(f"{label} is a report whose `rules` are no object", _HINT)
    return Report(
        tool_version=body.text(document, "tool.version") or "",
        baseline_name=body.text(document, "baseline.name") or "",
        baseline_version=body.text(document, "baseline.version") or "",
        snapshot=SnapshotIdentity(
            body.text(document, "snapshot.sha256") or "",
            body.text(document, "snapshot.collected_at"),
            _object(document, "snapshot.scope"),
        ),
        as_of=as_of,
        as_of_source=body.text(document, "as_of_source") or "option",
        rules=_rules(document),
        resources=body.number(document, "summary.resources") or 0,
        findings=findings,
        gaps=(),
        coverage=Coverage(gaps=list(_gaps(document))),
    )


def _object(document: Object, path: str) -> Object:
    found = body.value(document, path)
    return found if isinstance(found, Mapping) else {}


def _gaps(document: Object) -> Iterator[OpenGap]:
    """Yield the gaps of a report; version 1 does not tell those of the inventory from others, so that any may be one."""
    told = body.objects(document, "coverage.gaps")
    for gap in told or body.objects(document, "gaps"):
        yield OpenGap(
            Gap(body.text(gap, "scope") or "/", body.text(gap, "what") or "", body.text(gap, "reason") or ""),
            settled_by=body.text(gap, "settled_by") or "",
            is_of_inventory=body.flag(gap, "is_of_inventory") is not False,
        )


def _rules(document: Object) -> Mapping[str, RuleInfo]:
    """Return the rules: they stand once in version 2, and at their findings in version 1."""
    listed = document.get("rules")
    found = {str(key): one for key, one in listed.items()} if isinstance(listed, Mapping) else {}
    for finding in body.objects(document, "findings"):
        found.setdefault(body.text(finding, "rule_id") or "", finding)
    return {key: _rule(key, one) for key, one in found.items()}


def _rule(key: str, of: object) -> RuleInfo:
    return RuleInfo(
        id=key,
        title=body.text(of, "title") or key,
        severity=Severity(body.text(of, "severity") or "info"),
        rationale=body.text(of, "rationale") or "",
        remediation=body.text(of, "remediation") or body.text(of, "remediation.text") or "",
        references=body.texts(of, "references"),
        controls=_controls(of),
        file=body.text(of, "file") or "",
        line=body.number(of, "line") or 1,
    )


def _findings(document: Object, label: str) -> Iterator[Finding]:
    listed = document.get("findings")
    if not isinstance(listed, list):
        raise InputError(f"{label} is a report whose `findings` are no list", _HINT)
    for place, one in enumerate(listed):
        if not isinstance(one, Mapping):
            raise InputError(f"{label}: findings.{place} is no object", _HINT)
        for name in _NEEDED:
            if not isinstance(one.get(name), str):
                raise InputError(f"{label}: findings.{place}.{name} is no text", _HINT)
        try:
            yield _finding(one)
        except (ValueError, TypeError, KeyError) as problem:
            raise InputError(f"{label}: findings.{place} cannot be read: {problem}", _HINT) from problem


def _finding(one: Object) -> Finding:
    witness = _REDACTOR.value("", body.value(one, "witness"))
    resource_id = body.text(one, "resource_id")
    evidence = [_evidence(leaf, resource_id) for leaf in body.objects(one, "evidence")]
    return Finding(
        rule_id=body.text(one, "rule_id") or "",
        severity=Severity(body.text(one, "severity") or ""),
        status=Status(body.text(one, "status") or ""),
        resource_id=resource_id,
        resource_type=body.text(one, "resource_type"),
        message=_REDACTOR.text(body.text(one, "message") or ""),
        sub_object=body.text(one, "sub_object") or "",
        workload=body.text(one, "workload"),
        component=body.text(one, "component"),
        location=body.text(one, "location"),
        evidence=evidence,
        witness=witness if isinstance(witness, Mapping) else None,
        unknown_reason=body.text(one, "unknown_reason"),
        missing_permission=body.text(one, "missing_permission"),
        exemption=_exemption(body.value(one, "exemption")),
        remediation_cli=body.text(one, "remediation.cli") or "",
        fingerprint=body.text(one, "fingerprint") or "",
        collected_at=body.text(one, "collected_at"),
        controls=_controls(one),
        rests_on=_rests_on(one, evidence, resource_id),
    )


def _controls(of: object) -> Mapping[str, Sequence[str]]:
    listed = body.value(of, "controls")
    return {str(name): body.texts(ids) for name, ids in listed.items()} if isinstance(listed, Mapping) else {}


def _rests_on(finding: Object, evidence: Sequence[Evidence], resource_id: str | None) -> FindingSet | None:
    """Return what a failure rests on; releases that wrote no set wrote the values all the same."""
    document = body.value(finding, "rests_on")
    if isinstance(document, Mapping):
        found = from_document(document)
        grown(found, found)  # that a set of packets cannot be read shows when it is
        return found
    return value_sets.of_leaves(evidence, resource_id) if finding.get("status") == Status.FAIL else None


def _exemption(of: object) -> Exemption | None:
    if not isinstance(of, Mapping):
        return None
    return Exemption(
        id=body.text(of, "id") or "",
        rule=body.text(of, "rule") or "",
        scope=body.text(of, "scope") or "",
        reason=body.text(of, "reason") or "",
        approved_by=body.text(of, "approved_by") or "",
        ticket=body.text(of, "ticket") or "",
        expires_on=body.text(of, "expires_on") or "",
    )


def _evidence(leaf: Object, resource_id: str | None) -> Evidence:
    return Evidence(
        path=body.text(leaf, "path") or "",
        operator=body.text(leaf, "operator") or "",
        expected=body.value(leaf, "expected"),
        actual=_REDACTOR.at((), body.value(leaf, "actual")),
        assumed=body.value(leaf, "assumed"),
        absent=body.flag(leaf, "absent") is True,
        resource_id=body.text(leaf, "resource_id") or resource_id,
        name=body.text(leaf, "name"),
        source=body.text(leaf, "source"),
        api_version=body.text(leaf, "api_version"),
    )
