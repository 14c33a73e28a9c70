"""Findings as text of JSON: what many share is written down once, and each is put together out of such pieces."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Final, NamedTuple

from msgspec.structs import replace

from auditor import resource_id as ids
from auditor.engine.accepted.finding_sets import as_document
from auditor.engine.bounded_cache import BoundedCache
from auditor.engine.findings.held_findings import SETTLED
from auditor.engine.findings.shared_evidence import (
    FactInputs,
    InputPlace,
    InputReader,
    SharedEvidence,
    SharedLeaf,
    SharedLeaves,
    ValueOrigin,
)
from auditor.model import Evidence, Finding, FindingSet, Report
from auditor.report.documents.document_parts import (
    controls_of,
    evidence_of,
    exemption_of,
    finding_of,
    named_cause,
    standing_of,
    told_of,
)
from auditor.report.escapes.json import (
    JsonText,
    NotExactError,
    element_text,
    element_value_text,
    elements_text,
    members_text,
    string_text,
    value_text,
)
from auditor.report.finding_causes import FindingCause, cause_of
from auditor.report.per_rule import PerRule
from auditor.report.text import ordered

_SUBJECTS: Final = 16_384
_PLACES: Final = 65_536
_REMEMBERED: Final = 16_384
_RECENT: Final = 256
_EMPTY: Final = '""'
_SETS: Final = 4_096  # which are large

_Read = tuple[str | None, str | None, str | None]
"""Where, how and when a value was read."""
_ReadLeaves = tuple[SharedLeaves, str | None, str | None]
"""Leaves, with where and how the values of the subject were read."""


class _RuleTexts(NamedTuple):
    """What findings of a rule have in common that are unknown for the same reason, or for none."""

    first: str
    why_unknown: str
    controls: str
    behind_evidence: str
    """All up to the command, where there is neither a witness nor an exemption."""


class _SubjectTexts(NamedTuple):
    """What findings on one subject have in common."""

    place: str
    """All up to the part of it."""
    role: str
    """All behind that, up to the message."""
    collected: str
    key: str


class _LeafTexts(NamedTuple):
    """A leaf as far as its value is a finding's own (`own`, else the whole leaf), and what is behind that."""

    before: str
    own: int | None
    after: str
    shared: SharedLeaf


class _SubjectLeaves(NamedTuple):
    """Leaves that say the same of many subjects but for values of their own: what stands before each of these, and at the end.

    Where they say something else of every subject, `is_same` is false, and there is no text.
    """

    before_own: Sequence[tuple[str, int]] = ()
    end: str = ""
    is_same: bool = True


_PlaceTexts = tuple[str | None, ...]
"""The key of the one resource that what stands at a place is of, and when it was read; and how it is told in findings.

It is told as far as it is not the finding's own: in those on other resources that were read at other times, on itself, on
others that were read with it, on itself as it was read then. A tuple of texts is nothing to the cyclic collector.
"""


