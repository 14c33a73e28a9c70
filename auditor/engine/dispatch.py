"""Find the facts that a rule may be about without asking its `where` of each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from msgspec import Struct, field

from auditor.azure.paths import ABSENT, EACH
from auditor.azure.vocabulary import COMPUTED, ResolvedName
from auditor.language.ast import AllOf, Condition, Constant, Field, Leaf
from auditor.language.environment import Environment, Problem, Subject, Unknown
from auditor.language.operators import fold

_EQUATING: Final = frozenset(("equals", "in"))
_ANY_TIME: Final = datetime(2000, 1, 1, tzinfo=UTC)


class Equation(Struct, frozen=True):
    """That a condition holds of no subject but those with one of some texts, folded as they are compared, at a path."""

    path: ResolvedName
    texts: frozenset[str]


class _ByText(Struct):
    """Positions of subjects: by the text that each has at a path, and of those with something else or unknown there."""

    known: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    open: list[int] = field(default_factory=list)


class SubjectIndex:
    """Subjects by the texts at the paths that conditions equate; each path is read once of each subject."""

    def __init__(self, subjects: Sequence[Subject]) -> None:
        self._subjects = subjects
        self._by_path: dict[ResolvedName, _ByText] = {}

    def candidates(self, condition: Condition | None) -> Sequence[int]:
        """Return, in order, the positions of all subjects of which a condition may not be false, and of few others."""
        found = [self._fitting(equation) for equation in equations(condition)]
        return min(found, key=len) if found else range(len(self._subjects))

    def _fitting(self, equation: Equation) -> Sequence[int]:
        """Return the subjects with one of the texts, and those of which it is open whether they have."""
        if equation.path not in self._by_path:
            self._by_path[equation.path] = self._read(equation.path)
        index = self._by_path[equation.path]
        known = [index.known[text] for text in equation.texts if text in index.known]
        return sorted([*index.open, *(position for positions in known for position in positions)])

    def _read(self, path: ResolvedName) -> _ByText:
        index = _ByText()
        for position, subject in enumerate(self._subjects):
            try:
                value = Environment(subject, subject, {}, _ANY_TIME).read(path)
            except (Unknown, Problem):
                index.open.append(position)
                continue
            if isinstance(value, str):
                index.known[fold(value)].append(position)
            elif value is not ABSENT:  # what is absent equals no text
                index.open.append(position)
        return index


def equations(condition: Condition | None) -> Iterator[Equation]:
    """Yield what must all hold for a condition to hold, as far as it is that a path has one of some texts."""
    for part in _conjuncts(condition):
        if isinstance(part, Leaf) and part.operator in _EQUATING and part.default is ABSENT:
            texts = _texts(part.right)
            if texts is not None and isinstance(part.left, Field) and _is_plain(part.left.path):
                yield Equation(part.left.path, texts)


def _conjuncts(condition: Condition | None) -> Iterable[Condition]:
    if isinstance(condition, AllOf):
        return [part for inner in condition.conditions for part in _conjuncts(inner)]
    return () if condition is None else (condition,)


def _texts(right: object) -> frozenset[str] | None:
    """Return the texts, folded, that a constant is or lists; None where it may equal something else besides."""
    value = right.value if isinstance(right, Constant) else None
    listed = value if isinstance(value, list) else [value]
    texts = [fold(text) for text in listed if isinstance(text, str)]
    return frozenset(texts) if len(texts) == len(listed) else None


def _is_plain(path: ResolvedName) -> bool:
    """Whether a path leads to one place in the body, whose text is compared as it stands (locations are not)."""
    steps = path.steps
    return EACH not in steps and steps[0].folded not in COMPUTED and steps[-1].folded != "location"
