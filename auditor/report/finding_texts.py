"""Findings as text of JSON: what many share is written down once, and each is put together out of such pieces."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from auditor import resource_id as ids
from auditor.engine.bounded_cache import BoundedCache
from auditor.engine.finding_sets import as_document
from auditor.engine.shared_evidence import (
    FactInputs,
    InputPlace,
    InputReader,
    SharedEvidence,
    SharedLeaf,
    SharedLeaves,
    ValueOrigin,
)
from auditor.model import Evidence, Finding, FindingSet, Report
from auditor.report.document_parts import controls_of, evidence_of, exemption_of, finding_of, last_of
from auditor.report.escapes.json import JsonText, NotExactError, elements_text, members_text, value_text
from auditor.report.per_rule import PerRule
from auditor.report.text import ordered

_SUBJECTS: Final = 16_384
_PLACES: Final = 65_536
_REMEMBERED: Final = 16_384
_SETS: Final = 4_096  # which are large
_EVIDENCE: Final = "evidence"


_NO_PART: Final = members_text({"sub_object": ""})
_NO_WITNESS: Final = members_text({"witness": None})
_NO_EXEMPTION: Final = members_text({"exemption": None})


class _RuleTexts(NamedTuple):
    """What findings of a rule have in common that are unknown for the same reason, or for none."""

    first: JsonText
    why_unknown: JsonText
    controls: JsonText


class _SubjectTexts(NamedTuple):
    """What findings on one subject have in common."""

    place: JsonText
    role: JsonText
    key: str


class _PlaceTexts:
    """What stands at a place, which is of one resource, read at one time; it is told as far as it is not the finding's own."""

    __slots__ = ("collected_at", "key", "texts")

    def __init__(self, leaves: Sequence[Evidence]) -> None:
        first = leaves[0] if leaves else None
        self.key = None if first is None or first.resource_id is None else ids.key(first.resource_id)
        self.collected_at = first and first.collected_at
        self.texts: dict[tuple[bool, bool], str] = {}


class FindingTexts:
    """The findings of a report as they stand in JSON, one after the other."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._rules = PerRule(self._of_rule, _REMEMBERED)
        self._subjects: BoundedCache[tuple[object, ...], _SubjectTexts] = BoundedCache(_SUBJECTS)
        self._shared: BoundedCache[tuple[SharedLeaves, str | None, str | None], str] = BoundedCache(_REMEMBERED)
        self._places: BoundedCache[tuple[InputReader, InputPlace], _PlaceTexts] = BoundedCache(_PLACES)
        self._sets: BoundedCache[int, tuple[Mapping[str, object], object]] = BoundedCache(_SETS)

    def of(self, finding: Finding) -> JsonText:
        """Return a finding; what is the same for all findings of its rule stands at the rule."""
        try:
            return self._whole(finding)
        except NotExactError:
            return value_text(finding_of(finding, self._report))

    def _whole(self, finding: Finding) -> JsonText:
        rule, subject = self._rules.of(finding), self._subject(finding)
        part, witness, exemption, rests_on = finding.sub_object, finding.witness, finding.exemption, finding.rests_on
        pieces = (
            rule.first,
            subject.place,
            members_text({"sub_object": part}) if part else _NO_PART,
            subject.role,
            members_text({"message": finding.message}),
            f'"{_EVIDENCE}":[{self._evidence(finding, subject.key)}]',
            _NO_WITNESS if witness is None else members_text({"witness": ordered(witness)}),
            rule.why_unknown,
            _NO_EXEMPTION if exemption is None else members_text({"exemption": exemption_of(exemption)}),
            rule.controls,
            members_text(last_of(finding, None if rests_on is None else self._set(rests_on))),
        )
        return JsonText(f"{{{','.join(pieces)}}}")

    def _of_rule(self, finding: Finding) -> _RuleTexts:
        title, reason = self._report.rules[finding.rule_id].title, finding.unknown_reason
        told = {"rule_id": finding.rule_id, "title": title, "severity": finding.severity, "status": finding.status}
        return _RuleTexts(
            members_text(told),
            members_text({"unknown_reason": reason, "missing_permission": finding.missing_permission}),
            members_text({"controls": controls_of(finding)}),
        )

    def _subject(self, finding: Finding) -> _SubjectTexts:
        resource_id, resource_type = finding.resource_id, finding.resource_type
        workload, component, location = finding.workload, finding.component, finding.location
        key = (resource_id, resource_type, workload, component, location)
        known = self._subjects.get(key)
        if known is not None:
            return known
        texts = _SubjectTexts(
            members_text({"resource_id": resource_id, "resource_type": resource_type}),
            members_text({"workload": workload, "component": component, "location": location}),
            ids.key(resource_id or ""),
        )
        return self._subjects.keep(key, texts)

    def _evidence(self, finding: Finding, subject: str) -> str:
        evidence = finding.evidence
        if not isinstance(evidence, SharedEvidence):
            return _elements(evidence, finding)
        leaves, inputs = (
            self._shared_leaves(evidence, finding, subject),
            self._inputs(evidence.inputs, finding, subject),
        )
        return f"{leaves},{inputs}" if leaves and inputs else leaves or inputs

    def _shared_leaves(self, evidence: SharedEvidence, finding: Finding, subject: str) -> str:
        """Return the leaves but for inputs; those that say only of the finding's own resource say the same of many."""
        leaves, origin = evidence.shared, evidence.origins[0]
        is_own = _is_of(origin, finding, subject)
        key = (leaves, origin.source, origin.api_version)
        text = self._shared.get(key) if is_own else None
        if text is None:
            text = _elements(evidence.without_inputs(), finding)
            if is_own and leaves.is_kept and all(map(_says_the_same, leaves.leaves)):
                self._shared.keep(key, text)
        return text

    def _inputs(self, inputs: Sequence[Evidence], finding: Finding, subject: str) -> str:
        if not isinstance(inputs, FactInputs):
            return _elements(inputs, finding)
        texts = [self._place(inputs.reader, place, finding, subject) for place in inputs.places]
        return ",".join([text for text in texts if text])

    def _place(self, reader: InputReader, place: InputPlace, finding: Finding, subject: str) -> str:
        known = self._places.get((reader, place))
        leaves = None
        if known is None:
            leaves = reader.at(place).leaves
            known = self._places.keep((reader, place), _PlaceTexts(leaves))
        variant = (known.key == subject, known.collected_at == finding.collected_at)
        text = known.texts.get(variant)
        if text is None:
            leaves = reader.at(place).leaves if leaves is None else leaves
            text = known.texts[variant] = _elements(leaves, finding)
        return text

    def _set(self, of: FindingSet) -> Mapping[str, object]:
        known = self._sets.get(id(of))
        if known is None:
            known = self._sets.keep(id(of), (as_document(of), of))
        return known[0]


def _elements(leaves: Iterable[Evidence], finding: Finding) -> str:
    return elements_text(_EVIDENCE, [evidence_of(leaf, finding) for leaf in leaves])


def _says_the_same(shared: SharedLeaf) -> bool:
    """Whether a leaf is told alike in the findings on all resources, if their own was read alike."""
    leaf, owner, was_read, own = shared
    if own is not None or owner or leaf.resource_id is not None:
        return False
    return leaf.collected_at is None or (was_read and owner is not None)


def _is_of(origin: ValueOrigin, finding: Finding, subject: str) -> bool:
    """Whether values are those of what a finding is about, read when that was."""
    is_same_time = origin.collected_at is None or origin.collected_at == finding.collected_at
    is_same = origin.resource_id == finding.resource_id or ids.key(origin.resource_id) == subject
    return is_same_time and is_same
