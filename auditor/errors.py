"""What the tool says when it cannot give a trustworthy answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import ParamSpec, TypeVar

Given = ParamSpec("Given")
Result = TypeVar("Result")
Item = TypeVar("Item")


class AuditorError(Exception):
    """A problem the user can act on: what failed and why, and a hint what to do about it.

    `reasons` are told below it, a line each, where several things had to fail.
    """

    def __init__(self, message: str, hint: str = "", reasons: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.reasons = tuple(reasons)

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class InputError(AuditorError):
    """The estate to judge cannot be read as one."""


class SnapshotError(AuditorError):
    """A snapshot file is damaged, foreign or of a version that this release does not know."""


class ContentError(AuditorError):
    """A rule, baseline, exemption or settings file is wrong; the message starts with `file:line:column`.

    `problems` are the mistakes one by one: the error itself, or those that `joined` put together.
    """

    def __init__(self, message: str, hint: str = "", problems: Sequence[ContentError] = ()) -> None:
        super().__init__(message, hint)
        self.problems = tuple(problems) or (self,)

    @classmethod
    def joined(cls, problems: Iterable[ContentError]) -> ContentError:
        """Return one error that says all of them, a line each and each once, in the order given."""
        single = {str(problem): problem for several in problems for problem in several.problems}
        first, *more = single.values()
        return cls("\n".join(single), problems=(first, *more)) if more else first


class Mistakes:
    """The mistakes met so far, so that whoever wrote a file meets them all at once."""

    def __init__(self) -> None:
        self._problems: list[ContentError] = []

    def of(self, read: Callable[Given, Result], *arguments: Given.args, **named: Given.kwargs) -> Result | None:
        """Return what a call returns, or None where it found a mistake, which is kept."""
        try:
            return read(*arguments, **named)
        except ContentError as problem:
            self._problems.append(problem)
            return None

    def each(self, items: Iterable[Item], read: Callable[[Item], Result]) -> list[Result]:
        """Return what a call returns for each item, without those in which it found a mistake, which is kept."""
        results: list[Result] = []
        for item in items:
            try:
                results.append(read(item))
            except ContentError as problem:
                self._problems.append(problem)
        return results

    def add(self, problem: ContentError) -> None:
        """Keep a mistake."""
        self._problems.append(problem)

    def error(self) -> ContentError:
        """Return all mistakes, of which there must be one, as one error."""
        return ContentError.joined(self._problems)

    def raise_any(self) -> None:
        """Raise all mistakes, if there are any."""
        if self._problems:
            raise self.error()


class Interrupted(AuditorError):  # noqa: N818 - an order, not an error
    """Somebody ended it before there was an answer; the message says how far it came, the hint how to go on."""


class CollectionError(AuditorError):
    """Azure could not be read at all: sign-in, scope or network."""
