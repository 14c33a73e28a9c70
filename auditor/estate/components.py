"""Bind the roles of an architecture to resources, by what they are connected to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from auditor.model import Resource


@dataclass(frozen=True, slots=True)
class Binding:
    """A resource that plays a role. `how`: `structure`, `parameter`, `name`, or `only candidate` (nothing else fits)."""

    component: str
    resource: Resource
    how: str


@dataclass(frozen=True, slots=True)
class Workload:
    """One instance of the architecture, named after its anchor resource."""

    name: str
    anchor: Resource
    bindings: Mapping[str, Sequence[Binding]]
    notices: Sequence[str] = ()

    def resources(self, component: str) -> Sequence[Resource]:
        """Return the resources bound to a component of this workload, sorted by key."""
        return [binding.resource for binding in self.bindings.get(component, ())]


@dataclass(frozen=True, slots=True)
class Workloads:
    """All instances of the architecture found in the estate, sorted by name."""

    all: Sequence[Workload] = ()
    notices: Sequence[str] = ()
    _roles: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def role_of(self, resource_key: str) -> tuple[str | None, str | None]:
        """Return (workload, component) of a resource, or (None, None). A shared resource names the first workload."""
        return self._roles.get(resource_key, (None, None))
