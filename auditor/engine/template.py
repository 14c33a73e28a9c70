"""Write a finding out of what a rule said of all subjects like this one: only ids, origins and commands are filled in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from auditor.analysis.fact import Fact
from auditor.engine import disclosure, message, value_sets
from auditor.engine.findings import (
    Controls,
    SubjectInfo,
    change_of,
    command_of,
    fields_read,
    fingerprint,
    is_of_absence,
    origin_of,
    reason_of,
    sentence_of,
    takes_origin,
    words_of,
)
from auditor.engine.shared_evidence import SharedEvidence, SharedLeaf, SharedLeaves
from auditor.engine.verdict import Verdict
from auditor.model import Evidence, Finding, FindingSet, Gap, Status
from auditor.rulebook.in_force import RuleInForce


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """What a rule says of subjects that are alike. Where something else than their ids differs, it is left open.

    `gaps` go with the numbers of their scopes. `failed` is None where all values that a failure rests on (`rests_on`) are the
    subject's own.
    """

    rule: RuleInForce
    verdict: Verdict
    leaves: SharedLeaves
    message: str
    reason: str | None
    permission: str | None
    gaps: Sequence[tuple[Gap, int]]
    failed: SharedLeaves | None
    rests_on: FindingSet | None
    controls: Controls
    fields_read: Sequence[str]

    @property
    def status(self) -> Status:
        """Return what the rule says."""
        return self.verdict.status


def template_of(
    rule: RuleInForce, verdict: Verdict, controls: Controls, info: SubjectInfo, names: Mapping[str, int]
) -> Template:
    """Return what is the same of all subjects of which a rule says this. KeyError where it names an id without a number."""
    leaves = SharedLeaves(shared(verdict.evidence, names))
    failed = SharedLeaves(shared(verdict.failed, names))
    own = not any(leaf.owner for leaf in failed.leaves)
    return Template(
        rule=rule,
        verdict=verdict,
        leaves=leaves,
        message=sentence_of(rule.rule, verdict, info),
        reason=reason_of(verdict),
        permission=next((gap.permission for gap in verdict.gaps if gap.permission), None),
        gaps=[(gap, names[gap.scope]) for gap in verdict.gaps],
        failed=None if own else failed,
        rests_on=_rests_on(verdict.failed, info) if own else None,
        controls=controls,
        fields_read=fields_read(verdict.evidence),
    )


def shared(leaves: Iterable[Evidence], names: Mapping[str, int]) -> tuple[SharedLeaf, ...]:
    """Return leaves without whose they are. KeyError where one names an id without a number."""
    return tuple(
        SharedLeaf(leaf, None, was_read=False)
        if leaf.resource_id is None
        else SharedLeaf(replace(leaf, resource_id=None), names[leaf.resource_id], takes_origin(leaf))
        for leaf in leaves
    )


def _rests_on(failed: Iterable[Evidence], info: SubjectInfo) -> FindingSet | None:
    return value_sets.of_leaves(map(disclosure.evidence_without_secrets, failed), info.resource_id)


def filled(
    template: Template,
    leaves: SharedLeaves,
    info: SubjectInfo,
    names: Sequence[str],
    inputs: Sequence[Evidence] = (),
) -> Finding:
    """Return the finding on one subject; `names` are the ids by their numbers, `leaves` the template's with their context."""
    rule, status = template.rule, template.status
    about = rule.rule
    origins = info.origins if len(names) == 1 else tuple(origin_of(name, info) for name in names)
    evidence = SharedEvidence(leaves, origins, inputs) if leaves.leaves or inputs else ()
    is_failure = status is Status.FAIL
    gaps = tuple(replace(gap, scope=names[number]) for gap, number in template.gaps) if template.gaps else ()
    text, rests_on = template.message, template.rests_on
    if gaps:
        text = message.undecided(about.title, gaps, template.verdict.errors)
    if is_failure and template.failed is not None:
        rests_on = _rests_on(SharedEvidence(template.failed, origins), info)
    return Finding(
        rule_id=about.id,
        severity=rule.severity,
        status=status,
        resource_id=info.resource_id,
        resource_type=info.resource_type,
        message=text,
        sub_object=info.sub_object,
        workload=info.workload,
        component=info.component,
        location=info.location,
        evidence=evidence,
        unknown_reason=template.reason,
        missing_permission=template.permission,
        gaps=gaps,
        remediation_cli=command_of(about.remediation_cli, info) if is_failure else "",
        fingerprint=fingerprint(about.id, info.identity),
        collected_at=info.collected_at,
        controls=template.controls,
        tags=info.tags,
        rests_on=rests_on,
        mended_by=change_of(about, evidence, info) if is_failure else None,
    )


def in_words_of(fact: Fact, finding: Finding, template: Template) -> Finding:
    """Return the finding on a fact that fails, in the analysis's own words."""
    words = words_of(fact, template.fields_read)
    return replace(
        finding,
        message=words.sentence or finding.message,
        witness=words.witness,
        remediation_cli=words.remedy or finding.remediation_cli,
        rests_on=words.rests_on or finding.rests_on,
        is_absence=is_of_absence(fact, finding.evidence),
    )
