"""Show the facts of an analysis as tests look at them: each with its fields, its gaps, and what it says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from auditor.analysis.contract import Analysis, Context
from auditor.model import Gap


@dataclass(frozen=True, slots=True)
class Derived:
    """A fact: what rules read of it, what of it is not known, and what a finding would show."""

    kind: str
    id: str
    subject: str
    sub_object: str
    workload: str | None
    component: str | None
    inputs: Sequence[tuple[str, str]]
    fields: Mapping[str, Any]
    uncollected: Mapping[str, Gap]
    summary: str
    witness: Mapping[str, object] | None
    remedy: str | None


def derive(analysis: Analysis, context: Context) -> list[Derived]:
    """Run an analysis."""
    return [
        Derived(
            kind=fact.fact_kind,
            id=fact.id,
            subject=fact.about.subject,
            sub_object=fact.about.sub_object,
            workload=fact.about.workload,
            component=fact.about.component,
            inputs=fact.about.inputs,
            fields=fact.body(),
            uncollected=dict(sorted(fact.gaps())),
            summary=fact.sentence(),
            witness=fact.witness(),
            remedy=fact.remedy(),
        )
        for fact in analysis.run(context)
    ]
