"""The escape of GitHub-flavoured Markdown."""

from __future__ import annotations

import re
from typing import Final, NewType

from auditor.report.escapes.output import EscapedOutput
from auditor.report.text import sentence, visible

Gfm = NewType("Gfm", str)
"""GitHub-flavoured Markdown of ours, in which text of strangers has passed an escape."""

_ACTIVE: Final = re.compile(r"[&<>|`\\*_\[\]~$#@!]|(?<=[A-Za-z]):(?=//)|(?<=www)\.", re.IGNORECASE)


def _reference(match: re.Match[str]) -> str:
    """Return a reference to a character; addresses and mentions are looked for once it is read, and end at a comment."""
    return f"&#{ord(match[0])};<!-- -->" if match[0] in "@#" else f"&#{ord(match[0])};"


def gfm_text(text: str) -> Gfm:
    """Return prose that Markdown shows as it is: no markup, HTML, table border, link or mention comes out of it.

    Character references cannot be structure (https://spec.commonmark.org/0.31.2/#entity-and-numeric-character-references).
    """
    return Gfm(_ACTIVE.sub(_reference, sentence(text)))


def gfm_code(text: str) -> Gfm:
    """Return a name in code type; unlike a code span it holds any backtick and pipe, and GitHub sees no mention."""
    return Gfm(f"<code>{_ACTIVE.sub(_reference, visible(text))}</code>" if text else "")


def gfm(template: str, *parts: Gfm | int) -> Gfm:
    """Return markup with escaped parts in its braces; `template` is a literal of ours."""
    return Gfm(template.format(*(f"{part:,}" if isinstance(part, int) else part for part in parts)))


class GfmPage(EscapedOutput):
    """GitHub-flavoured Markdown."""

    def write(self, markup: Gfm) -> None:
        """Write markup."""
        self._stream.write(markup)
