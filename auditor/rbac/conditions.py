"""Read conditions of role assignments: which operations one does not restrict, and whether two mean the same.

`ActionMatches` is decided; every comparison of attributes is unknown, and its unknown value reaches only as far as the
Boolean structure lets it. Format: https://learn.microsoft.com/azure/role-based-access-control/conditions-format
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, TypeAlias, assert_never

from msgspec import Struct

from auditor.rbac import bounds
from auditor.rbac.automaton import TooComplexError
from auditor.rbac.bounds import ANYTHING_PERHAPS, Bounds, certain
from auditor.rbac.operation_sets import OperationSet, difference, intersection, is_empty, pattern

_MAX_DEPTH: Final = 50
_TOKEN: Final = re.compile(
    r"""\s*(?:(?P<matches>(?:ActionMatches|DataActionMatches)\s*\{\s*'(?P<action>[^']*)'\s*\})
    |(?P<sign>&&|\|\||[()]|!(?!=)|\bAND\b|\bOR\b|\bNOT\b)
    |(?P<rest>'[^']*'|\{[^}]*\}|\[[^\]]*\]|[^\s()'{}\[\]!&|]+|.))""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
_OPERATOR: Final = re.compile(
    r"(?:For[A-Za-z]+Values:)?(?:String|Guid|Numeric|Bool|DateTime|List|Exists)[A-Za-z]*", re.IGNORECASE
)
_SPELLINGS: Final = {"&&": "and", "||": "or", "!": "not"}


class _UnreadableError(Exception):
    """The text is not a Boolean expression that this reader knows."""


@dataclass(frozen=True, slots=True)
class _Matches:
    """That the operation fits a pattern, in lower case; `spelled` is how the text has it."""

    pattern: str
    spelled: str = field(default="", compare=False)


class _Comparison(Struct, frozen=True):
    """A comparison of attributes: `about` what and by which operator, in lower case, and its values as they count."""

    about: tuple[str, ...]
    operator: str
    values: tuple[str, ...]


class _Not(Struct, frozen=True):
    """That something does not hold."""

    of: _Expression


class _Joined(Struct, frozen=True):
    """That all of several hold, or any."""

    of: tuple[_Expression, ...]
    is_all: bool


_Expression: TypeAlias = "_Matches | _Comparison | _Not | _Joined"


def restriction(text: str) -> Bounds:
    """Return the operations a condition surely lets through (`must`) and those it may let through (`may`).

    A text that cannot be read may let anything through and surely nothing.
    """
    try:
        return _limit(_parsed(text))
    except _UnreadableError:
        return ANYTHING_PERHAPS


def _limit(expression: _Expression) -> Bounds:
    match expression:
        case _Matches(spelled=text):
            return certain(pattern(text))
        case _Comparison():
            return ANYTHING_PERHAPS
        case _Not(of=inner):
            return bounds.complement(_limit(inner))
        case _Joined(of=parts, is_all=is_all):
            return (bounds.intersection if is_all else bounds.union)([_limit(part) for part in parts])
    assert_never(expression)


class Likeness(StrEnum):
    """How a condition compares with another: what it lets through is the same, less, more, both, or not known."""

    SAME = "the same"
    STRICTER = "stricter"
    WIDER = "wider"
    OTHER = "another"
    UNKNOWN = "not known"


_MOST_COMPARISONS: Final = 10
_MOST_PATTERNS: Final = 16


def likeness(actual: str, wanted: str, operations: OperationSet) -> Likeness:
    """Return how a condition compares with the wanted one, for some operations.

    Both are taken as Boolean functions of what they compare. Comparisons of the same attribute by different operators may
    depend on one another, so that nothing is said of conditions that differ in such.
    """
    if _plain(actual) == _plain(wanted):
        return Likeness.SAME
    try:
        return _likeness(_parsed(actual), _parsed(wanted), operations)
    except (_UnreadableError, TooComplexError):
        return Likeness.UNKNOWN


def _plain(text: str) -> str:
    return " ".join(text.split())


