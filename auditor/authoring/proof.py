"""Prove rules: by their own examples, and by small changes of each that some example must notice."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from auditor.authoring import examples, mutants
from auditor.rulebook.rule import Rule


class RuleProof(Struct, frozen=True):
    """How many rules, examples and mutants were tried, and what is wrong with the rules, a line each."""

    rules: int
    examples: int
    mutants: int
    problems: Sequence[str]


def prove(rules: Iterable[Rule], *, with_mutants: bool = True) -> RuleProof:
    """Run the examples of rules and, of those whose examples hold, the mutants."""
    tried = list(rules)
    asked = changed = 0
    problems: list[str] = []
    for rule in tried:
        outcomes = examples.run(rule)
        asked += len(outcomes)
        wrong = [
            f"{outcome.example.place}: {outcome.example.name}: {problem}"
            for outcome in outcomes
            for problem in outcome.problems
        ]
        problems += wrong
        if with_mutants and not wrong:
            changed += sum(1 for _ in mutants.mutants_of(rule))
            problems += [f"{rule.file}: no example notices: {change}" for change in mutants.survivors(rule)]
    return RuleProof(len(tried), asked, changed, problems)
