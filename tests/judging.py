"""Judge documents in process, as `auditor evaluate` does: from the text of an export to the text of a report."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from auditor import audit, content
from auditor.content import Choice, Content
from auditor.model import Finding, Report
from auditor.report import FORMATS, Options
from auditor.snapshot import readers

_AT = datetime(2024, 3, 1, tzinfo=UTC)
"""The time of judgement of documents that name none."""


@cache
def shipped(*select: str) -> Content:
    """Return the default baseline with its rules, or with those that globs select."""
    return content.load(Choice(select=select))


@cache
def architecture() -> tuple[str, ...]:
    """Return the rules on settings and connections: all but those on traffic and permissions.

    Those decide on sets of packets and of actions, and have doubts of their own, which their own tests are about.
    """
    rules = content.all_rules().values()
    own = (rule.id for rule in rules if not (rule.applies.fact or "").startswith(("access.", "network.", "exposure.")))
    return tuple(sorted(own))


def judged(document: Mapping[str, Any], *select: str, complete: bool = True) -> Report:
    """Judge an export as the file that holds it would be."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "estate.json")
        path.write_text(json.dumps(document), encoding="utf-8")
        return audit.judge(readers.read(path), shipped(*select), audit.Terms(complete=complete, clock=_AT))


def written(report: Report, name: str) -> str:
    """Return a report in a format, with all that passed."""
    out = io.StringIO(newline="")
    FORMATS[name](report, out, Options(include_passed=True))
    return out.getvalue()


def those(findings: Sequence[Finding], rule_id: str) -> list[Finding]:
    """Return the findings of one rule."""
    return [one for one in findings if one.rule_id == rule_id]
