"""Small estates and rules in files, for tests of the engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from auditor.analysis.contract import Analysis, Context
from auditor.architecture.workloads import Workloads
from auditor.engine.evaluate import Evaluation
from auditor.estate.graph import Estate
from auditor.model import Gap
from auditor.rulebook.baseline import Baseline, Setting
from auditor.rulebook.in_force import RuleInForce, RuleSet, bind
from auditor.rulebook.load import Words, load_rule
from auditor.rulebook.rule import Rule
from auditor.snapshot.hash import assemble
from auditor.snapshot.model import Metadata
from auditor.snapshot.normalise import ExportEntry, normalise
from tests.estates.catalogues import catalogue_of

Body = dict[str, Any]
WriteRule = Callable[..., Rule]

NOW = datetime(2024, 3, 1, tzinfo=UTC)
NOTHING = Baseline("test", "1", "", "", (), (), {}, {}, {}, {}, {}, "baseline.yaml", ())
GROUP = "/subscriptions/00000000-0000-0000-0000-0000000000a1/resourceGroups/rg-test"
THING = "Contoso.Test/things"
CATALOGUE = catalogue_of(
    """
Contoso.Test/things:
  properties.color:
  properties.size:
  properties.late: {since: "2024-01-01"}
  properties.rules[*].name:
  properties.rules[*].properties.port:
"""
)
RULE = """\
id: thing-is-red
title: Things are red
severity: high
rationale: Red is seen.
remediation: {text: Paint it red., cli: "paint {id} --name {name} --color red"}
applies: {type: Contoso.Test/things}
require: {field: color, equals: red}
examples:
  - {name: red, resource: {properties: {color: Red}}, verdict: pass}
  - {name: blue, resource: {properties: {color: blue}}, verdict: fail}
"""


def write_rule(folder: Path, text: str = RULE, *, words: Words | None = None, **changed: str) -> Rule:
    """Write a rule file with some of its top-level lines changed, and load it."""
    for key, value in changed.items():
        lines = [line for line in text.splitlines() if not line.startswith(f"{key}:")]
        text = "\n".join([*lines, f"{key}: {value}"]) + "\n"
    rule_id = next(line for line in text.splitlines() if line.startswith("id:")).partition(":")[2].strip()
    path = folder / f"{rule_id}.yaml"
    path.write_text(text, encoding="utf-8")
    return load_rule(path, words or Words(CATALOGUE, {}))


def thing(name: str = "t1", kind: str = THING, **properties: Any) -> Body:
    """Return an ARM resource."""
    return {"id": f"{GROUP}/providers/{kind}/{name}", "name": name, "type": kind, "properties": properties}


def estate_of(
    bodies: Iterable[Body], gaps: Sequence[Gap] = (), *, complete: bool = True, version: str | None = None
) -> Estate:
    """Return the estate that these resources and gaps make, through the snapshot's own normal form."""
    resources, own = normalise(ExportEntry(body, "here", api_version=version) for body in bodies)
    return Estate(assemble(resources, [*gaps, *own], Metadata(complete=complete)))


def in_force(rules: Iterable[Rule]) -> list[RuleInForce]:
    """Return rules with their own defaults."""
    return [bind(rule, NOTHING, Setting()) for rule in rules]


def question(
    estate: Estate,
    *rules: Rule,
    analyses: Mapping[str, Analysis] | None = None,
    workloads: Workloads | None = None,
    components: Mapping[str, Sequence[str]] | None = None,
    explain_passes: bool = True,
) -> Evaluation:
    """Return everything that an evaluation depends on."""
    context = Context(estate, workloads or Workloads(), {}, {}, NOW)
    by_id = {rule.id: rule for rule in rules}
    return Evaluation(
        context, RuleSet(NOTHING, by_id, in_force(rules), analyses or {}, components or {}), explain_passes
    )
