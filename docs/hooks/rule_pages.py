"""Give the site a page for each rule that ships, and an index of them by service."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from auditor.report import rule_page
from auditor.rulebook.in_force import Selection, load
from auditor.rulebook.rule import Rule


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages to those that stand in docs/."""
    rules = list(load(Selection()).rules.values())
    files.append(File.generated(config, "rules/index.md", content=index(rules)))
    for rule in rules:
        files.append(File.generated(config, f"rules/{rule.id}.md", content=page(rule)))
    return files


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
