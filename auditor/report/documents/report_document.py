"""The JSON report's shape, version 2: rules and causes stand once, and findings refer to them."""

from __future__ import annotations

from typing import Final, NotRequired

from pydantic import ConfigDict, TypeAdapter, with_config
from typing_extensions import TypedDict  # pydantic needs this one before Python 3.12

from auditor.model import AgainstKnown, Defect, Severity, Status
from auditor.report.documents.coverage_document import CoverageDocument
from auditor.report.documents.json_document import (
    BaselineDocument,
    ExemptionDocument,
    FrameworkDocument,
    GapDocument,
    SnapshotDocument,
    SummaryDocument,
    ToolDocument,
)

SCHEMA_VERSION: Final = 2
"""Rises only when a reader of the older version would be misled; keys may be added within a version."""

_documented: Final = ConfigDict(use_attribute_docstrings=True)


@with_config(_documented)
class ReportedRule(TypedDict):
    """A rule in force, told once for all its findings."""

    title: str
    severity: Severity
    rationale: str
    remediation: str
    references: list[str]
    controls: dict[str, list[str]]
    """Ids of all controls that it answers, by framework; a finding names those that its subject is about."""
    file: str
    line: int
    """Where in the file the rule starts."""


@with_config(_documented)
class ReportedEvidence(TypedDict):
    """One value that a verdict rests on. What a key that is left out would say is in that key's words."""

    path: str
    """The property path as spelled in the data."""
    operator: str
    """The condition that was applied; `input` and `context` were not compared."""
    actual: object
    """The value that was there; null where there was none."""
    expected: NotRequired[object]
    """The value asked for, after parameters were bound; left out where nothing was compared."""
    assumed: NotRequired[object]
    """The documented default that stood in for an absent value; left out where none did."""
    absent: NotRequired[bool]
    """True where there was no value at all, else left out."""
    name: NotRequired[str]
    """What the rule calls it; left out where it has no name."""
    resource_id: NotRequired[str]
    """The resource that holds the value; left out where it is the finding's own."""
    source: NotRequired[str]
    """Where it was read: `arm`, `resource-graph`, `export`, …; left out where it is not known."""
    api_version: NotRequired[str]
    """The API version it was read with; left out where it is not known."""
    collected_at: NotRequired[str]
    """When it was read; left out where that is when the finding's resource was, or not known."""


class CommandDocument(TypedDict):
    """The command that mends a failure, whole; empty where there is none. What to do stands at the rule."""

    cli: str


@with_config(_documented)
class CauseReference(TypedDict):
    """What one change would mend: the `causes` of the JSON report tell what else it would."""

    id: str
    what: str


@with_config(_documented)
class ReportedFinding(TypedDict):
    """The verdict on one subject of one rule."""

    rule_id: str
    """The rule, by its key in `rules`."""
    title: str
    """The rule's, so that a finding can be read alone."""
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
    evidence: list[ReportedEvidence]
    witness: object
    """A concrete counter-example of an analysis (a packet, an action), else null."""
    unknown_reason: str | None
    missing_permission: str | None
    """The Azure action that would settle an unknown."""
    exemption: ExemptionDocument | None
    controls: dict[str, list[str]]
    """Ids of the controls that its subject is about, by framework; the framework's version is part of its name."""
    remediation: CommandDocument
    fingerprint: str
    """Stable across runs: made of rule, subject and sub-object, not of values."""
    collected_at: NotRequired[str]
    """When the resource was read; left out where it is not known."""
    rests_on: NotRequired[dict[str, object]]
    """The whole set that a failure is about, by `kind`: `packets` (disjoint boxes), `operations` (by plane and scope, as
    patterns joined by `any_of`, `all_of`, `none_of`), `levels` (which get through each filter), `items` or `values`.
    Equal sets are written alike, so that a later run can be subtracted from an earlier one; left out where it is about
    none."""
    against_known: NotRequired[AgainstKnown]
    """How a failure stands to the known ones: `new`, `widened`, `known`; only where it was compared with them."""
    claims: NotRequired[list[str]]
    """What in Azure says that the resource is exempt, such as a tag; it is told, and decides nothing."""
    cause: NotRequired[CauseReference]
    """What would have to change; left out for what passed or does not apply."""
    first_seen: NotRequired[str]
    """Since when it fails, of what a history knows (ISO 8601, UTC); left out without one."""
    change: NotRequired[str]
    """What happened since earlier audits: `new`, `reopened`, `unchanged`, `resolved`; without a history how it
    stands to the known failures; left out without any to compare with."""


@with_config(_documented)
class CauseDocument(TypedDict):
    """What one change would mend: a setting, a security rule, a missing component, a permission."""

    id: str
    """The same for the same cause in every run."""
    what: str
    resource_id: str | None
    """The resource that would have to change, where there is one."""
    status: Status
    """`fail`, or `unknown` where it is the cause of nothing that fails."""
    severity: Severity
    """The worst of its findings."""
    findings: int
    rules: list[str]


@with_config(_documented)
class ExemptionStateDocument(TypedDict):
    """An exemption that was given, and what it does on the day of judgement."""

    id: str
    rule: str
    scope: str
    part: str
    component: str
    fingerprint: str
    """Empty where it is not about one failure."""
    reason: str
    approved_by: str
    ticket: str
    expires_on: str
    fits: int
    """How many failures it is about, whether or not it covers them."""
    defects: list[Defect]
    """What somebody should look at: `expired`, `unused`, `outgrown`, `too_wide`, `unlimited`, `expiring`."""
    outgrown: list[str]
    """How failures go beyond what it accepts, in words."""


@with_config(_documented)
class ReportHead(TypedDict):
    """What a report tells besides its findings: the first line of JSON Lines."""

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
    exemptions: NotRequired[list[ExemptionStateDocument]]
    """Those that were given; left out where none were."""
    rules: dict[str, ReportedRule]
    """The rules in force, by id."""
    gaps: list[GapDocument]
    coverage: CoverageDocument


@with_config(_documented)
class WholeReport(ReportHead):
    """An audit: findings with everything needed to defend them. Readers should accept keys they do not know."""

    causes: list[CauseDocument]
    """The worst first, then those of most findings; what is unknown comes last."""
    findings: list[ReportedFinding]


_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def schema() -> dict[str, object]:
    """Return the JSON Schema (2020-12) of the report."""
    body = TypeAdapter(WholeReport).json_schema(mode="serialization")
    body["properties"]["schema_version"]["const"] = SCHEMA_VERSION
    return {"$schema": _DIALECT, **body, "title": "auditor report"}


def line_schema() -> dict[str, object]:
    """Return the JSON Schema (2020-12) of one line of the report as JSON Lines: the head, or a finding."""
    adapter: TypeAdapter[ReportHead | ReportedFinding] = TypeAdapter(ReportHead | ReportedFinding)
    return {"$schema": _DIALECT, **adapter.json_schema(mode="serialization"), "title": "line of an auditor report"}
