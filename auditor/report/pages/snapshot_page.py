"""Show what a snapshot holds, as text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final, TextIO

from tabulate import tabulate

from auditor.redaction.body import Redactor
from auditor.report.text import visible
from auditor.snapshot.summary import Overview

_SECRETS: Final = {"redacted": "taken out", "kept": "in clear, as --keep-secrets says"}
_REDACTOR: Final = Redactor()


def write(overview: Overview, out: TextIO) -> None:
    """Write scope, times, counts by type and relation, gaps and the hash."""
    meta = overview.metadata
    rows = [
        ("sha256", overview.sha256),
        ("origin", meta.origin),
        ("complete", "yes" if meta.complete else "no: types it does not hold are unknown"),
        ("collected at", meta.collected_at or "not recorded"),
        ("judged at", meta.judge_at or meta.collected_at or "the time of the run"),
        ("tenant", meta.tenant_id or "not recorded"),
        ("scope", json.dumps(meta.scope, sort_keys=True) if meta.scope else "not recorded"),
        ("secrets", _SECRETS.get(str(meta.extra.get("secrets")), "not recorded")),
        ("resources", str(overview.resources)),
        ("gaps", str(len(overview.gaps))),
    ]
    out.write(tabulate([(name, visible(text)) for name, text in rows], tablefmt="plain") + "\n")
    _counts("Resources by type", overview.types, out)
    _counts("Relations by kind", overview.relations, out)
    if overview.gaps:
        gaps = [
            [visible(_REDACTOR.text(text or "")) for text in (gap.scope, gap.what, gap.reason, gap.permission)]
            for gap in overview.gaps
        ]
        out.write("\nGaps\n" + tabulate(gaps, headers=("scope", "what", "reason", "permission")) + "\n")
    if overview.facets:
        out.write(f"\nCollection: {sum(facet.state == 'complete' for facet in overview.facets)} calls complete\n")
        facets = [
            [visible(_REDACTOR.text(text)) for text in (facet.scope, facet.name, facet.state, facet.detail)]
            for facet in overview.facets
            if facet.state != "complete"
        ]
        if facets:
            out.write("\nNot complete\n" + tabulate(facets, headers=("scope", "what", "state", "detail")) + "\n")


def _counts(title: str, counts: Mapping[str, int], out: TextIO) -> None:
    if counts:
        rows = [(count, visible(name)) for name, count in counts.items()]
        out.write(f"\n{title}\n" + tabulate(rows, tablefmt="plain") + "\n")
