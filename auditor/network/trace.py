"""Follow packets through a chain of filters: who decides about each, and what."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

from auditor.network.decision_diagram import Cube
from auditor.network.encoding import Encoding
from auditor.network.filter_chain import Filter
from auditor.network.security_rules import Access, Direction, SecurityRule


@dataclass(frozen=True, slots=True)
class DecidingRule:
    """A rule that decided, and the name of the filter it is in. `is_firewall`: the filter stands between the ends.

    `holder` is the id of the resource that holds the rule; empty where that is none of its own.
    """

    filter: str
    rule: SecurityRule
    is_firewall: bool = False
    holder: str = ""

    @property
    def side(self) -> str:
        """Return where the filter stands: at the `source`, at the `destination`, or as a `firewall` between them."""
        if self.is_firewall:
            return "firewall"
        return "source" if self.rule.direction is Direction.OUTBOUND else "destination"

    @property
    def direction(self) -> str:
        """Return which way the traffic goes, seen from the filter."""
        return "Through" if self.is_firewall else self.rule.direction.value


@dataclass(frozen=True, slots=True)
class Disposition:
    """What becomes of packets: whether they pass, and the rule of each filter that let them on or denied them.

    No decider: no group filters the traffic, or (denied) a group without a rule for it. `also_denied_by`: a customer's
    rule in a later filter that would deny what a default denies first.
    """

    is_allowed: bool
    deciders: tuple[DecidingRule, ...] = ()
    also_denied_by: DecidingRule | None = None

    @property
    def is_explicit_denial(self) -> bool:
        """Whether a customer's rule in one of the filters denies the packets, and not merely a default."""
        if self.is_allowed:
            return False
        return self.also_denied_by is not None or bool(self.deciders and self.deciders[-1].rule.is_custom)

    @property
    def is_default_allowance(self) -> bool:
        """Whether the packets pass without a customer's rule that lets them: by a default, or because there is no group."""
        return self.is_allowed and not (self.deciders and all(decider.rule.is_custom for decider in self.deciders))


@dataclass(frozen=True, slots=True)
class EncodedFilter:
    """One filter as a diagram: `first` has the index of the deciding rule as its value (their number: none matched).

    `below[i]` is the same for the rules from the i-th on; `cubes[i]` are the i-th rule's own.
    """

    filter: Filter
    cubes: tuple[tuple[Cube, ...], ...]
    below: tuple[int, ...]

    @property
    def first(self) -> int:
        """Return the diagram of the whole filter."""
        return self.below[0]


def encode_filter(encoding: Encoding, source: Filter) -> EncodedFilter:
    """Return the filter's rules as a diagram, the last one first, so that earlier rules override later ones."""
    rules = source.rules
    root = ~len(rules)
    below = [root]
    cubes: list[tuple[Cube, ...]] = []
    for index in range(len(rules) - 1, -1, -1):
        own = tuple(encoding.cubes(rules[index].match, source.surroundings, source.guard(rules[index])))
        for cube in own:
            root = encoding.diagram.assign(root, cube, index)
        below.append(root)
        cubes.append(own)
    return EncodedFilter(source, tuple(reversed(cubes)), tuple(reversed(below)))


@dataclass
class DecidedPackets:
    """All filters of an encoding's chain together; `root` has indexes of `table` as its values."""

    encoding: Encoding
    table: list[Disposition] = field(default_factory=list)
    _indexes: dict[tuple[bool, tuple[tuple[str, str, int], ...], bool], int] = field(default_factory=dict)

    @cached_property
    def filters(self) -> tuple[EncodedFilter, ...]:
        """Return the filters that have a group, in the chain's order."""
        return tuple(encode_filter(self.encoding, each) for each in self.encoding.chain.filters if each.group)

    @cached_property
    def root(self) -> int:
        """Return the diagram of the whole chain."""
        root = ~self._index(Disposition(is_allowed=True))
        for encoded in self.filters:
            indexes = [self._index(_disposition(encoded.filter, rule)) for rule in encoded.filter.rules]
            indexes.append(self._index(Disposition(is_allowed=False)))
            root = self._then(root, self.encoding.diagram.map_values(encoded.first, indexes.__getitem__))
        return root

    def _index(self, disposition: Disposition) -> int:
        key = (
            disposition.is_allowed,
            tuple((decider.filter, decider.rule.name, decider.rule.priority) for decider in disposition.deciders),
            disposition.also_denied_by is not None,
        )
        index = self._indexes.get(key)
        if index is None:
            index = self._indexes[key] = len(self.table)
            self.table.append(disposition)
        return index

    def _then(self, before: int, after: int) -> int:
        """Return what becomes of packets that meet a second filter if the first one lets them on."""
        if before < 0 and self.table[~before].is_allowed and not self.table[~before].deciders:
            return after

        def join(left: int, right: int) -> int | None:
            if left >= 0:
                return None
            first = self.table[~left]
            if first.is_explicit_denial:
                return left
            if right >= 0:
                return None
            second = self.table[~right]
            if not first.is_allowed:
                also = second.deciders[-1] if second.is_explicit_denial else None
                return ~self._index(replace(first, also_denied_by=also))
            return ~self._index(Disposition(second.is_allowed, (*first.deciders, *second.deciders)))

        return self.encoding.diagram.combine(before, after, join)


def _disposition(source: Filter, rule: SecurityRule) -> Disposition:
    holder = source.group.id if source.group else ""
    return Disposition(rule.access is Access.ALLOW, (DecidingRule(source.name, rule, source.is_firewall, holder),))
