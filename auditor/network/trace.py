"""Follow packets through a chain of layers: who decides about each, and what."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from auditor.network.decision_diagram import Cube
from auditor.network.encoding import Encoding
from auditor.network.filter_chain import Filter
from auditor.network.security_rules import Access, SecurityRule


@dataclass(frozen=True, slots=True)
class DecidingRule:
    """A rule that decided, and the layer it is in."""

    layer: str
    rule: SecurityRule


@dataclass(frozen=True, slots=True)
class Disposition:
    """The fate of packets: whether they pass, and the rule of each layer that let them on or stopped them.

    No decider: no group filters the traffic, or (stopped) a group without a rule for it.
    """

    is_allowed: bool
    deciders: tuple[DecidingRule, ...] = ()

    @property
    def is_explicit_denial(self) -> bool:
        """Whether a customer's rule stops the packets, and not merely a default."""
        return not self.is_allowed and bool(self.deciders) and self.deciders[-1].rule.is_custom

    @property
    def is_default_allowance(self) -> bool:
        """Whether the packets pass without a customer's rule that lets them: by a default, or for want of a group."""
        return self.is_allowed and not (self.deciders and all(decider.rule.is_custom for decider in self.deciders))


@dataclass(frozen=True, slots=True)
class EncodedFilter:
    """One layer drawn: `first` has the place of the deciding rule as its value (their number: none matched).

    `below[i]` is the same for the rules from the i-th on; `boxes[i]` are the i-th rule's own.
    """

    layer: Filter
    boxes: tuple[tuple[Cube, ...], ...]
    below: tuple[int, ...]

    @property
    def first(self) -> int:
        """Return the diagram of the whole layer."""
        return self.below[0]


def draw(scene: Encoding, layer: Filter) -> EncodedFilter:
    """Return the layer's rules as a diagram, the last one first, so that earlier rules override later ones."""
    rules = layer.rules
    root = ~len(rules)
    below = [root]
    boxes: list[tuple[Cube, ...]] = []
    for place in range(len(rules) - 1, -1, -1):
        own = tuple(scene.boxes(rules[place].match, layer.surroundings, layer.guard(rules[place])))
        for box in own:
            root = scene.diagram.assign(root, box, place)
        below.append(root)
        boxes.append(own)
    return EncodedFilter(layer, tuple(reversed(boxes)), tuple(reversed(below)))


@dataclass
class DecidedPackets:
    """All layers of a scene's path together; `root` has places in `table` as its values."""

    scene: Encoding
    table: list[Disposition] = field(default_factory=list)
    _places: dict[tuple[bool, tuple[tuple[str, str, int], ...]], int] = field(default_factory=dict)

    @cached_property
    def chains(self) -> tuple[EncodedFilter, ...]:
        """Return the drawn layers that have a group, in the path's order."""
        return tuple(draw(self.scene, layer) for layer in self.scene.path.layers if layer.group)

    @cached_property
    def root(self) -> int:
        """Return the diagram of the whole path."""
        root = ~self._place(Disposition(is_allowed=True))
        for chain in self.chains:
            places = [self._place(_fate(chain.layer, rule)) for rule in chain.layer.rules]
            places.append(self._place(Disposition(is_allowed=False)))
            root = self._then(root, self.scene.diagram.map_values(chain.first, places.__getitem__))
        return root if self.scene.path.admin is None else self._after(self.scene.path.admin, root)

    def _place(self, decision: Disposition) -> int:
        key = (
            decision.is_allowed,
            tuple((one.layer, one.rule.name, one.rule.priority) for one in decision.deciders),
        )
        place = self._places.get(key)
        if place is None:
            place = self._places[key] = len(self.table)
            self.table.append(decision)
        return place

    def _then(self, before: int, after: int) -> int:
        """Return the fate of packets that meet a second layer if the first one lets them on."""
        if before < 0 and self.table[~before].is_allowed and not self.table[~before].deciders:
            return after

        def join(one: int, two: int) -> int | None:
            if one >= 0:
                return None
            first = self.table[~one]
            if not first.is_allowed:
                return one
            if two >= 0:
                return None
            second = self.table[~two]
            return ~self._place(Disposition(second.is_allowed, (*first.deciders, *second.deciders)))

        return self.scene.diagram.combine(before, after, join)

    def _after(self, admin: Filter, groups: int) -> int:
        """Return the fate of packets that meet security-admin rules first: Deny and AlwaysAllow are final."""
        rules = admin.rules
        final = [None if rule.access is Access.ALLOW else ~self._place(_fate(admin, rule)) for rule in rules]
        final.append(None)

        def join(one: int, two: int) -> int | None:
            if one >= 0:
                return None
            end = final[~one]
            return two if end is None else end

        return self.scene.diagram.combine(draw(self.scene, admin).first, groups, join)


def _fate(layer: Filter, rule: SecurityRule) -> Disposition:
    return Disposition(rule.access is not Access.DENY, (DecidingRule(layer.name, rule),))