class FindingTexts:
    """The findings of a report as they stand in JSON, one after the other."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._rules = PerRule(partial(_rule_texts, report), _REMEMBERED)
        self._subjects: BoundedCache[tuple[object, ...], _SubjectTexts] = BoundedCache(_SUBJECTS)
        self._of_subjects: BoundedCache[_ReadLeaves, _SubjectLeaves] = BoundedCache(_REMEMBERED)
        self._recent_of_subjects: BoundedCache[_ReadLeaves, _SubjectLeaves] = BoundedCache(_RECENT)
        self._leaves: BoundedCache[SharedLeaves, Sequence[_LeafTexts]] = BoundedCache(_REMEMBERED)
        self._recent: BoundedCache[SharedLeaves, Sequence[_LeafTexts]] = BoundedCache(_RECENT)
        self._read: BoundedCache[_Read, str] = BoundedCache(_REMEMBERED)
        self._places: dict[int, tuple[InputReader, BoundedCache[InputPlace, _PlaceTexts]]] = {}
        self._sets: BoundedCache[int, tuple[str, FindingSet]] = BoundedCache(_SETS)
        self._causes: BoundedCache[FindingCause, str] = BoundedCache(_REMEMBERED)

    def of(self, finding: Finding) -> JsonText:
        """Return a finding; what is the same for all findings of its rule stands at the rule."""
        evidence = finding.evidence
        if not isinstance(evidence, SharedEvidence) and evidence:
            # it shares nothing that weighs: as a whole it is written sooner than out of pieces that nobody else wants
            return value_text(finding_of(finding, self._report))
        try:
            return self._whole(finding)
        except NotExactError:
            return value_text(finding_of(finding, self._report))

    def _whole(self, finding: Finding) -> JsonText:
        rule, subject = self._rules.of(finding), self._subject(finding)
        part, command = finding.sub_object, finding.remediation_cli
        if finding.witness is None and finding.exemption is None:
            behind = rule.behind_evidence
        else:
            behind = _behind_evidence(rule, finding)
        return JsonText(
            f"{rule.first}{subject.place}{string_text(part) if part else _EMPTY}{subject.role}"
            f'{string_text(finding.message)},"evidence":[{self._evidence(finding, subject.key)}'
            f"{behind}{string_text(command) if command else _EMPTY}"
            f'}},"fingerprint":{string_text(finding.fingerprint)}{subject.collected}{self._standing(finding)}}}'
        )

    def _subject(self, finding: Finding) -> _SubjectTexts:
        resource_id, resource_type = finding.resource_id, finding.resource_type
        workload, component, location = finding.workload, finding.component, finding.location
        collected_at = finding.collected_at
        key = (resource_id, resource_type, workload, component, location, collected_at)
        known = self._subjects.get(key)
        if known is not None:
            return known
        role = members_text({"workload": workload, "component": component, "location": location})
        texts = _SubjectTexts(
            place=members_text({"resource_id": resource_id, "resource_type": resource_type}) + ',"sub_object":',
            role=f',{role},"message":',
            collected="" if collected_at is None else f",{members_text({'collected_at': collected_at})}",
            key=ids.key(resource_id or ""),
        )
        return self._subjects.keep(key, texts)

    def _standing(self, finding: Finding) -> str:
        """Return what a finding ends with, of which there is nothing in nearly all that pass."""
        if finding.status in SETTLED and not (
            finding.rests_on or finding.against_known or finding.claims or finding.first_seen or finding.change
        ):
            return ""
        rests_on = finding.rests_on
        if finding.against_known or finding.claims or finding.first_seen or finding.change:
            told = standing_of(finding, None if rests_on is None else as_document(rests_on))
            return f",{members_text(told)}"
        cause = cause_of(finding)
        set_text = "" if rests_on is None else self._set(rests_on)
        return set_text if cause is None else set_text + self._cause(cause)

    def _evidence(self, finding: Finding, subject: str) -> str:
        evidence = finding.evidence
        if not isinstance(evidence, SharedEvidence):
            return ""  # it has none
        leaves = self._shared_leaves(evidence, finding, subject)
        if evidence.inputs == ():
            return leaves
        inputs = self._inputs(evidence.inputs, finding, subject)
        return f"{leaves},{inputs}" if leaves and inputs else leaves or inputs

    def _shared_leaves(self, evidence: SharedEvidence, finding: Finding, subject: str) -> str:
        """Return the leaves but for inputs; those that say only of the finding's own resource say the same of many."""
        leaves, origin = evidence.shared, evidence.origins[0]
        if not _is_of(origin, finding, subject):
            return self._filled(evidence, finding, subject)
        known = self._of_subjects if leaves.is_kept else self._recent_of_subjects
        key = (leaves, origin.source, origin.api_version)
        texts = known.get(key)
        if texts is None:
            texts = known.keep(key, self._of_subject(leaves, origin))
        if not texts.is_same:
            return self._filled(evidence, finding, subject)
        if not texts.before_own:
            return texts.end
        own = evidence.own
        return "".join([f"{text}{element_value_text(own[number])}" for text, number in texts.before_own]) + texts.end

    def _of_subject(self, leaves: SharedLeaves, origin: ValueOrigin) -> _SubjectLeaves:
        """Return leaves as they stand in findings on what they are of, which was read when they were."""
        if not all(map(_says_the_same, leaves.leaves)):
            return _SubjectLeaves(is_same=False)
        before_own: list[tuple[str, int]] = []
        text = ""
        for before, own, after, (leaf, owner, was_read, _) in self._texts_of(leaves):
            text += f",{before}" if text or before_own else before
            if own is not None:
                before_own.append((text, own))
                text = ""
            read_by = origin if was_read and owner is not None else leaf
            text += after + self._how_read((read_by.source, read_by.api_version, None))
        return _SubjectLeaves(before_own, text)

    def _texts_of(self, leaves: SharedLeaves) -> Sequence[_LeafTexts]:
        known = self._leaves if leaves.is_kept else self._recent
        return known.get(leaves) or known.keep(leaves, tuple(map(_leaf_texts, leaves.leaves)))

    def _filled(self, evidence: SharedEvidence, finding: Finding, subject: str) -> str:
        """Return the leaves but for inputs, with what they leave open."""
        texts = []
        for before, own, after, (leaf, owner, was_read, _) in self._texts_of(evidence.shared):
            origin = ValueOrigin("") if owner is None else evidence.origins[owner]
            read = origin[1:] if was_read and owner is not None else (leaf.source, leaf.api_version, leaf.collected_at)
            holder = leaf.resource_id if owner is None else origin.resource_id
            behind = self._behind(holder, read, finding, subject)
            value = "" if own is None else element_value_text(evidence.own[own])
            texts.append(f"{before}{value}{after}{behind}")
        return ",".join(texts)

    def _behind(self, holder: str | None, read: _Read, finding: Finding, subject: str) -> str:
        """Return what a leaf ends with: whose it is and how it was read, as far as the finding does not say so."""
        if read[2] is not None and read[2] == finding.collected_at:
            read = (read[0], read[1], None)
        if holder is None or holder == finding.resource_id or ids.key(holder) == subject:
            return self._how_read(read)
        return f',"resource_id":{string_text(holder)}{self._how_read(read)}'

    def _how_read(self, read: _Read) -> str:
        known = self._read.get(read)
        if known is None:
            names = ("source", "api_version", "collected_at")
            told = {name: each for name, each in zip(names, read, strict=True) if each is not None}
            known = self._read.keep(read, f",{members_text(told)}}}" if told else "}")
        return known

    def _inputs(self, inputs: Sequence[Evidence], finding: Finding, subject: str) -> str:
        if not isinstance(inputs, FactInputs):
            return _elements(inputs, finding)
        reader, collected_at = inputs.reader, finding.collected_at
        if (
            id(reader) not in self._places
        ):  # there are as many as estates; each is held, so that no other gets its identity
            self._places[id(reader)] = (reader, BoundedCache(_PLACES))
        places = self._places[id(reader)][1]
        texts = []
        for place in inputs.places:
            known = places.get(place)
            text = None if known is None else known[_variant(known, subject, collected_at)]
            if text is None:
                leaves = reader.read(place).leaves
                text = self._told(leaves, finding, subject)
                known = known or _holder_of(leaves)
                variant = _variant(known, subject, collected_at)
                places.keep(place, (*known[:variant], text, *known[variant + 1 :]))
            if text:
                texts.append(text)
        return ",".join(texts)

    def _told(self, leaves: Sequence[Evidence], finding: Finding, subject: str) -> str:
        if isinstance(leaves, SharedEvidence):
            return self._filled(leaves, finding, subject)
        return _elements(leaves, finding)

    def _set(self, of: FindingSet) -> str:
        known = self._sets.get(id(of))
        if known is None:
            text = f",{members_text({'rests_on': as_document(of)})}"
            known = self._sets.keep(id(of), (text, of))  # held, so that no other gets its identity
        return known[0]

    def _cause(self, cause: FindingCause) -> str:
        known = self._causes.get(cause)
        return known or self._causes.keep(cause, f",{members_text({'cause': named_cause(cause)})}")


