"""Bind the declared components of one workload, starting from its anchor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final, Literal, TypeAlias

from msgspec import Struct, field
from msgspec.structs import replace

from auditor import resource_id as ids
from auditor.architecture.declare import Declaration, ReferenceStep, parameter
from auditor.architecture.follow import FittingResources, Paths, is_named, leads_to_unseen
from auditor.azure import body
from auditor.estate.graph import Estate
from auditor.model import Resource

BoundBy: TypeAlias = Literal["structure", "parameter", "name", "only candidate"]
"""By what a resource is bound; `only candidate`: nothing else fits."""
STRUCTURE: Final = "structure"
PARAMETER: Final = "parameter"
NAME: Final = "name"
ONLY_CANDIDATE: Final = "only candidate"

# Bindings feed one another (a network leads to a gateway, the gateway to its network); real estates settle in three.
_MAX_ROUNDS: Final = 10


class Claims(Struct, frozen=True):
    """What workloads reach on their own account: for each component the resources, by key, with those workloads' anchors."""

    holders: Mapping[str, Mapping[str, AbstractSet[str]]] = field(default_factory=dict)

    def bar(self, anchor: str, components: Sequence[str], resource: str) -> bool:
        """Whether a resource is one of these components of other workloads, and of this one none by its own account."""
        held = (self.holders.get(name, {}).get(resource) for name in components)
        return any(anchors is not None and anchor not in anchors for anchors in held)


class Strands(Struct, frozen=True):
    """What ties a component to its workload, where several strands are weighed, each in the baseline's words.

    `holding` lead to what is bound, `lacking` lead to nothing; `straying` lead to other resources alone, by strand their
    ids.
    """

    holding: tuple[str, ...] = ()
    lacking: tuple[str, ...] = ()
    straying: tuple[tuple[str, tuple[str, ...]], ...] = ()


class Found(Struct, frozen=True):
    """What was found for a component: resources sorted by key, how, and what to tell the user about it."""

    resources: tuple[Resource, ...] = ()
    how: BoundBy = STRUCTURE
    notices: tuple[str, ...] = ()
    strands: Strands = field(default_factory=Strands)


_FoundByName = Mapping[str, Found]


