"""Make text from strangers harmless: names and tags may hold control characters and terminal escapes."""

from __future__ import annotations

import re
from typing import Final

_HIDDEN: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f"  # C0 and C1 controls, with the escape that starts a terminal sequence
    "\u2028\u2029"  # line and paragraph separator
    "\u202a-\u202e\u2066-\u2069"  # bidirectional overrides: they show an id as another one (CVE-2021-42574)
    "\ud800-\udfff]"  # lone surrogates have no UTF-8 form
)
_SHORT: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def _escaped(match: re.Match[str]) -> str:
    character = match[0]
    code = ord(character)
    return _SHORT.get(character) or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}")


def visible(text: str) -> str:
    r"""Return text with every control character spelled out (`\x1b`), so that it can be seen and does nothing."""
    return _HIDDEN.sub(_escaped, text)


def sentence(text: str) -> str:
    """Return prose on one line: white space folded, other control characters spelled out."""
    return visible(" ".join(re.split(r"[ \t\r\n]+", text.strip(" \t\r\n"))))


def blanked(text: str) -> str:
    """Return text on one line with each control character or line break replaced by a space."""
    return _HIDDEN.sub(" ", text.replace("\r\n", "\n"))
