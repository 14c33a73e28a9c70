"""Derive the relations between resources from their properties."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from auditor import resource_id as ids
from auditor.azure.catalogue import Catalogue, shipped
from auditor.azure.relation import Join, Navigation
from auditor.azure.resource_type import ResourceType
from auditor.estate import coded_relations, stated_relations
from auditor.estate import lookup as lookups
from auditor.estate.service_relations import SITE_CONFIGS
from auditor.model import Relation, Resource
from auditor.snapshot.rows import ROLE_ASSIGNMENTS

EXTENSIONS: Final = "microsoft.compute/virtualmachines/extensions"
CONTENT_POLICIES: Final = "microsoft.cognitiveservices/accounts/raipolicies"
ONLINE_ENDPOINTS: Final = "microsoft.machinelearningservices/workspaces/onlineendpoints"
PLANS: Final = "microsoft.web/serverfarms"
REGISTRIES: Final = "microsoft.containerregistry/registries"
STORAGE_ACCOUNTS: Final = "microsoft.storage/storageaccounts"
VAULTS: Final = "microsoft.keyvault/vaults"


PRIVATE_DNS_ZONES: Final = "microsoft.network/privatednszones"


def _names_by_id(kind: ResourceType) -> bool:
    """Whether resources of a type name others by id, but for the assignments of roles."""
    places = (place for stated in kind.refers for place in stated.places)
    holds_roles = kind.key == ROLE_ASSIGNMENTS or kind.role_system is not None
    return not holds_roles and any(place.join is Join.ID for place in places)


NAMING_OTHERS: Final = frozenset(
    {
        *(coded_relations.READERS.keys() - {SITE_CONFIGS}),
        *(item.key for item in shipped() if item.calls_others or item.private_link or _names_by_id(item)),
    }
)
"""Types, in lower case, whose properties are known to name other resources by id; what holds a role stands elsewhere."""


def derive(
    resources: Iterable[Resource], lookup: lookups.Lookup | None = None, catalogue: Catalogue | None = None
) -> Iterator[Relation]:
    """Yield every relation that the resources' own properties state; the same one may come from both of its ends.

    It goes through them twice: an iterator is kept in memory, anything else is asked again. `lookup` is over the same
    resources, and in the end has the host names of which it could not be told whose they are. `catalogue`: what is known
    of types; the tool's own where it is None.
    """
    known = list(resources) if isinstance(resources, Iterator) else resources
    catalogue = catalogue or shipped()
    lookup = lookup or lookups.build(known, catalogue)
    refers = stated_relations.stated_by(catalogue)
    for resource in known:
        yield from coded_relations.read_any(resource, lookup)
        if reader := coded_relations.READERS.get(resource.type_key):
            yield from reader(resource, lookup)
        if stated := refers.get(resource.type_key):
            yield from stated_relations.read(resource, stated, lookup)


def types_behind(way: Navigation, catalogue: Catalogue) -> frozenset[str]:
    """Return the types, in lower case, that decide where a way leads: those it leads to, and those that state it."""
    stating = {
        kind for relation in filter(None, (way.kind, way.then)) for kind, _ in catalogue.statements.get(relation, ())
    }
    coded = {kind for kind, relations in coded_relations.CODED.items() if {way.kind, way.then} & set(relations)}
    return frozenset({*way.types, *way.stated_by, *stating, *coded})


def in_doubt(ambiguous: lookups.AmbiguousHost, ways: Mapping[str, Navigation]) -> Iterator[tuple[str, str]]:
    """Yield (key, navigation) of each way to follow the relation that a host name of several may be, from both ends."""
    types = {ids.type_of(key) for key in ambiguous.candidates}
    for name, navigation in ways.items():
        if navigation.kind == ambiguous.kind and not navigation.outward:
            yield from ((key, name) for key in ambiguous.candidates)
        elif navigation.kind == ambiguous.kind and (not navigation.types or types & set(navigation.types)):
            yield ambiguous.caller, name
