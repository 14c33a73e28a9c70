"""The JSON report's shape, from which its published schema is generated."""

from __future__ import annotations

from typing import Final, NotRequired

from pydantic import ConfigDict, TypeAdapter, with_config
from typing_extensions import TypedDict  # pydantic needs this one before Python 3.12

from auditor.model import AgainstKnown, Severity, Status
from auditor.report.documents.coverage_document import CoverageDocument

SCHEMA_VERSION: Final = 1
"""Rises only when a reader of the older version would be misled; keys may be added within a version."""

_documented: Final = ConfigDict(use_attribute_docstrings=True)


@with_config(_documented)
class EvidenceDocument(TypedDict):
    """One leaf that decided."""

    path: str
    """The property path as spelled in the data."""
    operator: str
    """The condition that was applied."""
    expected: object
    """The value asked for, after parameters were bound."""
    actual: object
    """The value that was there; null where there was none."""
    assumed: object
    """The documented default that stood in for an absent value, else null."""
    resource_id: str | None
    """The resource that holds the value, where it is not the finding's own."""
    source: str | None
    """Where the value was read: `arm`, `resource-graph`, `export`, …"""
    api_version: str | None
    """The API version it was read with."""
    absent: NotRequired[bool]
    """True where there was no value at all; the key is left out otherwise."""
    name: NotRequired[str]
    """What the rule calls this leaf; the key is left out where it has no name."""


@with_config(_documented)
class ExemptionDocument(TypedDict):
    """An accepted deviation; it stands beside the status and does not change it."""

    id: str
    rule: str
    scope: str
    reason: str
    approved_by: str
    ticket: str
    expires_on: str


class RemediationDocument(TypedDict):
    """What to do about a failure; empty text where the rule gives none."""

    text: str
    cli: str


@with_config(_documented)
class FindingDocument(TypedDict):
    """The verdict on one subject of one rule."""

    rule_id: str
    title: str
    severity: Severity
    status: Status
    resource_id: str | None
    """The ARM id as Azure spelled it; null where the rule met nothing to judge."""
    resource_type: str | None
    sub_object: str
    """What of the resource was judged, where one resource has several findings of a rule; else empty."""
    workload: str | None
    component: str | None
    location: str | None
    message: str
    """One sentence a person can act on."""
    evidence: list[EvidenceDocument]
    witness: object
    """A concrete counter-example of an analysis (a packet, an action), else null."""
    unknown_reason: str | None
    missing_permission: str | None
    """The Azure action that would settle an unknown."""
    exemption: ExemptionDocument | None
    controls: dict[str, list[str]]
    """Control ids by framework; the framework's version is part of its name."""
    remediation: RemediationDocument
    fingerprint: str
    """Stable across runs: made of rule, subject and sub-object, not of values."""
    collected_at: str | None
    first_seen: NotRequired[str]
    """Since when it fails, of what a history knows (ISO 8601, UTC); left out without one."""
    change: NotRequired[str]
    """What happened since earlier audits: `new`, `reopened`, `unchanged`, `resolved`; without a history how it
    stands to the known failures; left out without any to compare with."""
    rests_on: NotRequired[dict[str, object]]
    """The whole set that a failure is about, as in version 2, so that a later run can be compared with this one."""


@with_config(_documented)
class GapDocument(TypedDict):
    """Something in scope that was not collected."""

    scope: str
    what: str
    reason: str
    permission: str | None
    """The Azure action that would settle it."""


class ToolDocument(TypedDict):
    """The tool that judged."""

    name: str
    version: str


class BaselineDocument(TypedDict):
    """The baseline that was judged against."""

    name: str
    version: str


@with_config(_documented)
class SnapshotDocument(TypedDict):
    """What was judged."""

    sha256: str
    """Over the snapshot's rows, not over a file's bytes."""
    collected_at: str | None
    scope: dict[str, object]
    subscription_names: dict[str, str]
    """Display names by lower-case subscription id."""


@with_config(_documented)
class SummaryDocument(TypedDict):
    """Counts over all findings, listed or not."""

    by_status: dict[Status, int]
    by_severity: dict[Severity, int]
    """Failures by severity."""
    exempted: int
    """How many of the failures an exemption covers."""
    rules: int
    resources: int
    by_change: NotRequired[dict[AgainstKnown, int]]
    """Failures by how they stand to the known ones; only where they were compared with them."""


@with_config(_documented)
class ManualCheckDocument(TypedDict):
    """What a person must look at."""

    asks: str
    look_at: str
    attested: str
    """Who says that they have looked, when, until when it holds and where it is recorded; empty where nobody has."""
    is_current: bool
    """Whether that still holds at the time of judgement. It is never counted as a pass."""


@with_config(_documented)
class RequirementResultDocument(TypedDict):
    """One requirement of the framework that the report is grouped by."""

    id: str
    title: str
    link: str
    state: str
    """The worst of its findings, else `manual` where a person must look, else `not_covered`."""
    by_status: dict[Status, int]
    rules: list[str]
    manual: list[ManualCheckDocument]


@with_config(_documented)
class FrameworkDocument(TypedDict):
    """The framework that was asked for, requirement by requirement."""

    name: str
    title: str
    version: str
    by_state: dict[str, int]
    """How many requirements there are of each state."""
    requirements: list[RequirementResultDocument]


@with_config(_documented)
class ReportDocument(TypedDict):
    """An audit: findings with everything needed to defend them. Readers should accept keys they do not know."""

    schema_version: int
    run_id: str
    """Derived from the inputs: the same inputs give the same id."""
    as_of: str
    """The time of judgement, ISO 8601 UTC."""
    as_of_source: str
    """Where that time came from: `option`, `snapshot`, `export` or `clock`."""
    tool: ToolDocument
    baseline: BaselineDocument
    snapshot: SnapshotDocument
    reference_data: dict[str, str]
    """What ships about Azure and was judged by: the edition of each data set, by name."""
    summary: SummaryDocument
    framework: NotRequired[FrameworkDocument]
    """Only where one was asked for."""
    notices: list[str]
    """Remarks on the run: bindings by name, rules that met nothing."""
    findings: list[FindingDocument]
    gaps: list[GapDocument]
    coverage: CoverageDocument


def schema() -> dict[str, object]:
    """Return the JSON Schema (2020-12) of the report."""
    body = TypeAdapter(ReportDocument).json_schema(mode="serialization")
    body["properties"]["schema_version"]["const"] = SCHEMA_VERSION
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **body,
        "title": "auditor report",
    }
