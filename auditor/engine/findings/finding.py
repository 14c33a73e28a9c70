"""File verdicts as findings: the sentence, the reason, the command that would repair it, and a stable fingerprint."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

from auditor import resource_id as ids
from auditor.analysis.fact import Fact, Schema
from auditor.architecture.workloads import Workloads
from auditor.engine.findings import disclosure, message, value_sets
from auditor.engine.findings.shared_evidence import ValueOrigin
from auditor.engine.verdict import Verdict
from auditor.estate.graph import Estate
from auditor.model import Evidence, Finding, FindingSet, Gap, MendingChange, Resource, Status
from auditor.rulebook.command import FIELD, PART, filled
from auditor.rulebook.in_force import RuleInForce
from auditor.rulebook.rule import OnFact, Rule

Controls = Mapping[str, Sequence[str]]
"""Ids of controls by framework."""

_READ: Final = re.compile(r"field\('([^']+)'\)")
_FIRST_STEP: Final = re.compile(r"[.\[]")
_MEANINGS: Final[dict[str, Mapping[str, str]]] = {}
_LOGGER: Final = logging.getLogger(__name__)


class SubjectInfo(Struct, frozen=True):
    """What a finding is filed under, found out once for all rules that are asked about it.

    `origins` says where its own values were read.
    """

    key: str | None = None
    resource_id: str | None = None
    resource_type: str | None = None
    location: str | None = None
    collected_at: str | None = None
    workload: str | None = None
    component: str | None = None
    sub_object: str = ""
    identity: bytes = b"\n"
    origins: tuple[ValueOrigin] = (ValueOrigin(""),)
    body: Callable[[], Mapping[str, object]] = dict
    tags: Mapping[str, object] = field(default_factory=dict)
    lookup: Callable[[str], Resource | None] = lambda _: None
    words: Callable[[], Mapping[str, str]] = dict


def info_of(
    resource: Resource, workload: str | None, component: str | None, estate: Estate, sub_object: str = ""
) -> SubjectInfo:
    """Return what findings on a resource, or on a fact about it, are filed under."""
    return SubjectInfo(
        resource.key,
        resource.id,
        resource.type,
        resource.location,
        resource.collected_at,
        workload,
        component,
        sub_object,
        identity(resource.key, sub_object),
        (ValueOrigin(resource.id, resource.source, resource.api_version, resource.collected_at),),
        lambda: resource.body,
        disclosure.tags_without_secrets(resource.body.get("tags")),
        estate.get,
        _no_words,
    )


def _no_words() -> Mapping[str, str]:
    return {}


class FactFiling:
    """What findings on facts are filed under: of a resource that many facts are about, the same is found out once."""

    def __init__(self, estate: Estate, workloads: Workloads) -> None:
        self.estate = estate
        self._workloads = workloads
        self._subjects: dict[str, tuple[SubjectInfo, bool]] = {}

    def info(self, fact: Fact) -> SubjectInfo:
        """Return what findings on a fact are filed under: its subject, which need not be in the estate."""
        about = fact.about
        subject, is_known = self._subjects.get(about.subject) or self._subject(about.subject)
        part = about.sub_object
        return SubjectInfo(
            subject.key if is_known else None,
            subject.resource_id,
            subject.resource_type if is_known else f"fact/{fact.fact_kind}",
            subject.location,
            subject.collected_at,
            about.workload or subject.workload,
            about.component or subject.component,
            part,
            _identity(subject.key or "", part),
            subject.origins,
            fact.body,
            subject.tags,
            subject.lookup,
            partial(_meanings, type(fact)),
        )

    def _subject(self, subject: str) -> tuple[SubjectInfo, bool]:
        """Return what all facts about a resource are filed under, and whether it is in the estate."""
        own_key = ids.key(subject)
        workload, component = self._workloads.role_of(own_key)
        resource = self.estate.get(subject)
        if resource is None:
            info = SubjectInfo(
                own_key, subject or None, workload=workload, component=component, origins=(ValueOrigin(subject),)
            )
        else:
            info = info_of(resource, workload, component, self.estate)
            info = replace(info, origins=(ValueOrigin(subject, *info.origins[0][1:]),))
        self._subjects[subject] = (info, resource is not None)
        return self._subjects[subject]


def _meanings(kind: type[Fact]) -> Mapping[str, str]:
    """Return what the fields of a kind of facts mean, by path; a kind's source is read once."""
    if kind.fact_kind not in _MEANINGS:
        _MEANINGS[kind.fact_kind] = Schema(kind).words
    return _MEANINGS[kind.fact_kind]


