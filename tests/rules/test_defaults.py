"""What Azure assumes where a property is absent stands in the file of its type, and in no rule besides."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from auditor.azure.catalogue import shipped
from auditor.azure.paths import ABSENT
from auditor.rulebook.in_force import Selection, load
from auditor.rulebook.rule import OnFact, OnType, Rule
from auditor.yaml_source import Node

_CONTENT = load(Selection())


def _stated(node: Node) -> Iterator[tuple[str, object]]:
    """Yield (field, default) of every condition that gives one."""
    entries = node.value if isinstance(node.value, dict) else {}
    if "field" in entries and "default" in entries:
        yield entries["field"].text("field"), entries["default"].plain()
    for inner in (*entries.values(), *(node.value if isinstance(node.value, list) else ())):
        yield from _stated(inner)


def _known(rule: Rule) -> dict[str, object]:
    """Return Azure's defaults of the rule's types, by short name."""
    applies = rule.applies
    if isinstance(applies, OnFact):
        return {}
    types = applies.types if isinstance(applies, OnType) else _CONTENT.components[applies.components[0]]
    listed = [item.properties for name in types if (item := shipped().get(name))]
    return {
        known.path.replace("properties.", ""): known.default
        for properties in listed
        for known in properties
        if known.default is not ABSENT
    }


@pytest.mark.parametrize("rule", _CONTENT.rules.values(), ids=_CONTENT.rules)
def test_no_condition_states_a_default_that_the_file_of_its_type_has(rule: Rule) -> None:
    known = _known(rule)
    assert [(field, default) for field, default in _stated(rule.source) if field in known] == []
