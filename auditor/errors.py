"""What the tool says when it cannot give a trustworthy answer."""

from __future__ import annotations


class AuditorError(Exception):
    """A problem the user can act on: what failed and why, and a hint what to do about it."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class InputError(AuditorError):
    """The estate to judge cannot be read as one."""


class SnapshotError(AuditorError):
    """A snapshot file is damaged, foreign or of a version that this release does not know."""


class ContentError(AuditorError):
    """A rule, baseline or exemption file is wrong; the message starts with `file:line:column`."""


class CollectionError(AuditorError):
    """Azure could not be read at all: sign-in, scope or network."""