def finding_of(
    rule: RuleInForce,
    verdict: Verdict,
    info: SubjectInfo,
    controls: Controls,
    *,
    sentence: str = "",
    witness: Mapping[str, object] | None = None,
) -> Finding:
    """Return the finding that a verdict makes; `sentence` stands in for the message made of its evidence."""
    about = rule.rule
    is_failure = verdict.status is Status.FAIL
    return Finding(
        rule_id=about.id,
        severity=rule.severity,
        status=verdict.status,
        resource_id=info.resource_id,
        resource_type=info.resource_type,
        message=sentence or sentence_of(about, verdict, info),
        sub_object=info.sub_object,
        workload=info.workload,
        component=info.component,
        location=info.location,
        evidence=[_sourced(leaf, info) for leaf in verdict.evidence] if verdict.evidence else (),
        witness=witness,
        unknown_reason=reason_of(verdict),
        missing_permission=next((gap.permission for gap in verdict.gaps if gap.permission), None)
        if verdict.gaps
        else None,
        gaps=verdict.gaps,
        remediation_cli=command_of(about.remediation_cli, info) if is_failure else "",
        fingerprint=fingerprint(about.id, info.identity),
        collected_at=info.collected_at,
        controls=controls,
        tags=info.tags,
        rests_on=value_sets.of_leaves(map(disclosure.evidence_without_secrets, verdict.failed), info.resource_id),
        mended_by=change_of(about, verdict.evidence, info) if is_failure else None,
    )


def change_of(rule: Rule, evidence: Sequence[Evidence], info: SubjectInfo) -> MendingChange | None:
    """Return what the rule says that its remedy changes; None: the property that decides.

    Nobody can change a field of a fact, or what an expression gives: there the rule's title says more.
    """
    wanted = rule.changed_on.lower()
    inputs_there = [leaf for leaf in evidence if leaf.path.lower() == wanted] if wanted else []
    named = (leaf.actual if ids.is_resource_id(leaf.actual) else leaf.resource_id for leaf in inputs_there)
    changed = next((each for each in named if each), info.resource_id)
    if rule.changes:
        return MendingChange(" ".join(rule.changes.replace(f"{{{PART}}}", info.sub_object).split()), changed)
    if isinstance(rule.applies, OnFact) or not any(leaf.decides and not leaf.path.startswith("[") for leaf in evidence):
        return MendingChange(rule.title + (f" · {info.sub_object}" if info.sub_object else ""), changed)
    return None


def command_of(command: str, info: SubjectInfo) -> str:
    """Return the command that mends a subject, or no text."""
    return filled(command, info.resource_id, info.body() if FIELD in command else {})


def finding_of_fact(rule: RuleInForce, verdict: Verdict, fact: Fact, info: SubjectInfo, controls: Controls) -> Finding:
    """Return the finding that a verdict on a fact makes: where it fails, in the analysis's own words."""
    if verdict.status is not Status.FAIL:
        return finding_of(rule, verdict, info, controls)
    words = words_of(fact, fields_read(verdict.evidence))
    finding = finding_of(rule, verdict, info, controls, sentence=words.sentence, witness=words.witness)
    return replace(
        finding,
        remediation_cli=words.remedy or finding.remediation_cli,
        rests_on=words.rests_on or finding.rests_on,
        is_absence=is_of_absence(fact, verdict.evidence),
    )


def is_of_absence(fact: Fact, evidence: Sequence[Evidence]) -> bool:
    """Whether what fails is that the very thing does not exist that a fact is about."""
    return fact.presence is not None and any(leaf.path == fact.presence and leaf.actual == 0 for leaf in evidence)


class FactWords(Struct, frozen=True):
    """What a fact says of a failure: in a sentence, as a counter-example, as the command that mends it, as a whole set."""

    sentence: str = ""
    witness: Mapping[str, object] | None = None
    remedy: str | None = None
    rests_on: FindingSet | None = None


def words_of(fact: Fact, fields: Sequence[str]) -> FactWords:
    """Return what a fact says of a failure whose conditions read some fields.

    Where saying it fails, the finding stands all the same, in the words of its evidence.
    """
    try:
        return FactWords(fact.sentence(), fact.witness(), fact.remedy(), fact.rests_on(fields))
    except Exception:
        _LOGGER.debug("fact %s could not be put into words", fact.id, exc_info=True)
        return FactWords()


