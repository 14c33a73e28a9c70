"""Ask a path of security groups: only this, all of this, any of this, is the rest denied by a rule of one's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from auditor.network.diagram_reading import support
from auditor.network.encoding import MOST_UNKNOWN, Encoding, encode
from auditor.network.filter_chain import FilterChain
from auditor.network.proof import Proof, prove
from auditor.network.security_rules import Match
from auditor.network.trace import DecidedPackets, Disposition
from auditor.truth import Truth


@dataclass(slots=True)
class SearchResult:
    """The packets that answer a question.

    `root` holds each answering packet's place in `decided.table`, or NOTHING elsewhere. `proof` says whether there is
    one for certain. `undecidable`: there is no answer, and why (`decided` is then None).
    """

    decided: DecidedPackets | None = None
    root: int = ~0
    proof: Proof = field(default_factory=lambda: Proof(Truth.UNKNOWN, ~0))
    undecidable: str | None = None

    @property
    def truth(self) -> Truth:
        """Return whether some packet answers the question."""
        return self.proof.truth

    @property
    def unknowns(self) -> tuple[str, ...]:
        """Return what is not known and the answer depends on, by name."""
        if self.decided is None:
            return (self.undecidable or "",)
        scene = self.decided.scene
        levels = support(scene.diagram, self.root)
        found = {
            name
            for place, name in enumerate(scene.unknowns)
            if 1 + place in levels or scene.source_level + 1 + place in levels
        }
        found |= {name for place, name in enumerate(scene.guards) if scene.guard_level + place in levels}
        if 0 in levels:
            found.add("ports of protocols without ports")
        return tuple(sorted(scene.label(name) for name in found))


NOTHING: Final = 1 << 29
"""The value of a packet that does not answer the question."""


class Search:
    """One path with everything that will be compared with it, drawn once and asked often."""

    def __init__(self, path: FilterChain, mentions: Sequence[Match] = ()) -> None:
        self.path = path
        self.undecidable = path.undecidable
        self.scene: Encoding | None = None
        if self.undecidable is None:
            scene = encode(path, mentions)
            if len(scene.unknowns) + len(scene.guards) > MOST_UNKNOWN:
                self.undecidable = f"{len(scene.unknowns) + len(scene.guards)} unknown tags, groups and rules at once"
            else:
                self.scene = scene
                self.decided = DecidedPackets(scene)
                self.universe = scene.universe()
        self._tables: dict[tuple[Match, ...], int] = {}

    def table(self, matches: Sequence[Match]) -> int:
        """Return the packets that some row matches, as a 0/1 function."""
        key = tuple(matches)
        if key not in self._tables and self.scene is not None:
            root = ~0
            for match in matches:
                for box in self.scene.boxes(match, self.path.surroundings):
                    root = self.scene.diagram.assign(root, box, 1)
            self._tables[key] = root
        return self._tables[key]

    def only(self, allowed: Sequence[Match], among: Sequence[Match] | None = None) -> SearchResult:
        """Return allowed packets that no row of the table allows (NO: the path is as tight as the table).

        With `among`, only packets that one of those matches.
        """
        return self._ask(allowed, outside=True, wanted=lambda decision: decision.is_allowed, among=among)

    def stopped(self, allowed: Sequence[Match]) -> SearchResult:
        """Return stopped packets that no row of the table allows."""
        return self._ask(allowed, outside=True, wanted=lambda decision: not decision.is_allowed)

    def missing(self, required: Sequence[Match]) -> SearchResult:
        """Return stopped packets that a row of the table requires (NO: everything required passes)."""
        return self._ask(required, outside=False, wanted=lambda decision: not decision.is_allowed)

    def reach(self, traffic: Sequence[Match]) -> SearchResult:
        """Return packets of the traffic that pass."""
        return self._ask(traffic, outside=False, wanted=lambda decision: decision.is_allowed)

    def explicit(self, allowed: Sequence[Match]) -> SearchResult:
        """Return packets outside the table that no customer's rule stops (NO: the rest is denied explicitly)."""
        return self._ask(allowed, outside=True, wanted=lambda decision: not decision.is_explicit_denial)

    def by_default(self, among: Sequence[Match]) -> SearchResult:
        """Return packets of the traffic that pass without a customer's rule that lets them."""
        return self._ask((), outside=True, wanted=lambda decision: decision.is_default_allowance, among=among)

    def _ask(
        self,
        matches: Sequence[Match],
        *,
        outside: bool,
        wanted: Callable[[Disposition], bool],
        among: Sequence[Match] | None = None,
    ) -> SearchResult:
        if self.scene is None:
            return SearchResult(undecidable=self.undecidable)
        diagram = self.scene.diagram
        table = self.table(matches)
        where = diagram.map_values(table, lambda value: 1 - value) if outside else table
        where = diagram.both(where, self.universe)
        where = where if among is None else diagram.both(where, self.table(among))
        fate = self.decided.root
        picked = diagram.map_values(fate, lambda place: place if wanted(self.decided.table[place]) else NOTHING)
        root = diagram.keep(picked, where, NOTHING)
        inside = diagram.map_values(root, lambda value: 0 if value == NOTHING else 1)
        return SearchResult(self.decided, root, prove(self.scene, inside))
