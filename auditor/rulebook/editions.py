"""Editions of one architecture in one baseline: which rows and components belong to the edition that is in force."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from auditor.errors import ContentError
from auditor.yaml_source import Node, suggestion

SINCE: Final = "since"
UNTIL: Final = "until"
_EDITION: Final = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")
_REFERENCE: Final = re.compile(rf"(.+)@({_EDITION.pattern})")


class Edition(Struct, frozen=True):
    """The edition in force, one of those known (`2024-02`, the latest last); both are empty where there are none."""

    name: str = ""
    known: Sequence[str] = ()

    @property
    def is_latest(self) -> bool:
        """Whether there is no later one, or none at all."""
        return not self.known or self.name == self.known[-1]

    def of(self, node: Node) -> object:
        """Return a file's content without the entries of other editions, and without what says of which they are.

        An entry is a mapping with `since` (the first edition that has it) or `until` (the first that has it no more).
        ContentError where one of them is no edition of the baseline.
        """
        if isinstance(node.value, list):
            return [self.of(each) for each in node.value if self._has(each)]
        if isinstance(node.value, dict):
            bounds = _bounds(node)
            return {key: self.of(each) for key, each in node.value.items() if key not in bounds and self._has(each)}
        return node.value

    def _has(self, entry: Node) -> bool:
        bounds = _bounds(entry)
        for text in bounds.values():
            if text not in self.known:
                entry.fail(
                    f"the baseline has no edition {text}", suggestion(text, self.known) or "list it under 'editions'"
                )
        return bounds.get(SINCE, "") <= self.name and (UNTIL not in bounds or self.name < bounds[UNTIL])


def _bounds(entry: Node) -> dict[str, str]:
    """Return the editions that an entry names as its first and as the first without it."""
    given = entry.value if isinstance(entry.value, dict) else {}
    texts = {key: given[key].value for key in (SINCE, UNTIL) if key in given}
    return {key: text for key, text in texts.items() if isinstance(text, str) and _EDITION.fullmatch(text)}


def split(reference: str) -> tuple[str, str]:
    """Return the name or path of a baseline, and the edition that is asked for behind `@`, or no text."""
    found = _REFERENCE.fullmatch(reference)
    return (found[1], found[2]) if found else (reference, "")


def chosen(known: Sequence[str], asked: str, file: str) -> Edition:
    """Return the edition that is asked for, else the latest. ContentError where the baseline does not have it."""
    listed = sorted(known)
    if asked and listed and asked not in listed:
        raise ContentError(f"{file}: the baseline has no edition {asked}", f"known: {', '.join(listed)}")
    return Edition(asked or listed[-1], listed) if listed else Edition()
