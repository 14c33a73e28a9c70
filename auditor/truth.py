"""Three-valued truth: yes, no, or unknown, and what follows from it (Kleene's strong logic)."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Final, NoReturn


class Truth(Enum):
    """Whether something holds. Unknown: it depends on what was not seen, and so on nothing that may be guessed."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"

    def __bool__(self) -> NoReturn:
        """Raise: unknown is neither, and a plain `if` would have to take it for one of the two."""
        raise TypeError("a truth may be unknown: ask which one it is")


YES: Final = Truth.YES
NO: Final = Truth.NO
UNKNOWN: Final = Truth.UNKNOWN
# For loops that run millions of times: before Python 3.12 a member costs ten times as much looked up on its class.


def truth_of(holds: bool) -> Truth:  # noqa: FBT001 - its one argument is what it is about
    """Return the truth of what is known to hold or not to hold."""
    return YES if holds else NO


def negate(truth: Truth) -> Truth:
    """Return the opposite; unknown stays unknown."""
    if truth is UNKNOWN:
        return truth
    return NO if truth is YES else YES


def all_of(truths: Iterable[Truth]) -> Truth:
    """Return NO at the first that is NO, without asking for the rest, else UNKNOWN where one is; of nothing YES."""
    result = YES
    for truth in truths:
        if truth is NO:
            return truth
        if truth is UNKNOWN:
            result = truth
    return result


def any_of(truths: Iterable[Truth]) -> Truth:
    """Return YES at the first that is YES, without asking for the rest, else UNKNOWN where one is; of nothing NO."""
    result = NO
    for truth in truths:
        if truth is YES:
            return truth
        if truth is UNKNOWN:
            result = truth
    return result
