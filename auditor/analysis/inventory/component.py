"""Tell whether a component of the architecture exists in a workload, and what plays it."""

from __future__ import annotations

from typing import Final

from auditor import resource_id as ids
from auditor.analysis import facts
from auditor.analysis.contract import Context
from auditor.analysis.fact import Fact, Hidden, Known, Record, fact, record
from auditor.architecture.bind import BoundBy, Strands
from auditor.architecture.declare import Declaration
from auditor.architecture.follow import dangling, provisioning_state, relation_gap_of
from auditor.architecture.workloads import (
    Binding,
    Workload,
    anchor_types,
    better_anchor,
    unknown_because,
    unseen_anchor,
)
from auditor.model import Gap

_ARCHITECTURE: Final = "architecture"


@record
class BoundResource(Record, frozen=True, kw_only=True):
    """A resource that plays a component."""

    id: str
    """id of a bound resource"""
    name: str
    """its name"""
    type: str
    """its type"""
    how: BoundBy
    """structure, parameter, name or only candidate"""
    provisioning_state: str | None
    """its provisioning state"""
    strands: Hidden[tuple[str, ...]] = ()

    def __str__(self) -> str:
        """Return its name and how it was found, for a sentence."""
        state = self.provisioning_state or "Succeeded"
        suffix = "" if state.lower() == "succeeded" else f", provisioning state {state}"
        how = f"{self.how}: {facts.listed(self.strands)}" if self.strands else self.how
        return f"{self.name} (bound by {how}{suffix})"


@record
class StrayingStrand(Record, frozen=True, kw_only=True):
    """A way of telling the component that leads to other resources alone."""

    strand: str
    """what ties it to the workload, in the baseline's words"""
    resources: tuple[str, ...]
    """ids of the resources that it leads to"""


@record
class DanglingReference(Record, frozen=True, kw_only=True):
    """An id that something points at and that the estate lacks."""

    property: str
    """property that points at something missing"""
    target: str
    """the id it points at"""


@fact("inventory.component", subject="the resource bound to the component, else the anchor of the workload")
class ComponentPresence(Fact, frozen=True, kw_only=True):
    """Whether a component of the architecture exists."""

    presence = "bound"

    component: str
    """name of the component"""
    title: str
    """what the component is"""
    required: bool
    """whether the baseline requires it"""
    types: tuple[str, ...]
    """resource types it may be"""
    found: bool
    """whether a resource is bound to it, as far as resources were read"""
    bound: Known[int]
    """number of resources bound to it"""
    resources: Known[tuple[BoundResource, ...]]
    """the resources bound to it"""
    dangling: Known[tuple[DanglingReference, ...]]
    """what points at resources of it that are missing"""
    strands: tuple[str, ...]
    """what ties it to the workload, where the baseline weighs several such strands"""
    lacking: tuple[str, ...]
    """those of them that lead to nothing"""
    straying: Known[tuple[StrayingStrand, ...]]
    """those that lead to other resources alone"""
    lost: Hidden[tuple[str, ...]] = ()

    def sentence(self) -> str:
        """Say which resources play the component, that it is missing, or why this is not known."""
        if self.about.workload is None:
            return self._architecture()
        what, of = f"The architecture's {self.title}", f"workload {self.about.workload}"
        if isinstance(self.resources, Gap):
            summary = f"Whether {what[0].lower()}{what[1:]} exists in {of} is not known: {self.resources}"
        elif self.resources:
            summary = f"{what} in {of} is {', '.join(map(str, self.resources))}"
        else:
            types = " or ".join(self.types) or "resource"
            summary = f"{what} is missing: no {types} is connected to {of}"
        summary += f", but not by {facts.listed(self.lacking)}" if self.lacking else ""
        for one in () if isinstance(self.straying, Gap) else self.straying:
            names = facts.listed([ids.name_of(each) for each in one.resources])
            summary += f"; {one.strand} leads to {names} instead"
        return f"{summary}; {', '.join(self.lost)} is pointed at but not in the estate." if self.lost else f"{summary}."

    def _architecture(self) -> str:
        if isinstance(self.bound, Gap):
            return f"Whether the architecture exists is not known: {self.bound}."
        return f"None of the architecture is in the estate: there is no {' or '.join(self.types)}."


