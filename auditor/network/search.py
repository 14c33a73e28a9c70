"""Search a chain of filters for packets: what passes beyond a table, what of it is denied, what a default lets through."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Final, TypeAlias

from auditor.network.encoding import MOST_UNKNOWN, Encoding, encode
from auditor.network.filter_chain import FilterChain
from auditor.network.proof import Proof, prove
from auditor.network.security_rules import Match
from auditor.network.trace import DecidedPackets, Disposition
from auditor.truth import Truth

NOTHING: Final = 1 << 29
"""The value of a packet that does not answer the question."""


@dataclass(slots=True)
class SearchResult:
    """The packets that answer a question.

    Where the function `where` is 1, packets were asked about; `picked` holds their index in `decided.table` where what
    becomes of them is an answer, NOTHING elsewhere. `proof` says whether there is one for certain. `undecidable`: there is
    no answer, and why (`decided` is then None).
    """

    decided: DecidedPackets | None = None
    picked: int = ~0
    where: int = ~0
    proof: Proof = field(default_factory=lambda: Proof(Truth.UNKNOWN, ~0))
    undecidable: str | None = None
    _root: int | None = None

    @property
    def root(self) -> int:
        """Return the function with each answering packet's index in `decided.table`, and NOTHING elsewhere."""
        if self._root is None:
            kept = None if self.decided is None else self.decided.encoding.diagram
            self._root = ~0 if kept is None else kept.keep(self.picked, self.where, NOTHING)
        return self._root

    @property
    def truth(self) -> Truth:
        """Return whether some packet answers the question."""
        return self.proof.truth

    @property
    def unknowns(self) -> Mapping[str, str]:
        """Return what is not known and the answer depends on: the words for it by its name, sorted by them."""
        if self.decided is None:
            return {self.undecidable: self.undecidable} if self.undecidable else {}
        encoding = self.decided.encoding
        levels = encoding.diagram.support(self.root)
        names = {
            name
            for level, _ in encoding.ends
            for index, name in enumerate(encoding.unknowns)
            if encoding.unknown_level(level, index) in levels
        }
        names |= {name for index, name in enumerate(encoding.guards) if encoding.guard_level + index in levels}
        if 0 in levels:
            names.add("ports of protocols without ports")
        return dict(sorted(((name, encoding.label(name)) for name in names), key=lambda each: each[1]))

    def dispositions(self) -> tuple[Disposition, ...]:
        """Return what becomes of the packets that answer, each once."""
        if self.decided is None:
            return ()
        values = sorted(self.decided.encoding.diagram.values(self.root) - {NOTHING})
        return tuple(self.decided.table[value] for value in values)


Fate: TypeAlias = Callable[[Disposition], bool]
_ALLOWED: Final[Fate] = attrgetter("is_allowed")
_ALLOWED_BY_DEFAULT: Final[Fate] = attrgetter("is_default_allowance")


def _is_denied(disposition: Disposition) -> bool:
    return not disposition.is_allowed


def _is_undenied(disposition: Disposition) -> bool:
    return not disposition.is_explicit_denial


class Search:
    """One chain with everything that will be compared with it, encoded once and asked often."""

    def __init__(self, chain: FilterChain, mentions: Sequence[Match] = ()) -> None:
        self.chain = chain
        self.undecidable = chain.undecidable
        self.encoding: Encoding | None = None
        if self.undecidable is None:
            encoding = encode(chain, mentions)
            if len(encoding.unknowns) + len(encoding.guards) > MOST_UNKNOWN:
                many = len(encoding.unknowns) + len(encoding.guards)
                self.undecidable = f"{many} unknown tags, groups and rules at once"
            else:
                self.encoding = encoding
                self.decided = DecidedPackets(encoding)
                self.universe = encoding.universe()
        self._tables: dict[tuple[Match, ...], int] = {}
        self._outside: dict[int, int] = {}
        self._picked: dict[Fate, tuple[int, int]] = {}

    def table(self, matches: Sequence[Match]) -> int:
        """Return the packets that some row matches, as a 0/1 function."""
        key = tuple(matches)
        if key not in self._tables and self.encoding is not None:
            root = ~0
            for match in matches:
                for cube in self.encoding.cubes(match, self.chain.surroundings):
                    root = self.encoding.diagram.assign(root, cube, 1)
            self._tables[key] = root
        return self._tables[key]

    def excess(self, allowed: Sequence[Match], among: Sequence[Match] | None = None) -> SearchResult:
        """Return packets that pass and no row of the table allows (NO: the chain is as tight as the table).

        With `among`, only packets that one of those matches.
        """
        return self._find(allowed, outside=True, fate=_ALLOWED, among=among)

    def denied(self, allowed: Sequence[Match]) -> SearchResult:
        """Return denied packets that no row of the table allows."""
        return self._find(allowed, outside=True, fate=_is_denied)

    def unmet(self, required: Sequence[Match]) -> SearchResult:
        """Return denied packets that a row of the table requires (NO: everything required passes)."""
        return self._find(required, outside=False, fate=_is_denied)

    def permitted(self, traffic: Sequence[Match]) -> SearchResult:
        """Return packets of the traffic that pass."""
        return self._find(traffic, outside=False, fate=_ALLOWED)

    def undenied(self, allowed: Sequence[Match]) -> SearchResult:
        """Return packets outside the table that no customer's rule denies (NO: the rest is denied explicitly)."""
        return self._find(allowed, outside=True, fate=_is_undenied)

    def permitted_by_default(self, among: Sequence[Match]) -> SearchResult:
        """Return packets of the traffic that pass without a customer's rule that lets them."""
        return self._find((), outside=True, fate=_ALLOWED_BY_DEFAULT, among=among)

    def _find(
        self, matches: Sequence[Match], *, outside: bool, fate: Fate, among: Sequence[Match] | None = None
    ) -> SearchResult:
        if self.encoding is None:
            return SearchResult(undecidable=self.undecidable)
        diagram = self.encoding.diagram
        table = self.table(matches)
        where = diagram.both(self._complement(table) if outside else table, self.universe)
        where = where if among is None else diagram.both(where, self.table(among))
        picked, inside = self._of_fate(fate)
        return SearchResult(self.decided, picked, where, prove(self.encoding, diagram.both(inside, where)))

    def _complement(self, table: int) -> int:
        if table not in self._outside and self.encoding is not None:
            self._outside[table] = self.encoding.diagram.map_values(table, lambda value: 1 - value)
        return self._outside[table]

    def _of_fate(self, fate: Fate) -> tuple[int, int]:
        """Return what becomes of the packets of a fate, NOTHING elsewhere; and the same as a 0/1 function."""
        if fate not in self._picked and self.encoding is not None:
            diagram, dispositions = self.encoding.diagram, self.decided.table
            picked = diagram.map_values(
                self.decided.root, lambda index: index if fate(dispositions[index]) else NOTHING
            )
            self._picked[fate] = picked, diagram.map_values(picked, lambda value: int(value != NOTHING))
        return self._picked[fate]
