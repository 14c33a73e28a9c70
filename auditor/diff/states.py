"""Compare two states of an estate on all three levels, or two reports on that of the findings."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from auditor.analysis.access.access_context import graph_of
from auditor.analysis.contract import Context
from auditor.diff import access_effect, configuration, network_effect
from auditor.diff.attribution import Attribution
from auditor.diff.authors import Authors
from auditor.diff.drift import Drift, DriftEffect
from auditor.diff.filter_effect import FilterComparison
from auditor.diff.finding_changes import finding_changes
from auditor.diff.name_effect import NameComparison
from auditor.diff.network_effect import NetworkComparison, NetworkEffects
from auditor.diff.service_effect import service_effects
from auditor.engine.accepted.visibility import LookedAt
from auditor.model import Report, Resource
from auditor.network.connectivity import Connectivity


class AuditedState(Struct, frozen=True):
    """A state of an estate with what an audit found in it.

    `resources` are those of the estate as they were read, in which marks may tell one secret from another.
    """

    context: Context
    report: Report
    resources: Sequence[Resource]


def compare(old: AuditedState, new: AuditedState) -> Drift:
    """Return all that changed from one state to another."""
    before, after = old.context.estate, new.context.estate
    times = [one.metadata.collected_at or one.metadata.judge_at for one in (before, after)]
    authors = Authors(after, *times)
    same_key = all(one.metadata.origin == "export" for one in (before, after))
    changes = configuration.changes(old.resources, new.resources, authors, same_key=same_key)
    attribution = Attribution(changes)
    return Drift(
        old=old.report,
        new=new.report,
        findings=finding_changes(old.report, new.report, attribution),
        changes=changes,
        effect=_effect(old.context, new.context, attribution),
        unseen=tuple(
            configuration.not_seen(before, after, changes, (LookedAt.of(old.report), LookedAt.of(new.report)))
        ),
    )


def compare_reports(old: Report, new: Report) -> Drift:
    """Return what became of the findings of a report in a later one."""
    return Drift(old=old, new=new, findings=finding_changes(old, new))


def _effect(old: Context, new: Context, attribution: Attribution) -> DriftEffect:
    """Return what the changes do. Without any change, nor any in what is known, they do nothing."""
    before, after = old.estate, new.estate
    is_known_alike = before.complete == after.complete and before.is_whole == after.is_whole
    if not attribution and before.gaps == after.gaps and is_known_alike:
        return DriftEffect()
    network = NetworkComparison(Connectivity(before), Connectivity(after), attribution).effects()
    services = service_effects(before, after, attribution)
    reach = NetworkEffects([*network.gained, *services.gained], [*network.lost, *services.lost])
    graphs = graph_of(old), graph_of(new)
    access = access_effect.access_effects(*graphs, attribution)
    filters, names = FilterComparison(before, after, attribution), NameComparison(before, after, attribution)
    found, resolved = list(filters.effects()), list(names.effects())
    return DriftEffect(
        reach_gained=reach.gained,
        reach_lost=reach.lost,
        access_gained=access.gained,
        access_lost=access.lost,
        filters=found,
        names=resolved,
        undecided_network=list(dict.fromkeys(network_effect.undecided(reach))),
        undecided_access=list(dict.fromkeys(access_effect.undecided(*graphs, access))),
        undecided_rest=list(dict.fromkeys([*filters.undecided, *names.undecided])),
    )
