"""How resources are related: what a type states of others, and by which names rules and components follow it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from msgspec import Struct

from auditor.azure import paths

NETWORKS: Final = "microsoft.network/virtualnetworks"
"""What lies in a subnet lies in its network."""


class Join(StrEnum):
    """What the text at a path is, and so how the resource that it means is found.

    `id`: a resource id. `name`: the name of a resource of one of the types named. `host`: a host name or an address
    with one. `address`: a private IP address. `principal`: the object id of an identity. `role`: the id
    of a role of Azure's own, which may be listed under another one. `scope`: the id of a scope, or
    without a path the scope at which the resource itself stands.
    """

    ID = "id"
    NAME = "name"
    HOST = "host"
    ADDRESS = "address"
    PRINCIPAL = "principal"
    ROLE = "role"
    SCOPE = "scope"


class Place(Struct, frozen=True):
    """Where a resource names another: a path from its body (`[*]`: each of a list), and what stands there."""

    at: paths.Steps
    join: Join = Join.ID


@dataclass(frozen=True, slots=True)
class StatedRelation:
    """One way in which resources of a type name others.

    `places`: the first that holds anything counts. `to`: types, in lower case; an id of something below one of them
    means that one, and a name is looked up in each of them, nearest first. `whole`: an id means the top-level resource
    that it lies in. `of_parent`: it is the parent's relation. `reverse`: what is named points at the resource.
    `where`: property path → values, in lower case, with which alone it holds. `place`: where that is written.
    """

    relation: str
    places: Sequence[Place]
    to: Sequence[str] = ()
    whole: bool = False
    of_parent: bool = False
    reverse: bool = False
    where: Mapping[paths.Steps, frozenset[str]] = field(default_factory=dict)
    place: str = field(default="", compare=False)


StatedBy = tuple[str, StatedRelation]
"""A type, in lower case, and what it states."""


class Inherited(StrEnum):
    """From where more of a relation comes: the scopes above a resource, or the resources above it too."""

    SCOPES = "scopes"
    ABOVE = "above"


class Navigation(Struct, frozen=True):
    """A way to go from a resource to related ones, by the name that rules use.

    `outward`: along the relation, else against it. `types`: lower-case types of what is found (empty: any); those types
    must have been collected for the answer to be known. `below`: what is found lies below the resource's own id.
    `stated_by`: further types that state the relation, and so must have been collected too. `own`: the resource itself
    states all of it, so that only what it names and is not here is missing. `inherited`: what points at the resource
    group, the subscription or everything counts for what lies in it too. `then`: a relation followed further from what
    was found, as far as it leads. `by_scope`: the scopes and resources that it lies in, by its id alone. `near`: it means
    something in the networks of the resource and their peers only, which must have been seen. `says`: where it leads.
    """

    kind: str
    outward: bool
    types: tuple[str, ...] = ()
    below: bool = False
    stated_by: tuple[str, ...] = ()
    own: bool = False
    inherited: Inherited | None = None
    then: str = ""
    by_scope: bool = False
    near: bool = False
    says: str = ""
