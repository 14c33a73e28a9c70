"""Find what belongs to one architecture where none may be known: in the code, and in the rules that all baselines share.

A rule or an analysis speaks of capabilities (auditor/architecture/capabilities.py), and never of a component or a control
of a baseline. Exits 1 where one does.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
_CONTROL = re.compile(r"\b(?:[A-Z]{2,5})-(?:[A-Z]{2,8})(?:-[A-Z]{2,3})?-[0-9]{3}\b")
_PUBLIC = re.compile(r"^  [a-z0-9.-]+: ", re.MULTILINE)  # requirements of public frameworks: `mcsb-v1: [NS-2]`
# What is a component and a word besides: a service, a label of a type, a relation.
_WORDS = frozenset(
    {"bastion", "connection", "firewall", "gateway", "grounding", "insights", "openai", "project", "registry", "search"}
    | {"vnet", "waf-policy", "workspace", "online-endpoint", "online-deployment", "workspace-storage", "neighbourhood"}
)


def components() -> frozenset[str]:
    """Return the names of all components of the shipped baselines that are not words besides."""
    names: set[str] = set()
    for path in sorted((ROOT / "baselines").glob("*/components.yaml")):
        names |= set(yaml.safe_load(path.read_text(encoding="utf-8")))
    return frozenset(names - _WORDS)


def main() -> int:
    """Print each place, and return 1 where there is one."""
    named = components()
    found = [*_in_code(named), *_in_rules(named)]
    for place in found:
        print(place)
    print(f"names of one architecture in code and shared rules: {len(found)}")
    return 1 if found else 0


def _in_code(named: frozenset[str]) -> Iterator[str]:
    for path in sorted((ROOT / "auditor").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
                continue
            place = f"{path.relative_to(ROOT)}:{node.lineno}"
            if node.value in named or (node.value.startswith("subnet/") and node.value != "subnet/"):
                yield f"{place}: the component '{node.value}'"
            for control in _CONTROL.findall(node.value):
                yield f"{place}: the control {control}"
        yield from _asked_by_name(tree, path)


def _asked_by_name(tree: ast.AST, path: Path) -> Iterator[str]:
    """Yield where resources are asked for by the literal name of a component, be it a word besides."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in {"resources", "bound"}
        ):
            for argument in node.args:
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    yield f"{path.relative_to(ROOT)}:{node.lineno}: the component '{argument.value}'"


def _in_rules(named: frozenset[str]) -> Iterator[str]:
    for path in sorted((ROOT / "rules").rglob("*.yaml")):
        text = path.read_text(encoding="utf-8")
        shown = path.relative_to(ROOT)
        rule = yaml.safe_load(text)
        asked = yaml.safe_dump([rule.get("applies"), rule.get("require")])
        if "component" in (rule.get("applies") or {}):
            yield f"{shown}: the component '{rule['applies']['component']}'"
        for name in sorted(named):
            if re.search(rf"(?<![\w/-]){re.escape(name)}(?![\w/-])", asked):
                yield f"{shown}: the component '{name}'"
        known = {each for ids in (rule.get("controls") or {}).values() for each in ids}
        for control in sorted(set(_CONTROL.findall(text)) - known):
            yield f"{shown}: the control {control}"


if __name__ == "__main__":
    sys.exit(main())
