"""Read accepted deviations, find the one that covers a finding, and say which of them somebody should look at."""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import date
from fnmatch import fnmatchcase
from operator import itemgetter
from pathlib import Path
from string import ascii_lowercase
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from auditor import resource_id as ids
from auditor.engine.accepted.finding_sets import beyond, from_document, grown
from auditor.engine.accepted.known import KnownFailures
from auditor.engine.accepted.set_words import how_it_grew
from auditor.errors import Mistakes
from auditor.lazy_imports import lazy_imports
from auditor.model import Defect, Exemption, ExemptionState, Finding, FindingSet, Status, ValueSet
from auditor.rulebook import retired
from auditor.yaml_source import Node, load_file, load_text

with lazy_imports(__name__):
    from auditor.rulebook import documents, validation

SOON: Final = 30
"""How many days before its end an exemption is one that somebody should look at."""
_NAMED: Final = 5
_UNLIKE: Final = [f"{letter * (place + 2)}-{letter * (place % 5 + 1)}" for place, letter in enumerate(ascii_lowercase)]
"""Ids of rules that share neither letters nor a length: what fits all of them fits whatever rule there is."""
_NOTHING_KNOWN: Final = KnownFailures()
_SAID: Final[Mapping[Defect, tuple[str, str]]] = {
    Defect.EXPIRED: ("1 exemption has expired", "{} exemptions have expired"),
    Defect.UNUSED: ("1 exemption matches no failure", "{} exemptions match no failure"),
    Defect.OUTGROWN: ("1 exemption does not cover what has grown", "{} exemptions do not cover what has grown"),
    Defect.TOO_WIDE: ("1 exemption is too wide", "{} exemptions are too wide"),
    Defect.UNLIMITED: (
        "1 exemption does not say how far it goes, so that whatever comes to be wrong there is accepted, too",
        "{} exemptions do not say how far they go, so that whatever comes to be wrong there is accepted, too",
    ),
    Defect.EXPIRING: (f"1 exemption expires within {SOON} days", f"{{}} exemptions expire within {SOON} days"),
}


def load(path: Path, rules: Collection[str]) -> list[Exemption]:
    """Read an exemption file. ContentError with all that is wrong: every exemption ends some day, and names a rule."""
    return _read(load_file(path), rules)


def parse(text: str, name: str) -> list[Exemption]:
    """Read the text of an exemption file, whatever rules there are."""
    return _read(load_text(text, name), None)


def _read(node: Node, rules: Collection[str] | None) -> list[Exemption]:
    document = validation.check(node, documents.ExemptionsDocument)
    mistakes = Mistakes()
    read: dict[str, Exemption] = {}
    for number, entry in enumerate(document.exemptions):
        place = node.child("exemptions", number)
        if rules is not None and entry.rule and not _is_of(entry.rule, rules):
            told = (f"there is no rule '{entry.rule}'", retired.hint(entry.rule, rules))
            mistakes.of(place.child("rule").fail, *told)
        exemption = mistakes.of(_exemption, entry, place.child("accepts"))
        if exemption is not None and exemption.id in read:
            mistakes.of(place.fail, f"the exemption '{exemption.id}' stands here twice", "give each an id of its own")
        elif exemption is not None:
            read[exemption.id] = exemption
    mistakes.raise_any()
    return list(read.values())


def _is_of(wanted: str, rules: Collection[str]) -> bool:
    return wanted in rules or any(fnmatchcase(rule, wanted) for rule in rules)


def _exemption(entry: documents.ExemptionEntryDocument, place: Node) -> Exemption:
    return Exemption(
        id=entry.id or id_of(entry),
        rule=entry.rule or "*",
        scope=entry.scope or "/",
        reason=entry.reason,
        approved_by=entry.approved_by,
        ticket=entry.ticket,
        expires_on=entry.expires_on,
        part=entry.part or "",
        component=entry.component or "",
        fingerprint=entry.fingerprint or "",
        accepts=None if entry.accepts is None else _accepted(entry.accepts, place),
    )


def _accepted(document: Mapping[str, object], place: Node) -> FindingSet:
    try:
        accepted = from_document(document)
        grown(accepted, accepted)  # that a set of packets cannot be read shows when it is
    except (ValueError, KeyError) as problem:
        place.fail(f"accepts: {problem}", "`auditor exemption add` writes it")
    return accepted


