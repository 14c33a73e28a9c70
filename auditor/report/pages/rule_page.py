"""Show rules and baselines as text, and a rule as a Markdown page."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Sequence
from typing import TextIO

from tabulate import tabulate

from auditor.report import requirement
from auditor.rulebook.baseline import Baseline
from auditor.rulebook.in_force import RuleInForce
from auditor.rulebook.rule import Example, OnComponent, OnFact, Rule


def applies_to(rule: Rule) -> str:
    """Return what a rule is asked of, as Markdown."""
    applies = rule.applies
    if isinstance(applies, OnFact):
        return f"`{applies.kind}`"
    if isinstance(applies, OnComponent) and not applies.types:
        return f"{'capability' if applies.capability else 'component'} `{applies.called}`"
    return ", ".join(f"`{name}`" for name in applies.types)


def write_list(rules: Iterable[Rule], out: TextIO, *, width: int, framework: str) -> None:
    """Write one line per rule, with its controls of a framework."""
    rows = [(rule.severity.value, rule.id, _controls(rule, framework), rule.title) for rule in rules]
    used = sum(max((len(row[column]) for row in rows), default=0) + 2 for column in (0, 1))
    room = max(20, width - used - 14)
    shown = [(*row[:2], textwrap.shorten(row[2], 14, placeholder="…"), textwrap.shorten(row[3], room)) for row in rows]
    out.write(tabulate(shown, headers=("severity", "rule", "controls", "title"), tablefmt="simple") + "\n")
    out.write(f"\n{len(rows)} rules\n")


def _controls(rule: Rule, framework: str) -> str:
    return " ".join(rule.controls.get(framework, ()))


def write_page(rule: Rule, out: TextIO) -> None:
    """Write a rule as a Markdown page: what it asks, why, how to mend it, and its examples."""
    out.write(f"# {rule.title}\n\n")
    facts = [
        ("Rule", f"`{rule.id}`"),
        ("Severity", rule.severity.value),
        ("Applies to", applies_to(rule)),
        *((f"Controls ({framework})", ", ".join(ids)) for framework, ids in rule.controls.items()),
    ]
    out.write(tabulate(facts, headers=("", ""), tablefmt="github") + "\n\n")
    out.write("## Requirement\n\n" + _requirement(rule))
    out.write(f"## Why\n\n{rule.rationale}\n\n## Remediation\n\n{rule.remediation_text}\n")
    for language, code in (("sh", rule.remediation_cli), ("bicep", rule.remediation_bicep)):
        if code:
            out.write(f"\n```{language}\n{code}\n```\n")
    if rule.parameters:
        rows = [
            (f"`{item.name}`", item.type, f"`{json.dumps(item.default, sort_keys=True)}`", item.description)
            for item in rule.parameters.values()
        ]
        out.write("\n## Parameters\n\n")
        out.write(tabulate(rows, headers=("name", "type", "default", "meaning"), tablefmt="github") + "\n")
    out.write("\n## Examples\n")
    for example in rule.examples:
        verdict = example.status.value.replace("_", " ")
        out.writelines((f"\n{example.name}: **{verdict}**\n", f"\n```json\n{_body(example)}\n```\n"))
    if rule.references:
        out.write("\n## References\n\n" + "".join(f"- <{reference}>\n" for reference in rule.references))


def _requirement(rule: Rule) -> str:
    """Return what the rule asks for, and where it applies, as Markdown lists."""
    required = "\n".join(requirement.lines(rule.require)) + "\n\n"
    if rule.applies.when is None:
        return required
    return (
        "Where this holds, and else it does not apply:\n\n"
        + "\n".join(requirement.lines(rule.applies.when))
        + "\n\nthis must hold:\n\n"
        + required
    )


def _body(example: Example) -> str:
    shown: dict[str, object] = {"resource": example.resource}
    if example.related:
        shown["related"] = example.related
    if example.parameters:
        shown["parameters"] = example.parameters
    if example.uncollected:
        shown["not collected"] = list(example.uncollected)
    body = shown if len(shown) > 1 else example.resource
    return json.dumps(body, indent=2, ensure_ascii=False)


def write_baselines(baselines: Sequence[Baseline], out: TextIO) -> None:
    """Write one line per baseline."""
    rows = [(baseline.name, baseline.version, baseline.title) for baseline in baselines]
    out.write(tabulate(rows, headers=("baseline", "version", "title"), tablefmt="simple") + "\n")


def write_baseline(
    baseline: Baseline, rules: Sequence[RuleInForce], out: TextIO, *, width: int, framework: str
) -> None:
    """Write a baseline: what it is, its parameters, components, tables and rules in force."""
    out.write(f"{baseline.name} {baseline.version}: {baseline.title}\n")
    for paragraph in (baseline.description, *baseline.references):
        if paragraph:
            out.write(textwrap.fill(paragraph, width) + "\n")
    out.write(f"Read from {' → '.join(baseline.chain)}\n\nParameters\n")
    for name, value in sorted(baseline.parameters.items()):
        setting = f"{name} = {json.dumps(value, sort_keys=True)}"
        out.write(textwrap.fill(setting, width, initial_indent="  ", subsequent_indent="      ") + "\n")
        meaning = baseline.declared[name].description
        out.write(textwrap.fill(meaning, width, initial_indent="      ", subsequent_indent="      ") + "\n")
    out.write("\nComponents: " + ", ".join(sorted(baseline.components)) + "\n")
    out.write("Tables: " + ", ".join(sorted(baseline.tables)) + "\n\n")
    write_list([each.rule for each in rules], out, width=width, framework=framework)
