"""The command of a rule's remediation: text with places that the finding fills, or no command at all."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import Final

from auditor import resource_id as ids
from auditor.azure import paths

PLACES: Final = ("id", "name", "resourceGroup", "subscription", "field:PATH")
FIELD: Final = "field:"
PART: Final = "part"
"""The place, in what a rule says is changed, for the part of the subject that is judged."""
_PLACE: Final = re.compile(r"\{([A-Za-z]+(?::[^{}\"]+)?)\}")  # no place is taken for what stands in JSON
_OPEN: Final = re.compile(r"<[A-Za-z][\w -]*>")


def places(command: str) -> list[str]:
    """Return the places that a command leaves to the finding, in order: `id`, `field:minTlsVersion`."""
    return _PLACE.findall(command)


def left_open(command: str) -> list[str]:
    """Return what a reader would have to fill in: `<resource-group>`."""
    return _OPEN.findall(command)


def in_quotes(command: str) -> list[str]:
    """Return the places that stand inside quotes, where what fills them could end the quotes or run."""
    inside: list[str] = []
    quote, position = "", 0
    while position < len(command):
        letter = command[position]
        if place := _PLACE.match(command, position):
            inside += [place[1]] if quote else []
            position = place.end()
            continue
        if letter in "'\"" and quote in {"", letter}:
            quote = "" if quote else letter
        position += 1
    return inside


def filled(command: str, resource_id: str | None, body: Mapping[str, object]) -> str:
    """Return the command for one resource, or no text where a place has nothing to fill it.

    Names come from strangers, so they are quoted for the shell.
    """
    words = {place: _word(place, resource_id or "", body) for place in places(command)}
    if not all(words.values()):
        return ""
    # in one pass: an id may itself hold "{name}", and filling that in would break its quotes
    return _PLACE.sub(lambda place: shlex.quote(words[place[1]] or ""), command)


def _word(place: str, resource_id: str, body: Mapping[str, object]) -> str | None:
    match place:
        case "id":
            return resource_id
        case "name":
            return ids.name_of(resource_id)
        case "resourceGroup":
            return ids.resource_group_of(resource_id)
        case "subscription":
            return ids.subscription_of(resource_id)
        case _:
            return _field(place.removeprefix(FIELD), body)


def _field(path: str, body: Mapping[str, object]) -> str | None:
    try:
        value = paths.lookup(body, paths.parse(path))
    except (ValueError, paths.ShapeError):
        return None
    return str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else None