def _variant(place: _PlaceTexts, subject: str, collected_at: str | None) -> int:
    """Return which of the texts of a place a finding takes."""
    return 2 + (place[0] == subject) + 2 * (place[1] == collected_at)


def _holder_of(leaves: Sequence[Evidence]) -> _PlaceTexts:
    """Return whose all of some leaves are, and when they were read, without a text yet."""
    holder, collected_at = None, None
    if isinstance(leaves, SharedEvidence):
        for leaf, owner, was_read, _ in leaves.shared.leaves[:1]:
            origin = None if owner is None else leaves.origins[owner]
            holder = leaf.resource_id if origin is None else origin.resource_id
            collected_at = leaf.collected_at if origin is None or not was_read else origin.collected_at
    elif leaves:
        holder, collected_at = leaves[0].resource_id, leaves[0].collected_at
    return (None if holder is None else ids.key(holder), collected_at, None, None, None, None)


def _rule_texts(report: Report, finding: Finding) -> _RuleTexts:
    title, reason = report.rules[finding.rule_id].title, finding.unknown_reason
    told = {"rule_id": finding.rule_id, "title": title, "severity": finding.severity, "status": finding.status}
    texts = _RuleTexts(
        first=f"{{{members_text(told)},",
        why_unknown=members_text({"unknown_reason": reason, "missing_permission": finding.missing_permission}),
        controls=members_text({"controls": controls_of(finding)}),
        behind_evidence="",
    )
    return texts._replace(behind_evidence=_behind_evidence(texts, replace(finding, witness=None, exemption=None)))


