"""Judge an estate against the rules in force: pure, the same inputs give the same report."""

from __future__ import annotations

import hashlib
import shlex
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from auditor import message
from auditor import resource_id as ids
from auditor.analysis.contract import Analysis, Context
from auditor.baseline import RuleInForce
from auditor.estate.components import Workloads
from auditor.estate.graph import NOT_IN_EXPORT, Estate
from auditor.language.evaluate import judge
from auditor.language.explain import Explanation, explain, observe
from auditor.language.paths import ABSENT, ShapeError, parse, walk
from auditor.language.scope import Scope, Subject
from auditor.model import Evidence, Fact, Finding, Gap, Resource, Status
from auditor.rulebook import Rule
from auditor.subjects import FactSubject, ResourceSubject

INPUTS_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a rule says of one subject, before it is filed under a resource."""

    status: Status
    evidence: Sequence[Evidence] = ()
    gaps: Sequence[Gap] = ()
    errors: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """Everything that an evaluation depends on."""

    estate: Estate
    workloads: Workloads
    rules: Sequence[RuleInForce]
    analyses: Mapping[str, Analysis]
    parameters: Mapping[str, Any]
    tables: Mapping[str, Any]
    components: Mapping[str, Sequence[str]]
    now: datetime
    explain_passes: bool = True


def decide(rule: Rule, scope: Scope, *, explain_passes: bool = True) -> Verdict:
    """Ask a rule about one subject.

    `when` false is not applicable; `when` unknown passes only where the requirement holds anyway.
    """
    when = True if rule.applies.when is None else judge(rule.applies.when, scope)
    if when is False:
        evidence = explain(rule.applies.when, scope).evidence if rule.applies.when and explain_passes else ()
        return Verdict(Status.NOT_APPLICABLE, evidence)
    truth = judge(rule.require, scope)
    if truth is True:
        return Verdict(Status.PASS, _evidence(rule, scope, explain(rule.require, scope)) if explain_passes else ())
    found = explain(rule.require, scope)
    if truth is False and when is True:
        return Verdict(Status.FAIL, _evidence(rule, scope, found))
    if when is None and rule.applies.when is not None:
        doubt = explain(rule.applies.when, scope)
        return Verdict(Status.UNKNOWN, (*doubt.evidence, *found.evidence), doubt.gaps or found.gaps, doubt.errors)
    return Verdict(Status.UNKNOWN, _evidence(rule, scope, found), found.gaps, found.errors)


def _evidence(rule: Rule, scope: Scope, found: Explanation) -> list[Evidence]:
    seen = {leaf.path for leaf in found.evidence}
    extra = [leaf for place in rule.evidence for leaf in observe(place, scope) if leaf.path not in seen]
    return [*found.evidence, *extra]


def findings(question: Question) -> list[Finding]:
    """Return the findings of all rules, sorted by severity, rule, resource and sub-object."""
    facts = _facts(question)
    found: list[Finding] = []
    by_type: dict[str, list[RuleInForce]] = defaultdict(list)
    for rule in question.rules:
        if rule.rule.applies.fact is not None:
            found += _fact_findings(rule, facts[rule.rule.applies.fact], question)
        elif rule.rule.applies.component is not None:
            found += _component_findings(rule, question)
        else:
            by_type[(rule.rule.applies.resource_type or "").lower()].append(rule)
    for resource_type, rules in sorted(by_type.items()):
        for resource in question.estate.of_type(resource_type):
            subject = ResourceSubject(resource, question.estate)
            found += [_resource_finding(rule, subject, question) for rule in rules]
        found += [one for rule in rules for one in _unmet(rule, (resource_type,), question)]
    return sorted(found, key=_order)


def _order(finding: Finding) -> tuple[int, str, str, str]:
    return (finding.severity.rank, finding.rule_id, ids.key(finding.resource_id or ""), finding.sub_object.lower())


@dataclass(frozen=True, slots=True)
class _Derived:
    """The facts of one kind, or why its analysis failed."""

    facts: Sequence[Fact] = ()
    error: str | None = None


def _facts(question: Question) -> Mapping[str, _Derived]:
    """Run the analyses that rules in force need; one that raises takes down its own rules and no others."""
    wanted = sorted({rule.rule.applies.fact for rule in question.rules if rule.rule.applies.fact})
    context = Context(question.estate, question.workloads, question.parameters, question.tables, question.now)
    derived: dict[str, _Derived] = {}
    for analysis in {question.analyses[kind].name: question.analyses[kind] for kind in wanted}.values():
        by_kind: dict[str, list[Fact]] = {kind: [] for kind in analysis.facts}
        try:
            for fact in analysis.run(context):
                by_kind[fact.kind].append(fact)
        except Exception as problem:  # noqa: BLE001 - never fail open: the rules on these facts become unknown
            error = f"analysis {analysis.name} failed: {type(problem).__name__}: {problem}"
            derived |= dict.fromkeys(by_kind, _Derived(error=error))
            continue
        derived |= {kind: _Derived(sorted(facts, key=lambda fact: fact.id)) for kind, facts in by_kind.items()}
    return derived


def _scope(rule: RuleInForce, subject: Subject, question: Question) -> Scope:
    return Scope(subject, subject, rule.parameters, question.now)


def _ask(rule: RuleInForce, subject: Subject, question: Question) -> Verdict:
    try:
        return decide(rule.rule, _scope(rule, subject, question), explain_passes=question.explain_passes)
    except Exception as problem:  # noqa: BLE001 - never fail open: a rule that raises is unknown, and says so
        return Verdict(Status.UNKNOWN, errors=(f"{type(problem).__name__}: {problem}",))


def _resource_finding(rule: RuleInForce, subject: ResourceSubject, question: Question) -> Finding:
    verdict = _ask(rule, subject, question)
    workload, component = question.workloads.role_of(subject.resource.key)
    return _filed(rule, verdict, subject.resource, workload=workload, component=component)


def _component_findings(rule: RuleInForce, question: Question) -> Iterator[Finding]:
    component = rule.rule.applies.component or ""
    met = False
    for workload in question.workloads.all:
        for resource in workload.resources(component):
            met = True
            verdict = _ask(rule, ResourceSubject(resource, question.estate), question)
            yield _filed(rule, verdict, resource, workload=workload.name, component=component)
    yield from _unmet(rule, question.components.get(component, ()), question, met=met)


def _fact_findings(rule: RuleInForce, derived: _Derived, question: Question) -> Iterator[Finding]:
    if derived.error is not None:
        yield _unsubject(rule, Status.UNKNOWN, f"Not known whether: {rule.rule.title}. {derived.error}.", derived.error)
        return
    met = False
    for fact in derived.facts:
        subject = FactSubject(fact, question.estate)
        if not _is_about(rule, subject, question):
            continue
        met = True
        verdict = _ask(rule, subject, question)
        if verdict.status is not Status.NOT_APPLICABLE:
            inputs = list(_inputs(fact, question.estate))
            verdict = replace(verdict, evidence=[*verdict.evidence, *inputs])
        yield _fact_finding(rule, fact, verdict, question)
    reads = sorted(question.analyses[rule.rule.applies.fact or ""].reads)
    yield from _unmet(rule, reads, question, met=met)


def _is_about(rule: RuleInForce, subject: Subject, question: Question) -> bool:
    where = rule.rule.applies.where
    return where is None or judge(where, _scope(rule, subject, question)) is not False


def _fact_finding(rule: RuleInForce, fact: Fact, verdict: Verdict, question: Question) -> Finding:
    resource = question.estate.get(fact.subject)
    workload, component = question.workloads.role_of(ids.key(fact.subject))
    filed = _filed(
        rule, verdict, resource, workload=fact.workload or workload, component=fact.component or component, fact=fact
    )
    if verdict.status is not Status.FAIL:
        return filed
    command = fact.fields.get("remediation")
    cli = command if isinstance(command, str) else filed.remediation_cli
    return replace(filed, message=fact.summary or filed.message, witness=fact.witness, remediation_cli=cli)


def _inputs(fact: Fact, estate: Estate) -> Iterator[Evidence]:
    """Show what a fact was derived from, as it stands in the data."""
    for resource_id, path in list(fact.inputs)[:INPUTS_SHOWN]:
        resource = estate.get(resource_id)
        if resource is None:
            continue
        try:
            spots = list(walk(resource.body, parse(path)))[:1]
        except (ValueError, ShapeError):
            continue
        for at, value in spots:
            shown = None if value is ABSENT else value
            yield Evidence(at, "input", None, shown, absent=value is ABSENT, resource_id=resource.id,
                           source=resource.source, api_version=resource.api_version)  # fmt: skip


def _filed(
    rule: RuleInForce,
    verdict: Verdict,
    resource: Resource | None,
    *,
    workload: str | None,
    component: str | None,
    fact: Fact | None = None,
) -> Finding:
    resource_id = resource.id if resource else (fact.subject if fact else None) or None
    sub_object = fact.sub_object if fact else ""
    evidence = [_sourced(leaf, resource) for leaf in verdict.evidence]
    cli = rule.rule.remediation_cli
    return Finding(
        rule_id=rule.rule.id,
        title=rule.rule.title,
        severity=rule.severity,
        status=verdict.status,
        resource_id=resource_id,
        resource_type=resource.type if resource else (f"fact/{fact.kind}" if fact else None),
        message=_sentence(rule.rule, verdict),
        sub_object=sub_object,
        workload=workload,
        component=component,
        location=resource.location if resource else None,
        evidence=evidence,
        unknown_reason=_reason(verdict),
        missing_permission=next((gap.permission for gap in verdict.gaps if gap.permission), None),
        controls=rule.rule.controls,
        remediation_text=rule.rule.remediation_text,
        remediation_cli=_filled(cli, resource_id) if verdict.status is Status.FAIL else "",
        fingerprint=fingerprint(rule.rule.id, resource_id or "", sub_object),
        collected_at=resource.collected_at if resource else None,
        fact=fact.kind if fact else None,
    )


def _sourced(leaf: Evidence, resource: Resource | None) -> Evidence:
    if resource is None or leaf.source is not None or ids.key(leaf.resource_id or "") != resource.key:
        return leaf
    return replace(leaf, source=resource.source, api_version=resource.api_version)


def _sentence(rule: Rule, verdict: Verdict) -> str:
    if verdict.status is Status.UNKNOWN:
        return message.undecided(rule.title, verdict.gaps, verdict.errors)
    if verdict.status is Status.NOT_APPLICABLE:
        return message.decided("Does not apply", verdict.evidence)
    return message.decided(rule.title, verdict.evidence)


def _reason(verdict: Verdict) -> str | None:
    if verdict.status is not Status.UNKNOWN:
        return None
    reasons = [f"{gap.what}: {gap.reason}" for gap in verdict.gaps] + [f"error: {error}" for error in verdict.errors]
    return "; ".join(reasons) or "the data does not say"


def _filled(cli: str, resource_id: str | None) -> str:
    """Put the resource into a remediation command; names come from strangers, so they are quoted for the shell."""
    if resource_id is None:
        return cli
    return cli.replace("{id}", shlex.quote(resource_id)).replace("{name}", shlex.quote(ids.name_of(resource_id)))


def fingerprint(rule_id: str, subject: str, sub_object: str) -> str:
    """Return an identity that is stable across runs: the rule, the subject and the part of it, never a value."""
    text = "\n".join((rule_id, ids.key(subject), sub_object.lower()))
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:32]


def _unsubject(rule: RuleInForce, status: Status, text: str, reason: str | None, gap: Gap | None = None) -> Finding:
    scope = gap.scope if gap and gap.scope not in {"", "/"} else None
    sub_object = gap.what if gap else ""
    return Finding(
        rule_id=rule.rule.id,
        title=rule.rule.title,
        severity=rule.severity,
        status=status,
        resource_id=scope,
        resource_type=rule.rule.applies.resource_type,
        message=text,
        sub_object=sub_object,
        unknown_reason=reason,
        missing_permission=gap.permission if gap else None,
        controls=rule.rule.controls,
        remediation_text=rule.rule.remediation_text,
        fingerprint=fingerprint(rule.rule.id, scope or "", sub_object),
    )


def _unmet(
    rule: RuleInForce, types: Iterable[str], question: Question, *, met: bool | None = None
) -> Iterator[Finding]:
    """Report what a rule could not meet: one unknown for each gap in its types, or that there is nothing to judge."""
    listed = sorted({name.lower() for name in types})
    if met is None:
        met = any(question.estate.of_type(name) for name in listed)
    gaps = [gap for name in listed for gap in question.estate.gaps_in(name)]
    if rule.rule.applies.fact is None:
        for gap in gaps:
            text = message.undecided(rule.rule.title, [gap], ())
            yield _unsubject(rule, Status.UNKNOWN, text, f"{gap.what}: {gap.reason}", gap)
        if gaps:
            return
    elif gaps and not met:
        text = message.undecided(rule.rule.title, gaps, ())
        yield _unsubject(rule, Status.UNKNOWN, text, f"{gaps[0].what}: {gaps[0].reason}", gaps[0])
        return
    if not met:
        yield _unsubject(rule, Status.NOT_APPLICABLE, _nothing(rule.rule, question), None)


def _nothing(rule: Rule, question: Question) -> str:
    applies = rule.applies
    what = applies.resource_type or (f"resource bound to component '{applies.component}'" if applies.component else "")
    kind = (applies.resource_type or "").lower()
    roles = sorted(name for name, types in question.components.items() if kind in {one.lower() for one in types})
    missing = [name for name in roles if any(not workload.resources(name) for workload in question.workloads.all)]
    where = "" if question.estate.complete else f" ({NOT_IN_EXPORT})"
    pointer = f" See the finding on the missing component '{missing[0]}'." if missing else ""
    if not what:
        return f"Does not apply: nothing to judge, the estate holds nothing that this rule is about{where}."
    return f"Does not apply: nothing to judge, no {what} in the estate{where}.{pointer}"
