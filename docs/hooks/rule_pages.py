"""Give the site a page for each rule that ships, an index of them by service, and what covers each control."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from auditor.report.pages import rule_page
from auditor.rulebook.controls import Framework, Leg
from auditor.rulebook.in_force import Selection, load
from auditor.rulebook.rule import Rule


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages to those that stand in docs/."""
    rule_set = load(Selection())
    rules = list(rule_set.rules.values())
    files.append(File.generated(config, "rules/index.md", content=index(rules)))
    for rule in rules:
        files.append(File.generated(config, f"rules/{rule.id}.md", content=page(rule)))
    own = rule_set.frameworks[rule_set.own_framework]
    files.append(File.generated(config, "controls.md", content=coverage(own)))
    return files


def coverage(framework: Framework) -> str:
    """Return what answers each leg of each control."""
    controls = framework.controls.values()
    legs = [leg for control in controls for leg in control.legs]
    manual = sum(leg.rule is None for leg in legs)
    alone = sum(not control.rules for control in controls)
    parts = [
        "# Controls and what covers them\n",
        (
            f"{len(controls)} controls with {len(legs)} legs: {len(legs) - manual} are answered by rules, "
            f"{manual} by a person. {alone} controls are answered by a person alone.\n"
        ),
        "| Control | Severity | Asks | Answered by |\n| --- | --- | --- | --- |",
    ]
    for control in controls:
        parts.append(f"| **{control.id}** | {control.severity} | **{control.title}** | |")
        parts += [f"| | | {leg.asks} | {_answer(leg)} |" for leg in control.legs]
    return "\n".join(parts) + "\n"


def _answer(leg: Leg) -> str:
    return f"[{leg.rule}](rules/{leg.rule}.md)" if leg.rule else f"a person: {leg.manual}"


def page(rule: Rule) -> str:
    """Return a rule's page."""
    out = io.StringIO()
    rule_page.write_page(rule, out)
    return out.getvalue()


def index(rules: Iterable[Rule]) -> str:
    """Return all rules in a table for each service."""
    by_service: dict[str, list[Rule]] = defaultdict(list)
    for rule in rules:
        by_service[Path(rule.file).parent.name].append(rule)
    parts = ["# All rules\n"]
    for service, own in sorted(by_service.items()):
        rows = [
            f"| [{rule.id}]({rule.id}.md) | {rule.severity} | {' '.join(rule.controls.get('openai-chat', ()))} | {rule.title} |"
            for rule in own
        ]
        head = ["| Rule | Severity | Controls | Asks |", "| --- | --- | --- | --- |"]
        parts.append("\n".join([f"## {service.replace('-', ' ').capitalize()}", "", *head, *rows, ""]))
    return "\n".join(parts)
