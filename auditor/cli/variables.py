"""Tell environment variables that look like settings of the tool and are none: misspelt, they would do nothing in silence."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from auditor.bundle import signature
from auditor.cli import follow_up, settings, streams

_NEAR: Final = 0.75
"""How alike a name must be: others may be of other programs, such as a pipeline's own."""
_OF_NO_OPTION: Final = frozenset(
    {
        streams.PAGER_VARIABLE,
        follow_up.KEY_VARIABLE,
        follow_up.AUTHORIZATION_VARIABLE,
        signature.KEY_VARIABLE,
        signature.PASSPHRASE_VARIABLE,
    }
)


def misspelt(
    given: Sequence[str], prefix: str, command: settings.Command, whole: Callable[[], settings.Command]
) -> Iterator[str]:
    """Yield a line for each name with the prefix that is nearly one of the tool's.

    `command` is what runs and its commands; `whole` gives all, and is asked where that does not know a name.
    """
    if set(given) <= settings.variables(command) | _OF_NO_OPTION:
        return
    known = settings.variables(whole()) | _OF_NO_OPTION
    ends = [name.removeprefix(prefix) for name in sorted(known)]
    for name in sorted(set(given) - known):
        for near in difflib.get_close_matches(name.upper().removeprefix(prefix), ends, 1, _NEAR):
            yield f"auditor: there is no environment variable {name}: it is ignored; did you mean {prefix}{near}?"
