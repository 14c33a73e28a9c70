"""Judge several states of an estate, and ask anew only of what is not the same in them.

What a rule says of a subject hangs on the subject, what it was derived from, under whom it is filed and, of some rules, on
the time. Where these are the same, so is the finding; where they were only read at another time, that alone is other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from functools import cache, partial
from marshal import dumps
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

from auditor import resource_id as ids
from auditor.analysis.contract import Context
from auditor.analysis.fact import Fact
from auditor.engine.findings.finding import origin_of
from auditor.engine.findings.raw_inputs import RawInputs, is_of_one
from auditor.engine.findings.shared_evidence import SharedEvidence
from auditor.engine.memo.remembered_rule import RememberedRule
from auditor.engine.memo.template import JudgedCase
from auditor.engine.subjects import Doubts
from auditor.estate.graph import Estate
from auditor.model import Finding, Resource

Role = tuple[str | None, str | None]
Answers = dict[str, Finding | None]
"""What rules said of a subject, by their ids; None where one is not about it."""

_DEEPEST: Final = 40
_EXACT: Final = 2  # marshal's newest version that writes equal values alike, whatever else refers to them
_PLAIN_IN_LISTS: Final = frozenset((str, int, tuple))
_PLAIN: Final = frozenset((str, bool, int, float, bytes, datetime, type(None)))


class KnownSubject(Struct):
    """A subject of one state, with what rules said of it there, and what they said of it in the state before.

    `was_read_again`: of that, all that is other is the time at which resources were read. `is_same_time`: it was judged
    at the same time then.
    """

    subject: Fact | Resource
    role: Role
    doubts: Doubts = ()
    answers: Answers = field(default_factory=dict)
    before: Answers = field(default_factory=dict)
    was_read_again: bool = False
    is_same_time: bool = True

    def finding(self, rule: RememberedRule, case: JudgedCase) -> Finding | None:
        """Return the finding of a rule on this subject: that of the state before, where it cannot be another one."""
        name = rule.rule.id
        if name in self.before and rule.is_of_subject_alone and (self.is_same_time or not rule.reads_clock):
            found = self.before[name]
            if found is not None and self.was_read_again:
                found = _read_again(found, case) or rule.finding(case)
        else:
            found = rule.finding(case)
        self.answers[name] = found
        return found


def _read_again(found: Finding, case: JudgedCase) -> Finding | None:
    """Return a finding with the times at which what it tells was read now; None where it cannot be told whose that is."""
    evidence, info = found.evidence, case.info
    if isinstance(evidence, SharedEvidence):
        others = (origin_of(one.resource_id, info) for one in evidence.origins[1:])
        inputs = () if evidence.inputs == () else case.inputs
        evidence = SharedEvidence(evidence.shared, (*info.origins, *others), inputs, evidence.own)
    elif evidence:
        return None
    return replace(found, evidence=evidence, collected_at=info.collected_at)


class StateDifferences(Struct, frozen=True):
    """The keys of the resources that are other ones in a state than in another, and of those that were only read again."""

    other: frozenset[str] = frozenset()
    read_again: frozenset[str] = frozenset()

    @classmethod
    def between(cls, old: Estate, new: Estate) -> StateDifferences:
        """Return those of two states; what is one object in both is no difference."""
        if old is new:
            return cls()
        keys = {one.key for estate in (old, new) for one in estate.resources}
        pairs = [(key, old.get(key), new.get(key)) for key in keys]
        differing = [(key, before, after) for key, before, after in pairs if before is not after]
        again = {key for key, before, after in differing if before and after and _was_only_read_again(before, after)}
        return cls(frozenset(key for key, _, _ in differing if key not in again), frozenset(again))


class _JudgedState(Struct):
    """What was judged of one state."""

    context: Context
    raw_inputs: RawInputs
    facts: dict[str, KnownSubject] = field(default_factory=dict)
    resources: dict[str, KnownSubject] = field(default_factory=dict)


class SharedAnswers:
    """The answers on the subjects of a part of the first of several states, for those after it.

    `differences` are those between the first state and each.
    """

    def __init__(
        self, contexts: Sequence[Context], inputs: Sequence[RawInputs], differences: Sequence[StateDifferences]
    ) -> None:
        self._states = list(map(_JudgedState, contexts, inputs))
        self._differences = differences
        self._place = 0
        self._alike = Alike()

    def begin(self, place: int) -> None:
        """Take the next state."""
        self._place = place

    @property
    def _first(self) -> _JudgedState:
        return self._states[0]

    @property
    def _now(self) -> _JudgedState:
        return self._states[self._place]

    def of_facts(self, facts: Sequence[Fact]) -> Sequence[KnownSubject]:
        """Return what is known of the facts of a kind in the state."""
        return [self._of_fact(fact) for fact in facts]

    def _of_fact(self, fact: Fact) -> KnownSubject:
        role = self._now.context.workloads.role_of(ids.key(fact.about.subject))
        made = KnownSubject(fact, role)
        if self._place == 0:
            self._first.facts[fact.id] = made
            return made
        known = self._first.facts.get(fact.id)
        if known is not None and known.role == role and self._alike.are(known.subject, fact):
            places = {ids.key(fact.about.subject), *(ids.key(gap.scope) for _, gap in fact.gaps())}
            inputs = fact.raw_inputs()
            places.update(ids.key(resource_id) for resource_id, path in inputs if is_of_one(path))
            if all(map(self._is_listed_alike, inputs)):
                self._take_over(known, made, places)
        return made

    def of_resource(self, resource: Resource, doubts: Doubts, role: Role) -> KnownSubject:
        """Return what is known of a resource of the state; `doubts` are what is not known of it."""
        made = KnownSubject(resource, role, doubts)
        if self._place == 0:
            self._first.resources[resource.key] = made
            return made
        known = self._first.resources.get(resource.key)
        if known is not None and known.role == role and known.doubts == doubts:
            before = known.subject
            made.was_read_again = before is not resource
            if isinstance(before, Resource) and (before is resource or _was_only_read_again(before, resource)):
                self._take_over(known, made, {ids.key(gap.scope) for _, gap in doubts})
        return made

    def _take_over(self, known: KnownSubject, made: KnownSubject, places: Iterable[str]) -> None:
        """Take over what was said of a subject, if the resources that it rests on are as they were."""
        differences = self._differences[self._place]
        if differences.other.isdisjoint(places):
            made.before = known.answers
            made.was_read_again |= not differences.read_again.isdisjoint(places)
            made.is_same_time = self._first.context.now == self._now.context.now

    def _is_listed_alike(self, place: tuple[str, str]) -> bool:
        """Whether an input that lists several resources lists the same."""
        return is_of_one(place[1]) or self._first.raw_inputs.at(place) == self._now.raw_inputs.at(place)


def _was_only_read_again(old: Resource, new: Resource) -> bool:
    return old.held is new.held and (old.source, old.api_version) == (new.source, new.api_version)


class Alike:
    """Whether two values are the same in all that can be told of them, where that can be known; else they are not.

    Unlike `==`: 1, 1.0 and true are three values, and what is spelled in two ways, as names of tags are, is not the same.
    Much is part of many values: it is compared once.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], tuple[object, object, bool]] = {}

    def are(self, left: object, right: object, depth: int = 0) -> bool:
        """Return it."""
        if left is right:
            return True
        if type(left) is not type(right) or depth > _DEEPEST:
            return False
        if type(left) in _PLAIN:
            return bool(left == right)
        if type(left) is frozenset:
            return left == right and all(type(member) is str for member in left)
        if isinstance(left, tuple) and left and type(left[0]) in _PLAIN_IN_LISTS:
            try:
                return dumps(left, _EXACT) == dumps(right, _EXACT)  # type: ignore[arg-type]  # what it cannot write raises
            except ValueError:
                pass
        pair = id(left), id(right)
        if pair not in self._known:  # what was compared is kept, so that nothing else gets its number
            self._known[pair] = (left, right, self._are_in_parts(left, right, depth + 1))
        return self._known[pair][2]

    def _are_in_parts(self, left: object, right: object, depth: int) -> bool:
        ours, theirs = _parts_of(left), _parts_of(right)
        if ours is None or theirs is None or len(ours) != len(theirs):
            return False
        return all(self.are(one, other, depth) for one, other in zip(ours, theirs, strict=True))


def _parts_of(value: object) -> Sequence[object] | None:
    """Return all that makes a value what it is, or None where that is not known; a class may say so in `MADE_OF`."""
    if isinstance(value, tuple | list):
        return value
    if isinstance(value, Struct):
        return [getattr(value, name) for name in value.__struct_fields__]
    if is_dataclass(value) and not isinstance(value, Enum | type):
        return [getattr(value, name) for name in _names(type(value))]
    if isinstance(value, Mapping):
        return [*value.keys(), *value.values()]
    if isinstance(value, partial) and not value.keywords:
        return value.func, *value.args
    made_of: Sequence[str] | None = getattr(type(value), "MADE_OF", None)
    return None if made_of is None else [getattr(value, name) for name in made_of]


@cache
def _names(kind: type[object]) -> Sequence[str]:
    return [each.name for each in fields(kind)]  # type: ignore[arg-type]  # it is a dataclass
