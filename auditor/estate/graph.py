"""Answer who is related to whom in a snapshot, and what of it is not known."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from operator import attrgetter
from typing import TypeVar, cast

from auditor import resource_id as ids
from auditor.azure import body
from auditor.azure.catalogue import Catalogue, shipped
from auditor.azure.relation import Inherited, Navigation, StatedRelation
from auditor.estate import lookup as lookups
from auditor.estate.completeness import NOT_IN_EXPORT, Completeness, Missing
from auditor.estate.declared_gaps import DeclaredGaps
from auditor.estate.left_out import LeftOutGaps
from auditor.estate.lookup import AmbiguousHost
from auditor.estate.navigation import derive, in_doubt
from auditor.estate.unread import hidden_anywhere, unread, unresolved
from auditor.model import Gap, Relation, Resource
from auditor.snapshot.children import inline_children
from auditor.snapshot.model import (
    ITEM_NOT_READ,
    KIND_NOT_READ,
    LIST_OF_ANOTHER_KIND,
    NOT_PRINTED,
    STATED_TWICE,
    TEXT_FOR_OBJECT,
    Metadata,
    Snapshot,
)

T = TypeVar("T")
FOLLOWED = "followed"  # the facet of a resource outside the scope that something in it points at
PROPERTIES = "properties"
_PLACED = frozenset({"attached", "in-network"})
_STATED_BY_SOURCE = frozenset({"assigned-to", "attached", "uses"})
"""Relations that stand, at least in part, in the properties of the resource where they begin."""
OUTSIDE = "outside the collected scope"
_NOWHERE: Mapping[str, Sequence[str]] = {}


class Estate:
    """Resources with their relations; read-only.

    Of a snapshot that is not complete, what it lacks is not known rather than absent (`completeness`).
    `catalogue` is what is known of resource types; the tool's own where it is None.
    """

    def __init__(self, snapshot: Snapshot, *, complete: bool = False, catalogue: Catalogue | None = None) -> None:
        self.metadata: Metadata = snapshot.metadata
        self.catalogue = catalogue or shipped()
        self.sha256 = snapshot.sha256
        self.complete = complete or snapshot.metadata.complete
        self.resources: Sequence[Resource] = snapshot.resources
        self.gaps: Sequence[Gap] = snapshot.gaps
        self._followed = frozenset(ids.key(facet.scope) for facet in snapshot.facets if facet.name == FOLLOWED)
        self.followed = sorted(self._followed)
        self._type_gaps = DeclaredGaps()
        self._own_gaps: dict[str, list[Gap]] = defaultdict(list)
        self._note_gaps(snapshot.gaps)
        self._by_key: dict[str, Resource] = {}
        self._by_type: dict[str, list[Resource]] = defaultdict(list)
        self._unread: dict[str, list[Resource]] = defaultdict(list)
        self._unread_by_key: dict[str, Resource] = {}
        self._why_unread: dict[str, Gap] = {}
        self._named_only: dict[str, Sequence[Gap]] = {}
        self._hidden_statements: dict[tuple[str, str], Gap | None] = {}
        self._children: dict[str, Mapping[str, Sequence[Resource]]] = {}
        self._read: dict[Callable[[Estate], object], object] = {}
        self._place(snapshot.resources)
        self._left_out = LeftOutGaps(snapshot.metadata.scope, (self._by_type, self._unread), self.catalogue)
        lookup = lookups.build(snapshot.resources, self.catalogue)
        derived = derive(snapshot.resources, lookup, self.catalogue)
        self.relations: Sequence[Relation] = sorted(set(_between_same(derived, self._by_key)), key=_order)
        self.ambiguous_hosts: Sequence[AmbiguousHost] = list(lookup.ambiguous)
        self._note_ambiguous()
        self._out = _index((relation.kind, relation.source, relation.target) for relation in self.relations)
        self._in = _index((relation.kind, relation.target, relation.source) for relation in self.relations)
        self._completeness = Completeness(
            self._by_key, self._by_type, self._unread, self.catalogue, complete=self.complete
        )

    def once(self, read: Callable[[Estate], T]) -> T:
        """Return what a reader makes of the estate, of which it must be a function; it is made when it is first asked for."""
        if read not in self._read:
            self._read[read] = read(self)
        return cast("T", self._read[read])

    def forget(self) -> None:
        """Let go what readers made of the estate: whoever asks again has it made again."""
        self._read.clear()

    def _note_gaps(self, gaps: Iterable[Gap]) -> None:
        for gap in gaps:
            if "/" in gap.what:
                self._type_gaps.add(gap)
                if gap.what.lower() == (ids.type_of(gap.scope) or "").lower():
                    self._note_in_parent(gap)
            else:
                self._own_gaps[ids.key(gap.scope)].append(gap)

    def _note_ambiguous(self) -> None:
        """Note where it is not known who is related, because a host name may be that of several."""
        for one in self.ambiguous_hosts:
            for key, name in in_doubt(one, self.catalogue.ways):
                self._own_gaps[key].append(Gap(self.spelled(key) or key, f"related:{name}", self.told_of_host(one)))

    def told_of_host(self, ambiguous: AmbiguousHost) -> str:
        """Return why a host name does not tell what has it."""
        listed = " and ".join(self.spelled(key) or key for key in ambiguous.candidates)
        return f"{ambiguous.host} is the host name of {listed}, and only one can have it"

    def _place(self, resources: Iterable[Resource]) -> None:
        """File the resources; one whose properties were not read is as good as not here for whatever looks at them."""
        for resource in resources:
            own = self._own_gaps.get(resource.key, ())
            unread = next((gap for gap in own if _hides_properties(gap)), None)
            if unread is None:
                self._by_key[resource.key] = resource
                self._by_type[resource.type_key].append(resource)
            else:
                self._unread[resource.type_key].append(resource)
                self._unread_by_key[resource.key] = resource
                self._why_unread[resource.key] = unread
                hidden = Gap(resource.id, resource.type, unread.reason, unread.permission)
                self._type_gaps.add(hidden)
                self._note_in_parent(hidden)

    def _note_in_parent(self, hidden: Gap) -> None:
        """Note that a list inside a resource is not known whole, where it is in such a list that a child stands."""
        parent = ids.parent_of(hidden.scope)
        if parent is None:
            return
        listed = inline_children((ids.type_of(parent) or "").lower()).get(hidden.what.rpartition("/")[2].lower())
        if listed is not None:
            reason = f"{ids.name_of(hidden.scope)}: {hidden.reason}"
            self._own_gaps[ids.key(parent)].append(Gap(parent, f"{PROPERTIES}.{listed}", reason, hidden.permission))

    def get(self, resource_id: str) -> Resource | None:
        """Return the resource with this id, in any case; None too where its properties were not read."""
        return self._by_key.get(ids.key(resource_id))

    def resource(self, resource_id: str) -> Resource | None:
        """Return the resource with this id, in any case, also where its properties were not read."""
        key = ids.key(resource_id)
        return self._by_key.get(key) or self._unread_by_key.get(key)

    def has_unread(self, resource_type: str) -> bool:
        """Whether there is a resource of a type of which so little is known that `get` does not have it."""
        return bool(self._unread.get(resource_type.lower()))

    def why_unread(self, resource_id: str) -> Gap | None:
        """Return why so little of a resource is known that `get` does not have it, or None."""
        return self._why_unread.get(ids.key(resource_id))

    def of_type(self, resource_type: str) -> Sequence[Resource]:
        """Return all resources of a type (any case), sorted by key."""
        return self._by_type.get(resource_type.lower(), ())

    def of_type_below(self, resource_type: str, scope: str) -> Sequence[Resource]:
        """Return the resources of a type (any case) that are a scope or lie below it, sorted by key."""
        outer, typed = ids.key(scope), self.of_type(resource_type)
        if not outer:
            return typed
        own = self._by_key.get(outer)
        is_own = own is not None and own.type_key == resource_type.lower()
        return [*([own] if own is not None and is_own else []), *ids.below(typed, outer, _key_of)]

    def spelled(self, key: str | None) -> str | None:
        """Return an id as its resource spells it, or the given one where the resource is not here."""
        resource = None if key is None else self.get(key)
        return key if resource is None else resource.id

    def children(self, resource_id: str, child_type: str) -> Sequence[Resource]:
        """Return the children of a resource that have the given type (in lower case), sorted by key."""
        parent = ids.key(resource_id)
        if parent not in self._children:
            by_type: dict[str, list[Resource]] = defaultdict(list)
            for key in self.targets(parent, "contains"):
                if (child := self._by_key.get(key)) is not None:
                    by_type[child.type_key].append(child)
            self._children[parent] = by_type
        return self._children[parent].get(child_type, ())

    def below(self, scope: str) -> Sequence[Resource]:
        """Return the resources that are a scope or lie below it, sorted by key; all of them for `/` and no scope."""
        outer = ids.key(scope)
        if not outer:
            return self.resources
        own = self.resource(outer)
        return [*([own] if own else []), *ids.below(self.resources, outer, _key_of)]

    @property
    def is_whole(self) -> bool:
        """Whether all that there is was seen: the estate is complete, declares no gaps, and nothing was left out."""
        return self.complete and not self.gaps and not self._left_out

    @cached_property
    def subscriptions(self) -> frozenset[str]:
        """Return the subscriptions, in lower case, of which the estate holds a resource; the empty one for none."""
        return frozenset(ids.subscription_of(resource.key) or "" for resource in self.resources)

    def judged(self, resource_type: str) -> Sequence[Resource]:
        """Return the resources of a type that were asked for, without those outside the scope that were only followed.

        Those of which the properties were not read come last; they are in no other list.
        """
        listed = [*self.of_type(resource_type), *self._unread.get(resource_type.lower(), ())]
        return [resource for resource in listed if not self._is_followed(resource.key)] if self.followed else listed

    def has_judged(self, resource_type: str) -> bool:
        """Whether there are resources of a type that were asked for."""
        return bool(self.judged(resource_type))

    def unread_of_type(self, resource_type: str) -> Sequence[Resource]:
        """Return the resources of a type that were asked for, and of which the properties were not read."""
        listed = self._unread.get(resource_type.lower(), ())
        return [resource for resource in listed if not self._is_followed(resource.key)]

    def judged_type(self, resource_id: str) -> str | None:
        """Return the type, in lower case, of the resource with this id, in any case, if it was asked for; else None."""
        resource = self.resource(resource_id)
        return None if resource is None or self._is_followed(resource.key) else resource.type_key

    def stating(self, name: str) -> Sequence[Resource]:
        """Return the resources that have a member with this name, in lower case, at the top of their bodies."""
        return [resource for resource in self.resources if name in resource.stated]

    def _is_followed(self, key: str) -> bool:
        return any(above in self._followed for above in _upwards(key))

    def types(self) -> Sequence[str]:
        """Return the types present, in lower case, sorted."""
        return sorted({*self._by_type, *self._unread})

    def targets(self, resource_id: str, kind: str) -> Sequence[str]:
        """Return keys that the resource points at by a relation of this kind, whether or not they exist here."""
        return self._out.get(kind, _NOWHERE).get(ids.key(resource_id), ())

    def sources(self, resource_id: str, kind: str) -> Sequence[str]:
        """Return keys of resources that point at this one by a relation of this kind."""
        return self._in.get(kind, _NOWHERE).get(ids.key(resource_id), ())

    def related(self, resource_id: str, name: str) -> Sequence[Resource]:
        """Return the resources reached by a named navigation (`privateEndpoint`, `child`; `Catalogue.ways`)."""
        navigation = self.catalogue.ways[name]
        found = (self._by_key.get(key) for key in self._ends(resource_id, navigation))
        return [r for r in found if r is not None and (not navigation.types or r.type_key in navigation.types)]

    def _ends(self, resource_id: str, navigation: Navigation) -> Iterable[str]:
        """Return the keys, whether or not they exist here, to which a navigation leads."""
        if navigation.by_scope:
            own = ids.key(resource_id)
            return [scope for scope in (*_resources_above(own), *_scopes_above(own)) if scope != own]
        find = self.targets if navigation.outward else self.sources
        keys = dict.fromkeys(find(resource_id, navigation.kind))
        for place in _inherited_from(resource_id, navigation.inherited):
            keys |= dict.fromkeys(self._in.get(navigation.kind, _NOWHERE).get(place, ()))
        frontier = list(keys) if navigation.then else []
        while frontier:
            frontier = [key for start in frontier for key in self.targets(start, navigation.then) if key not in keys]
            keys |= dict.fromkeys(frontier)
        return keys

    def type_gap(self, resource_type: str, scope: str = "") -> Gap | None:
        """Return why resources of a type are not (all) known at, below or above a scope, or None where they are.

        Without scope: anywhere. Of what is not complete, only lists inside a resource that was read are known whole.
        """
        return self.declared_gap(resource_type, scope) or self._completeness.gap(resource_type, scope)

    def declared_gap(self, resource_type: str, scope: str) -> Gap | None:
        """Return what the snapshot itself says that it lacks of a type at, below or above a scope."""
        return self._type_gaps.near(resource_type, scope) or self._left_out.near(resource_type, scope)

    def missing(self, resource_type: str) -> Sequence[Missing]:
        """Return what of a type the estate's resources must or may have besides what is here, by what it belongs to."""
        listed = (one for one in self._completeness.missing(resource_type) if not self._is_followed(one.parent.key))
        return [one for one in listed if self._left_out.near(resource_type, one.parent.key) is None]  # `gaps_in` has it

    def named_only(self, resource_type: str) -> Sequence[Gap]:
        """Return a gap, at what names it, for each resource of a type that is not here; none in what is complete."""
        if self.complete:
            return ()
        if resource_type not in self._named_only:
            namers = sorted(self._namers.get(resource_type.lower(), {}).items())
            reasons = [
                (namer, f"{NOT_IN_EXPORT}: {ids.name_of(key)}, which {namer.name} names") for key, namer in namers
            ]
            permission = f"{resource_type}/read"
            self._named_only[resource_type] = [
                Gap(namer.id, resource_type, reason, permission) for namer, reason in reasons
            ]
        return self._named_only[resource_type]

    @cached_property
    def _namers(self) -> Mapping[str, Mapping[str, Resource]]:
        """By type, in lower case: the keys that relations name and that are not here, each with the first that does."""
        namers: dict[str, dict[str, Resource]] = defaultdict(dict)
        for relation in self.relations:
            for key, namer in ((relation.source, relation.target), (relation.target, relation.source)):
                resource = self._by_key.get(namer)
                if resource is not None and key not in self._by_key:
                    namers[(ids.type_of(key) or "").lower()].setdefault(key, resource)
        return namers

    def gaps_in(self, resource_type: str) -> Sequence[Gap]:
        """Return the gaps that the snapshot itself declares in a type, what its collection left out among them."""
        return [*self._type_gaps.of_type(resource_type), *self._left_out.of_type(resource_type)]

    def inventory_gaps(self) -> list[Gap]:
        """Return the gaps in any resource type: what hangs on resources of all types may hang on those."""
        return self._type_gaps.all()

    def relation_gap(self, resource_id: str, name: str) -> Gap | None:
        """Return why a named navigation from this resource is not (all) known, or None where it is.

        Children and extensions are known unless their type is missing below the resource; other sources may lie
        anywhere, so that a gap in their type anywhere makes the relation unknown.
        """
        for gap in self._own_gaps.get(ids.key(resource_id), ()):
            if gap.what == f"related:{name}":
                return gap
        navigation = self.catalogue.ways[name]
        if hidden := self._gap_in_lists(resource_id, navigation) or unread(self, resource_id, navigation):
            return hidden
        if navigation.own:
            return self._gap_in_own(resource_id, navigation)
        on_the_way = self._gap_on_the_way(resource_id, navigation)
        if on_the_way is not None:
            return on_the_way
        for resource_type in (*navigation.types, *navigation.stated_by):
            gap_found = self.type_gap(resource_type, resource_id if navigation.below else "")
            if gap_found is not None:
                return gap_found
        return next(iter(self.named(resource_id, name)), None)

    def _gap_in_lists(self, resource_id: str, navigation: Navigation) -> Gap | None:
        """Return why a list of children inside a resource is not known whole, where a navigation leads to children, or None."""
        if navigation.kind != "contains" or not navigation.outward:
            return None
        lists = inline_children((ids.type_of(resource_id) or "").lower()).values()
        return next((gap for name in lists if (gap := self.gap_at(resource_id, f"{PROPERTIES}.{name}"))), None)

    def named(self, resource_id: str, name: str) -> Sequence[Gap]:
        """Return a gap, at its own id, for each resource of any type that a navigation leads to and that is not here."""
        navigation = self.catalogue.ways[name]
        if navigation.own or navigation.types or not navigation.outward:
            return ()
        targets = self.targets(resource_id, navigation.kind)
        gaps = ((key, self.unseen(key)) for key in targets if key not in self._by_key)
        return [Gap(key, gap.what, gap.reason, gap.permission) for key, gap in gaps if gap is not None]

    def hidden_statement(self, kind: str, stated: StatedRelation) -> Gap | None:
        """Return why some resource of a type does not show what it states of others; looked for once."""
        key = (kind, stated.place)
        if key not in self._hidden_statements:
            self._hidden_statements[key] = hidden_anywhere(self, kind, stated)
        return self._hidden_statements[key]

    def _unread_of(self, resource_id: str) -> Gap | None:
        """Return why so little of a resource's properties is known that what they name is not, or None where it is."""
        unread = self.gap_at(resource_id, PROPERTIES)
        return unread if unread is not None and _hides_properties(unread) else None

    def _gap_in_own(self, resource_id: str, navigation: Navigation) -> Gap | None:
        """Return why what a resource names by its own properties is not (all) here."""
        if (unread := self._unread_of(resource_id)) is not None:
            return unread
        ends = self._ends(resource_id, navigation)
        fitting = [key for key in ends if not navigation.types or _kind_of(key) in navigation.types]
        missing = next((gap for key in fitting if key not in self._by_key and (gap := self.unseen(key))), None)
        if missing is None and not fitting and navigation.outward and navigation.kind in _PLACED:
            missing = self._gap_in_interfaces(resource_id)
        return missing or unresolved(self, resource_id, navigation)

    def _gap_in_interfaces(self, resource_id: str) -> Gap | None:
        """Return why an interface that is attached to a resource, and carries it into a subnet, was not read, or None."""
        attached = (key for key in self.sources(resource_id, "attached") if _kind_of(key) == lookups.INTERFACES)
        return next((gap for key in attached if key not in self._by_key and (gap := self.unseen(key))), None)

    def _gap_in_reach(self, resource_id: str) -> Gap | None:
        """Return why not all networks are known in which a private address that a route names may be."""
        tables = (ids.key(resource_id), ids.parent_of(ids.key(resource_id)) or "")
        subnets = (key for table in tables for key in self.targets(table, "attached"))
        networks = {network for network in map(lookups.network_of, subnets) if network}
        peers = {peer for network in networks for peer in self.targets(network, "peered")}
        absent = (key for key in sorted(networks | peers) if key not in self._by_key)
        return next((gap for key in absent if (gap := self.unseen(key)) is not None), None)

    def _gap_on_the_way(self, resource_id: str, navigation: Navigation) -> Gap | None:
        """Return why what a resource points at, or what carries it into a network (its interfaces), is not known."""
        if navigation.near and (beyond := self._gap_in_reach(resource_id)):
            return beyond
        if not navigation.outward:
            return None
        if navigation.kind in _STATED_BY_SOURCE and (unread := self._unread_of(resource_id)):
            return unread
        for target in self.targets(resource_id, navigation.kind) if navigation.types else ():  # else: `named`
            fits = (ids.type_of(target) or "").lower() in navigation.types
            unseen = self.unseen(target) if fits and target not in self._by_key else None
            if unseen is not None:
                return unseen
        carriers = self.sources(resource_id, "attached") if navigation.kind in _PLACED else ()
        gaps = (self.unseen(carrier) for carrier in carriers if carrier not in self._by_key)
        return next((gap for gap in gaps if gap is not None), None)

    def is_outside(self, resource_id: str) -> bool:
        """Whether an id lies in a subscription or resource group that nobody asked to collect.

        Of an export that names no scope, the subscriptions of its resources are the scope, unless it is complete.
        """
        subscription, group = _last(ids.subscription_of(resource_id)), _last(ids.resource_group_of(resource_id))
        subscriptions, groups = self._asked_for
        if subscriptions and subscription not in subscriptions:
            return True
        if groups and group not in groups:
            return True
        if subscriptions or groups or self.complete:
            return False
        return subscription not in self.subscriptions

    @cached_property
    def _asked_for(self) -> tuple[frozenset[str], frozenset[str]]:
        """The subscriptions and the resource groups that the scope names, in lower case."""
        scope = self.metadata.scope
        subscriptions = body.texts(scope, "subscription_ids") or body.texts(scope, "subscriptions")
        groups = (*body.texts(scope, "resource_groups"), *body.texts(scope, "resourceGroups"))
        return frozenset(map(_last, subscriptions)), frozenset(map(_last, groups))

    def unseen(self, resource_id: str) -> Gap | None:
        """Return why a resource that is not here may exist all the same, or None where it is known not to exist."""
        kind = ids.type_of(resource_id) or _kind_of(ids.key(resource_id))
        if gap := self.declared_gap(kind, resource_id):
            return gap
        if self.is_outside(resource_id):
            return Gap(resource_id, kind, OUTSIDE)
        return self._completeness.gap(kind, resource_id)

    def left_out(self, resource_id: str) -> Gap | None:
        """Return why the collection did not ask for a resource, or None where it did, or would have."""
        return self._left_out.near(ids.type_of(resource_id) or "", resource_id)

    def path_gaps(self, resource_id: str) -> Sequence[Gap]:
        """Return the gaps in the resource's own properties (`what` is a property path)."""
        return [gap for gap in self._own_gaps.get(ids.key(resource_id), ()) if not gap.what.startswith("related:")]

    def gap_at(self, resource_id: str, path: str) -> Gap | None:
        """Return the gap that hides a property path of a resource (at, above or below it), or None."""
        asked = path.lower()
        for gap in self.path_gaps(resource_id):
            hidden = gap.what.lower().removesuffix(".*")
            resource = self.get(resource_id) if hidden != gap.what.lower() else None
            if resource is not None and body.value(resource.body, path) is not None:
                continue
            if (
                hidden == asked
                or asked.startswith((f"{hidden}.", f"{hidden}["))
                or hidden.startswith((f"{asked}.", f"{asked}["))
            ):
                return gap
        return None


