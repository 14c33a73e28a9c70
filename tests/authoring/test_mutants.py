"""Small changes of a rule are found out by good examples, and survive weak ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.authoring import mutants
from auditor.rulebook.rule import Rule
from tests.estates.things import write_rule

WEAK = """\
  - {name: good, resource: {properties: {color: red, size: 5, rules: [{name: a}]}}, verdict: pass}
  - {name: bad, resource: {properties: {color: blue, size: 0}}, verdict: fail}
"""
BASE = """\
id: thing-is-fine
title: Things are fine
severity: low
rationale: They are.
remediation: {text: Mend it.}
applies: {type: Contoso.Test/things}
"""
DECLARED = {
    "colors": "{type: array, default: [red], description: The colors that will do.}",
    "least": "{type: integer, default: 2, description: How large it is at least.}",
}


def rule(folder: Path, require: str, examples: str = WEAK, *, when: str = "") -> Rule:
    text = BASE.replace("things}", f"things, when: {when}}}") if when else BASE
    own = ", ".join(f"{name}: {given}" for name, given in DECLARED.items() if f"'{name}'" in require)
    return write_rule(folder, f"{text}declares: {{{own}}}\nrequire: {require}\nexamples:\n{examples}")


@pytest.mark.parametrize(
    ("require", "changes"),
    [
        ("{field: color, equals: red}", ["negate color equals"]),
        ("{field: color, in: \"[parameters('colors')]\"}", ["negate color in", "widen the list of color"]),
        (
            "{field: size, greater: 2}",
            ["negate size greater", "raise the threshold of size", "lower the threshold of size"],
        ),
        (
            "{field: size, less: \"[parameters('least')]\"}",
            ["raise the threshold of size", "lower the threshold of size"],
        ),
        ('{field: color, greater: "[addDays(utcNow(), -9)]"}', ["a day later of color", "a day earlier of color"]),
        ("{field: color, equals: red, default: red}", ["change the default of color"]),
        ("{not: {field: color, equals: red}}", ["drop 'not'", "negate color equals"]),
        (
            "{count: {field: 'rules[*]'}, greater: 0}",
            ["raise the threshold of a count", "lower the threshold of a count"],
        ),
        (
            "{count: {field: 'rules[*]', where: {field: 'rules[*].name', equals: a}}, greater: 0}",
            ["count without 'where'", "negate rules[*].name equals"],
        ),
        (
            "{every: {in: 'rules[*]', where: {field: 'rules[*].name', equals: a}}}",
            ["'every' becomes 'any' of rules[*]", "negate rules[*].name equals"],
        ),
        ("{any: {in: 'rules[*]', where: {field: 'rules[*].name', equals: a}}}", ["'any' becomes 'every' of rules[*]"]),
        ("{none: {related: child, where: {field: name, equals: a}}}", ["negate name equals"]),
    ],
)
def test_each_kind_of_change_is_made(tmp_path: Path, require: str, changes: list[str]) -> None:
    made = [mutant.change for mutant in mutants.mutants_of(rule(tmp_path, require))]

    assert set(changes) <= set(made)
    assert len(made) == len(list(mutants.mutants_of(rule(tmp_path, require))))


@pytest.mark.parametrize("joiner", ["allOf", "anyOf"])
def test_a_joined_condition_loses_each_part_and_changes_its_joiner(tmp_path: Path, joiner: str) -> None:
    one = rule(tmp_path, f"{{{joiner}: [{{field: color, equals: red}}, {{field: size, equals: 5}}]}}")

    requirements = [str(mutant.rule.require) for mutant in mutants.mutants_of(one)]

    parts = [str(part) for part in getattr(one.require, "conditions", ())]
    assert sum(any(text == f"{type(one.require).__name__}(conditions=({part},))" or text == part for part in parts)
               for text in requirements) >= 2  # fmt: skip


def test_the_condition_of_application_is_dropped(tmp_path: Path) -> None:
    one = rule(tmp_path, "{field: color, equals: red}", when="{field: size, greater: 1}")

    assert "drop 'when'" in [mutant.change for mutant in mutants.mutants_of(one)]


def test_weak_examples_let_changes_survive_and_strong_ones_none(tmp_path: Path) -> None:
    require = "{allOf: [{field: color, in: \"[parameters('colors')]\"}, {field: size, greaterOrEquals: 2, default: 0}]}"
    strong = """\
  - {name: good, resource: {properties: {color: RED, size: 2}}, verdict: pass}
  - {name: bad color, resource: {properties: {color: blue, size: 2}}, verdict: fail}
  - {name: too small, resource: {properties: {color: red, size: 1}}, verdict: fail}
  - {name: no size, resource: {properties: {color: red}}, verdict: fail}
"""

    weak = mutants.survivors(rule(tmp_path, require))

    assert "widen the list of color" in weak
    assert "raise the threshold of size" in weak
    assert mutants.survivors(rule(tmp_path, require, strong)) == []
