"""Search a chain of filters for packets: what passes beyond a table, what of it is denied, what a default lets through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from operator import attrgetter
from typing import Final

from msgspec import Struct

from auditor.network.drawing import NOTHING, AnsweringPackets
from auditor.network.encoding import encode
from auditor.network.filter_chain import FilterChain
from auditor.network.likeness import KEPT, Sketches
from auditor.network.meaning import meaning_of
from auditor.network.packet_outcomes import Fate, PacketOutcome, Question
from auditor.network.proof import Proof
from auditor.network.security_rules import Match
from auditor.network.trace import DecidedPackets, Disposition
from auditor.truth import Truth


class SearchResult(Struct, dict=True):
    """Whether some packet answers a question, and which. `undecidable`: nobody knows, and why (the others are None then).

    Whether there is one costs less than all of them, which are looked for when somebody wants to see them.
    """

    decided: DecidedPackets | None = None
    question: Question | None = None
    truth: Truth = Truth.UNKNOWN
    undecidable: str | None = None

    @cached_property
    def answer(self) -> AnsweringPackets | None:
        """Return the packets that answer, in diagrams."""
        if self.decided is None or self.question is None:
            return None
        return self.decided.drawing.answer(self.question)

    @property
    def root(self) -> int:
        """Return the function with each answering packet's index in `decided.table`, and NOTHING elsewhere."""
        return ~0 if self.decided is None or self.answer is None else self.decided.drawing.kept(self.answer)

    @property
    def proof(self) -> Proof:
        """Return whether a packet answers for certain, with the packets that prove it."""
        return _UNDECIDED if self.answer is None else self.answer.proof

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
        values = sorted(self.decided.drawing.diagram.values(self.root) - {NOTHING})
        return tuple(self.decided.table[value] for value in values)


_UNDECIDED: Final = Proof(Truth.UNKNOWN, ~0)
_ALLOWED: Final[Fate] = attrgetter("is_allowed")
_ALLOWED_BY_DEFAULT: Final[Fate] = attrgetter("is_default_allowance")


def _is_denied(outcome: PacketOutcome) -> bool:
    return not outcome.is_allowed


def _is_undenied(outcome: PacketOutcome) -> bool:
    return not outcome.is_explicit_denial


class Search:
    """One chain with everything that will be compared with it, encoded once and asked often."""

    MADE_OF: Final = ("chain", "_mentions")

    def __init__(self, chain: FilterChain, mentions: Sequence[Match] = (), kept: Sketches = KEPT) -> None:
        self.chain, self._mentions = chain, mentions
        self.undecidable = chain.undecidable
        self.decided: DecidedPackets | None = None
        self._rows: Mapping[int, int] = {}
        if self.undecidable is None:
            encoded = partial(encode, chain, mentions)  # no method of this object, which would hold itself
            known = kept.of(chain, mentions, encoded)
            self.undecidable = known.undecidable
            if known.drawing is not None:
                self.decided = DecidedPackets(chain, known.drawing, encoded)
                self._rows = dict(zip(map(id, mentions), known.rows, strict=True))

    def _numbers(self, decided: DecidedPackets, rows: Sequence[Match]) -> tuple[int, ...]:
        known = self._rows
        return tuple([known[id(row)] if id(row) in known else self._number(decided, row) for row in rows])

    def _number(self, decided: DecidedPackets, row: Match) -> int:
        """Return the number of a row; one that is not a mentioned object is equal to one, or all its parts are mentioned."""
        equal = next((mentioned for mentioned in self._mentions if mentioned == row), None)
        if equal is None:
            return decided.drawing.row(decided.encoding.cubes(meaning_of(row, self.chain.surroundings)))
        return self._rows[id(equal)]

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
        self, rows: Sequence[Match], *, outside: bool, fate: Fate, among: Sequence[Match] | None = None
    ) -> SearchResult:
        decided = self.decided
        if decided is None:
            return SearchResult(undecidable=self.undecidable)
        other = None if among is None else self._numbers(decided, among)
        question = Question(self._numbers(decided, rows), outside, fate, other)
        return SearchResult(decided, question, decided.drawing.truth(question))
