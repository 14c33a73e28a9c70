"""Find the changes that made an effect: those of what decides about it, property by property, rule by rule."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from auditor import resource_id as ids
from auditor.diff.drift import ChangeKind, MadeBy, ResourceChange
from auditor.network.subnets import SECURITY_RULES

_OF_NO_EFFECT = ("tags", "name", "properties.description")


class Attribution:
    """The changes of the configuration, by the resources that they are of."""

    def __init__(self, changes: Sequence[ResourceChange]) -> None:
        self._by_key = {
            key: change for change in changes for key in (ids.key(change.old_id), ids.key(change.resource_id))
        }
        self.keys: Sequence[str] = sorted(self._by_key)

    def __bool__(self) -> bool:
        """Whether anything changed."""
        return bool(self.keys)

    def of(self, resource_id: str) -> ResourceChange | None:
        """Return what became of a resource, or of the nearest that it lies in."""
        place: str | None = ids.key(resource_id)
        while place:
            if place in self._by_key:
                return self._by_key[place]
            place = place.rpartition("/")[0]
        return None

    def below(self, resource_id: str) -> Iterator[ResourceChange]:
        """Yield what became of a resource and of all below it."""
        key = ids.key(resource_id)
        if key in self._by_key:
            yield self._by_key[key]
        yield from (self._by_key[place] for place in ids.below(self.keys, key, str))

    def made_by(
        self, places: Iterable[str], counts: Callable[[ResourceChange], bool] = lambda _: True
    ) -> tuple[MadeBy, ...]:
        """Return the changes at or below some resources, as far as they count; descriptions and tags make nothing."""
        found: dict[MadeBy, None] = {}
        for place in places:
            for change in self.below(place):
                if counts(change):
                    found.update(dict.fromkeys(as_made_by(change)))
        return tuple(sorted(found, key=lambda made: (ids.key(made.resource_id), made.rule or "", made.property or "")))


def rule_of(change: ResourceChange) -> tuple[str, str] | None:
    """Return the id of a security group and the name of the rule in it that a change is of, or None."""
    if (ids.type_of(change.resource_id) or "").lower() != SECURITY_RULES:
        return None
    return ids.parent_of(change.resource_id) or "", ids.name_of(change.resource_id)


def as_made_by(change: ResourceChange) -> Iterator[MadeBy]:
    """Yield a change as what makes effects: one for each property, or one for a security rule."""
    if (rule := rule_of(change)) is not None:
        if change.kind is not ChangeKind.CHANGED or any(map(_matters, _paths(change))):
            yield MadeBy(rule[0], change.kind, rule=rule[1], who=change.who, when=change.when)
    elif change.kind is not ChangeKind.CHANGED:
        yield MadeBy(change.resource_id, change.kind, who=change.who, when=change.when, label=change.label)
    else:
        for path in _paths(change):
            if _matters(path):
                yield MadeBy(
                    change.resource_id,
                    change.kind,
                    property=path,
                    who=change.who,
                    when=change.when,
                    label=change.label,
                )


def _paths(change: ResourceChange) -> Iterator[str]:
    return (one.path for one in change.properties)


def _matters(path: str) -> bool:
    return not any(path == name or path.startswith((f"{name}.", f"{name}[")) for name in _OF_NO_EFFECT)
