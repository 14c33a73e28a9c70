"""Find the declared gaps that a doubt comes from.

An analysis may say in words of its own why it has no answer: "nsg-web: the group was not collected (forbidden)". The gap
behind it is one in the types that the rule reads, whose permission the doubt states, or whose name or reason.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from auditor import resource_id as ids
from auditor.model import Gap

_BETWEEN_NAMES: Final = re.compile(r"[^\w.-]+")

_NAME: Final = "name"
_REASON: Final = "reason"
_PERMISSION: Final = "permission"

Group = tuple[str, str, str, str]
"""What gaps of a group have in common: what makes them alike, type, subscription (empty: everywhere), and the likeness."""


def type_in(gap: Gap) -> str:
    """Return the type, in lower case, of what a gap hides, or of the resource of which it hides something."""
    return (gap.what if "/" in gap.what else ids.type_of(gap.scope) or "").lower()


class GapOrigins:
    """The declared gaps of an estate, in groups that are alike by name, reason or permission; all in lower case."""

    def __init__(self, gaps: Iterable[Gap]) -> None:
        self._groups: defaultdict[Group, list[Gap]] = defaultdict(list)
        for gap in gaps:
            kind, subscription = type_in(gap), _subscription(gap)
            self._groups[_NAME, kind, subscription, ids.name_of(gap.scope).lower()].append(gap)
            self._groups[_REASON, kind, subscription, gap.reason.lower()].append(gap)
            self._groups[_PERMISSION, kind, subscription, (gap.permission or "").lower()].append(gap)
        self._few: defaultdict[str, list[Group]] = defaultdict(list)  # by subscription: an estate may have hundreds
        for group in self._groups:
            if group[0] != _NAME:
                self._few[group[2]].append(group)
        self._types = frozenset(group[1] for group in self._groups)
        self._known: dict[tuple[frozenset[str], str, str, str], Sequence[Group]] = {}

    def of(self, doubt: Gap, types: frozenset[str]) -> Sequence[Group]:
        """Return the groups of gaps in these types that a doubt may come from.

        Those with its permission, where it states one; else those whose names it gives, else those whose reason.
        """
        key = (types, _subscription(doubt), doubt.reason.lower(), (doubt.permission or "").lower())
        if key not in self._known:
            self._known[key] = self._found(*key)
        return self._known[key]

    def _found(self, types: frozenset[str], subscription: str, reason: str, permission: str) -> Sequence[Group]:
        near = [group for place in {"", subscription} for group in self._few.get(place, ()) if group[1] in types]
        if permission:
            return [group for group in near if (group[0], group[3]) == (_PERMISSION, permission)]
        words = dict.fromkeys(word.rstrip(".") for word in _BETWEEN_NAMES.split(reason) if word)
        kinds = sorted(types & self._types)
        named: list[Group] = [(_NAME, kind, subscription, word) for kind in kinds for word in words]
        reasoned = [group for group in near if group[0] == _REASON and group[3] in reason]
        return [group for group in named if group in self._groups] or reasoned

    def gaps(self, group: Group) -> Sequence[Gap]:
        """Return the gaps of a group."""
        return self._groups[group]


def _subscription(gap: Gap) -> str:
    return (ids.subscription_of(gap.scope) or "").lower()