def component_fact(
    context: Context, workload: Workload, declaration: Declaration, filed: set[tuple[str, str]]
) -> ComponentPresence:
    """Return whether a workload has a component, filed under its first resource, else under the workload's anchor.

    `filed` holds the (resource key, component) pairs that have a fact already; the pair of this one is added.
    """
    name, estate = declaration.name, context.estate
    bindings = workload.bindings.get(name, ())
    lost = dangling(estate, declaration, workload.bound())
    strands = workload.strands.get(name, Strands())
    subject = bindings[0].resource if bindings else workload.anchor
    is_shared = (subject.key, name) in filed
    filed.add((subject.key, name))
    if workload.anchor in workload.resources(name):
        gap = better_anchor(estate, context.workloads, workload)
    else:
        gap = None if bindings else unknown_because(estate, context.workloads, workload, name)
    unseen = next((unseen for _, _, target in lost if (unseen := estate.unseen(target))), None if lost else gap)
    return ComponentPresence(
        about=facts.about(
            context,
            subject.id,
            sub_object=f"{name} of {workload.name}" if is_shared else name,
            role=(workload.name, name),
            inputs=[
                *((resource_id, path) for resource_id, path, _ in lost),
                *((binding.resource.id, "properties.provisioningState") for binding in bindings),
                *([] if bindings else [("", kind) for kind in declaration.types]),
            ],
        ),
        component=name,
        title=declaration.title,
        required=declaration.required,
        types=tuple(declaration.types),
        found=bool(bindings),
        bound=gap or len(bindings),
        resources=gap or tuple(_bound(binding, strands.holding) for binding in bindings),
        dangling=unseen or tuple(DanglingReference(property=path, target=target) for _, path, target in lost),
        strands=strands.holding,
        lacking=strands.lacking,
        straying=_straying(context, workload, declaration, strands),
        lost=tuple(target for _, _, target in lost),
    )


def _straying(
    context: Context, workload: Workload, declaration: Declaration, strands: Strands
) -> Known[tuple[StrayingStrand, ...]]:
    """Return the strands that lead to others alone, or why one of them may lead to the component, too."""
    names = {strand for strand, _ in strands.straying}
    steps = (step for step in declaration.steps if step.strand in names)
    gaps = (relation_gap_of(context.estate, step, workload.bound()) for step in steps)
    unseen = next((gap for gap in gaps if gap is not None), None)
    return unseen or tuple(StrayingStrand(strand=strand, resources=others) for strand, others in strands.straying)


def _bound(binding: Binding, strands: tuple[str, ...]) -> BoundResource:
    resource = binding.resource
    return BoundResource(
        id=resource.id,
        name=resource.name,
        type=resource.type,
        how=binding.how,
        provisioning_state=provisioning_state(resource),
        strands=strands,
    )


def missing_architecture(context: Context) -> ComponentPresence:
    """Return the fact that nothing of the architecture was found, filed under the first subscription of the estate."""
    estate = context.estate
    types = anchor_types(context.workloads)
    gap = unseen_anchor(estate, context.workloads)
    subscriptions = {held.lower() for r in estate.resources if (held := ids.subscription_of(r.id))}
    return ComponentPresence(
        about=facts.about(
            context,
            f"/subscriptions/{min(subscriptions)}" if subscriptions else "",
            sub_object=_ARCHITECTURE,
            role=(None, None),
            inputs=[("", kind) for kind in types],
        ),
        component=_ARCHITECTURE,
        title=_ARCHITECTURE,
        required=True,
        types=tuple(types),
        found=False,
        bound=gap or 0,
        resources=gap or (),
        dangling=gap or (),
        strands=(),
        lacking=(),
        straying=(),
    )
