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

from msgspec.structs import replace

from auditor import audit
from auditor.inputs import read
from auditor.model import Finding, Report
from auditor.report import format as formats
from auditor.rulebook import in_force
from auditor.rulebook.in_force import RuleSet, Selection
from auditor.rulebook.rule import OnFact, Rule

_AT = datetime(2024, 3, 1, tzinfo=UTC)
"""The time of judgement of documents that name none."""


@cache
def _baseline(name: str) -> RuleSet:
    return in_force.load(Selection(name))


@cache
def shipped(*select: str, baseline: str = "openai-chat") -> RuleSet:
    """Return a baseline with its rules, or with those of the ids given."""
    everything = _baseline(baseline)
    wanted = set(select) or set(everything.rules)
    assert wanted <= everything.rules.keys()
    return replace(everything, in_force=[one for one in everything.in_force if one.id in wanted])


def fact_of(rule: Rule) -> str:
    """Return the kind of fact that a rule is asked of; empty where it is asked of resources."""
    return rule.applies.kind if isinstance(rule.applies, OnFact) else ""


@cache
def architecture() -> tuple[str, ...]:
    """Return the rules on settings and connections: all but those on traffic and permissions.

    Those decide on sets of packets and of actions, and have doubts of their own, which their own tests are about.
    """
    rules = _baseline("openai-chat").rules.values()
    own = (rule.id for rule in rules if not fact_of(rule).startswith(("access.", "network.", "exposure.")))
    return tuple(sorted(own))


def judged(document: Mapping[str, Any], *select: str, complete: bool = True, baseline: str = "openai-chat") -> Report:
    """Judge an export as the file that holds it would be."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "estate.json")
        path.write_text(json.dumps(document), encoding="utf-8")
        return audit.audit(
            read.read(path), shipped(*select, baseline=baseline), audit.Terms(complete=complete, clock=_AT)
        )


def written(report: Report, name: str) -> str:
    """Return a report in a format, with all that passed."""
    out = io.StringIO(newline="")
    formats.named(name).write(report, out, formats.View(include_passed=True))
    return out.getvalue()


def those(findings: Sequence[Finding], rule_id: str) -> list[Finding]:
    """Return the findings of one rule."""
    return [one for one in findings if one.rule_id == rule_id]
