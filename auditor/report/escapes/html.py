"""The escape of HTML."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import ClassVar, Final, NewType

from auditor.report.escapes.output import EscapedOutput
from auditor.report.text import visible

Html = NewType("Html", str)
"""HTML of ours, in which text of strangers has passed an escape."""

Attributes = Mapping[str, str | float | bool | None]
"""Those of an element, by names of ours."""
NOTHING: Final = Html("")
_VOID: Final = frozenset({"br", "input", "link", "meta"})
_ADDRESS: Final = re.compile(r"https://[\x21-\x7e]+", re.IGNORECASE)
# What could end a script or begin a comment in it (https://html.spec.whatwg.org/multipage/scripting.html#restrictions-for-contents-of-script-elements),
# and a `#` that a pipeline may take for the begin of a command.
_IN_ISLAND: Final = re.compile(r"[<>&]|(?<=#)#")


def html_text(text: str) -> Html:
    """Return text that shows as it is, in an element as in an attribute; what does not show is spelled out."""
    return Html(escape(visible(text)).replace("##", "#&#35;"))


def html(name: str, attributes: Attributes | None = None, *inner: Html) -> Html:
    """Return an element; its name and those of attributes are literals of ours.

    An attribute that is True stands alone; one that is False or None is left out.
    """
    told = "".join(_attribute(key, value) for key, value in (attributes or {}).items() if value is not None)
    return Html(f"<{name}{told}>" if name in _VOID else f"<{name}{told}>{''.join(inner)}</{name}>")


def _attribute(name: str, value: str | float | bool) -> str:  # noqa: FBT001 - a value like others
    if isinstance(value, bool):
        return f" {name}" if value else ""
    text = f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
    return f' {name}="{html_text(text)}"'


def html_join(parts: Sequence[Html], between: Html = NOTHING) -> Html:
    """Return markup one after the other."""
    return Html(between.join(parts))


def html_link(address: str, text: str) -> Html:
    """Return a link to a page of the Web; an address of another kind is shown as text and leads nowhere."""
    if not _ADDRESS.fullmatch(address):
        return html_text(text)
    return html("a", {"href": address, "rel": "noopener noreferrer"}, html_text(text))


def html_island(value: object) -> Html:
    """Return JSON that stands in a script element; texts in it are as a reader may see them."""
    text = json.dumps(_shown(value), ensure_ascii=False, separators=(",", ":"))
    return Html(_IN_ISLAND.sub(lambda match: f"\\u{ord(match[0]):04x}", text))


def _shown(value: object) -> object:
    match value:
        case str():
            return visible(value)
        case Mapping():
            return {visible(str(key)): _shown(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_shown(inner) for inner in value]
        case _:
            return value


class HtmlPage(EscapedOutput):
    """A page of HTML."""

    hash_sign: ClassVar[str | None] = "&#35;"

    def write(self, *markup: Html) -> None:
        """Write markup."""
        for part in markup:
            self._stream.write(part)
