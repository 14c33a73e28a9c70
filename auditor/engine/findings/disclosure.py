"""Let nothing secret into a report: what findings quote passes the same detectors as what is stored.

Most of it was taken out when the estate was read. What is left is what a snapshot holds that others wrote, or that was
imported with its secrets, and what rules and baselines say.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from operator import is_
from typing import Final, NamedTuple, TypeVar

from msgspec.structs import replace

from auditor.engine.bounded_cache import BoundedCache
from auditor.engine.findings.shared_evidence import FactInputs, SharedEvidence, SharedLeaf, SharedLeaves
from auditor.model import Evidence, Finding, Gap, ItemSet, MendingChange, NetworkPair, Status
from auditor.redaction.body import Redactor
from auditor.redaction.names import Meaning, meaning_of

T = TypeVar("T")

_REDACTOR: Final = Redactor()
_STEPS: Final = re.compile(r"[^.\[\]]+(?=[.\[]|$)")
_SHORTEST_QUOTED: Final = 4
# Findings on the same come soon after each other: what was forgotten meanwhile is rarely wanted again.
_REMEMBERED: Final = 8_192
_REMEMBERED_LEAVES: Final = 8_192
_REMEMBERED_NAMES: Final = 2_048  # which may be long
_OF_RESOURCES: Final = ("properties.", "tags.", "tags[")


def without_secrets(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings without the secrets in what they quote; one that quotes none is the same object."""
    return Cleaner().cleaned(findings)


def gaps_without_secrets(gaps: Iterable[Gap]) -> list[Gap]:
    """Return gaps without the secrets in their reasons, which may quote an answer of Azure."""
    return [_gap(gap) for gap in gaps]


def tags_without_secrets(tags: object) -> Mapping[str, object]:
    """Return the tags of a resource without the secrets in them; no tags where Azure gave something else."""
    clean = _REDACTOR.value("tags", tags) if tags else None
    return clean if isinstance(clean, Mapping) else {}


def text_without_secrets(text: str) -> str:
    """Return a sentence without the secrets in it."""
    return _REDACTOR.text(text)


def pair_without_secrets(pair: NetworkPair) -> NetworkPair:
    """Return who reaches whom without the secrets that names of rules and groups may hold."""
    packet = _REDACTOR.value("", pair.packet) if pair.packet else None
    return replace(
        pair,
        source=_REDACTOR.text(pair.source),
        destination=_REDACTOR.text(pair.destination),
        passes=[_REDACTOR.text(text) for text in pair.passes],
        stopped=[_REDACTOR.text(text) for text in pair.stopped],
        packet=packet if isinstance(packet, Mapping) else None,
        notes=[_REDACTOR.text(text) for text in pair.notes],
        unknowns=[_REDACTOR.text(text) for text in pair.unknowns],
    )


class _KnownLeaves(NamedTuple):
    """Shared leaves without secrets, and what leads to each value in them that is a finding's own, with its number."""

    clean: SharedLeaves
    own: Sequence[tuple[tuple[str, ...], int]]