def _behind_evidence(rule: _RuleTexts, finding: Finding) -> str:
    """Return what stands between the evidence and the command."""
    exemption = finding.exemption and exemption_of(finding.exemption)
    witness = members_text({"witness": ordered(finding.witness)})
    accepted = members_text({"exemption": exemption})
    return f'],{witness},{rule.why_unknown},{accepted},{rule.controls},"remediation":{{"cli":'


def _leaf_texts(shared: SharedLeaf) -> _LeafTexts:
    leaf = shared.leaf
    own = None if shared.owner is None else shared.own
    told = dict(told_of(leaf))
    first = {name: told.pop(name) for name in ("path", "operator")}
    del told["actual"]
    before = f'{{{members_text(first)},"actual":'
    after = f",{element_text(told)}" if told else ""
    if own is None:
        return _LeafTexts(f"{before}{element_value_text(leaf.actual)}{after}", None, "", shared)
    return _LeafTexts(before, own, after, shared)


def _elements(leaves: Iterable[Evidence], finding: Finding) -> str:
    return elements_text([evidence_of(leaf, finding) for leaf in leaves])


def _says_the_same(shared: SharedLeaf) -> bool:
    """Whether a leaf is told alike in the findings on all resources, if their own was read alike."""
    leaf, owner, was_read, _ = shared
    if owner or leaf.resource_id is not None:
        return False
    return leaf.collected_at is None or (was_read and owner is not None)


def _is_of(origin: ValueOrigin, finding: Finding, subject: str) -> bool:
    """Whether values are those of what a finding is about, read when that was."""
    is_same_time = origin.collected_at is None or origin.collected_at == finding.collected_at
    is_same = origin.resource_id == finding.resource_id or ids.key(origin.resource_id) == subject
    return is_same_time and is_same