def id_of(entry: documents.ExemptionEntryDocument) -> str:
    """Return the id of an exemption that names none: made of what it covers and of its ticket, not of its end."""
    covered = [entry.fingerprint, entry.rule, entry.scope, entry.part, entry.component, entry.ticket]
    return f"ex-{hashlib.sha256(json.dumps(covered).encode()).hexdigest()[:8]}"


_key_in: Final[Callable[[tuple[str, int]], str]] = itemgetter(0)


class Matched(Struct, frozen=True):
    """Which failures exemptions cover, by their places among the findings, and what is to be said of the exemptions."""

    exempted: Mapping[int, Exemption]
    states: Sequence[ExemptionState]

    def beside(self, number: int, finding: Finding) -> Finding:
        """Return a finding with the exemption that covers it, if one does."""
        exemption = self.exempted.get(number)
        return finding if exemption is None else replace(finding, exemption=exemption)

    def notice(self, defect: Defect) -> str:
        """Return the line for one defect; nothing where no exemption has it."""
        return _notice(defect, self.states)


class _Failures:
    """Failures by fingerprint, and by rule and resource: of many exemptions, each is about a few of them.

    Of what is unknown the rules and places are kept, and which rules were not asked: an exemption that fits no failure may
    be about one of these.
    """

    def __init__(self, findings: Sequence[Finding], unasked: Collection[str]) -> None:
        self._unasked = unasked
        self._unknown: dict[str, set[str]] = defaultdict(set)
        self._numbered: dict[int, Finding] = {}
        self._by_fingerprint: dict[str, list[int]] = defaultdict(list)
        self._by_rule: dict[str, list[tuple[str, int]]] = defaultdict(list)
        for number, finding in enumerate(findings):
            if finding.status is Status.UNKNOWN:
                self._unknown[finding.rule_id].add(ids.key(finding.resource_id or "/"))
            elif finding.status is Status.FAIL:
                self._numbered[number] = finding
                self._by_fingerprint[finding.fingerprint].append(number)
                self._by_rule[finding.rule_id].append((ids.key(finding.resource_id or "/"), number))
        for placed in self._by_rule.values():
            placed.sort()

    def near(self, exemption: Exemption) -> Sequence[tuple[int, Finding]]:
        """Return the failures that an exemption may fit, each with its number, in order: all others it does not."""
        if exemption.fingerprint:
            numbers = self._by_fingerprint.get(exemption.fingerprint, [])
        else:
            is_glob = any(sign in exemption.rule for sign in "*?[")
            rules = (
                [rule for rule in self._by_rule if fnmatchcase(rule, exemption.rule)] if is_glob else [exemption.rule]
            )
            numbers = sorted(number for rule in rules for number in self._in(rule, exemption.scope))
        return [(number, self._numbered[number]) for number in numbers]

    def may_fit_unseen(self, exemption: Exemption) -> bool:
        """Whether an exemption may be about a failure that was not seen: of a rule not asked, or of what is unknown."""
        rules = (rule for rule in self._unknown if fnmatchcase(rule, exemption.rule))
        places = (place for rule in rules for place in self._unknown[rule])
        return any(fnmatchcase(rule, exemption.rule) for rule in self._unasked) or any(
            _is_in(place, exemption.scope) or ids.is_under(exemption.scope, place) for place in places
        )

    def _in(self, rule: str, scope: str) -> Iterator[int]:
        placed, outer = self._by_rule.get(rule, []), ids.key(scope)
        if not outer or _is_pattern(scope):
            yield from (number for _, number in placed)
            return
        at = placed[bisect_left(placed, outer, key=_key_in) : bisect_right(placed, outer, key=_key_in)]
        yield from (number for _, number in (*at, *ids.below(placed, outer, _key_in)))


def match(
    findings: Sequence[Finding],
    exemptions: Sequence[Exemption],
    today: date,
    known: KnownFailures = _NOTHING_KNOWN,
    *,
    unasked: Collection[str] = (),
) -> Matched:
    """Give each failure the first exemption that covers it on that day; what of it is known needs no exemption.

    `unasked` are the ids of rules in force that were left out this time.
    """
    if not exemptions:
        return Matched({}, ())
    exempted: dict[int, Exemption] = {}
    failures = _Failures(findings, unasked)
    states = []
    for exemption in exemptions:
        fitting = [(number, finding) for number, finding in failures.near(exemption) if _fits(exemption, finding)]
        left = (date.fromisoformat(exemption.expires_on) - today).days
        outgrown = []
        for number, finding in fitting:
            before = _before(exemption, finding, known)
            more = None if before is None else beyond(finding.rests_on, before)
            if more is not None and finding.rests_on is not None and before is not None:
                outgrown.append(f"{finding.rule_id}: {how_it_grew(finding.rests_on, before, more)}")
            elif left >= 0:
                exempted.setdefault(number, exemption)
        defects = _defects(
            exemption,
            [finding for _, finding in fitting],
            left,
            is_outgrown=bool(outgrown),
            is_unused=not fitting and not failures.may_fit_unseen(exemption),
        )
        states.append(ExemptionState(exemption, len(fitting), defects, outgrown))
    return Matched(exempted, states)