class Cleaner:
    """Takes secrets out of findings, and looks but once at what many of them share; `keeps`: at each finding, too."""

    def __init__(self, *, keeps: bool = False) -> None:
        self._keeps = keeps
        self._findings: dict[int, tuple[Finding, Finding]] = {}
        self._clean: set[str] = {""}
        self._shared: BoundedCache[SharedLeaves, _KnownLeaves] = BoundedCache(_REMEMBERED)
        self._leaves: BoundedCache[int, SharedLeaf] = BoundedCache(_REMEMBERED_LEAVES)

    def cleaned(self, findings: Iterable[Finding]) -> list[Finding]:
        """Return findings without the secrets in what they quote; one that quotes none is the same object."""
        return [self._known(finding) for finding in findings] if self._keeps else list(map(self._finding, findings))

    def _known(self, finding: Finding) -> Finding:
        known = self._findings.get(id(finding))
        if known is None:
            known = self._findings[id(finding)] = (finding, self._finding(finding))
        return known[1]

    def _finding(self, finding: Finding) -> Finding:
        """Return a finding without secrets: the same object where it quotes none."""
        given = finding.evidence
        evidence = self._evidence(given)
        quoted = finding.message if evidence is given else _unquoted(finding, evidence)
        if finding.status is Status.FAIL and isinstance(given, SharedEvidence):
            quoted = _without_inputs(quoted, given.inputs)  # which the sentence of a fact may quote
        message, part, command = map(self._text, (quoted, finding.sub_object, finding.remediation_cli))
        reason = finding.unknown_reason and self._text(finding.unknown_reason)
        gaps = _each(_gap, finding.gaps) if finding.gaps else finding.gaps
        witness = _REDACTOR.value("", finding.witness) if finding.witness else finding.witness
        change = finding.mended_by and self._change(finding.mended_by)
        rests_on = self._set(finding.rests_on) if type(finding.rests_on) is ItemSet else finding.rests_on
        before = (
            *(given, finding.gaps, finding.witness, finding.message, finding.sub_object),
            *(finding.remediation_cli, finding.unknown_reason, finding.rests_on, finding.mended_by),
        )
        if all(map(is_, before, (evidence, gaps, witness, message, part, command, reason, rests_on, change))):
            return finding
        return replace(
            finding,
            message=message,
            sub_object=part,
            evidence=evidence,
            witness=witness if isinstance(witness, Mapping) else None,
            unknown_reason=reason,
            gaps=gaps,
            remediation_cli=command,
            rests_on=rests_on,
            mended_by=change,
        )

    def _text(self, text: str) -> str:
        if text in self._clean:
            return text
        clean = _REDACTOR.text(text)
        if clean is text:
            if len(self._clean) >= _REMEMBERED:
                self._clean.clear()
            self._clean.add(text)
        return clean

    def _change(self, change: MendingChange) -> MendingChange:
        what = self._text(change.what)
        return change if what is change.what else replace(change, what=what)

    def _set(self, of: ItemSet) -> ItemSet:
        """Return a set without the secrets in it."""
        items = tuple(map(_name, of.items))
        return of if items == of.items else replace(of, items=tuple(sorted(set(items))))

    def _evidence(self, evidence: Sequence[Evidence]) -> Sequence[Evidence]:
        if not isinstance(evidence, SharedEvidence):
            return _each(evidence_without_secrets, evidence)
        known = self._shared.get(evidence.shared)
        if known is None:
            known = self._looked_at(evidence.shared)
        if known.own and not all(_is_clean(names, evidence.own[number]) for names, number in known.own):
            return [*map(evidence_without_secrets, evidence.without_inputs()), *evidence.inputs]
        if known.clean is evidence.shared:
            return evidence
        return SharedEvidence(known.clean, evidence.origins, evidence.inputs, evidence.own)

    def _looked_at(self, shared: SharedLeaves) -> _KnownLeaves:
        """Return leaves without secrets, and which values in them are to be looked at in each finding."""
        clean = tuple(self._leaf(each) for each in shared.leaves)
        is_clean = all(map(is_, clean, shared.leaves))
        own = [(_names(each.leaf.path), each.own) for each in shared.leaves if each.own is not None]
        known = _KnownLeaves(shared if is_clean else SharedLeaves(clean, shared.is_kept), own)
        return self._shared.keep(shared, known) if shared.is_kept else known

    def _leaf(self, leaf: SharedLeaf) -> SharedLeaf:
        """Return a leaf without secrets: the same where it holds none. The leaves of a rule are shown beside many values."""
        if id(leaf) in self._leaves:
            return leaf
        clean = evidence_without_secrets(leaf.leaf)
        if clean is not leaf.leaf:
            return leaf._replace(leaf=clean)
        return self._leaves.keep(id(leaf), leaf)  # it is held, so that nothing else gets its number


def _is_clean(names: tuple[str, ...], value: object) -> bool:
    return _REDACTOR.at(names, value) is value


def _unquoted(finding: Finding, clean: Sequence[Evidence]) -> str:
    """Return the sentence of a finding without what it quotes of evidence that is secret by its name."""
    pairs = zip(finding.evidence, clean, strict=True)
    return _without(finding.message, ((old.actual, new.actual) for old, new in pairs))


def _without_inputs(message: str, inputs: Sequence[Evidence]) -> str:
    return _without(message, inputs.hidden()) if isinstance(inputs, FactInputs) else message


def _without(message: str, values: Iterable[tuple[object, object]]) -> str:
    """Return a sentence with what each value is without secrets in place of what it was."""
    for old, new in values:
        if new is not old and isinstance(old, str) and len(old) >= _SHORTEST_QUOTED:
            message = message.replace(old, str(new))
    return message


def _each(clean: Callable[[T], T], items: Sequence[T]) -> Sequence[T]:
    """Return items cleaned: the same list where that changes none."""
    cleaned = [clean(item) for item in items]
    return items if all(new is old for new, old in zip(cleaned, items, strict=True)) else cleaned


def _gap(gap: Gap) -> Gap:
    reason = _REDACTOR.text(gap.reason)
    return gap if reason is gap.reason else replace(gap, reason=reason)


def evidence_without_secrets(leaf: Evidence) -> Evidence:
    """Return a leaf without the secrets in it; one that holds none is the same object."""
    actual, expected = _REDACTOR.at(_names(leaf.path), leaf.actual), _REDACTOR.at((), leaf.expected)
    path, name = _REDACTOR.text(leaf.path), leaf.name and _name(leaf.name)
    if name == leaf.name and all(map(is_, (actual, expected, path), (leaf.actual, leaf.expected, leaf.path))):
        return leaf  # what is remembered of a name is equal, and may be another object
    return replace(leaf, actual=actual, expected=expected, path=path, name=name)


@lru_cache(maxsize=_REMEMBERED_NAMES)
def _name(name: str) -> str:
    """Return what a member of a list or set goes by; where that is all it says, each of its values is told by its own name."""
    try:
        member = json.loads(name) if name.startswith("{") else None
    except ValueError:
        member = None
    if not isinstance(member, dict):
        return _REDACTOR.text(name)
    clean = _REDACTOR.value("", member)
    return name if clean == member else json.dumps(clean, sort_keys=True, ensure_ascii=False)


@lru_cache(maxsize=65_536)
def _names(path: str) -> tuple[str, ...]:
    """Return the names that say what stands at a path.

    Those of a fact's fields are ours: that one names something counts; that one speaks of secrets does not, none holds any.
    """
    names = tuple(_STEPS.findall(path))
    if path.startswith(_OF_RESOURCES):
        return names
    return names[-1:] if names and meaning_of(names[-1]) is Meaning.OPAQUE else ()
