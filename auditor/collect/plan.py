"""Turn resources and subscriptions into the calls to make about them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from msgspec import Struct, field

from auditor import resource_id as ids
from auditor.collect.arm.client import Arm
from auditor.collect.operations import (
    ACTIVITY_LOG,
    SERVICE_TAGS,
    SHIPPED,
    Operation,
    Operations,
)
from auditor.collect.sources.access import read_access, read_access_outside
from auditor.collect.sources.activity_log import read_regenerations
from auditor.collect.sources.details import Outcome, Target, perform, perform_together, read_itself
from auditor.collect.sources.service_tags import read_service_tags, regions_of

Call = Callable[[Arm, Target], Outcome]
Job = tuple[Target, str, Call]
"""Something to do: the target, the name it is remembered by, and the deed."""

_SETTLED: Final = frozenset({"succeeded", "failed", "canceled", "ready"})


class Planner(Struct):
    """Says which calls are still to be made. `is_finished` tells what an interrupted collection had done."""

    is_finished: Callable[[str, str], bool]
    operations: Operations = SHIPPED
    _described: set[tuple[str, str, str]] = field(default_factory=set)

    def resources(self, targets: Iterable[Target]) -> Iterator[Job]:
        """Yield the jobs of resources in the scope."""
        for target in targets:
            yield from self._of(target, self.operations.by_type)

    def outside(self, targets: Iterable[Target]) -> Iterator[Job]:
        """Yield the jobs of resources outside the scope; definitions, which lie in no group, guard nothing of their own."""
        for target in targets:
            yield from self._of(target, self.operations.by_type_outside)
            is_guarded = self.operations.is_access_needed and ids.resource_group_of(target.id)
            if is_guarded and not self.is_finished(target.id, "access outside"):
                yield target, "access outside", read_access_outside

    def _of(self, target: Target, operations: Mapping[str, Sequence[Operation]]) -> Iterator[Job]:
        if target.is_bare or target.is_stale:
            yield target, "resource", read_itself
        yield from ((target, name, call) for name, call in self._calls(target, operations))
        model = (target.type_key, target.kind.lower(), target.sku.lower())
        if model in self._described:
            return
        self._described.add(model)
        for operation in self.operations.by_model.get(target.type_key, ()):
            if not self.is_finished(target.id, operation.name):
                yield target, operation.name, call_of(operation)

    def _calls(self, target: Target, operations: Mapping[str, Sequence[Operation]]) -> Iterator[tuple[str, Call]]:
        """Yield the calls about a resource, each with its name: one for each operation, or for several that a list has."""
        together: dict[str, list[Operation]] = {}
        for operation in self._fitting(target, operations):
            if operation.together is None:
                yield operation.name, call_of(operation)
            else:
                together.setdefault(operation.together.path, []).append(operation)
        for group in together.values():
            yield ", ".join(operation.name for operation in group), shared_call_of(group)

    def _fitting(self, target: Target, operations: Mapping[str, Sequence[Operation]]) -> Iterator[Operation]:
        for operation in operations.get(target.type_key, ()):
            fits = not operation.kinds or target.kind.lower() in operation.kinds
            fits = fits and operation.yields.lower() not in target.lacks
            if fits and not self.is_finished(target.id, operation.name):
                yield operation

    def expected(self, target: Target) -> int:
        """Return how many jobs a resource in the scope gives at least."""
        return sum(1 for _ in self._calls(target, self.operations.by_type))

    def subscription(self, target: Target, *, roots: Sequence[str], access_again: bool) -> Iterator[Job]:
        """Yield the jobs of a subscription; `roots` are what access must concern, if not all of it."""
        for operation in self.operations.subscription:
            if not self.is_finished(target.id, operation.name):
                yield target, operation.name, call_of(operation)
        if not self.operations.is_access_needed:
            return
        if access_again or not self.is_finished(target.id, "access"):
            yield target, "access", lambda arm, one: read_access(arm, one, roots)

    def activity(self, target: Target, namespaces: Iterable[str], until: datetime, days: int) -> Iterator[Job]:
        """Yield the job that reads a subscription's activity log, where providers whose keys matter are in use."""
        present = {name.lower() for name in namespaces}
        looked_for = {name: by for name, by in self.operations.regenerations.items() if by.namespace.lower() in present}
        is_needed = self.operations.is_needed(ACTIVITY_LOG.on, ACTIVITY_LOG.yields)
        if is_needed and not self.is_finished(target.id, ACTIVITY_LOG.name):
            yield target, ACTIVITY_LOG.name, lambda arm, one: read_regenerations(arm, one, looked_for, until, days)

    def service_tags(self, subscription: Target, targets: Iterable[Target]) -> Iterator[Job]:
        """Yield the job that reads the service tags for the regions of some resources."""
        if not self.operations.is_needed(SERVICE_TAGS.on, SERVICE_TAGS.yields):
            return
        if regions := regions_of(target.location for target in targets):
            yield subscription, SERVICE_TAGS.name, lambda arm, one: read_service_tags(arm, one, regions)


def call_of(operation: Operation) -> Call:
    """Return the deed of an operation."""
    return lambda arm, target: perform(arm, target, operation)


def shared_call_of(operations: Sequence[Operation]) -> Call:
    """Return the deed of operations that one list serves."""
    if len(operations) == 1:
        return call_of(operations[0])
    return lambda arm, target: perform_together(arm, target, operations)


def twice(call: Call) -> Call:
    """Return a deed that is done once more where it failed for a reason that may have passed."""

    def act(arm: Arm, target: Target) -> Outcome:
        outcome = call(arm, target)
        return call(arm, target) if outcome.is_transient else outcome

    return act


def target_of(
    body: Mapping[str, object], operations: Operations, api_version: str | None = None, *, is_bare: bool = False
) -> Target:
    """Return a resource as a target; a bare one has come without its properties.

    `api_version` is what Resource Graph read it with: an older one than the rules need, or a resource that is just
    changing, makes the target stale.
    """
    sku = body.get("sku")
    type_key = str(body.get("type") or ids.type_of(str(body["id"])) or "").lower()
    properties = body.get("properties")
    state = properties.get("provisioningState") if isinstance(properties, Mapping) else None
    is_changing = isinstance(state, str) and state.lower() not in _SETTLED
    is_old = api_version is not None and api_version < operations.needed_versions.get(type_key, "")
    return Target(
        id=str(body["id"]),
        type_key=type_key,
        kind=str(body.get("kind") or ""),
        sku=str(sku.get("name") or "") if isinstance(sku, Mapping) else "",
        location=str(body.get("location") or ""),
        is_stale=is_old or (is_changing and type_key in operations.needed_versions),
        is_bare=is_bare,
        lacks=frozenset() if is_bare else operations.lacking(type_key, properties),
    )
