"""A rule's page shows what the rule asks for, in words."""

from __future__ import annotations

import io

import pytest

from auditor.report import requirement
from auditor.report.pages import rule_page
from auditor.rulebook import in_force
from auditor.rulebook.in_force import Selection
from tests.language.asking import condition


@pytest.mark.parametrize(
    ("written", "lines"),
    [
        ("{field: color, equals: Red}", ["- `color` is `Red`"]),
        (
            "{field: color, equals: Red, default: Blue}",
            ["- `color` is `Red` (where it is absent, it counts as `Blue`)"],
        ),
        ("{field: color, in: [a, b]}", ["- `color` is one of `a`, `b`"]),
        ("{field: color, in: []}", ["- `color` is one of nothing"]),
        ("{field: color, exists: false}", ["- `color` is absent"]),
        ("{field: name, greaterOrEquals: \"[parameters('n')]\"}", ["- `name` is at least the baseline's `n`"]),
        ("{field: name, less: \"[parameters('n').m[0]]\"}", ["- `name` is less than the baseline's `n.m.0`"]),
        ("{field: color, notOlderThan: {days: 9}}", ["- `color` is not older than `9` days"]),
        (
            "{value: \"[contains(field('color'), 're')]\", equals: true}",
            ["- `contains(field('color'), 're')` holds"],
        ),
        (
            "{anyOf: [{field: color, equals: a}, {allOf: [{not: {field: name, equals: b}}]}]}",
            ["- one of these:", "  - `color` is `a`", "  - all of these:", "    - not:", "      - `name` is `b`"],
        ),
        (
            "{none: {in: 'rules[*]', where: {field: 'rules[*].name', like: 'x*'}}}",
            ["- for no element of `rules[*]`:", "  - `rules[*].name` fits `x*`"],
        ),
        ("{count: {related: child}, greater: 2}", ["- the number of related resources (`child`) is greater than `2`"]),
        (
            "{unknown: {what: the age, why: it is not shown}}",
            ["- then it is not known: the age, because it is not shown"],
        ),
    ],
)
def test_a_condition_is_written_in_words(written: str, lines: list[str]) -> None:
    assert list(requirement.lines(condition(written, ["n"]))) == lines


def test_the_page_of_every_rule_shows_its_requirement() -> None:
    for rule in in_force.load(Selection()).rules.values():
        out = io.StringIO()
        rule_page.write_page(rule, out)
        shown = out.getvalue().partition("## Requirement\n\n")[2].partition("\n## Why")[0]
        assert all(line in shown for line in requirement.lines(rule.require))
        assert ("this must hold:" in shown) is (rule.applies.when is not None)
