"""Tell whether what the resources of a workload name exists."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from auditor.analysis import facts
from auditor.analysis.contract import Context
from auditor.analysis.fact import Fact, Hidden, Known, fact
from auditor.analysis.inventory.component import DanglingReference
from auditor.estate.navigation import NAMING_OTHERS
from auditor.estate.references import references_of

_SHOWN: Final = 5


@fact("inventory.references", subject="the resource")
class NamedResources(Fact, frozen=True, kw_only=True):
    """Whether what a resource of a workload names by id exists."""

    checked: int
    """how many resources it names, of the types that are read"""
    dangling: Known[tuple[DanglingReference, ...]]
    """what it names that does not exist; more than these where not all was read"""
    name: Hidden[str]

    def sentence(self) -> str:
        """Say which of its references lead nowhere."""
        if not isinstance(self.dangling, tuple):
            return f"Whether all that {self.name} names exists is not known: {self.dangling.reason}."
        if not self.dangling:
            return f"All that {self.name} names exists ({self.checked})."
        lost = [f"{one.target} ({one.property})" for one in self.dangling]
        return f"{self.name} names what does not exist: {facts.listed(lost, _SHOWN)}."


def reference_facts(context: Context) -> Iterator[NamedResources]:
    """Yield one fact for each resource of a workload, and each child of one, that names something."""
    typed = (resource for kind in sorted(NAMING_OTHERS) for resource in context.estate.of_type(kind))
    for resource in typed:
        if context.workloads.role_of(resource.key) == (None, None):
            continue
        named = references_of(context.estate, resource)
        if named.checked or named.gap:
            yield NamedResources(
                about=facts.about(
                    context,
                    resource.id,
                    inputs=[(resource.id, one.path) for one in named.dangling] or [(resource.id, "type")],
                ),
                checked=named.checked,
                dangling=tuple(DanglingReference(property=one.path, target=one.target) for one in named.dangling)
                if named.dangling or named.gap is None
                else named.gap,
                name=resource.name,
            )
