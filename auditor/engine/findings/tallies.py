"""Count findings for the proof of completeness where they are made: each part of them by itself, then all together.

What comes out is small beside the findings, so that it goes from one process or machine to another with them, and nobody
has to go through many of them again.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from msgspec import Struct, field

from auditor.engine.findings.finding import Controls
from auditor.engine.findings.order import RuleOrder, order_of, rule_of
from auditor.estate.graph import Estate
from auditor.model import Finding, Gap, Status

Pairs = tuple[tuple[str, str], ...]
"""Framework and control, sorted by framework."""
_Said = tuple[RuleOrder, tuple[str, ...], str]
"""A message behind what puts its finding in order."""


def numbers_by_type(estate: Estate) -> Mapping[str, range]:
    """Return the numbers of the resources of each type: the resources of a part are of one type mostly, and close together."""
    first, numbers = 0, dict[str, range]()
    for name, many in sorted(Counter(resource.type_key for resource in estate.resources).items()):
        numbers[name] = range(first, first + many)
        first += many
    return numbers


def numbers_of(estate: Estate) -> Mapping[str, int]:
    """Return the number of each resource, by its id."""
    free = {name: iter(numbers) for name, numbers in numbers_by_type(estate).items()}
    return {resource.id: next(free[resource.type_key]) for resource in estate.resources}


class NumberSet(Struct):
    """Numbers, as bits from that of the first byte that has one."""

    first: int = 0
    bits: bytearray = field(default_factory=bytearray)

    def add(self, number: int) -> None:
        """Add a number."""
        place = (number >> 3) - self.first
        if not 0 <= place < len(self.bits):
            self._make_room(number >> 3, 1)
            place = (number >> 3) - self.first
        self.bits[place] |= 1 << (number & 7)

    def update(self, other: NumberSet) -> None:
        """Add the numbers of another."""
        if other.bits:
            self._make_room(other.first, len(other.bits))
            start = other.first - self.first
            end = start + len(other.bits)
            both = int.from_bytes(self.bits[start:end], "little") | int.from_bytes(other.bits, "little")
            self.bits[start:end] = both.to_bytes(end - start, "little")

    def _make_room(self, first: int, size: int) -> None:
        if not self.bits:
            self.first = first
        if first < self.first:
            more = max(self.first - first, min(len(self.bits), self.first))  # they may come from the last to the first
            self.bits[:0] = bytes(more)
            self.first -= more
        self.bits.extend(bytes(max(0, first + size - self.first - len(self.bits))))

    @property
    def as_bits(self) -> int:
        """Return them as the bits of one number."""
        return int.from_bytes(self.bits, "little") << (8 * self.first)


class RuleTally(Struct):
    """What the findings of one rule that answer the same controls add up to.

    `judged` are the resources of the estate, by number, and `others` the rest, by id, with their types.
    `unknown` are the findings without an answer, by the gaps that each has, and `nothing_met` says why nothing was judged.
    """

    statuses: Counter[Status] = field(default_factory=Counter)
    judged: NumberSet = field(default_factory=NumberSet)
    others: dict[str, str] = field(default_factory=dict)
    unknown: Counter[tuple[Gap, ...]] = field(default_factory=Counter)
    nothing_met: _Said | None = None

    def update(self, other: RuleTally) -> None:
        """Add what other findings add up to."""
        self.statuses.update(other.statuses)
        self.judged.update(other.judged)
        self.others |= other.others
        for gaps, many in other.unknown.items():
            self.unknown[gaps] += many
        self.hear(other.nothing_met)

    def hear(self, said: _Said | None) -> None:
        """Note why nothing was judged: what the first of several findings says."""
        if said is not None and (self.nothing_met is None or said < self.nothing_met):
            self.nothing_met = said


class Tallies(Struct):
    """What findings add up to, by rule, and by what Azure calls exempt."""

    by_rule: defaultdict[str, dict[Pairs, RuleTally]] = field(default_factory=lambda: defaultdict(dict))
    claims: Counter[str] = field(default_factory=Counter)

    @classmethod
    def together(cls, parts: Iterable[Tallies]) -> Tallies:
        """Return what the findings of several parts add up to."""
        whole = cls()
        for part in parts:
            whole.claims.update(part.claims)
            for rule, by_controls in part.by_rule.items():
                for controls, tally in by_controls.items():
                    whole.by_rule[rule].setdefault(controls, RuleTally()).update(tally)
        return whole


class Counting:
    """Counts findings. What they are about is told by the numbers of the resources of an estate."""

    def __init__(self, numbers: Mapping[str, int]) -> None:
        self.tallies = Tallies()
        self._numbers = numbers
        self._pairs: dict[int, tuple[Controls, Pairs]] = {}

    def add(self, found: Iterable[Finding]) -> None:
        """Count findings."""
        controls, rule, tally = None, "", RuleTally()
        for finding in found:
            if finding.controls is not controls or finding.rule_id != rule:  # mostly they are those of the one before
                controls, rule = finding.controls, finding.rule_id
                tally = self.tallies.by_rule[rule].setdefault(self._pairs_of(controls), RuleTally())
            status = finding.status
            tally.statuses[status] += 1
            if finding.claims:
                self.tallies.claims[finding.claims[0]] += 1
            if status is Status.NOT_APPLICABLE:
                if finding.resource_id is None:
                    tally.hear((rule_of(finding), order_of(finding), finding.message))
                continue
            if finding.resource_id is not None:
                number = self._numbers.get(finding.resource_id)
                if number is None:
                    tally.others[finding.resource_id] = finding.resource_type or ""
                else:
                    tally.judged.add(number)
            if status is Status.UNKNOWN:
                tally.unknown[tuple(finding.gaps) or (_gap_of_error(finding),)] += 1

    def _pairs_of(self, controls: Controls) -> Pairs:
        """Return controls in pairs; findings of a rule mostly share one mapping of them, known by its identity."""
        kept = self._pairs.get(id(controls))
        if kept is None:
            pairs = tuple((name, each) for name in sorted(controls) for each in controls[name])
            kept = self._pairs[id(controls)] = controls, pairs
        return kept[1]


def _gap_of_error(finding: Finding) -> Gap:
    """Return the gap that a mistake while judging leaves."""
    return Gap(finding.resource_id or "/", finding.sub_object or finding.rule_id, finding.unknown_reason or "not known")


def tallies_of(findings: Iterable[Finding], estate: Estate) -> Tallies:
    """Return what findings on an estate add up to."""
    counting = Counting(numbers_of(estate))
    counting.add(findings)
    return counting.tallies
