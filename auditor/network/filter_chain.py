"""The way of a question: the layers that filter traffic, in order, and the ends it runs between."""

from __future__ import annotations

from dataclasses import dataclass

from auditor.azure import addresses
from auditor.azure.ranges import Ranges
from auditor.network.address_book import Surroundings
from auditor.network.security_rules import Direction, SecurityGroup, SecurityRule


@dataclass(frozen=True, slots=True)
class Filter:
    """One place where traffic is filtered. No group: all passes. `surroundings` are those of the filtered subnet."""

    group: SecurityGroup | None
    direction: Direction
    surroundings: Surroundings
    label: str = ""

    @property
    def rules(self) -> tuple[SecurityRule, ...]:
        """Return the rules in the order in which they are asked."""
        return self.group.rules[self.direction] if self.group else ()

    @property
    def name(self) -> str:
        """Return what evidence calls this layer."""
        return self.label or (self.group.name if self.group else "")

    def guard(self, rule: SecurityRule) -> str | None:
        """Return the name of the unknown set of packets that an unreadable rule matches; None for a readable rule."""
        return f"{self.name}/{rule.name}" if rule.unreadable else None


@dataclass(frozen=True, slots=True)
class FilterChain:
    """A question's way: layers in the order in which traffic meets them, and where its packets come from and go to.

    `surroundings` give meaning to the names in tables; `admin` are security-admin rules, asked before the layers.
    """

    layers: tuple[Filter, ...]
    surroundings: Surroundings
    sources: Ranges = addresses.ANY
    destinations: Ranges = addresses.ANY
    admin: Filter | None = None

    @property
    def all_layers(self) -> tuple[Filter, ...]:
        """Return the security-admin rules, if any, and the layers."""
        return self.layers if self.admin is None else (self.admin, *self.layers)

    @property
    def undecidable(self) -> str | None:
        """Return why no question on this path has an answer, if so."""
        for layer in self.all_layers:
            if layer.group and layer.direction in layer.group.undecidable:
                return f"{layer.group.name}: {layer.group.undecidable[layer.direction]}"
        if not self.sources or not self.destinations:
            return "the addresses at one end are not known"
        return None
