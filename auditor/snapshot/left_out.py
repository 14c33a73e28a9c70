"""Say which calls a collection left out, since nothing that it was made for needed them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

LEFT_OUT: Final = "left_out"
"""Where a snapshot's scope names them."""
NOT_NEEDED: Final = "not collected: no rule in force at collection needed it; collect with --everything"

_BETWEEN: Final = " of "

Call = tuple[str, str]
"""The type that a call starts from, and the type of what it yields."""


def named(calls: Iterable[Call]) -> Sequence[str]:
    """Return calls as a scope names them, sorted: `Microsoft.KeyVault/vaults/keys of Microsoft.KeyVault/vaults`."""
    return sorted({f"{yields}{_BETWEEN}{start}" for start, yields in calls})


def calls_in(scope: Mapping[str, object]) -> frozenset[Call]:
    """Return the calls that a scope names as left out, the types they start from in lower case."""
    listed = scope.get(LEFT_OUT)
    texts = [text for text in listed if isinstance(text, str)] if isinstance(listed, Sequence) else []
    parts = (text.partition(_BETWEEN) for text in texts if text)
    return frozenset((start.lower(), yields) for yields, _, start in parts)
