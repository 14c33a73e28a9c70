"""Prove how complete an audit is: what became of what was collected, what each control rests on and what leaves it open.

It rests on what the findings were counted as while they were made, and reads no resource, so that its cost is small beside
that of judging.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import reduce
from itertools import chain
from operator import or_
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

from auditor import resource_id as ids
from auditor.engine.coverage.gap_origins import GapOrigins, Group, type_in
from auditor.engine.coverage.gap_remedies import OPEN_EXPORT, Settling
from auditor.engine.coverage.rule_reads import types_read
from auditor.engine.evaluate import Evaluation
from auditor.engine.findings.tallies import Pairs, RuleTally, Tallies, numbers_by_type
from auditor.estate.graph import Estate
from auditor.model import ControlCoverage, Coverage, Gap, OpenGap, SettlingPermission, Status, TypeCoverage
from auditor.rulebook.in_force import RuleInForce
from auditor.rulebook.rule import OnFact
from auditor.snapshot.children import inline_children
from auditor.snapshot.model import ANY_TYPE

_WORST_FIRST: Final = (Status.FAIL, Status.UNKNOWN, Status.PASS, Status.NOT_APPLICABLE)
_UNANSWERED: Final = "nothing was asked"


class _Tally(Struct):
    """What the findings of one rule that answer the same controls add up to, with the gaps that leave some unknown.

    `subjects` are the resources that were judged, as the bits of one number.
    """

    rule: RuleInForce
    controls: Pairs
    reads: frozenset[str]
    counted: RuleTally
    subjects: int
    gaps: Counter[Gap] = field(default_factory=Counter)
    groups: Counter[Group] = field(default_factory=Counter)


class _Count:
    """What the findings add up to, with the gaps behind those that are unknown."""

    def __init__(self, evaluation: Evaluation, counted: Tallies) -> None:
        rules = evaluation.rules
        self.estate: Estate = evaluation.estate
        self.declared = frozenset(self.estate.gaps)
        self.names = {resource.type_key: resource.type for resource in reversed(self.estate.resources)}
        numbers = numbers_by_type(self.estate)
        self.collected = Counter({name: len(those) for name, those in numbers.items()})
        self.of_type = {name: ((1 << len(those)) - 1) << those.start for name, those in numbers.items()}
        self.tallies: dict[str, list[_Tally]] = {}
        for rule in sorted(rules.in_force, key=lambda rule: rule.id):
            reads = types_read(rule.rule, rules.analyses, rules.components, rules.catalogue)
            of_rule = counted.by_rule.get(rule.id, {})
            self.tallies[rule.id] = [
                _Tally(rule, controls, reads, tally, tally.judged.as_bits) for controls, tally in of_rule.items()
            ]
        self._origins = GapOrigins(self.estate.gaps)
        self.needs: Counter[frozenset[str]] = Counter()
        self._spelled = {gap: gap for gap in self.estate.gaps}
        self._same = {_identity(gap): gap for gap in self.estate.gaps}
        for rule in sorted(rules.in_force, key=lambda rule: (rule.severity.rank, rule.id)):
            for tally in self.tallies[rule.id]:
                for doubted, findings in tally.counted.unknown.items():
                    self._add_unknown(doubted, findings, tally)
        self._finish()

    @property
    def all_tallies(self) -> Iterator[_Tally]:
        """The tallies, rule by rule."""
        return chain.from_iterable(self.tallies.values())

    def _add_unknown(self, doubted: Sequence[Gap], findings: int, tally: _Tally) -> None:
        doubts = {self._spelled.get(gap) or self._spell(gap) for gap in doubted}
        groups: set[Group] = set()
        needed: set[str | None] = set()  # None: something that no permission settles
        for doubt in doubts:
            tally.gaps[doubt] += findings
            behind = () if doubt in self.declared else self._origins.of(doubt, tally.reads)
            groups.update(behind)
            needed.update([doubt.permission] if doubt.permission or not behind else map(self._permission, behind))
        for group in groups:
            tally.groups[group] += findings
        if None not in needed:
            self.needs[frozenset(filter(None, needed))] += findings

    def _spell(self, gap: Gap) -> Gap:
        """Return the gap that a gap is one with but for letter case, spelled as the declared one, else as Azure does."""
        known = self.estate.catalogue.get(gap.what)
        known_scope = self.estate.resource(gap.scope)
        scope = gap.scope if known_scope is None else known_scope.id
        spelled = replace(gap, scope=scope, what=gap.what if known is None else known.name)
        self._spelled[gap] = self._same.setdefault(_identity(gap), spelled)
        return self._spelled[gap]

    def _permission(self, group: Group) -> str | None:
        return self._origins.gaps(group)[0].permission  # the others are like it

    def _finish(self) -> None:
        """Count the findings whose doubts come from declared gaps for these, group by group."""
        for tally in self.all_tallies:
            for group, findings in tally.groups.items():
                for gap in self._origins.gaps(group):
                    tally.gaps[gap] += findings


def coverage_of(evaluation: Evaluation, counted: Tallies) -> Coverage:
    """Return the proof of completeness for what the findings of an evaluation add up to."""
    count = _Count(evaluation, counted)
    gaps = _open_gaps(count)
    return Coverage(
        gaps=sorted(gaps.values(), key=_weightiest_first),
        grants=list(_grants(count.needs)),
        types=list(_types(count)),
        controls=list(_controls(count, gaps, own=evaluation.rules.baseline.name)),
        unmet={name: why for name, tallies in count.tallies.items() if (why := _why_unmet(tallies))},
    )


def _why_unmet(tallies: Sequence[_Tally]) -> str | None:
    """Return why a rule judged nothing: there was nothing, or it does not apply to what there was; None where it did."""
    statuses = _together(tallies)
    asked = statuses[Status.NOT_APPLICABLE]
    if sum(statuses.values()) > asked:
        return None
    if told := min((tally.counted.nothing_met for tally in tallies if tally.counted.nothing_met), default=None):
        return told[-1]
    return f"It does not apply to any of the {asked:,} that it was asked of." if asked else _UNANSWERED


def _together(tallies: Iterable[_Tally]) -> dict[Status, int]:
    """Return how many findings have each status; adding counters up would make one anew for each tally."""
    statuses = dict.fromkeys(Status, 0)
    for tally in tallies:
        for status, findings in tally.counted.statuses.items():
            statuses[status] += findings
    return statuses


def _subjects_of(tallies: Iterable[_Tally]) -> int:
    """Return the resources of the estate that were judged for any of some tallies, as the bits of one number."""
    return reduce(or_, (tally.subjects for tally in tallies), 0)


def _identity(gap: Gap) -> tuple[str, str, str, str]:
    return ids.key(gap.scope), gap.what.lower(), gap.reason, (gap.permission or "").lower()


def _open_gaps(count: _Count) -> Mapping[Gap, OpenGap]:
    findings: Counter[Gap] = Counter(dict.fromkeys(count.estate.gaps, 0))
    rules: defaultdict[Gap, dict[str, None]] = defaultdict(dict)
    controls: defaultdict[Gap, set[tuple[str, str]]] = defaultdict(set)
    for tally in count.all_tallies:
        for gap, unknown in tally.gaps.items():
            findings[gap] += unknown
            rules[gap][tally.rule.id] = None
            controls[gap].update(tally.controls)
    if not count.estate.complete:
        findings.setdefault(OPEN_EXPORT, 0)
    settling = Settling.of(count.estate)
    return {
        gap: OpenGap(
            gap=gap,
            settled_by=settling.phrase(gap),
            findings=unknown,
            rules=list(rules[gap]),
            controls=sorted(controls[gap]),
            is_of_inventory=gap.what == ANY_TYPE,
        )
        for gap, unknown in findings.items()
    }


def _weightiest_first(each: OpenGap) -> tuple[bool, int, str, str, str, str]:
    gap = each.gap
    return not each.is_of_inventory, -each.findings, gap.what, gap.scope, gap.reason, gap.permission or ""


def _grants(needs: Mapping[frozenset[str], int]) -> Iterator[SettlingPermission]:
    """Yield the permissions in the order in which granting one after the other settles the most findings."""
    left = {permissions: settled for permissions, settled in needs.items() if permissions}
    while left:
        settles: Counter[str] = Counter()
        takes_part: Counter[str] = Counter()
        for permissions, findings in left.items():
            takes_part.update(dict.fromkeys(permissions, findings))
            if len(permissions) == 1:
                settles.update(dict.fromkeys(permissions, findings))
        best = min(takes_part, key=lambda name: (-settles[name], -takes_part[name], name))
        yield SettlingPermission(best, settles[best])
        rest: Counter[frozenset[str]] = Counter()
        for permissions, findings in left.items():
            rest[permissions - {best}] += findings
        left = {permissions: findings for permissions, findings in rest.items() if permissions}


def _types(count: _Count) -> Iterator[TypeCoverage]:
    estate = count.estate
    subjects = _subjects_of(count.all_tallies)
    own = {name for tally in count.all_tallies for name in tally.reads}
    reads = {name for read in own for name in _with_parents(read)}
    met = {*estate.gaps, *(gap for tally in count.all_tallies for gap in tally.gaps)}
    open_in = Counter(map(type_in, met))
    judged = {key: (subjects & bits).bit_count() for key, bits in count.of_type.items()}
    unseen = {gap.what.lower(): gap.what for gap in sorted(met) if "/" in gap.what and gap.what != ANY_TYPE}
    names = {**unseen, **count.names}
    for key in sorted(names):
        asked = judged.get(key, 0)
        rest = count.collected[key] - asked
        used = rest if _is_read(key, reads) else 0
        yield TypeCoverage(names[key], count.collected[key], asked, used, rest - used, open_in[key])


def _with_parents(type_key: str) -> Iterator[str]:
    """Yield a type with those that it lies below: which children there are is known from the parents."""
    while "/" in type_key:
        yield type_key
        type_key = type_key.rpartition("/")[0]


def _is_read(type_key: str, reads: AbstractSet[str]) -> bool:
    """Whether a type is read, as its own or as a part of its parent's body."""
    parent, _, name = type_key.rpartition("/")
    return type_key in reads or (parent in reads and name in inline_children(parent))