def fields_read(evidence: Sequence[Evidence]) -> Sequence[str]:
    """Return the fields of a fact that the conditions behind a verdict read, each once, by the first step of their paths."""
    paths = (path for leaf in evidence if leaf.decides for path in _READ.findall(leaf.path) or [leaf.path])
    return list(dict.fromkeys(_FIRST_STEP.split(path)[0] for path in paths))


def takes_origin(leaf: Evidence) -> bool:
    """Whether a leaf has to say where it was read: a list of resources was read nowhere."""
    is_list = leaf.path.startswith("related(") or (leaf.operator == "input" and "/" in leaf.path)
    return leaf.source is None and not is_list


def origin_of(resource_id: str, info: SubjectInfo) -> ValueOrigin:
    """Return where, how and when a resource was read; only whose it is where that is not known."""
    if resource_id == info.resource_id or ids.key(resource_id) == info.key:
        return ValueOrigin(resource_id, *info.origins[0][1:])
    other = info.lookup(resource_id) if resource_id else None
    if other is None:
        return ValueOrigin(resource_id)
    return ValueOrigin(resource_id, other.source, other.api_version, other.collected_at)


def _sourced(leaf: Evidence, info: SubjectInfo) -> Evidence:
    """Say of a value of a resource where, how and when that was read."""
    if leaf.resource_id is None or not takes_origin(leaf):
        return leaf
    origin = origin_of(leaf.resource_id, info)
    if origin.source is None:
        return leaf
    return replace(leaf, source=origin.source, api_version=origin.api_version, collected_at=origin.collected_at)


def sentence_of(rule: Rule, verdict: Verdict, info: SubjectInfo) -> str:
    """Return what a verdict says in a sentence."""
    match verdict.status:
        case Status.UNKNOWN:
            return message.undecided(rule.title, verdict.gaps, verdict.errors)
        case Status.NOT_APPLICABLE:
            return message.not_applicable(verdict.evidence, info.words() if verdict.evidence else {})
        case Status.PASS:
            return message.passed(rule.title, verdict.evidence)
        case Status.FAIL:
            return message.failed(rule.title, rule.fault, verdict.evidence)


def reason_of(verdict: Verdict) -> str | None:
    """Return why a verdict is unknown, or None where it is not."""
    if verdict.status is not Status.UNKNOWN:
        return None
    reasons = [f"{gap.what}: {gap.reason}" for gap in verdict.gaps] + [f"error: {error}" for error in verdict.errors]
    return "; ".join(reasons) or "the data does not say"


def fingerprint(rule_id: str, subject: bytes) -> str:
    """Return an identity that is stable across runs: the rule and the identity of the subject, never a value."""
    return hashlib.sha256(_line(rule_id) + subject).hexdigest()[:32]


@lru_cache(maxsize=4096)
def _line(rule_id: str) -> bytes:
    return f"{rule_id}\n".encode("utf-8", "replace")


def identity(subject: str, sub_object: str) -> bytes:
    """Return what makes a subject the same in every run: the subject and the part of it, without case."""
    return _identity(ids.key(subject), sub_object)


def _identity(key: str, sub_object: str) -> bytes:
    return f"{key}\n{sub_object.lower()}".encode("utf-8", "replace")


def without_subject(
    rule: RuleInForce,
    status: Status,
    text: str,
    reason: str | None,
    *,
    gap: Gap | None = None,
    controls: Controls | None = None,
) -> Finding:
    """Return the finding of a rule that met nothing: there is nothing, or what there is was not collected."""
    scope = gap.scope if gap and gap.scope not in {"", "/"} else None
    sub_object = gap.what if gap else ""
    return Finding(
        rule_id=rule.id,
        severity=rule.severity,
        status=status,
        resource_id=scope,
        resource_type=_type_of(rule, sub_object),
        message=text,
        sub_object=sub_object,
        unknown_reason=reason,
        missing_permission=gap.permission if gap else None,
        gaps=(gap,) if gap else (),
        fingerprint=fingerprint(rule.id, identity(scope or "", sub_object)),
        controls=rule.rule.controls if controls is None else controls,
    )


def _type_of(rule: RuleInForce, missing: str) -> str | None:
    """Return which of a rule's types was not met: the one that was not collected, else the first; None for a fact's."""
    types = () if isinstance(rule.applies, OnFact) else rule.applies.types
    return next((name for name in types if name.lower() == missing.lower()), next(iter(types), None))
