"""Build facts alike: ids, roles, parameters, and what of them is not known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from auditor import resource_id as ids
from auditor.analysis.contract import Context
from auditor.analysis.fact import About, Known
from auditor.architecture import capabilities
from auditor.azure import body
from auditor.estate.lookup import NETWORKS
from auditor.model import Gap, Resource

Inputs = Sequence[tuple[str, str]]


def about(
    context: Context,
    subject: str,
    *,
    inputs: Inputs,
    sub_object: str = "",
    role: tuple[str | None, str | None] | None = None,
) -> About:
    """Return what a fact about a resource is about, filed under the workload and component of its subject or `role`."""
    workload, component = role or context.workloads.role_of(ids.key(subject))
    return About(subject=subject, sub_object=sub_object, workload=workload, component=component, inputs=tuple(inputs))


def parameter(context: Context, name: str, default: object) -> object:
    """Return a baseline parameter by its dotted name, whether it is bound flat (`a.b`) or nested (`a: {b: …}`)."""
    found = context.parameters.get(name)
    if found is None:
        found = body.value(context.parameters, name)
    return default if found is None else found


def listed(words: Sequence[str], most: int | None = None) -> str:
    """Return words as an enumeration for a sentence; of more than `most`, the first ones and how many there are besides."""
    if most is not None and len(words) > most:
        words = [*words[:most], f"{len(words) - most} more"]
    return ", ".join(words[:-1]) + (" and " if len(words) > 1 else "") + (words[-1] if words else "")


def at_least(known: Known[object], seen: int) -> str:
    """Return how many were seen, for the start of a clause: as the least number where more may exist."""
    return f"at least {seen}" if isinstance(known, Gap) else str(seen)


def networks(context: Context) -> Iterator[tuple[str | None, Resource]]:
    """Yield (workload name, virtual network) of every workload's networks, each once; without workloads all there are."""
    seen: set[str] = set()
    for workload in context.workloads.all:
        for network in workload.giving(capabilities.NETWORK):
            if network.key not in seen:
                seen.add(network.key)
                yield workload.name, network
    if not context.workloads.all:
        yield from ((None, network) for network in context.estate.of_type(NETWORKS))