class ComponentBinder(Struct, frozen=True):
    """Settles the components of one workload.

    `claims`: what other workloads reach on their own account is no candidate through a shared network.
    `pinned`: components decided beforehand. `is_alone`: there is no other workload. `names`: as `names_of` returns.
    """

    estate: Estate
    paths: Paths
    fitting: FittingResources
    parameters: Mapping[str, object]
    declared: Sequence[Declaration]
    anchor: Resource
    anchor_component: str
    is_alone: bool
    names: Mapping[str, AbstractSet[str]]
    claims: Claims = field(default_factory=Claims)
    pinned: Mapping[str, Found] = field(default_factory=dict)

    def settle(self, *, follow_weak: bool) -> dict[str, Found]:
        """Return what each component is bound to, in the order declared, once another round changes nothing."""
        found: dict[str, Found] = {declaration.name: Found() for declaration in self.declared}
        for _ in range(_MAX_ROUNDS):
            before = {name: _keys(what) for name, what in found.items()}
            for declaration in self.declared:
                found[declaration.name] = self._find(declaration, found, follow_weak=follow_weak)
            if before == {name: _keys(what) for name, what in found.items()}:
                break
        return found

    def _find(self, declaration: Declaration, found: Mapping[str, Found], *, follow_weak: bool) -> Found:
        if declaration.name == self.anchor_component:
            return Found((self.anchor,))
        if declaration.name in self.pinned:
            return self.pinned[declaration.name]
        reached = self._by_strands(declaration, found, follow_weak=follow_weak) if declaration.strands else {}
        structural = (
            _heaviest(declaration, reached)
            if declaration.strands
            else self._by_structure(declaration, found, follow_weak=follow_weak)
        )
        override = self._by_override(declaration, structural)
        if override.resources:
            return replace(override, strands=_strands(declaration, reached, override.resources, found))
        if structural and self._is_decided_unseen(declaration, structural, found):
            return Found()
        if structural:
            told = self._tell_apart(declaration, structural)
        elif any(self._is_open(declaration, step, found) for step in declaration.steps):
            told = Found()
        else:
            told = self._by_name(declaration, found)
        strands = _strands(declaration, reached, told.resources, found)
        return Found(told.resources, told.how, (*override.notices, *told.notices), strands)

    def _by_strands(
        self, declaration: Declaration, found: Mapping[str, Found], *, follow_weak: bool
    ) -> Mapping[str, Mapping[str, Resource]]:
        """Return where each strand leads, by strand and key; steps of one strand count together."""
        bound = _resources(found)
        excluded = {resource.key for name in declaration.exclude for resource in bound[name]}
        reached: dict[str, dict[str, Resource]] = {strand: {} for strand in declaration.strands}
        for step in declaration.steps:
            if step.weak and not follow_weak:
                continue
            for one in self.paths.candidates(declaration, step, bound):
                if one.key not in excluded and not self._is_barred(declaration, step, one):
                    reached[step.strand][one.key] = one
        return reached

    def _is_decided_unseen(self, declaration: Declaration, structural: Sequence[Resource], found: _FoundByName) -> bool:
        """Whether a shared network alone leads to candidates, and what would tell which is meant may not have been seen.

        That is what leads here in another way, and what a component leads to that this one must not be.
        """
        strong = [step for step in declaration.steps if not step.weak]
        if not strong or self.estate.is_whole or self._is_told(declaration, structural, found):
            return False
        rivals = [self._declaration(name) for name in declaration.exclude if not found[name].resources]
        if any(self._may_be_unseen(one, one.steps, found) for one in rivals):
            return True
        if len(structural) == 1:
            return any(self._is_open(declaration, step, found) for step in strong)
        return bool(declaration.strands) and not declaration.many and self._may_be_unseen(declaration, strong, found)

    def _is_told(self, declaration: Declaration, structural: Sequence[Resource], found: _FoundByName) -> bool:
        """Whether connections of a component's own lead to some of the candidates."""
        if declaration.strands:
            reached = self._by_strands(declaration, found, follow_weak=False)
            return any(reached.values())
        told = {one.key for one in self._by_structure(declaration, found, follow_weak=False)}
        return any(one.key in told for one in structural)

    def _may_be_unseen(self, declaration: Declaration, steps: Sequence[ReferenceStep], found: _FoundByName) -> bool:
        """Whether steps may lead somewhere that is not known, or start at what is not."""
        unbound = {name for step in steps for name in step.origins if not found[name].resources}
        starts = [kind for name in sorted(unbound) for kind in self._declaration(name).types]
        return any(map(self.estate.type_gap, starts)) or any(self._is_open(declaration, step, found) for step in steps)

    def _declaration(self, name: str) -> Declaration:
        return next(one for one in self.declared if one.name == name)

    def _is_open(self, declaration: Declaration, step: ReferenceStep, found: Mapping[str, Found]) -> bool:
        """Whether something that was not seen, and is known by name, may be where a step leads or where it starts."""
        if self.estate.is_whole:
            return False
        starts = (one for one in self.declared if one.name in step.origins and not found[one.name].resources)
        is_begun = any(self.estate.named_only(kind) for start in starts for kind in start.types)
        return is_begun or leads_to_unseen(self.estate, declaration, step, _resources(found))

    def _by_structure(
        self, declaration: Declaration, found: Mapping[str, Found], *, follow_weak: bool
    ) -> tuple[Resource, ...]:
        """Return where the steps lead: a later one counts only where those before are not seen to lead to the unseen.

        Of what there may be several of, one more takes no place from the others.
        """
        bound = _resources(found)
        excluded = {resource.key for name in declaration.exclude for resource in bound[name]}
        union: dict[str, Resource] = {}
        for step in declaration.steps:
            if step.weak and not follow_weak:
                continue
            candidates = self.paths.candidates(declaration, step, bound)
            union.update(
                (one.key, one)
                for one in candidates
                if one.key not in excluded and not self._is_barred(declaration, step, one)
            )
            is_open = not declaration.many and self._is_open(declaration, step, found)
            if not declaration.union and (union or is_open):
                break
        return tuple(union[key] for key in sorted(union))

    def _is_barred(self, declaration: Declaration, step: ReferenceStep, candidate: Resource) -> bool:
        """Whether another workload reaches a candidate on its own account, and this one only through a shared network."""
        return step.weak and self.claims.bar(self.anchor.key, (declaration.name, *declaration.exclude), candidate.key)

    def _by_override(self, declaration: Declaration, structural: Sequence[Resource]) -> Found:
        """Return what a parameter says; of several workloads each takes what it reaches or has in its own group."""
        wanted = body.text_or_texts(parameter(self.parameters, declaration.override))
        if not wanted:
            return Found()
        keys = frozenset(map(ids.key, wanted))
        named = self.fitting.named(declaration, keys)
        if not named:
            path = declaration.override
            return Found(notices=(f"parameter {path} names {', '.join(wanted)}, which is not in the estate",))
        if not self.is_alone:
            reached = {resource.key for resource in structural}
            group = (ids.resource_group_of(self.anchor.key) or "", ids.subscription_of(self.anchor.key))
            named = [resource for resource in named if resource.key in reached] or [
                resource
                for resource in named
                if (ids.resource_group_of(resource.key), ids.subscription_of(resource.key)) == group
            ]
        return Found(tuple(named), PARAMETER)

    def _tell_apart(self, declaration: Declaration, structural: tuple[Resource, ...]) -> Found:
        """Return the candidates, fewer where there are several and names tell them apart; none who may have rivals."""
        if declaration.many:
            return Found(structural)
        if self._may_have_rivals(declaration, structural):
            shown = ", ".join(resource.name for resource in structural)
            return Found(notices=(f"{declaration.name} is not bound: {shown} may not be all that fit, names decide",))
        if len(structural) == 1:
            return Found(structural)
        if declaration.tell_apart:
            wanted = self.names[declaration.tell_apart]
            chosen = tuple(
                r for r in structural if any(is_named(s, wanted) for s in self.estate.related(r.key, "subnet"))
            )
        else:
            wanted = self.names[declaration.name]
            chosen = tuple(resource for resource in structural if is_named(resource, wanted))
            chosen = chosen or tuple(r for r in structural if not self._is_named_for_other(r, declaration))
        shown = ", ".join(resource.name for resource in structural)
        if chosen and len(chosen) < len(structural):
            told = ", ".join(resource.name for resource in chosen)
            return Found(chosen, NAME, (f"{declaration.name}: {shown} fit; {told} was told apart by name",))
        if declaration.internal or declaration.union:
            return Found(structural)
        return Found(structural, STRUCTURE, (f"{declaration.name} is ambiguous: {shown} fit and each is judged",))

    def _may_have_rivals(self, declaration: Declaration, structural: Sequence[Resource]) -> bool:
        """Whether candidates would give way to one that was not seen, by whose name, or subnet's, it is told apart."""
        if not any(map(self.estate.type_gap, declaration.types)):
            return False
        wanted = self.names[declaration.tell_apart or declaration.name]
        deciding = [self.estate.related(one.key, "subnet") if declaration.tell_apart else [one] for one in structural]
        if any(is_named(one, wanted) for several in deciding for one in several):
            return False
        kinds = next(one for one in self.declared if one.name == (declaration.tell_apart or declaration.name)).types
        return self.fitting.has_named(kinds, wanted) or all(
            self._is_named_for_other(one, declaration) for one in structural
        )

    def _by_name(self, declaration: Declaration, found: Mapping[str, Found]) -> Found:
        """Return resources inside a bound one that have the component's name and that nothing else claims."""
        wanted = self.names[declaration.name]
        if not wanted or declaration.inside is None:
            return Found()
        claimed = {
            resource.key
            for name, what in found.items()
            if name != declaration.name and what.how != NAME
            for resource in what.resources
        }
        chosen = tuple(
            child
            for container in found[declaration.inside].resources
            for child in self.estate.related(container.key, "child")
            if child.key not in claimed and declaration.fits(child, self.estate) and is_named(child, wanted)
        )
        if not chosen:
            return Found()
        shown = ", ".join(resource.name for resource in chosen)
        if all(resource.key in wanted for resource in chosen):
            return Found(chosen, PARAMETER)
        return Found(chosen, NAME, (f"{declaration.name} is bound to {shown} by name only",))

    def _is_named_for_other(self, resource: Resource, declaration: Declaration) -> bool:
        return any(
            other.types == declaration.types and other is not declaration and is_named(resource, self.names[other.name])
            for other in self.declared
        )

    def lone_candidate(self, declaration: Declaration, found: Mapping[str, Found]) -> Found:
        """Return the one resource of the type that no component has, or why there is none to take."""
        taken = {resource.key for what in found.values() for resource in what.resources}
        free = [resource for resource in self.fitting.of(declaration) if resource.key not in taken]
        if len(free) == 1 and any(map(self.estate.type_gap, declaration.types)):
            notice = f"{declaration.name} is not bound: nothing connects {free[0].name}, and there may be others"
            return Found(notices=(notice,))
        if len(free) == 1:
            notice = f"{declaration.name} is taken to be {free[0].name}: nothing connects it, but there is no other"
            return Found((free[0],), ONLY_CANDIDATE, (notice,))
        if free:
            shown = ", ".join(resource.name for resource in free)
            return Found(notices=(f"{declaration.name} is not bound: {shown} exist and none is connected",))
        return Found()