def _fits(exemption: Exemption, finding: Finding) -> bool:
    """Whether a failure is one that an exemption is about."""
    return (
        (not exemption.fingerprint or finding.fingerprint == exemption.fingerprint)
        and fnmatchcase(finding.rule_id, exemption.rule)
        and _is_in(finding.resource_id or "/", exemption.scope)
        and _is_called(finding.sub_object, exemption.part)
        and _is_called(finding.component or "", exemption.component)
    )


def _is_in(resource_id: str, scope: str) -> bool:
    if _is_pattern(scope):
        return fnmatchcase(ids.key(resource_id), ids.key(scope))
    return ids.is_under(resource_id, scope)


def _is_pattern(scope: str) -> bool:
    return "*" in scope or "?" in scope


def _is_called(name: str, wanted: str) -> bool:
    return not wanted or name.lower() == wanted.lower() or fnmatchcase(name.lower(), wanted.lower())


def _before(exemption: Exemption, finding: Finding, known: KnownFailures) -> Sequence[FindingSet] | None:
    """Return what of a failure is accepted or known; None where nothing says how far it may go.

    An exemption without a limit covers what is known of a failure, but not what it grows by.
    """
    before = known.sets_of(finding.fingerprint)
    if exemption.accepts is None:
        return before or None
    return [exemption.accepts, *before]


def _defects(
    exemption: Exemption, fitting: Sequence[Finding], left: int, *, is_outgrown: bool, is_unused: bool
) -> list[Defect]:
    has_extent = any(finding.rests_on and not isinstance(finding.rests_on, ValueSet) for finding in fitting)
    found = {
        Defect.EXPIRED: left < 0,
        Defect.UNUSED: is_unused,
        Defect.OUTGROWN: is_outgrown,
        Defect.TOO_WIDE: _is_too_wide(exemption),
        Defect.UNLIMITED: exemption.accepts is None and has_extent,
        Defect.EXPIRING: 0 <= left <= SOON,
    }
    return [defect for defect in Defect if found[defect]]


def _is_too_wide(exemption: Exemption) -> bool:
    """Whether an exemption is about every rule, or about more than a resource group holds."""
    if exemption.fingerprint:
        return False
    return _is_every_rule(exemption.rule) or (_is_large(exemption.scope) and not exemption.component)


def _is_every_rule(rule: str) -> bool:
    """Whether a glob fits ids that have nothing in common."""
    return all(fnmatchcase(each, rule) for each in _UNLIKE)


def _is_large(scope: str) -> bool:
    """Whether a scope holds more than a resource group: of a glob, what stands before its first sign keeps it in one."""
    if _is_pattern(scope):
        fixed = scope[: min(scope.find(sign) for sign in "*?" if sign in scope)]
        return ids.resource_group_of(fixed.rpartition("/")[0]) is None
    return ids.resource_group_of(scope) is None and "/providers/" not in ids.key(scope).replace(
        "/providers/microsoft.management/managementgroups/", ""
    )


def _notice(defect: Defect, states: Sequence[ExemptionState]) -> str:
    told = [_told(defect, state) for state in states if defect in state.defects]
    if not told:
        return ""
    single, several = _SAID[defect]
    more = f" and {len(told) - _NAMED:,} more" if len(told) > _NAMED else ""
    return f"{single if len(told) == 1 else several.format(f'{len(told):,}')}: {', '.join(told[:_NAMED])}{more}"


def _told(defect: Defect, state: ExemptionState) -> str:
    exemption = state.exemption
    name = f"{exemption.id} ({exemption.ticket})"
    if defect in {Defect.EXPIRED, Defect.EXPIRING}:
        return f"{name} on {exemption.expires_on}"
    if defect is Defect.OUTGROWN:
        return f"{name}: {state.outgrown[0]}"
    return name