def _likeness(actual: _Expression, wanted: _Expression, operations: OperationSet) -> Likeness:
    own, asked = set(_comparisons(actual)), set(_comparisons(wanted))
    comparisons = sorted(own | asked, key=repr)
    patterns = sorted({*_patterns(actual), *_patterns(wanted)})
    if len(comparisons) > _MOST_COMPARISONS or len(patterns) > _MOST_PATTERNS:
        return Likeness.UNKNOWN
    lets_more = lets_less = False
    for region in _regions(patterns, operations):
        for outcomes in itertools.product((False, True), repeat=len(comparisons)):
            held: dict[_Matches | _Comparison, bool] = dict(region)
            held.update(zip(comparisons, outcomes, strict=True))
            passes, should = _holds(actual, held), _holds(wanted, held)
            lets_more = lets_more or (passes and not should)
            lets_less = lets_less or (should and not passes)
    if not lets_more and not lets_less:
        return Likeness.SAME
    if any(one.about == other.about and one.operator != other.operator for one in own - asked for other in asked - own):
        return Likeness.UNKNOWN
    if lets_more and lets_less:
        return Likeness.OTHER
    return Likeness.WIDER if lets_more else Likeness.STRICTER


_Held = Mapping["_Matches | _Comparison", bool]


def _holds(expression: _Expression, held: _Held) -> bool:
    match expression:
        case _Matches() | _Comparison():
            return held[expression]
        case _Not(of=inner):
            return not _holds(inner, held)
        case _Joined(of=parts, is_all=is_all):
            return (all if is_all else any)(_holds(part, held) for part in parts)
    assert_never(expression)


def _regions(patterns: Sequence[str], operations: OperationSet) -> Iterator[dict[_Matches | _Comparison, bool]]:
    """Yield which patterns hold, for each way in which they can for any of the operations."""
    if is_empty(operations):
        return
    if not patterns:
        yield {}
        return
    first, rest = patterns[0], patterns[1:]
    matching = pattern(first)
    for part, is_held in ((intersection((operations, matching)), True), (difference(operations, matching), False)):
        for region in _regions(rest, part):
            yield {_Matches(first): is_held, **region}


def _atoms(expression: _Expression) -> Iterator[_Matches | _Comparison]:
    match expression:
        case _Matches() | _Comparison():
            yield expression
        case _Not(of=inner):
            yield from _atoms(inner)
        case _Joined(of=parts):
            for part in parts:
                yield from _atoms(part)


def _comparisons(expression: _Expression) -> Iterator[_Comparison]:
    yield from (atom for atom in _atoms(expression) if isinstance(atom, _Comparison))


def _patterns(expression: _Expression) -> Iterator[str]:
    yield from (atom.pattern for atom in _atoms(expression) if isinstance(atom, _Matches))


def _parsed(text: str) -> _Expression:
    reader = _Reader(list(_tokens(text)))
    expression = reader.disjunction(0)
    if not reader.at_end():
        raise _UnreadableError
    return expression


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

    def disjunction(self, depth: int) -> _Expression:
        if depth > _MAX_DEPTH:
            raise _UnreadableError
        parts = [self._conjunction(depth)]
        while self._takes("or"):
            parts.append(self._conjunction(depth))
        return parts[0] if len(parts) == 1 else _Joined(tuple(parts), is_all=False)

    def _conjunction(self, depth: int) -> _Expression:
        parts = [self._negation(depth)]
        while self._takes("and"):
            parts.append(self._negation(depth))
        return parts[0] if len(parts) == 1 else _Joined(tuple(parts), is_all=True)

    def _negation(self, depth: int) -> _Expression:
        negative = False
        while self._takes("not"):
            negative = not negative
        operand = self._atom(depth)
        return _Not(operand) if negative else operand

    def _atom(self, depth: int) -> _Expression:
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
            return _Matches(text.lower(), text)
        return self._comparison()

    def _comparison(self) -> _Comparison:
        """Take one comparison of attributes, whatever its operator; nothing is known about its outcome."""
        start = self._at
        while not self.at_end() and self._tokens[self._at][0] == "rest":
            self._at += 1
        if self._at == start:
            raise _UnreadableError
        return _comparison_of([text for _, text in self._tokens[start : self._at]])


def _comparison_of(words: Sequence[str]) -> _Comparison:
    """Return a comparison; names count in any case, and so do values where the operator says so or they are GUIDs."""
    operator = next((word.lower() for word in words if _OPERATOR.fullmatch(word)), "")
    is_folded = "ignorecase" in operator or "guid" in operator
    about: list[str] = []
    values: list[str] = []
    for word in words:
        if word.startswith("'"):
            values.append(word.lower() if is_folded else word)
        elif word.startswith("{"):
            listed = [item.strip() for item in word.strip("{}").split(",")]
            values += sorted(item.lower() if is_folded else item for item in listed)
        elif word.lower() != operator:
            about.append(word.lower())
    return _Comparison(tuple(about), operator, tuple(values))
