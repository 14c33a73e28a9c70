"""What commands on one estate share: how they end, what they are asked of, and how an answer is told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import typer
from msgspec import Struct

from auditor.cli import options as opt
from auditor.cli import streams
from auditor.lazy_imports import lazy_imports

with lazy_imports(__name__):
    from auditor import audit
    from auditor.analysis import contract
    from auditor.inputs import read
    from auditor.report.answers import sheet as answers
    from auditor.rulebook import in_force

FAILURES: Final = 1
NO_ANSWER: Final = 2
INTERRUPTED: Final = 130


class AskedEstate(Struct, frozen=True):
    """The estate that a question is asked of, and the baseline whose words it may use."""

    sources: Sequence[str]
    baseline: str
    assignments: Sequence[str] | None
    complete: bool
    as_of: str | None

    def context(self) -> contract.Context:
        """Read the estate and the baseline."""
        chosen = in_force.load(in_force.Selection(self.baseline, (), self.assignments or ()))
        terms = audit.Terms(complete=self.complete, as_of=opt.time_of(self.as_of))
        return audit.context(read.read(*self.sources), chosen, terms)


def tell(answer: answers.Sheet, output: opt.AnswerFormat, *, allow_incomplete: bool) -> None:
    """Write an answer to stdout and end with the exit code: 2 where something that is not known could change it."""
    chosen = answers.FORMATS[output.value]
    with streams.output(None, chosen.hash_sign) as out:
        chosen.write(answer.without_secrets(), out, streams.width())
    if not chosen.shows_unknowns:
        for unknown in answer.unknowns:
            streams.remark(f"note: {unknown}")
    raise typer.Exit(0 if answer.is_whole or allow_incomplete else NO_ANSWER)
