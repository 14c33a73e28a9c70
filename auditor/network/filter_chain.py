"""The filters that traffic meets between two ends, in order."""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import Final

from msgspec import Struct

from auditor.azure import addresses
from auditor.azure.ranges import Ranges, is_within, overlap, union
from auditor.network.address_book import Surroundings, Term
from auditor.network.meaning import MatchMeaning, MatchShapes, meaning_of
from auditor.network.security_rules import (
    ALL_PROTOCOLS,
    WITH_PORTS,
    Access,
    Direction,
    Match,
    SecurityGroup,
    SecurityRule,
    Side,
)


class Filter(Struct, frozen=True, dict=True):
    """One point where traffic is filtered. No group: all passes. `surroundings` are those of the filtered subnet.

    `is_firewall`: a firewall that the traffic is led through, whose rules are its group's in this direction.
    `edition` tells what is not readable in it from what was not readable at another time; it is not shown.
    """

    group: SecurityGroup | None
    direction: Direction
    surroundings: Surroundings
    label: str = ""
    is_firewall: bool = False
    edition: str = ""

    @property
    def rules(self) -> tuple[SecurityRule, ...]:
        """Return the rules in the order in which they are asked."""
        return self.group.rules[self.direction] if self.group else ()

    @cached_property
    def meanings(self) -> tuple[MatchMeaning, ...]:
        """Return what each rule means here."""
        return tuple(meaning_of(rule.match, self.surroundings) for rule in self.rules)

    @cached_property
    def shape(self) -> tuple[RulesShape, tuple[int, ...], tuple[int, ...]]:
        """Return the rules without names and numbers, and the ends of all spans in their order: of addresses, and of ports."""
        aliases: dict[tuple[str, int], int] = {}
        shapes = MatchShapes()
        rules = tuple(
            [
                (
                    *shapes.add(meaning),
                    rule.access,
                    rule.is_custom,
                    bool(rule.unreadable),
                    aliases.setdefault((rule.name, rule.priority), len(aliases)),
                )
                for rule, meaning in zip(self.rules, self.meanings, strict=True)
            ]
        )
        return _rules_shape((rules, shapes.parts)), tuple(shapes.ends), tuple(shapes.ports)

    @property
    def name(self) -> str:
        """Return what evidence calls this filter."""
        return self.label or (self.group.name if self.group else "")

    @property
    def content(self) -> object:
        """Return all that decides what passes here, without names of rules: equal where it is the same."""
        if self.group is None:
            return None
        rules = tuple(
            (
                *(rule.access, rule.match.protocols, rule.match.source_ports, rule.match.destination_ports),
                *(rule.match.names_ports, rule.unreadable),
                *(self.surroundings.terms(side) for side in (rule.match.source, rule.match.destination)),
            )
            for rule in self.rules
        )
        return rules, self.group.undecidable.get(self.direction)

    def may_admit(self, traffic: Match) -> bool:
        """Whether some rule may let in traffic that names its sources by address; a cheap look that is wrong on one side only.

        False: no packet of the traffic passes, whatever the unknown holds.
        """
        if self.group is None or self.direction in self.group.undecidable:
            return True
        return any(
            rule.access is Access.ALLOW and (rule.unreadable or self._touches(rule.match, traffic))
            for rule in self.rules
        )

    def _touches(self, own: Match, traffic: Match) -> bool:
        if not own.protocols & traffic.protocols:
            return False
        with_ports = traffic.protocols & ~WITH_PORTS == 0
        if with_ports and not overlap(own.destination_ports, traffic.destination_ports):
            return False
        terms = self.surroundings.terms(own.source)
        return any(overlap(term.ranges, traffic.source.ranges) for term in terms)

    def lets_nothing_pass(self, sources: Ranges, destinations: Ranges) -> bool:
        """Whether no packet between some addresses passes, whatever the unknown holds; a cheap look, wrong on one side only.

        True: a rule that denies all of them comes before any that may allow one.
        """
        if self.group is None or self.direction in self.group.undecidable:
            return False
        for rule in self.rules:
            match = rule.match
            ends = ((match.source, sources), (match.destination, destinations))
            if rule.access is Access.ALLOW:
                if rule.unreadable or all(self._meets(side, numbers) for side, numbers in ends):
                    return False
            elif (
                match.protocols == ALL_PROTOCOLS
                and not (rule.unreadable or match.names_ports)
                and all(self._holds(side, numbers) for side, numbers in ends)
            ):
                return True
        return True

    def _meets(self, side: Side, numbers: Ranges) -> bool:
        return any(overlap(term.ranges, numbers) for term in self.surroundings.terms(side))

    def _holds(self, side: Side, numbers: Ranges) -> bool:
        certain = [term.ranges for term in self.surroundings.terms(side) if not term.literals]
        return is_within(numbers, union((), *certain))

    def guard(self, rule: SecurityRule) -> str | None:
        """Return the name of the unknown set of packets that an unreadable rule matches; None for a readable rule."""
        return f"{self.name}/{rule.name}{self.edition}" if rule.unreadable else None


class RulesShape(Struct, frozen=True, eq=False):
    """Rules without names and numbers. Different objects may stand for equal rules, so that comparing costs nothing."""

    rules: tuple[object, ...]


_rules_shape: Final = lru_cache(maxsize=4096)(RulesShape)


class FilterChain(Struct, frozen=True):
    """Filters in the order in which traffic meets them, and where its packets come from and go to.

    `surroundings` give meaning to the names in what the chain is compared with. `from_among` and `to_among`: of the
    addresses at that end only those count that are in these sets, which nobody knows.
    """

    filters: tuple[Filter, ...]
    surroundings: Surroundings
    sources: Ranges = addresses.ANY
    destinations: Ranges = addresses.ANY
    from_among: Term | None = None
    to_among: Term | None = None

    def may_admit(self, traffic: Match) -> bool:
        """Whether traffic that names its sources by address may pass; where not, no exact analysis is needed."""
        return all(each.may_admit(traffic) for each in self.filters)

    def lets_nothing_pass(self) -> bool:
        """Whether no packet passes for certain; where it does not say so, only an exact analysis can tell."""
        return self.undecidable is None and any(
            each.lets_nothing_pass(self.sources, self.destinations) for each in self.filters
        )

    @property
    def undecidable(self) -> str | None:
        """Return why no question about this chain has an answer, if so."""
        for each in self.filters:
            if each.group and each.direction in each.group.undecidable:
                return f"{each.group.name}: {each.group.undecidable[each.direction]}"
        if not self.sources or not self.destinations:
            return "the addresses at one end are not known"
        return None