_NOTHING_IS_SURE = frozenset({ITEM_NOT_READ, KIND_NOT_READ, LIST_OF_ANOTHER_KIND, STATED_TWICE, TEXT_FOR_OBJECT})


def _hides_properties(gap: Gap) -> bool:
    """Whether so little of a resource is known that nothing may be derived from its properties."""
    is_all = gap.what == PROPERTIES or (gap.what == f"{PROPERTIES}.*" and gap.reason != NOT_PRINTED)
    return is_all or gap.reason in _NOTHING_IS_SURE


def _kind_of(key: str) -> str:
    """Return the type, in lower case, of what a key is of: also of a resource group and of a subscription."""
    parts = ids.segments(key)
    if len(parts) in _SCOPE_TYPES and parts[0] == "subscriptions":
        return _SCOPE_TYPES[len(parts)]
    return (ids.type_of(key) or "").lower()


_SCOPE_TYPES = {2: ids.SUBSCRIPTIONS, 4: ids.RESOURCE_GROUPS}


def _inherited_from(resource_id: str, inherited: Inherited | None) -> Iterator[str]:
    """Yield the keys of what a resource lies in, as far as what is set there counts for it too."""
    if inherited is Inherited.ABOVE:
        yield from _resources_above(ids.key(resource_id))
    if inherited is not None:
        yield from _scopes_above(resource_id)


