"""Build facts alike: ids, roles, parameters, and what of them is not known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from auditor import resource_id as ids
from auditor.analysis.contract import Context
from auditor.azure import body
from auditor.model import Fact, Gap, Json, Resource

Inputs = Sequence[tuple[str, str]]


def build(
    context: Context,
    kind: str,
    subject: str,
    fields: Json,
    *,
    sub_object: str = "",
    summary: str = "",
    inputs: Inputs = (),
    uncollected: Mapping[str, Gap] | None = None,
    role: tuple[str | None, str | None] | None = None,
) -> Fact:
    """Return a fact about a resource, filed under its workload and component.

    A field that is not known must not be in `fields`: those named in `uncollected` are left out here.
    """
    workload, component = role or context.workloads.role_of(ids.key(subject))
    gaps = dict(sorted((uncollected or {}).items()))
    return Fact(
        kind=kind,
        id=f"{kind}:{ids.key(subject)}" + (f"#{sub_object.lower()}" if sub_object else ""),
        subject=subject,
        sub_object=sub_object,
        fields={name: found for name, found in fields.items() if name not in gaps},
        workload=workload,
        component=component,
        uncollected=gaps,
        inputs=tuple(inputs),
        summary=summary,
    )


def parameter(context: Context, name: str, default: object) -> object:
    """Return a baseline parameter by its dotted name, whether it is bound flat (`a.b`) or nested (`a: {b: …}`)."""
    found = context.parameters.get(name)
    if found is None:
        found = body.value(context.parameters, name)
    return default if found is None else found


def names(found: object) -> tuple[str, ...]:
    """Return a parameter's texts; a lone text counts as a list of one."""
    return body.text_or_texts(found)


def gap_at(context: Context, resource: Resource, path: str) -> Gap | None:
    """Return the gap that hides a property path of a resource (at, above or below it), or None."""
    wanted = path.lower()
    for gap in context.estate.path_gaps(resource.key):
        missing = gap.what.lower()
        if missing == wanted or wanted.startswith(f"{missing}.") or missing.startswith((f"{wanted}.", f"{wanted}[")):
            return gap
    return None


def subscription_scope(resource_id: str) -> str:
    """Return the subscription scope that a resource lies in, or the empty scope."""
    subscription = ids.subscription_of(resource_id)
    return f"/subscriptions/{subscription}" if subscription else ""


def spelled(context: Context, resource_key: str | None) -> str | None:
    """Return an id as its resource spells it, else in comparable form."""
    if resource_key is None:
        return None
    found = context.estate.get(resource_key)
    return found.id if found else resource_key


def children(context: Context, parent: Resource, child_type: str) -> Sequence[Resource]:
    """Return the children of a resource that have the given type (in lower case), sorted by key."""
    found = (context.estate.get(key) for key in context.estate.targets(parent.key, "contains"))
    return [child for child in found if child is not None and child.type_key == child_type]


def subscriptions(context: Context) -> frozenset[str]:
    """Return the subscriptions, in lower case, of which the estate holds a resource."""
    return frozenset(ids.subscription_of(resource.key) or "" for resource in context.estate.resources)


def listed(words: Sequence[str]) -> str:
    """Return words as an enumeration for a sentence."""
    return ", ".join(words[:-1]) + (" and " if len(words) > 1 else "") + (words[-1] if words else "")
