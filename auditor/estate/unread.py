"""Say why a relation is not (all) known, from what the files of types say of who states it.

A relation stands in the properties of the resource where it begins, of the one where it ends, or of a child of either.
What was not read of any of those may state more of it; what states it and was read leaves nothing open.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from auditor.azure import body, paths
from auditor.azure.relation import Join, Navigation, StatedRelation
from auditor.model import Gap, Resource
from auditor.snapshot.model import NOT_PRINTED

if TYPE_CHECKING:
    from auditor.estate.graph import Estate


def unread(estate: Estate, resource_id: str, navigation: Navigation) -> Gap | None:
    """Return why what states a relation of a resource was not (all) read, or None where it was."""
    return next(_gaps(estate, resource_id, navigation), None)


def _gaps(estate: Estate, resource_id: str, navigation: Navigation) -> Iterator[Gap]:
    resource = estate.get(resource_id)
    own = resource.type_key if resource is not None else ""
    for kind, stated in estate.catalogue.statements.get(navigation.kind, ()):
        is_here = navigation.outward is not stated.reverse  # whether it is stated at the end where the way begins
        if is_here and not stated.of_parent:
            if resource is not None and kind == own:
                yield from _hidden(estate, resource, stated)
        elif is_here:
            if kind.rpartition("/")[0] == own:
                yield from _below(estate, kind, stated, resource_id)
        elif navigation.own or navigation.below:  # what lies below is looked for there, by its type
            continue
        elif kind in navigation.types or (stated.of_parent and not stated.reverse):
            unread_kind = (
                None if kind in navigation.types else estate.type_gap(kind)
            )  # the way's own types are asked for
            yield from filter(None, [unread_kind or estate.hidden_statement(kind, stated)])


def _below(estate: Estate, kind: str, stated: StatedRelation, resource_id: str) -> Iterator[Gap]:
    """Yield why not all children of a type are known with what they state."""
    if gap := estate.type_gap(kind, resource_id):
        yield gap
    for child in estate.children(resource_id, kind):
        yield from _hidden(estate, child, stated)


def hidden_anywhere(estate: Estate, kind: str, stated: StatedRelation) -> Gap | None:
    """Return why some resource of a type, though read, does not show what it states; None where all do."""
    if not _may_hide(estate, kind, stated):
        return None
    return next((gap for resource in estate.of_type(kind) for gap in _hidden(estate, resource, stated)), None)


def _may_hide(estate: Estate, kind: str, stated: StatedRelation) -> bool:
    """Whether a resource of a type can be read and not show what it states."""
    return bool(estate.gaps) or any(estate.catalogue.since(kind, paths.show(place.at)) for place in stated.places)


def _hidden(estate: Estate, resource: Resource, stated: StatedRelation) -> Iterator[Gap]:
    """Yield why a resource, though read, does not show what it states: a gap in it, or too old an API version."""
    for place in stated.places:
        path = paths.show(place.at)
        gap = estate.gap_at(resource.id, path)
        if gap is not None and gap.reason != NOT_PRINTED:  # what the command line leaves out of an object names nobody
            yield gap
        since, version = estate.catalogue.since(resource.type, path), resource.api_version
        if since and version and version[:10] < since[:10] and not body.values_at(resource.body, place.at):
            yield Gap(resource.id, path, f"read with API version {version}, which cannot show it (first in {since})")


def unresolved(estate: Estate, resource_id: str, navigation: Navigation) -> Gap | None:
    """Return why what a resource names by a host name, and leads nowhere, may be something that was not read."""
    resource = estate.get(resource_id)
    if resource is None or not navigation.outward or estate.targets(resource_id, navigation.kind):
        return None
    for kind, stated in estate.catalogue.statements.get(navigation.kind, ()):
        if kind != resource.type_key or stated.of_parent or stated.reverse:
            continue
        if any(place.join is Join.HOST and body.values_at(resource.body, place.at) for place in stated.places):
            named = stated.to or navigation.types or [item.key for item in estate.catalogue if item.hosts]
            return next((gap for name in named if (gap := estate.type_gap(name))), None)
    return None
