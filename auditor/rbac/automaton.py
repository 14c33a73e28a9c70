"""Find a string that satisfies a formula over wildcard patterns, or prove that there is none.

All patterns run side by side as one bit set of positions. Where every `*` fills a whole segment the symbols are
segments and `*` takes one or more of them; otherwise the symbols are characters and `*` takes any number. Symbols that
no pattern asks for next behave alike, so that one stand-in represents them all: the search is finite and exact.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from itertools import count
from typing import Final, TypeAlias

from msgspec import Struct

from auditor.errors import AuditorError
from auditor.rbac.patterns import WILDCARD, has_whole_segments

MAX_STATES: Final = 5_000
"""Azure allows one `*` per pattern, which keeps the search small; only a hostile input comes near this bound."""

_POSSIBLE: Final = 0
_FINAL: Final = 1


class TooComplexError(AuditorError):
    """The patterns need more search states than is reasonable; the answer is unknown."""


class Atom(Struct, frozen=True):
    """A normalised pattern matches or, where not `positive`, does not match."""

    pattern: str
    positive: bool


class Connective(Struct, frozen=True):
    """Some (`any_of`) or all of the children hold."""

    any_of: bool
    children: tuple[Node, ...]


Node: TypeAlias = Atom | Connective


class _Test(Struct, frozen=True):
    """A branch as masks over positions: `masks[_POSSIBLE]` for some continuation, `masks[_FINAL]` for the string as is.

    `any_of`: one bit of the mask is enough (a pattern is alive, has matched). Otherwise no bit may be set (a pattern
    under a complement cannot fail to match any more, has matched).
    """

    any_of: bool
    masks: tuple[int, int]
    children: tuple[_Test, ...]

    def holds(self, state: int, mask: int) -> bool:
        if self.any_of:
            return bool(state & self.masks[mask]) or any(child.holds(state, mask) for child in self.children)
        return not state & self.masks[mask] and all(child.holds(state, mask) for child in self.children)


class _Placed(Struct, frozen=True):
    """Where a pattern lies: all its positions, the one after its end, and that one again if it ends in `*`."""

    alive: int
    final: int
    certain: int


class _Line:
    """The positions of all patterns on one bit line, and how a symbol moves a set of them."""

    def __init__(self, node: Node) -> None:
        spelled = sorted(set(_patterns(node)))
        self.by_segment = all(map(has_whole_segments, spelled))
        self.alphabet: dict[str, int] = {}
        self._symbol_at: list[str] = []
        self._stars = 0
        start = 0
        placed: dict[str, _Placed] = {}
        for pattern in spelled:
            start |= 1 << len(self._symbol_at)
            placed[pattern] = self._place(pattern)
        self._literals = 0
        for mask in self.alphabet.values():
            self._literals |= mask
        self.start = self._closed(start)
        self.test = _compiled(node, placed)

    def _place(self, pattern: str) -> _Placed:
        symbols = pattern.split("/") if self.by_segment else list(pattern)
        first = len(self._symbol_at)
        for symbol in symbols:
            bit = 1 << len(self._symbol_at)
            if symbol == WILDCARD:
                self._stars |= bit
            else:
                self.alphabet[symbol] = self.alphabet.get(symbol, 0) | bit
            self._symbol_at.append(symbol)
        self._symbol_at.append("")
        final = 1 << (len(self._symbol_at) - 1)
        open_ended = bool(symbols) and symbols[-1] == WILDCARD
        return _Placed((final << 1) - (1 << first), final, final if open_ended else 0)

    def _closed(self, state: int) -> int:
        return state if self.by_segment else state | ((state & self._stars) << 1)

    def after(self, state: int, symbol: str | None) -> int:
        """Return the positions after a symbol; None is any symbol that nothing asks for."""
        staying = state & self._stars
        moved = staying
        if self.by_segment:
            moved |= staying << 1
        if symbol is not None:
            moved |= (state & self.alphabet[symbol]) << 1
        return self._closed(moved)

    def symbols(self, state: int) -> list[str | None]:
        """Return the symbols that some pattern asks for next, sorted, with the stand-in for all others at the end."""
        asked: list[str] = []
        waiting = state & self._literals
        while waiting:
            symbol = self._symbol_at[(waiting & -waiting).bit_length() - 1]
            asked.append(symbol)
            waiting &= ~self.alphabet[symbol]
        return [*sorted(asked), None]

    def stand_in(self) -> str:
        """Return a symbol that no pattern spells."""
        segments = (f"any{number or ''}" for number in count())
        letters = (chr(code) for code in count(ord("a")))
        names = segments if self.by_segment else letters
        return next(name for name in names if name not in self.alphabet and name != WILDCARD)


def search(node: Node, spelled: Mapping[str, str] | None = None) -> str | None:
    """Return a shortest string that satisfies the formula, or None where there is none.

    `spelled` maps segments in lower case to how they are to be written. Raise `TooComplexError` beyond `MAX_STATES`.
    """
    line = _Line(node)
    came_from: dict[int, tuple[int, str | None]] = {}
    if not line.by_segment and line.test.holds(line.start, _FINAL):
        return ""
    waiting = deque([line.start])
    while waiting:
        state = waiting.popleft()
        for symbol in line.symbols(state):
            reached = line.after(state, symbol)
            if reached in came_from or not line.test.holds(reached, _POSSIBLE):
                continue
            came_from[reached] = (state, symbol)
            if line.test.holds(reached, _FINAL):
                return _written(line, came_from, reached, spelled or {})
            waiting.append(reached)
            if len(came_from) > MAX_STATES:
                raise TooComplexError("Action patterns are too complex to decide.", "Use one `*` per action.")
    return None


def _written(
    line: _Line, came_from: Mapping[int, tuple[int, str | None]], state: int, spelled: Mapping[str, str]
) -> str:
    stand_in = line.stand_in()
    symbols: list[str] = []
    while True:
        state, symbol = came_from[state]
        symbols.append(stand_in if symbol is None else symbol)
        if state == line.start:
            break
    text = ("/" if line.by_segment else "").join(reversed(symbols))
    return "/".join(spelled.get(segment, segment) for segment in text.split("/"))


def _patterns(node: Node) -> Iterator[str]:
    if isinstance(node, Atom):
        yield node.pattern
    else:
        for child in node.children:
            yield from _patterns(child)


def _compiled(node: Node, placed: Mapping[str, _Placed]) -> _Test:
    """Return the formula as tests on masks; leaves that fit the branch (matching in a union, …) become one mask."""
    if isinstance(node, Atom):
        node = Connective(node.positive, (node,))
    possible = final = 0
    children: list[_Test] = []
    for child in node.children:
        if isinstance(child, Atom) and child.positive == node.any_of:
            span = placed[child.pattern]
            possible |= span.alive if child.positive else span.certain
            final |= span.final
        else:
            children.append(_compiled(child, placed))
    return _Test(node.any_of, (possible, final), tuple(children))
