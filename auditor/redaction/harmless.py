"""Tell what holds no secret wherever it stands: in a resource that is made of nothing else, none has to be looked for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from auditor.redaction.names import VALUES, Meaning, meaning_of
from auditor.redaction.text import PLAIN, RESOURCE_ID, is_clean

OPTION: Final = re.compile(
    r"(?i)(?:--?|/)[A-Za-z0-9_-]{0,40}?(?:password|passwd|passphrase|pass|pwd|secret|token|key|sas|connection-?string|"
    r"pat|credentials?)"
)
"""An option of a command, behind which a secret stands."""
BEFORE_OPTIONS: Final = ("-", "/")
_OF_SINGLE_VALUES: Final = frozenset({Meaning.SECRET, Meaning.MAYBE})
_OF_ANY: Final = frozenset({*_OF_SINGLE_VALUES, Meaning.TREE, Meaning.VALUES})
_PLAIN_LINES: Final = re.compile(rf"(?:(?:{RESOURCE_ID.pattern}|{PLAIN.pattern}|(?![-/@]).{{0,5}})\n)*+")


def are_plain(texts: Sequence[str]) -> bool:
    """Whether all of some texts are of the most frequent forms, of which none is of any harm: they are asked at once.

    Nothing in these forms has a line break in it, so that as many lines as texts are a text each.
    """
    lines = "\n".join(texts)
    return _PLAIN_LINES.fullmatch(lines + "\n") is not None and lines.count("\n") == len(texts) - 1


def is_harmless(text: str) -> bool:
    """Whether a text holds no secret and announces none."""
    return not _is_option(text) and is_clean(text)


def _is_option(text: str) -> bool:
    return text[:1] in BEFORE_OPTIONS and "/" not in text[1:] and OPTION.fullmatch(text) is not None


@lru_cache(maxsize=8192)  # resources of a type have the same few sets of names
def are_harmless(names: tuple[str, ...], *, is_lowest: bool) -> bool:
    """Whether the names of an object's members make no secrets of what is none by itself.

    Some do so only with what lies in an object or a list, and not where all values are single ones (`is_lowest`).
    """
    if not VALUES.isdisjoint(names):
        return False
    making = _OF_SINGLE_VALUES if is_lowest else _OF_ANY
    return not any(meaning_of(name) in making or name.lower() == "apiproperties" for name in names)
