"""Lay out the workloads of an estate as what a picture shows: components, who calls whom, who reaches whom."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from auditor.analysis.contract import Context
from auditor.analysis.network.expected import roles_of
from auditor.architecture.declare import Declaration
from auditor.architecture.follow import Paths
from auditor.architecture.workloads import Workload, may_have
from auditor.engine.findings.disclosure import pair_without_secrets, text_without_secrets
from auditor.model import DrawnCall, DrawnComponent, NetworkPair, WorkloadPicture
from auditor.network.forwarding import Forwarding
from auditor.network.reachability import Cell, matrix
from auditor.network.subnets import Subnets


def pictures_of(context: Context) -> Sequence[WorkloadPicture]:
    """Return a picture of each workload, in the order of their names."""
    forwarding, paths = Forwarding(Subnets(context.estate)), Paths(context.estate)
    roles = roles_of(context.tables)
    return [
        WorkloadPicture(
            workload=workload.name,
            anchor_id=workload.anchor.id,
            components=[_component(context, workload, each) for each in _drawn(context)],
            calls=list(_calls(context, workload, paths)),
            network=[pair_without_secrets(_pair(cell)) for cell in matrix(forwarding, workload, roles)],
        )
        for workload in context.workloads.all
    ]


def _drawn(context: Context) -> Sequence[Declaration]:
    return [declaration for declaration in context.workloads.declared if not declaration.internal]


def _component(context: Context, workload: Workload, declaration: Declaration) -> DrawnComponent:
    found = workload.resources(declaration.name)
    gap = None if found else may_have(context.estate, context.workloads, workload, declaration.name)
    return DrawnComponent(
        name=declaration.name,
        title=declaration.title,
        area=declaration.area,
        is_required=declaration.required,
        resource_ids=[text_without_secrets(resource.id) for resource in found],
        not_known=text_without_secrets(str(gap)) if gap else "",
        visitors=declaration.visitors,
    )


def _calls(context: Context, workload: Workload, paths: Paths) -> Iterator[DrawnCall]:
    drawn = {declaration.name: declaration for declaration in _drawn(context)}
    for source in drawn.values():
        for target in (drawn[name] for name in source.calls if name in drawn):
            is_seen = _leads(paths, workload, source, target) or _leads(paths, workload, target, source)
            yield DrawnCall(source.name, target.name, is_seen)


def _leads(paths: Paths, workload: Workload, origin: Declaration, target: Declaration) -> bool:
    """Whether some step by which a component is reached leads from one that plays `origin` to one that plays it here."""
    bound = workload.bound()
    held = {resource.key for resource in workload.resources(target.name)}
    only_origin = {**bound, **dict.fromkeys(_other_origins(target, origin), ())}
    steps = (step for step in target.steps if origin.name in step.origins)
    return any(held & {found.key for found in paths.candidates(target, step, only_origin)} for step in steps)


def _other_origins(target: Declaration, origin: Declaration) -> set[str]:
    """Return the components that steps start at besides one, but for those that they lie within."""
    within = {step.within for step in target.steps}
    return {name for step in target.steps for name in step.origins} - {origin.name} - within


def _pair(cell: Cell) -> NetworkPair:
    connection = cell.connection
    return NetworkPair(
        source=cell.source,
        source_role=cell.source_role,
        destination=cell.destination,
        destination_role=cell.destination_role,
        answer=connection.truth.value,
        is_partial=connection.is_partial,
        passes=[str(part) for part in connection.passes],
        stopped=[str(part) for part in connection.denied],
        packet=connection.packet.as_json() if connection.packet else None,
        notes=list(connection.notes),
        unknowns=list(connection.unknowns),
    )
