"""Derive the relations between resources from their properties."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from auditor import resource_id as ids
from auditor.model import Relation, Resource


@dataclass(frozen=True, slots=True)
class Navigation:
    """A way to go from a resource to related ones, by the name that rules use.

    `outward`: along the relation, else against it. `types`: lower-case types of what is found (empty: any); those types
    must have been collected for the answer to be known. `below`: what is found lies below the resource's own id.
    """

    kind: str
    outward: bool
    types: tuple[str, ...] = ()
    below: bool = False


NAVIGATION: Final[Mapping[str, Navigation]] = {
    "parent": Navigation("contains", outward=False),
    "child": Navigation("contains", outward=True, below=True),
    "privateEndpoint": Navigation("private-endpoint-for", outward=False, types=("microsoft.network/privateendpoints",)),
}


def derive(resources: Iterable[Resource]) -> Iterator[Relation]:
    """Yield every relation that the resources' own properties state; the order is that of the resources."""
    for resource in resources:
        if parent := ids.parent_of(resource.id):
            yield Relation(ids.key(parent), "contains", resource.key)
