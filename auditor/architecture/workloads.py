"""Bind the roles of an architecture to resources, by what they are connected to."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from auditor import resource_id as ids
from auditor.architecture.bind import BoundBy, Claims, ComponentBinder, Found, Strands, names_of
from auditor.architecture.declare import Declaration, parameter, read_declarations
from auditor.architecture.follow import FittingResources, Paths, dangling, relation_gap_of
from auditor.azure import body
from auditor.estate.graph import Estate
from auditor.model import Gap, Resource


class Binding(Struct, frozen=True):
    """A resource that plays a role, and how it was found."""

    component: str
    resource: Resource
    how: BoundBy


class Workload(Struct, frozen=True):
    """One instance of the architecture, named after its anchor resource."""

    name: str
    anchor: Resource
    bindings: Mapping[str, Sequence[Binding]]
    notices: Sequence[str] = ()
    strands: Mapping[str, Strands] = msgspec.field(default_factory=dict)
    """By component, what ties it to the workload, where several strands were weighed."""
    givers: Mapping[str, Sequence[str]] = msgspec.field(default_factory=dict)
    """By capability, the components that give it."""

    def resources(self, component: str) -> Sequence[Resource]:
        """Return the resources bound to a component of this workload, sorted by key."""
        return [binding.resource for binding in self.bindings.get(component, ())]

    def giving(self, capability: str) -> Sequence[Resource]:
        """Return the resources of all components that give a capability, in the order of the declarations, each once."""
        found = {one.key: one for name in self.givers.get(capability, ()) for one in self.resources(name)}
        return list(found.values())

    def bound(self) -> Mapping[str, Sequence[Resource]]:
        """Return the resources of every component."""
        return {component: self.resources(component) for component in self.bindings}


@dataclass(frozen=True)
class Workloads:
    """All instances of the architecture found in the estate, sorted by name, and what was looked for."""

    all: Sequence[Workload] = ()
    notices: Sequence[str] = ()
    _roles: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    declared: Sequence[Declaration] = ()
    givers: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """By capability, the components that give it."""
    doubts: dict[tuple[str, str], Gap | None] = field(default_factory=dict, repr=False, compare=False)
    """What `may_have` answered, by anchor and component: every subnet and every role of an identity asks it again."""
    fitting: FittingResources | None = field(default=None, repr=False, compare=False)
    """What in the estate fits their declarations, where they were bound."""

    @cached_property
    def named(self) -> Mapping[str, Workload]:
        """Return the workloads by name, of which no two have one."""
        return {workload.name: workload for workload in reversed(self.all)}

    def components_giving(self, capability: str) -> Sequence[str]:
        """Return the components that give a capability, in the order of their declarations."""
        return self.givers.get(capability, ())

    def role_of(self, resource_key: str) -> tuple[str | None, str | None]:
        """Return (workload, component) of a resource, or (None, None). A shared resource names the first workload.

        What lies below a bound resource and has no role of its own has that resource's.
        """
        return self._roles.get(resource_key, (None, None))


def givers_of(declared: Sequence[Declaration]) -> Mapping[str, Sequence[str]]:
    """Return by capability the components that give it, in the order of their declarations."""
    names = dict.fromkeys(capability for one in declared for capability in one.gives)
    return {name: [one.name for one in declared if name in one.gives] for name in names}


def companions(workloads: Workloads) -> Mapping[str, frozenset[str]]:
    """Return, by the key of each resource that plays a role, the keys of all that play one in a workload with it."""
    found: dict[str, frozenset[str]] = {}
    for workload in workloads.all:
        together = frozenset(resource.key for held in workload.bound().values() for resource in held)
        for key in together:
            found[key] = found[key] | together if key in found else together
    return found


def better_anchor(estate: Estate, workloads: Workloads, workload: Workload) -> Gap | None:
    """Return why a workload may be another one, named after a better anchor that was not seen, or None."""
    ranks = {one.name: one.anchor for one in workloads.declared if one.anchor is not None}
    own = min((rank for name, rank in ranks.items() if workload.anchor in workload.resources(name)), default=0)
    better = (one for one in workloads.declared if one.anchor is not None and one.anchor < own)
    gaps = (estate.type_gap(name) for one in better for name in one.types)
    return next((gap for gap in gaps if gap is not None), None)


def unseen_anchor(estate: Estate, workloads: Workloads) -> Gap | None:
    """Return why there may be a workload though none is known, or None where one is, or there is none."""
    if workloads.all:
        return None
    gaps = map(estate.type_gap, anchor_types(workloads))
    return next((gap for gap in gaps if gap is not None), None)


def anchor_types(workloads: Workloads) -> Sequence[str]:
    """Return the types, as spelled, that a workload may be named after, sorted."""
    return sorted({name for one in workloads.declared if one.anchor is not None for name in one.types})


def may_have(estate: Estate, workloads: Workloads, workload: Workload | None, component: str) -> Gap | None:
    """Return why a workload that has no such component may have one all the same, or None.

    Without `workload`: why any may, one that is not known itself included.
    """
    key = ("" if workload is None else workload.anchor.key, component)
    if key not in workloads.doubts:
        workloads.doubts[key] = _may_have(estate, workloads, workload, component)
    return workloads.doubts[key]


def may_have_any(
    estate: Estate, workloads: Workloads, workload: Workload | None, components: Iterable[str]
) -> Gap | None:
    """Return the first reason why a workload may have some component that it is known to have none of, or None."""
    gaps = (may_have(estate, workloads, workload, component) for component in components)
    return next((gap for gap in gaps if gap is not None), None)


def _may_have(estate: Estate, workloads: Workloads, workload: Workload | None, component: str) -> Gap | None:
    if not any(declaration.name == component for declaration in workloads.declared):
        return None
    asked: Sequence[Workload | None] = [workload] if workload else (workloads.all or [None])
    lacking = (one for one in asked if one is None or not one.resources(component))
    gaps = (unknown_because(estate, workloads, one, component) for one in lacking)
    return next((gap for gap in gaps if gap is not None), None)


def bind(estate: Estate, parameters: Mapping[str, object], declarations: Mapping[str, object]) -> Workloads:
    """Return the workloads of an estate: one for each anchor, its components bound as the baseline declares them.

    Raise ContentError where the declarations are wrong. Neither letter case nor the order of resources matters.
    """
    declared = read_declarations(declarations, parameters, estate.catalogue.ways)
    givers = givers_of(declared)
    fitting = FittingResources(estate)
    component, anchors, notices = _find_anchors(fitting, parameters, declared)
    if not anchors:
        return Workloads(
            notices=(*notices, "no workload: the estate has no resource to start from"),
            declared=declared,
            givers=givers,
            fitting=fitting,
        )
    found = _settle_all(fitting, parameters, declared, component, anchors)
    names = _names(anchors)
    shared = _shared(found, declared)
    workloads = []
    for anchor in anchors:
        bindings = {
            name: tuple(Binding(name, resource, what.how) for resource in what.resources)
            for name, what in found[anchor.key].items()
            if what.resources and not _declaration(declared, name).internal
        }
        own = [notice for what in found[anchor.key].values() for notice in what.notices]
        strands = {name: what.strands for name, what in found[anchor.key].items() if name in bindings}
        notices_of = (*own, *shared.get(anchor.key, ()))
        workloads.append(Workload(names[anchor.key], anchor, bindings, notices_of, strands, givers))
    workloads.sort(key=lambda workload: (workload.name.lower(), workload.anchor.key))
    roles = _roles(estate, workloads, declared)
    return Workloads(workloads, tuple(notices), roles, declared, givers, fitting=fitting)


def unknown_because(
    estate: Estate, workloads: Workloads, workload: Workload | None, component: str, _seen: frozenset[str] = frozenset()
) -> Gap | None:
    """Return why it is not known whether a component that nothing is bound to exists, or None where it is known.

    Known is also that the estate, with all resources of the type collected, holds none that could be the component.
    """
    declaration = _declaration(workloads.declared, component)
    bound = workload.bound() if workload else {}
    for _, path, target in dangling(estate, declaration, bound):
        if gap := estate.unseen(target):
            return Gap(target, declaration.types[0] if declaration.types else path, gap.reason, gap.permission)
    for name in declaration.types:
        if gap := estate.type_gap(name):
            return gap
    if not _could_be(estate, workloads, declaration, bound):
        return None
    if gap := next((gap for step in declaration.steps if (gap := relation_gap_of(estate, step, bound))), None):
        return gap
    seen = _seen | {component}
    origins = {origin for step in declaration.steps for origin in step.origins if origin not in bound} - seen
    gaps = (unknown_because(estate, workloads, workload, origin, seen) for origin in sorted(origins))
    return next((gap for gap in gaps if gap), None)


def _could_be(
    estate: Estate, workloads: Workloads, declaration: Declaration, bound: Mapping[str, Sequence[Resource]]
) -> bool:
    """Whether anything in the estate fits a component but what its workload holds as another that is excluded."""
    fitting = workloads.fitting or FittingResources(estate)
    taken = {resource.key for name in declaration.exclude for resource in bound.get(name, ())}
    return any(resource.key not in taken for resource in fitting.of(declaration))


def _find_anchors(
    fitting: FittingResources, parameters: Mapping[str, object], declared: Sequence[Declaration]
) -> tuple[str, Sequence[Resource], Sequence[str]]:
    """Return the first anchor component that the estate has any resource for, with those resources, sorted by key."""
    ranked = [declaration for declaration in declared if declaration.anchor is not None]
    ranked.sort(key=lambda declaration: declaration.anchor or 0)
    notices: list[str] = []
    for declaration in ranked:
        anchors = fitting.of(declaration)
        wanted = frozenset(ids.key(name) for name in body.text_or_texts(parameter(parameters, declaration.override)))
        chosen = fitting.named(declaration, wanted)
        if wanted and not chosen:
            path = declaration.override
            notices.append(f"parameter {path} names {', '.join(sorted(wanted))}, which is not in the estate")
        anchors = chosen or anchors
        if anchors:
            if declaration is not ranked[0]:
                notices.append(
                    f"no {ranked[0].title} in the estate: workloads are named after their {declaration.title}"
                )
            return declaration.name, sorted(anchors, key=lambda resource: resource.key), notices
    return "", (), notices


def _settle_all(
    fitting: FittingResources,
    parameters: Mapping[str, object],
    declared: Sequence[Declaration],
    component: str,
    anchors: Sequence[Resource],
) -> Mapping[str, Mapping[str, Found]]:
    """Settle every workload: first by its own connections, then through networks but for what others hold by theirs."""
    estate, is_alone, names = fitting.estate, len(anchors) == 1, names_of(declared, parameters)
    paths = Paths(estate)
    binders = {
        anchor.key: ComponentBinder(estate, paths, fitting, parameters, declared, anchor, component, is_alone, names)
        for anchor in anchors
    }
    if is_alone:
        binder = binders[anchors[0].key]
        return {binder.anchor.key: _with_lone_candidates(binder)}
    strong = {key: binder.settle(follow_weak=False) for key, binder in binders.items()}
    holders: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for key, found in strong.items():
        for name, what in found.items():
            for resource in what.resources:
                holders[name][resource.key].add(key)
    claims = Claims(holders)
    return {key: replace(binder, claims=claims).settle(follow_weak=True) for key, binder in binders.items()}


def _with_lone_candidates(binder: ComponentBinder) -> Mapping[str, Found]:
    """Settle the only workload; where structure says nothing, the one candidate of a type is taken, one by one."""
    pinned: dict[str, Found] = {}
    found = binder.settle(follow_weak=True)
    for declaration in binder.declared:
        if declaration.only_candidate and not found[declaration.name].resources:
            lone = binder.lone_candidate(declaration, found)
            pinned[declaration.name] = replace(lone, notices=(*found[declaration.name].notices, *lone.notices))
            found = replace(binder, pinned=pinned).settle(follow_weak=True)
    return found


def _names(anchors: Sequence[Resource]) -> Mapping[str, str]:
    """Return a name for each anchor: its own; where two share it, with the resource group, then the subscription."""
    names = {anchor.key: anchor.name for anchor in anchors}
    for part in (ids.resource_group_of, ids.subscription_of):
        uses = Counter(name.lower() for name in names.values())
        for anchor in anchors:
            if uses[names[anchor.key].lower()] > 1:
                names[anchor.key] = f"{names[anchor.key]} ({part(anchor.id) or '-'})"
    return names


def _shared(found: Mapping[str, Mapping[str, Found]], declared: Sequence[Declaration]) -> Mapping[str, Sequence[str]]:
    """Return a notice for each workload and component whose resource other workloads have too."""
    uses = Counter(
        (name, resource.key)
        for bindings in found.values()
        for name, what in bindings.items()
        for resource in what.resources
    )
    notices: dict[str, list[str]] = defaultdict(list)
    for anchor, bindings in found.items():
        for declaration in declared:
            for resource in bindings[declaration.name].resources:
                if uses[declaration.name, resource.key] > 1 and not declaration.internal:
                    notices[anchor].append(f"{declaration.name}: {resource.name} is shared with other workloads")
    return notices


def _roles(
    estate: Estate, workloads: Sequence[Workload], declared: Sequence[Declaration]
) -> Mapping[str, tuple[str, str]]:
    roles: dict[str, tuple[str, str]] = {}
    for workload in workloads:
        for declaration in declared:
            for resource in workload.resources(declaration.name):
                roles.setdefault(resource.key, (workload.name, declaration.name))
    waiting = list(roles)
    while waiting:
        key = waiting.pop()
        for child in estate.targets(key, "contains"):
            if child not in roles:
                roles[child] = roles[key]
                waiting.append(child)
    return roles


def _declaration(declared: Sequence[Declaration], name: str) -> Declaration:
    return next(declaration for declaration in declared if declaration.name == name)
