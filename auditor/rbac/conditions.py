"""Read a condition of a role assignment far enough to know which operations it does not restrict.

`ActionMatches` is decided; every comparison of attributes is unknown, and its unknown value reaches only as far as the
Boolean structure lets it. Format: https://learn.microsoft.com/azure/role-based-access-control/conditions-format
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from auditor.rbac import bounds
from auditor.rbac.bounds import ANYTHING_PERHAPS, Bounds, certain
from auditor.rbac.operation_sets import pattern

_MAX_DEPTH: Final = 50
_TOKEN: Final = re.compile(
    r"""\s*(?:(?P<matches>(?:ActionMatches|DataActionMatches)\s*\{\s*'(?P<action>[^']*)'\s*\})
    |(?P<sign>&&|\|\||[()]|!(?!=)|\bAND\b|\bOR\b|\bNOT\b)
    |(?P<rest>'[^']*'|\{[^}]*\}|\[[^\]]*\]|[^\s()'{}\[\]!&|]+|.))""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
_SPELLINGS: Final = {"&&": "and", "||": "or", "!": "not"}


class _UnreadableError(Exception):
    """The text is not a Boolean expression that this reader knows."""


def restriction(text: str) -> Bounds:
    """Return the operations a condition surely lets through (`must`) and those it may let through (`may`).

    A text that cannot be read may let anything through and surely nothing.
    """
    reader = _Reader(list(_tokens(text)))
    try:
        limit = reader.disjunction(0)
    except _UnreadableError:
        return ANYTHING_PERHAPS
    return limit if reader.at_end() else ANYTHING_PERHAPS


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    for token in _TOKEN.finditer(text.rstrip()):
        if token["matches"] is not None:
            yield "matches", token["action"]
        elif token["sign"] is not None:
            sign = token["sign"].lower()
            yield "sign", _SPELLINGS.get(sign, sign)
        else:
            yield "rest", token["rest"]


class _Reader:
    """Recursive descent over the tokens: OR binds weaker than AND, AND weaker than NOT."""

    def __init__(self, tokens: Sequence[tuple[str, str]]) -> None:
        self._tokens = tokens
        self._at = 0

    def at_end(self) -> bool:
        return self._at == len(self._tokens)

    def _takes(self, sign: str) -> bool:
        if not self.at_end() and self._tokens[self._at] == ("sign", sign):
            self._at += 1
            return True
        return False

    def disjunction(self, depth: int) -> Bounds:
        if depth > _MAX_DEPTH:
            raise _UnreadableError
        parts = [self._conjunction(depth)]
        while self._takes("or"):
            parts.append(self._conjunction(depth))
        return bounds.union(parts)

    def _conjunction(self, depth: int) -> Bounds:
        parts = [self._negation(depth)]
        while self._takes("and"):
            parts.append(self._negation(depth))
        return bounds.intersection(parts)

    def _negation(self, depth: int) -> Bounds:
        negative = False
        while self._takes("not"):
            negative = not negative
        operand = self._atom(depth)
        return bounds.complement(operand) if negative else operand

    def _atom(self, depth: int) -> Bounds:
        if self._takes("("):
            inner = self.disjunction(depth + 1)
            if not self._takes(")"):
                raise _UnreadableError
            return inner
        if self.at_end():
            raise _UnreadableError
        kind, text = self._tokens[self._at]
        if kind == "matches":
            self._at += 1
            return certain(pattern(text))
        return self._comparison()

    def _comparison(self) -> Bounds:
        """Skip one comparison of attributes, whatever its operator; nothing is known about its outcome."""
        start = self._at
        while not self.at_end() and self._tokens[self._at][0] == "rest":
            self._at += 1
        if self._at == start:
            raise _UnreadableError
        return ANYTHING_PERHAPS
