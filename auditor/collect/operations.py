"""The calls that fetch what Resource Graph does not have, as the files of resource types state them.

Where a cloud does not know an API version that they name, the session negotiates an older one and the snapshot
records it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from auditor import resource_id as ids
from auditor.azure import body, regenerations
from auditor.azure.catalogue import Catalogue, shipped
from auditor.azure.resource_type import DIAGNOSED, ResourceType, SharedList, When
from auditor.engine.coverage.needs import EVERYTHING, Needs, settings
from auditor.network import virtual_networks
from auditor.rbac import read as access
from auditor.rbac import schedules
from auditor.snapshot.left_out import Call

_INVENTORY: Final = "resources"  # the table of Resource Graph that the inventory is read from
_NONE: Final[frozenset[str]] = frozenset()
_INVENTORIES: Final = frozenset({ids.RESOURCE_GROUPS, "microsoft.resources/resources"})
"""What is listed to know what there is at all."""


class Operation(Struct, frozen=True):
    """One GET below a resource, a resource group or a subscription.

    `on`: the type it starts from, in lower case; `path`: what is appended to the id; `yields`: the type of what comes
    back; `action`: the permission it needs. `many`: a list, else one object. `empty_if_missing`: 404 means that it is
    not configured. `details`: each item is read once more by its own id, because the list leaves properties out.
    `then`: operations on each item. `kinds`: only resources whose `kind` is one of these, in lower case.
    `empty_codes`: error codes that mean that there can be none. `without_properties`: Azure gives what comes back none.
    `together`: the list that has it with other types.
    """

    name: str
    on: str
    path: str
    api_version: str
    yields: str
    action: str
    many: bool = True
    empty_if_missing: bool = False
    details: bool = False
    then: Sequence[Operation] = ()
    kinds: frozenset[str] = frozenset()
    empty_codes: frozenset[str] = frozenset()
    without_properties: bool = False
    together: SharedList | None = None


class Operations:
    """Every call that a catalogue of types gives and that is needed, by what it starts from (types in lower case).

    Of the types that a user's own files bring nobody knows who needs them: theirs are always made. `as_begun`: calls that
    were left out so far, which decides in place of what is needed.
    """

    def __init__(
        self, catalogue: Catalogue, needs: Needs = EVERYTHING, as_begun: frozenset[Call] | None = None
    ) -> None:
        self._catalogue = catalogue
        self._needs = needs
        self._as_begun = None if as_begun is None else {(start, yields.lower()) for start, yields in as_begun}
        self._hanging = settings(catalogue)
        self._diagnosed = [item for item in catalogue if item.has_diagnostics]
        self._conditional: dict[str, list[ResourceType]] = {}
        for item in catalogue:
            if item.parent and item.where_parent:
                self._conditional.setdefault(item.parent, []).append(item)
        known = [(when, operation) for item in catalogue for when, operation in self._of(item)]
        self.is_access_needed = any(
            self.is_needed(operation.on, operation.yields) for when, operation in known if when is When.ACCESS
        )
        """Whether who may do what is needed: its lists make sense together only."""
        self._all = [
            (when, kept)
            for when, operation in known
            for kept in ([operation] if when is When.OUTSIDE else self._needed(operation))
        ]
        self.left_out: frozenset[Call] = self._left_out(known)
        """The calls that are not made because nothing needs them, those on items of lists included."""
        self.subscription: Sequence[Operation] = self._started(ids.SUBSCRIPTIONS, When.ALWAYS)
        self.access: Sequence[Operation] = self._started(ids.SUBSCRIPTIONS, When.ACCESS)
        self.by_type: Mapping[str, Sequence[Operation]] = _by_type(
            operation for when, operation in self._all if when is When.ALWAYS and operation.on != ids.SUBSCRIPTIONS
        )
        self.by_type_outside: Mapping[str, Sequence[Operation]] = _by_type(
            operation
            for when, operation in self._all
            if when in {When.ALWAYS, When.OUTSIDE} and operation.on != ids.SUBSCRIPTIONS
        )
        """Below resources outside the scope, of which Resource Graph does not show the children."""
        self.by_model: Mapping[str, Sequence[Operation]] = _by_type(
            operation for when, operation in self._all if when is When.MODEL
        )
        """Asked once for each type, kind and SKU."""
        self.needed_versions: Mapping[str, str] = {
            item.key: item.api_version for item in catalogue if item.api_version and item.resource_graph == _INVENTORY
        }
        """Versions that show all that rules read: a resource that Resource Graph read with an older one is stale."""
        self.not_inventoried: frozenset[str] = frozenset(
            operation.yields.lower()
            for when, operation in known
            if when in {When.ALWAYS, When.ACCESS} and operation.on in {ids.SUBSCRIPTIONS, ids.RESOURCE_GROUPS}
        )
        """Types that stand below a resource group without being resources of their own."""
        self.regenerations: Mapping[str, ResourceType] = regenerations.operations(catalogue)
        """Operations that put a new key in place, by their type."""

    def __iter__(self) -> Iterator[Operation]:
        """Go through every operation, those on items of lists included."""
        for _, operation in self._all:
            yield from _with_further(operation)

    def is_needed(self, start: str, yields: str) -> bool:
        """Whether a call is needed, by the types that it starts from and that it yields."""
        kind = yields.lower()
        if shipped().get(kind) is None:
            return True
        if self._as_begun is not None:
            return (start.lower(), kind) not in self._as_begun
        return self._needs.has(start.lower(), kind, is_setting=kind in self._hanging)

    def _needed(self, operation: Operation) -> Iterator[Operation]:
        """Yield an operation, with as much as is needed of what is read of its items, where any of it is."""
        then = [kept for further in operation.then for kept in self._needed(further)]
        if then or self.is_needed(operation.on, operation.yields):
            yield replace(operation, then=then) if operation.then else operation

    def _left_out(self, known: Sequence[tuple[When, Operation]]) -> frozenset[Call]:
        calls = {
            (one.on, one.yields)
            for when, operation in known
            if when is not When.ACCESS or not self.is_access_needed
            for one in _with_further(operation)
            if one.yields.lower() not in _INVENTORIES
        }
        return frozenset(calls - {(one.on, one.yields) for one in self})

    def of(self, resource_type: str) -> Operation:
        """Return the operation that lists a type; KeyError where none does."""
        for _, operation in self._all:
            if operation.yields.lower() == resource_type.lower():
                return operation
        raise KeyError(resource_type)

    def _started(self, on: str, when: When) -> Sequence[Operation]:
        return [operation for asked, operation in self._all if asked is when and operation.on == on]

    def lacking(self, parent: str, properties: object) -> frozenset[str]:
        """Return the types, in lower case, that a resource of a type cannot have, by what its properties say."""
        if parent not in self._conditional:
            return _NONE
        return frozenset(
            item.key
            for item in self._conditional[parent]
            if not body.states_values({"properties": properties}, item.where_parent)
        )

    def _of(self, item: ResourceType) -> Iterator[tuple[When, Operation]]:
        listing = item.listing
        if listing is None:
            return
        for on in listing.on:
            starts = [on] if on != DIAGNOSED else [one.key for one in self._diagnosed if _is_read_alone(one)]
            for start in starts:
                if self._is_read_with_another(start):
                    continue
                yield from ((listing.when, operation) for operation in self._named(item, start))

    def _is_read_with_another(self, start: str) -> bool:
        """Whether resources of a type are items of a list, so that what hangs on them is read right behind it."""
        known = self._catalogue.get(start)
        if known is None or known.parent is None or known.listing is None:
            return False
        return not known.listing.members and not _is_read_alone(known)

    def _named(self, item: ResourceType, on: str) -> Iterator[Operation]:
        listing = item.listing
        version = self._catalogue.read_version(item.name)
        if listing is None or version is None:
            return
        operation = Operation(
            name=listing.name,
            on=on,
            path=listing.path,
            api_version=version,
            yields=item.name,
            action=listing.action,
            many=listing.many,
            empty_if_missing=listing.empty_if_missing and not item.always_exists,
            details=listing.details,
            kinds=item.kinds,
            empty_codes=listing.empty_codes,
            without_properties=listing.without_properties,
            together=listing.together,
        )
        if not listing.members:
            yield replace(operation, then=self._then(item))
        for member in listing.members:
            name = f"{item.name.rpartition('/')[2]}/{member}"
            optional = operation.empty_if_missing or member in listing.optional
            path = f"{listing.path}/{member}"
            yield replace(operation, name=name, path=path, many=False, empty_if_missing=optional)

    def _then(self, item: ResourceType) -> Sequence[Operation]:
        """Return what is read of each item of a list, where the inventory does not have it: settings, and its own lists."""
        if _is_read_alone(item):
            return ()
        return [
            operation
            for other in self._catalogue
            if other.listing and other.listing.when is When.ALWAYS
            if item.key in other.listing.on or (item.has_diagnostics and DIAGNOSED in other.listing.on)
            for operation in self._named(other, item.key)
        ]


def _with_further(operation: Operation) -> Iterator[Operation]:
    yield operation
    for further in operation.then:
        yield from _with_further(further)


def _is_read_alone(item: ResourceType) -> bool:
    return item.resource_graph == _INVENTORY


def _by_type(operations: Iterable[Operation]) -> Mapping[str, Sequence[Operation]]:
    found: dict[str, list[Operation]] = {}
    for operation in operations:
        found.setdefault(operation.on, []).append(operation)
    return found


SHIPPED: Final = Operations(shipped())

ROLE_ASSIGNMENTS: Final = SHIPPED.of(schedules.ASSIGNMENTS)
ROLE_DEFINITIONS: Final = SHIPPED.of(access.DEFINITIONS)
DENY_ASSIGNMENTS: Final = SHIPPED.of(access.DENIES)
ELIGIBILITY: Final = SHIPPED.of(schedules.ELIGIBLE)
SCHEDULES: Final = SHIPPED.of(schedules.SCHEDULED)
RESOURCE_GROUPS: Final = replace(SHIPPED.of(ids.RESOURCE_GROUPS), then=())
"""Only the groups: what hangs on them is asked for as it is of other resources, and once."""
LISTED: Final = SHIPPED.of("Microsoft.Resources/resources")
"""The inventory of a subscription without properties, for where Resource Graph does not answer."""
SERVICE_TAGS: Final = SHIPPED.of(virtual_networks.SERVICE_TAGS)
ACTIVITY_LOG: Final = SHIPPED.of(regenerations.ACTIVITY_LOG)

INVENTORY_ACTIONS: Final = (
    "Microsoft.Resources/subscriptions/read",
    "Microsoft.Resources/subscriptions/resources/read",
    "Microsoft.Resources/subscriptions/providers/read",
    "Microsoft.ResourceGraph/resources/read",
    "Microsoft.Management/managementGroups/read",
)
"""What reading the scope and the inventory needs; Resource Graph shows the types on which `…/read` is held."""