def _controls(count: _Count, gaps: Mapping[Gap, OpenGap], own: str) -> Iterator[ControlCoverage]:
    """Yield the controls, framework by framework: the baseline's `own` first, then those that the most rules answer."""
    by_control: defaultdict[tuple[str, str], list[_Tally]] = defaultdict(list)
    for tally in count.all_tallies:
        for answered in tally.controls:
            by_control[answered].append(tally)
    named = {(framework, tally.rule.id) for tally in count.all_tallies for framework, _ in tally.controls}
    frameworks = Counter(framework for framework, _ in named)
    alike: dict[tuple[int, ...], ControlCoverage] = {}
    for framework, control in sorted(by_control, key=lambda each: (each[0] != own, -frameworks[each[0]], each)):
        tallies = by_control[framework, control]
        numbers = tuple(map(id, tallies))  # many controls rest on the same, in one framework and another
        if numbers not in alike:
            alike[numbers] = _control(framework, control, tallies, count, gaps)
        yield replace(alike[numbers], framework=framework, id=control)


def _control(
    framework: str, control: str, tallies: Sequence[_Tally], count: _Count, gaps: Mapping[Gap, OpenGap]
) -> ControlCoverage:
    statuses, names = _together(tallies), count.names
    subjects = _subjects_of(tallies)
    others = {name: kind for tally in tallies for name, kind in tally.counted.others.items()}
    judged = Counter(kind.lower() for kind in others.values())
    judged.update({key: number for key, bits in count.of_type.items() if (number := (subjects & bits).bit_count())})
    read = {name for tally in tallies for name in tally.reads} - judged.keys()
    doubts = {gap for tally in tallies for gap in tally.gaps}
    return ControlCoverage(
        framework=framework,
        id=control,
        status=next((status for status in _WORST_FIRST if statuses[status]), Status.NOT_APPLICABLE),
        by_status=statuses,
        rules=list(dict.fromkeys(tally.rule.id for tally in tallies)),
        judged={names.get(kind, kind): judged[kind] for kind in sorted(judged)},
        evidence=[names[name] for name in sorted(read & names.keys())],
        facts=sorted({kind for tally in tallies for kind in _facts(tally.rule)}),
        gaps=sorted((gaps[gap] for gap in doubts), key=_weightiest_first),
    )


def _facts(rule: RuleInForce) -> Iterable[str]:
    return (rule.applies.kind,) if isinstance(rule.applies, OnFact) else ()
