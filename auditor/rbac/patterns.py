"""Azure's action patterns: `*` stands for any text, slashes included, and case never matters."""

from __future__ import annotations

import re
from typing import Final

WILDCARD: Final = "*"
_RUNS: Final = re.compile(r"\*{2,}")


def normalise(pattern: str) -> str:
    """Return the form of a pattern that is equal for equal patterns: lower case, no outer blanks, no repeated `*`.

    Blanks are stripped because Azure itself publishes built-in actions that end in one.
    """
    return _RUNS.sub(WILDCARD, pattern.strip().lower())


def matches(pattern: str, operation: str) -> bool:
    """Whether a normalised pattern matches an operation in lower case."""
    head, star, rest = pattern.partition(WILDCARD)
    if not star:
        return pattern == operation
    *middle, tail = rest.split(WILDCARD)
    end = len(operation) - len(tail)
    if len(head) > end or not operation.startswith(head) or not operation.endswith(tail):
        return False
    at = len(head)
    for part in middle:
        start = operation.find(part, at, end)
        if start < 0:
            return False
        at = start + len(part)
    return True


def has_whole_segments(pattern: str) -> bool:
    """Whether every `*` of the pattern fills a segment of its own (true for all built-in roles)."""
    return all(WILDCARD not in segment or segment == WILDCARD for segment in pattern.split("/"))