def _resources_above(key: str) -> Iterator[str]:
    """Yield the keys of the resources that one lies in, the nearest first."""
    above = ids.parent_of(key)
    while above is not None:
        yield above
        above = ids.parent_of(above)


def _scopes_above(resource_id: str) -> Sequence[str]:
    """Return the keys of the resource group and subscription that a resource lies in, and of everything."""
    parts = ids.key(resource_id).split("/")
    cuts = [cut for cut in (5, 3) if cut < len(parts)] if parts[1:2] == ["subscriptions"] else []
    return [*("/".join(parts[:cut]) for cut in cuts), "/"]


def _upwards(key: str) -> Iterator[str]:
    yield key
    while key:
        key = key.rpartition("/")[0]
        yield key


def _last(text: str | None) -> str:
    return (text or "").lower().rpartition("/")[2]


_key_of = attrgetter("key")


def _order(relation: Relation) -> tuple[str, str, str]:
    return relation.source, relation.kind, relation.target


def _between_same(relations: Iterable[Relation], resources: Mapping[str, Resource]) -> Iterator[Relation]:
    """Yield relations in which equal keys are the same text, that of the resource where it is here: texts are most of them."""
    others: dict[str, str] = {}

    def same(key: str) -> str:
        resource = resources.get(key)
        return others.setdefault(key, key) if resource is None else resource.key

    return (Relation(same(each.source), each.kind, same(each.target)) for each in relations)


def _index(edges: Iterable[tuple[str, str, str]]) -> Mapping[str, Mapping[str, Sequence[str]]]:
    """Return what is at the far ends of edges, by kind and near end."""
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for kind, near, far in edges:
        found[kind][near].append(far)
    return {kind: {near: tuple(far) for near, far in ends.items()} for kind, ends in found.items()}
