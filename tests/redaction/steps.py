"""Count the steps in which a backtracking engine searches a text for a pattern.

A model of the engine that Python has, on the tree that Python's own parser makes: each test of a character, each try of
a branch and each repetition is a step. What it finds is compared with what Python finds, so that it counts the right
thing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from re import _constants as ops  # type: ignore[attr-defined] - the parser of the standard library, as it is
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

_WORD = re.compile(r"\w")
_CATEGORIES = {
    ops.CATEGORY_DIGIT: str.isdecimal,
    ops.CATEGORY_SPACE: str.isspace,
    ops.CATEGORY_NOT_SPACE: lambda character: not character.isspace(),
    ops.CATEGORY_WORD: lambda character: _WORD.match(character) is not None,
}
Continue = Callable[[int], int | None]


class StepCounter:
    """Searches texts for a pattern, slowly, and counts."""

    def __init__(self, pattern: re.Pattern[str]) -> None:
        self._tree = parser.parse(pattern.pattern, pattern.flags)
        self._folds = bool(pattern.flags & re.IGNORECASE)
        self._dots_all = bool(pattern.flags & re.DOTALL)
        self._lines = bool(pattern.flags & re.MULTILINE)
        self.steps = 0

    def finds(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield where the pattern fits, as `finditer` does."""
        self._text = text.lower() if self._folds else text
        at = 0
        while at <= len(text):
            self.steps += 1
            end = self._sequence(list(self._tree), 0, at, lambda stop: stop)
            if end is None:
                at += 1
            else:
                yield at, end
                at = end if end > at else at + 1

    def _sequence(self, nodes: list[Any], index: int, at: int, then: Continue) -> int | None:
        if index == len(nodes):
            return then(at)
        return self._node(nodes[index], at, lambda stop: self._sequence(nodes, index + 1, stop, then))

    def _node(self, node: Any, at: int, then: Continue) -> int | None:  # noqa: PLR0911 - one for each kind of node
        self.steps += 1
        kind, value = node
        if kind in {ops.LITERAL, ops.NOT_LITERAL, ops.IN, ops.ANY}:
            return then(at + 1) if at < len(self._text) and self._is_of(kind, value, self._text[at]) else None
        if kind is ops.BRANCH:
            return next((end for way in value[1] if (end := self._sequence(list(way), 0, at, then)) is not None), None)
        if kind is ops.SUBPATTERN:
            return self._sequence(list(value[3]), 0, at, then)
        if kind is ops.ATOMIC_GROUP:
            end = self._sequence(list(value), 0, at, lambda stop: stop)
            return None if end is None else then(end)
        if kind in {ops.ASSERT, ops.ASSERT_NOT}:
            return then(at) if self._holds(value, at) is (kind is ops.ASSERT) else None
        if kind is ops.AT:
            return then(at) if self._is_at(value, at) else None
        if kind is ops.POSSESSIVE_REPEAT:
            return self._possessive(value, at, then)
        if kind in {ops.MAX_REPEAT, ops.MIN_REPEAT}:
            return self._repeat(value, kind is ops.MAX_REPEAT, at, then)
        raise NotImplementedError(kind)

    def _is_of(self, kind: Any, value: Any, character: str) -> bool:
        if kind is ops.ANY:
            return self._dots_all or character != "\n"
        if kind is ops.LITERAL:
            return character == self._folded(value)
        if kind is ops.NOT_LITERAL:
            return character != self._folded(value)
        negated = bool(value) and value[0][0] is ops.NEGATE
        return negated is not any(self._is_in(item, character) for item in value if item[0] is not ops.NEGATE)

    def _is_in(self, item: Any, character: str) -> bool:
        kind, value = item
        if kind is ops.LITERAL:
            return character == self._folded(value)
        if kind is ops.RANGE:
            low, high = value
            return low <= ord(character) <= high or (self._folds and low <= ord(character.upper()[0]) <= high)
        return bool(_CATEGORIES[value](character))

    def _folded(self, code: int) -> str:
        return chr(code).lower() if self._folds else chr(code)

    def _holds(self, value: Any, at: int) -> bool:
        direction, inner = value
        if direction > 0:
            return self._sequence(list(inner), 0, at, lambda stop: stop) is not None
        low, high = inner.getwidth()
        assert low == high, "what is looked back at has one width"
        return at >= low and self._sequence(list(inner), 0, at - low, lambda stop: stop) == at

    def _is_at(self, value: Any, at: int) -> bool:
        if value is ops.AT_END:
            return at == len(self._text) or (self._lines and self._text[at] == "\n")
        if value is ops.AT_BEGINNING:
            return at == 0 or (self._lines and self._text[at - 1] == "\n")
        raise NotImplementedError(value)

    def _possessive(self, value: Any, at: int, then: Continue) -> int | None:
        low, high, inner = value
        count = 0
        while high is ops.MAXREPEAT or count < high:
            end = self._sequence(list(inner), 0, at, lambda stop: stop)
            if end is None:
                break
            at, count = end, count + 1
        return then(at) if count >= low else None

    def _repeat(self, value: Any, is_greedy: bool, at: int, then: Continue) -> int | None:  # noqa: FBT001 - a flag of the tree
        low, high, inner = value
        ends = [at]  # of one character each, which all repetitions of our patterns that may give back are
        if not is_greedy:
            while True:
                if len(ends) - 1 >= low and (end := then(ends[-1])) is not None:
                    return end
                if (
                    len(ends) - 1 == high
                    or (stop := self._sequence(list(inner), 0, ends[-1], lambda stop: stop)) is None
                ):
                    return None
                ends.append(stop)
        while high is ops.MAXREPEAT or len(ends) - 1 < high:
            stop = self._sequence(list(inner), 0, ends[-1], lambda stop: stop)
            if stop is None or stop == ends[-1]:
                break
            ends.append(stop)
        while len(ends) - 1 >= low:
            if (end := then(ends.pop())) is not None:
                return end
        return None
