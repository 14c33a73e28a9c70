"""What of a chain of filters decides about packets: its rules in classes of addresses and ports, without names."""

from __future__ import annotations

from typing import NamedTuple

from auditor.network.decision_diagram import Cube
from auditor.network.encoding import Encoding
from auditor.network.proof import Certainties, certainties
from auditor.network.security_rules import Access


class RuleOutline(NamedTuple):
    """A rule without its name: rules that evidence cannot tell apart have the same `alias`."""

    cubes: tuple[Cube, ...]
    allows: bool
    is_custom: bool
    alias: int


class Outline(NamedTuple):
    """All that decides about the packets of a chain, in cubes. `nowhere`: in these there are no packets after all."""

    widths: tuple[int, ...]
    space: tuple[Cube, ...]
    nowhere: tuple[Cube, ...]
    filters: tuple[tuple[RuleOutline, ...], ...]
    certain: Certainties


def outline_of(encoding: Encoding) -> Outline:
    """Return all that decides about the packets of an encoding's chain."""
    aliases: dict[tuple[str, str, int], int] = {}
    filters = []
    for each in encoding.chain.filters:
        if each.group:
            rules = zip(each.rules, each.meanings, strict=True)
            filters.append(
                tuple(
                    RuleOutline(
                        encoding.cubes(meaning, each.guard(rule)),
                        rule.access is Access.ALLOW,
                        rule.is_custom,
                        aliases.setdefault((each.name, rule.name, rule.priority), len(aliases)),
                    )
                    for rule, meaning in rules
                )
            )
    return Outline(encoding.widths(), *encoding.universe_cubes(), tuple(filters), certainties(encoding))
