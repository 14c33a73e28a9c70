"""Judge an estate part by part, and take over what an earlier run kept where nothing that it rests on has changed."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final, cast

import orjson
from msgspec.structs import replace

from auditor.azure.catalogue import CONSTANTS
from auditor.azure.catalogue import shipped as shipped_types
from auditor.compiled import objects
from auditor.engine.evaluate import EstateView, Evaluation
from auditor.engine.findings import portable_findings
from auditor.engine.findings.held_findings import Run, portable, taken_over
from auditor.engine.findings.raw_inputs import RawInputs
from auditor.engine.findings.tallies import Counting
from auditor.engine.incremental.digests import Digests
from auditor.engine.incremental.kept_answers import JudgedAnew, KeptAnswers, Tell, unpacked
from auditor.engine.incremental.trace import OF_ALL_RUNS, Trace, TracingContext, TracingNames
from auditor.engine.partwise import (
    Finish,
    JudgedFindings,
    JudgedPart,
    PartwiseEvaluation,
    Spread,
    Watch,
    finished,
    judged,
    unwatched,
)
from auditor.estate.graph import Estate
from auditor.model import Finding
from auditor.shipped import PACKAGE, tool_version

FinishFor = Callable[[Estate, Mapping[str, str] | None], Finish]
"""Returns what finishes findings on an estate, with what people call things, where that is known."""
_LOGGER: Final = logging.getLogger(__name__)


class UnkeepableError(Exception):
    """Why nothing can be kept: it cannot be told whether a later run judges by the same."""


def made_by(question: Evaluation) -> bytes:
    """Return what tells the tool, the rules and the terms of an evaluation from others. UnkeepableError where nothing does."""
    rules, metadata = question.rules, question.estate.metadata
    parts: list[object] = [rules.in_force, rules.baseline, rules.components]
    if rules.catalogue is not shipped_types():
        parts += [[*rules.catalogue], rules.catalogue.ways, rules.catalogue.namespaces]
    terms = [question.estate.complete, question.explain_passes]
    given = [getattr(metadata, name) for name in OF_ALL_RUNS]
    try:
        texts = [objects.dump(part, CONSTANTS) for part in parts]
        texts += [orjson.dumps([terms, given]), tool_version().encode(), sys.version.encode(), _own_files()]
    except (TypeError, ValueError, OSError) as problem:
        raise UnkeepableError(str(problem)) from problem
    return sha256(b"".join(sha256(text).digest() for text in texts)).digest()


def _own_files() -> bytes:
    """Return what tells the tool's own files by their content: installed anew, they are as they were."""
    whole = sha256()
    for path in sorted(PACKAGE.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            whole.update(os.fsencode(path.relative_to(PACKAGE)) + sha256(path.read_bytes()).digest())
    return whole.digest()


class KeptFindings:
    """The findings of an evaluation, with the help of a file in which an earlier one kept its own."""

    def __init__(self, path: Path, question: Evaluation, names: Callable[[], Mapping[str, str]], tell: Tell) -> None:
        """Open the file; where it is no use, `tell` is told, and all is judged anew. `names` are what people call things."""
        self._question = question
        self._names = names
        self._kept: KeptAnswers | None = None
        try:
            self._kept = KeptAnswers(path, made_by(question), tell)
        except UnkeepableError:
            tell(f"{path}: nothing is kept there: it cannot be told from other rules what these are")

    def judged(self, finish_for: FinishFor, spread: Spread, watch: Watch) -> JudgedFindings:
        """Return the findings of all parts, and keep those of them that were made now."""
        question, kept = self._question, self._kept
        if kept is None:
            return judged(PartwiseEvaluation(question, finish_for(question.estate, None), watch), spread)
        parts = IncrementalEvaluation(question, finish_for, kept, self._names, watch)
        anew: list[JudgedAnew] = []

        def gathering(asked: PartwiseEvaluation) -> Sequence[JudgedPart]:
            found = spread(asked)
            anew.extend(part.anew for part in found if isinstance(part, _TracedPart))
            return [JudgedPart(part.runs, part.tallies) for part in found]

        found = judged(parts, gathering)
        kept.keep(anew, question.context.now)
        return found


class _TracedPart(JudgedPart, frozen=True):
    """A part that was judged now, with what a later run may take over."""

    anew: JudgedAnew


class IncrementalEvaluation(PartwiseEvaluation):
    """An estate judged part by part, of which what an earlier run kept and what still holds is taken over."""

    def __init__(
        self,
        question: Evaluation,
        finish_for: FinishFor,
        kept: KeptAnswers,
        names: Callable[[], Mapping[str, str]],
        watch: Watch = unwatched,
    ) -> None:
        super().__init__(question, finish_for(question.estate, None), watch)
        self._question = question
        self._finish_for = finish_for
        self._names = names
        self._kept = kept
        digests = Digests(kept.key, question.estate, question.workloads, names)
        kept.compare(digests, question.estate, question.context.now)

    def judge(self, number: int) -> JudgedPart:
        """Return the findings of a part: those of the earlier run, where they cannot be others."""
        kept = self._kept.findings(self.parts[number].place)
        if kept is not None:
            try:
                return self._taken_over(kept)
            except ValueError:
                _LOGGER.debug("part %s is damaged: it is judged anew", self.parts[number].name, exc_info=True)
        return self._judged_anew(number) or super().judge(number)

    def _taken_over(self, kept: Iterable[bytes]) -> JudgedPart:
        """Return the findings of the earlier run. ValueError where there is something else."""
        runs, counting = list[Run](), self.counting()
        for data in kept:
            found = portable_findings.loads(unpacked(data), self.inputs)
            runs.append(taken_over(data, found))
            counting.add(found)
        return JudgedPart(runs, counting.tallies)

    def _judged_anew(self, number: int) -> JudgedPart | None:
        """Return the findings of a part with all that was asked for them; None where that could not be noted."""
        trace, part = Trace(), self.parts[number]
        context = TracingContext(self._question.context, trace)
        estate = cast("Estate", context.estate)
        question = replace(self._question, context=context.as_context)
        view = EstateView.of(question, RawInputs(estate), context.estate.rows)
        finish = self._finish_for(estate, TracingNames(self._names, trace))
        counting = self.counting()
        try:
            runs = list(self._written(finished(part, view, finish), counting))
        except portable_findings.UnportableError:
            _LOGGER.debug("part %s cannot be kept", part.name, exc_info=True)
            return None
        if not trace.usable:
            return None
        written = [run.content for run in runs if isinstance(run.content, bytes)]
        return _TracedPart(runs, counting.tallies, JudgedAnew.of(part.place, trace, written))

    def _written(self, found: Iterable[Sequence[Finding]], counting: Counting) -> Iterator[Run]:
        """Yield findings as runs of plain data. UnportableError where one came of a mistake, which may be of tracing alone."""
        for some in found:
            if any(finding.unknown_reason and _came_of_mistake(finding.unknown_reason) for finding in some):
                raise portable_findings.UnportableError("something failed")
            counting.add(some)
            yield from portable(some, self._question.estate)


def _came_of_mistake(reason: str) -> bool:
    """Whether something is unknown because judging raised."""
    return "error: " in reason.lower() or " failed: " in reason
