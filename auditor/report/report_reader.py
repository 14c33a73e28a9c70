"""Read a JSON report of ours back, in either of its versions, as far as its findings go."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from auditor.azure import body
from auditor.azure.body import as_time
from auditor.engine.finding_sets import from_document
from auditor.errors import InputError
from auditor.model import Evidence, Exemption, Finding, FindingSet, Report, RuleInfo, Severity, SnapshotIdentity, Status
from auditor.redaction.body import Redactor
from auditor.snapshot import file
from auditor.snapshot.compression import label_of, load
from auditor.snapshot.json_text import decode

_MARKS: Final = frozenset({"findings", "schema_version", "tool", "baseline"})
_HEAD: Final = 1_000
"""Reports say first which version they are of."""
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
    if not isinstance(document, dict) or not document.keys() >= _MARKS:
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
            body.text(document, "snapshot.sha256") or "", body.text(document, "snapshot.collected_at"), {}
        ),
        as_of=as_of,
        as_of_source=body.text(document, "as_of_source") or "option",
        rules=_rules(document),
        resources=body.number(document, "summary.resources") or 0,
        findings=findings,
        gaps=(),
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
        try:
            yield _finding(one)
        except (ValueError, TypeError) as problem:
            raise InputError(f"{label}: findings[{place}] cannot be read: {problem}", _HINT) from problem


def _finding(one: object) -> Finding:
    fingerprint, rule = body.text(one, "fingerprint"), body.text(one, "rule_id")
    if fingerprint is None or rule is None or not isinstance(one, Mapping):
        raise ValueError("it has no rule_id and fingerprint")
    witness = _REDACTOR.value("", body.value(one, "witness"))
    resource_id = body.text(one, "resource_id")
    return Finding(
        rule_id=rule,
        severity=Severity(body.text(one, "severity") or ""),
        status=Status(body.text(one, "status") or ""),
        resource_id=resource_id,
        resource_type=body.text(one, "resource_type"),
        message=_REDACTOR.text(body.text(one, "message") or ""),
        sub_object=body.text(one, "sub_object") or "",
        workload=body.text(one, "workload"),
        component=body.text(one, "component"),
        location=body.text(one, "location"),
        evidence=[_evidence(leaf, resource_id) for leaf in body.objects(one, "evidence")],
        witness=witness if isinstance(witness, Mapping) else None,
        unknown_reason=body.text(one, "unknown_reason"),
        missing_permission=body.text(one, "missing_permission"),
        exemption=_exemption(body.value(one, "exemption")),
        remediation_cli=body.text(one, "remediation.cli") or "",
        fingerprint=fingerprint,
        collected_at=body.text(one, "collected_at"),
        controls=_controls(one),
        rests_on=_rests_on(body.value(one, "rests_on")),
    )


def _controls(of: object) -> Mapping[str, Sequence[str]]:
    listed = body.value(of, "controls")
    return {str(name): body.texts(ids) for name, ids in listed.items()} if isinstance(listed, Mapping) else {}


def _rests_on(document: object) -> FindingSet | None:
    return from_document(document) if isinstance(document, Mapping) else None


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
