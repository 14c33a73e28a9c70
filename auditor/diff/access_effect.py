"""Say which operations principals gained and lost by changes, and by which assignments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from auditor import resource_id as ids
from auditor.diff.attribution import Attribution
from auditor.diff.drift import AccessEffect, MadeBy
from auditor.rbac.access_graph import AccessGraph
from auditor.rbac.comparison import AccessChange, compare
from auditor.rbac.queries import given_names
from auditor.truth import Truth


class AccessEffects(Struct, frozen=True):
    """The operations gained and lost."""

    gained: Sequence[AccessEffect] = ()
    lost: Sequence[AccessEffect] = ()


def access_effects(old: AccessGraph, new: AccessGraph, attribution: Attribution) -> AccessEffects:
    """Return what each principal may do in one state only."""
    found = compare(old, new)
    names = {**given_names(old), **given_names(new)}
    scopes = {ids.key(one.scope): one.scope for graph in (old, new) for one in graph.grants.denies}
    scopes |= {ids.key(one.scope): one.scope for graph in (old, new) for one in graph.grants.assignments} | {"": "/"}
    for key in {one.scope for one in (*found.gained, *found.lost)} - scopes.keys():
        resource = new.estate.get(key) or old.estate.get(key)
        scopes[key] = key if resource is None else resource.id
    return AccessEffects(
        [_effect(each, names, scopes, attribution) for each in found.gained],
        [_effect(each, names, scopes, attribution) for each in found.lost],
    )


def _effect(
    change: AccessChange, names: Mapping[str, str], scopes: Mapping[str, str], attribution: Attribution
) -> AccessEffect:
    return AccessEffect(
        change=change,
        scope=scopes.get(change.scope, change.scope),
        principal_name=names.get(change.principal, change.principal),
        via_name=None if change.via is None else names.get(change.via, change.via),
        by=tuple(made for source in change.by for made in _made_by(source, attribution)),
    )


def _made_by(source: str, attribution: Attribution) -> Iterator[MadeBy]:
    """Yield the change of an assignment, a role, a deny or a vault; where none is told, that of what it stands in."""
    found = attribution.made_by([source])
    if not found and (change := attribution.of(source)) is not None:
        found = attribution.made_by([change.resource_id])
    yield from found


def undecided(old: AccessGraph, new: AccessGraph, effects: AccessEffects) -> Iterator[str]:
    """Yield of which principals it is not known what changed, and what was read in one state only."""
    for listed in (effects.gained, effects.lost):
        sure = {(one.change.principal, one.change.scope) for one in listed if one.change.is_certain}
        for one in listed:
            change = one.change
            if not change.is_certain and not change.is_eligible and (change.principal, change.scope) not in sure:
                yield f"what {one.principal_name} may do at {one.scope} ({_why(change, (old, new))})"
    for what, gaps in (
        ("role assignments", (old.assignment_gap(), new.assignment_gap())),
        ("deny assignments", (old.deny_gap(), new.deny_gap())),
    ):
        before, after = gaps
        if (before is None) != (after is None):
            yield f"what changed in {what}, which were not all read in {'the old' if after is None else 'the new'} state"


def _why(change: AccessChange, graphs: Sequence[AccessGraph]) -> str:
    if change.is_undecided:
        return "the patterns of its roles are too complex to decide"
    for graph in graphs:
        held = graph.grants.memberships
        groups = [one for one in graph.grants.groups if held.is_member(change.principal, one) is Truth.UNKNOWN]
        if groups and change.principal not in graph.grants.groups:
            return "whether it is a member of a group that holds a role is not known"
    return "a condition, a role that was not read, or where a management group lies decides"