def _heaviest(declaration: Declaration, reached: Mapping[str, Mapping[str, Resource]]) -> tuple[Resource, ...]:
    """Return the resources that the most weight of strands leads to; all that any leads to where several are usual."""
    weights = {step.strand: step.weight for step in declaration.steps}
    known = {key: resource for several in reached.values() for key, resource in several.items()}
    told = {key: sum(weights[strand] for strand, several in reached.items() if key in several) for key in known}
    most = max(told.values(), default=0)
    return tuple(known[key] for key in sorted(known) if declaration.many or told[key] == most)


def _strands(
    declaration: Declaration,
    reached: Mapping[str, Mapping[str, Resource]],
    chosen: Sequence[Resource],
    found: Mapping[str, Found],
) -> Strands:
    """Return which strands lead to what was chosen, which to nothing, and which to others alone.

    That a shared network leads to what other components are says nothing of this one.
    """
    if not declaration.strands or not chosen:
        return Strands()
    keys = {resource.key for resource in chosen}
    others = {one.key for name, what in found.items() if name != declaration.name for one in what.resources}
    weak = {strand for strand in reached if all(step.weak for step in declaration.steps if step.strand == strand)}
    left = {
        strand: {key: one for key, one in several.items() if key in keys or strand not in weak or key not in others}
        for strand, several in reached.items()
    }
    return Strands(
        tuple(strand for strand, several in left.items() if keys & several.keys()),
        tuple(strand for strand, several in left.items() if not several),
        tuple(
            (strand, tuple(several[key].id for key in sorted(several)))
            for strand, several in left.items()
            if several and not keys & several.keys()
        ),
    )


def _resources(found: Mapping[str, Found]) -> Mapping[str, Sequence[Resource]]:
    return {name: what.resources for name, what in found.items()}


def _keys(found: Found) -> tuple[str, ...]:
    return tuple(resource.key for resource in found.resources)


def names_of(declared: Sequence[Declaration], parameters: Mapping[str, object]) -> Mapping[str, AbstractSet[str]]:
    """Return the names and ids that each component goes by, as keys: those of its parameter, else its own."""
    return {
        one.name: frozenset(map(ids.key, body.text_or_texts(parameter(parameters, one.fallback)) or one.names))
        for one in declared
    }
