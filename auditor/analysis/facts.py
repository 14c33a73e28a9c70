"""Build facts alike: ids, roles, parameters, and what of them is not known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from auditor import resource_id as ids
from auditor.analysis.contract import Context
from auditor.analysis.fact import About
from auditor.azure import body
from auditor.model import Fact, Gap, Json

Inputs = Sequence[tuple[str, str]]


def build(
    context: Context,
    kind: str,
    subject: str,
    fields: Json,
    *,
    sub_object: str = "",
    summary: str = "",
    witness: Json | None = None,
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
        witness=witness,
    )


def about(
    context: Context,
    subject: str,
    *,
    sub_object: str = "",
    role: tuple[str | None, str | None] | None = None,
    inputs: Inputs = (),
) -> About:
    """Return what a fact about a resource is about, filed under the workload and component of its subject or `role`."""
    workload, component = role or context.workloads.role_of(ids.key(subject))
    return About(subject=subject, sub_object=sub_object, workload=workload, component=component, inputs=tuple(inputs))


def parameter(context: Context, name: str, default: object) -> object:
    """Return a baseline parameter by its dotted name, whether it is bound flat (`a.b`) or nested (`a: {b: …}`)."""
    found = context.parameters.get(name)
    if found is None:
        found = body.value(context.parameters, name)
    return default if found is None else found


def listed(words: Sequence[str]) -> str:
    """Return words as an enumeration for a sentence."""
    return ", ".join(words[:-1]) + (" and " if len(words) > 1 else "") + (words[-1] if words else "")
