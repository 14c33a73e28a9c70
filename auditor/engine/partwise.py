"""Have an estate judged part by part, in whatever order and wherever: one state of it, or several together."""

from __future__ import annotations

import gc
import pickle
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
from typing import Final, cast

from msgspec import Struct
from msgspec.structs import replace

from auditor.engine.evaluate import EstateView, Evaluation, EvaluationPart, parts_of
from auditor.engine.findings import held_findings, packed_findings
from auditor.engine.findings.held_findings import Run, gathered, packed, runs_of
from auditor.engine.findings.order import in_order
from auditor.engine.findings.raw_inputs import RawInputs
from auditor.engine.findings.tallies import Counting, Tallies, numbers_of, tallies_of
from auditor.engine.memo.shared_answers import SharedAnswers, StateDifferences
from auditor.estate.graph import Estate
from auditor.inputs.collector import at_rest
from auditor.model import Finding

_AT_ONCE: Final = 5_000
"""How many findings of a part are sorted and finished together: an analysis may have millions."""
_LARGE: Final = 25_000
"""Resources of which there will be many findings: held as they are even for a while, they would leave memory in holes."""
_UNSEEN: Final = 2_000  # findings that the collector has not looked at, below which it has little to do

Finish = Callable[[list[Finding]], list[Finding]]
"""What becomes of findings before they leave the process that made them."""


class JudgingProgress(Struct, frozen=True):
    """How far judging is: so much of the whole is done (`done` of `total`, in no unit), with so many findings."""

    done: int
    total: int
    findings: int


Watch = Callable[[JudgingProgress], None]
"""Is told how far judging is."""


def unwatched(_: JudgingProgress) -> None:
    """Let it go on untold."""


class _CountedParts:
    """Counts the parts that are judged, by their weights, and tells somebody."""

    def __init__(self, weights: Sequence[int], watch: Watch) -> None:
        self._weights = [weight + 1 for weight in weights]
        self._now = JudgingProgress(0, sum(self._weights), 0)
        self._watch = watch

    def add(self, number: int, findings: int) -> None:
        """Count one more part."""
        before = self._now
        self._now = JudgingProgress(before.done + self._weights[number], before.total, before.findings + findings)
        self._watch(self._now)


class JudgedPart(Struct, frozen=True):
    """The findings of a part, and what they add up to."""

    runs: Sequence[Run]
    tallies: Tallies


class JudgedFindings(Struct, frozen=True):
    """Findings in their order, and what they add up to."""

    findings: Sequence[Finding]
    tallies: Tallies


def counted(findings: Sequence[Finding], estate: Estate) -> JudgedFindings:
    """Return findings on an estate with what they add up to."""
    return JudgedFindings(findings, tallies_of(findings, estate))


class PartwiseEvaluation:
    """An estate judged part by part, in whatever order and wherever; each part of the findings as `finish` leaves it."""

    def __init__(self, question: Evaluation, finish: Finish, watch: Watch = unwatched) -> None:
        self.inputs = RawInputs(question.estate)
        self.parts = parts_of(question)
        self._view = EstateView.of(question, self.inputs)
        self._numbers = numbers_of(question.estate)
        self._finish = finish
        self._rest = _Rest()
        self._judged = 0
        self._most_held = held_findings.MANY if len(question.estate.resources) < _LARGE else 0
        self._held: list[list[Run]] = []
        self._counted = _CountedParts([part.weight for part in self.parts], watch)

    @property
    def names(self) -> Sequence[str]:
        """Return what the parts are called, in their order."""
        return [part.name for part in self.parts]

    @property
    def longest_first(self) -> Sequence[int]:
        """Return the numbers of the parts, from the one that takes the longest."""
        return sorted(range(len(self.parts)), key=lambda number: -self.parts[number].weight)

    def judge(self, number: int) -> JudgedPart:
        """Return the findings of a part; once there are many, they are packed."""
        runs, counting = list[Run](), self.counting()
        for some in finished(self.parts[number], self._view, self._finish):
            self._judged += len(some)
            counting.add(some)
            runs += runs_of(some)
            self._hold(runs)
            self._rest.after(len(some))
        return JudgedPart(runs, counting.tallies)

    def counting(self) -> Counting:
        """Return what counts findings of a part."""
        return Counting(self._numbers)

    def _hold(self, runs: list[Run]) -> None:
        """Hold runs as they are, until there are many findings: then pack these, and all that were held before."""
        if not self._held or self._held[-1] is not runs:
            self._held.append(runs)
        if self._judged > self._most_held:
            for held in self._held:
                held[:] = map(packed, held)
            self._held = []

    def note(self, number: int, part: JudgedPart) -> None:
        """Tell whoever watches that the findings of a part are there."""
        self._counted.add(number, sum(run.statuses.total() for run in part.runs))

    def packed(self, part: JudgedPart) -> bytes:
        """Return the findings of a part as bytes, for another process: here they are not held any longer."""
        self._held = []
        return pickle.dumps(replace(part, runs=list(map(packed, part.runs))), pickle.HIGHEST_PROTOCOL)

    def unpacked(self, data: bytes | memoryview) -> JudgedPart:
        """Return the findings of a part of the same estate that was judged in another process."""
        return cast("JudgedPart", pickle.loads(data))  # noqa: S301 - of our own process, or of a worker that is trusted

    def together(self, judged: Sequence[JudgedPart]) -> JudgedFindings:
        """Return the findings of all parts, in order."""
        found = gathered(chain.from_iterable(part.runs for part in judged), self.inputs)
        return JudgedFindings(found, Tallies.together(part.tallies for part in judged))


class StatesTogether:
    """Several states of an estate judged part by part, each as if it were judged alone: what is the same in them, once.

    All are judged by the same rules. `finishing` returns for a part what finishes the findings of each state.
    """

    def __init__(
        self, questions: Sequence[Evaluation], finishing: Callable[[], Sequence[Finish]], watch: Watch = unwatched
    ) -> None:
        self._questions = questions
        self._finishing = finishing
        self._inputs = [RawInputs(question.estate, number) for number, question in enumerate(questions)]
        self._parts = [{part.place: part for part in parts_of(question)} for question in questions]
        self._views = [
            EstateView.of(question, inputs) for question, inputs in zip(questions, self._inputs, strict=True)
        ]
        self._places = list(dict.fromkeys(place for parts in self._parts for place in parts))
        first = questions[0].estate
        self._differences = [StateDifferences.between(first, question.estate) for question in questions]
        self._rest = _Rest()
        self._weights = [sum(parts[place].weight for parts in self._parts if place in parts) for place in self._places]
        self._counted = _CountedParts(self._weights, watch)

    @property
    def longest_first(self) -> Sequence[int]:
        """Return the numbers of the parts, from the one that takes the longest."""
        return sorted(range(len(self._weights)), key=lambda number: -self._weights[number])

    def judge(self, number: int) -> list[list[Finding]]:
        """Return the sorted findings of a part on each state."""
        contexts = [question.context for question in self._questions]
        shared = SharedAnswers(contexts, self._inputs, self._differences)
        found: list[list[Finding]] = []
        for state, finish in enumerate(self._finishing()):
            part = self._parts[state].get(self._places[number])
            shared.begin(state)
            view = replace(self._views[state], shared=shared)
            found.append([] if part is None else finish(in_order(part.findings(view))))
        self._rest.after(sum(map(len, found)))
        return found

    def note(self, number: int, found: list[list[Finding]]) -> None:
        """Tell whoever watches that the findings of a part are there."""
        self._counted.add(number, sum(map(len, found)))

    def packed(self, found: list[list[Finding]]) -> bytes:
        """Return the findings of a part on each state as bytes, for another process."""
        return packed_findings.dumps(found)

    def unpacked(self, data: bytes | memoryview) -> list[list[Finding]]:
        """Return the findings of a part on each state that was judged in another process."""
        return cast("list[list[Finding]]", packed_findings.loads(data, *self._inputs))

    def by_state(self, judged: Sequence[list[list[Finding]]]) -> list[list[Finding]]:
        """Return the sorted findings on each state, of those of all parts."""
        of_parts = dict(zip(self._places, judged, strict=True))
        return [
            in_order(chain.from_iterable(of_parts[place][state] for place in parts))
            for state, parts in enumerate(self._parts)
        ]


def finished(part: EvaluationPart, view: EstateView, finish: Finish) -> Iterator[list[Finding]]:
    """Yield the findings of a part, some at a time, in order and finished."""
    found = iter(part.findings(view))
    while some := list(islice(found, _AT_ONCE)):
        yield finish(in_order(some))


Spread = Callable[[PartwiseEvaluation], Sequence[JudgedPart]]
"""What has all parts judged, wherever, and returns their findings in the order of the parts."""


def findings(question: Evaluation) -> Sequence[Finding]:
    """Return the findings of all rules, sorted by severity, rule, resource and sub-object."""
    with at_rest():
        return judged(PartwiseEvaluation(question, list), one_after_the_other).findings


def one_after_the_other(parts: PartwiseEvaluation) -> Sequence[JudgedPart]:
    """Have all parts judged in this process."""
    found: list[JudgedPart] = []
    for number in range(len(parts.names)):
        found.append(parts.judge(number))
        parts.note(number, found[-1])
    return found


def judged(parts: PartwiseEvaluation, spread: Spread) -> JudgedFindings:
    """Return the sorted findings of all rules. What comes out is the same wherever the parts are judged."""
    with at_rest():  # the estate, which outlives judging
        return parts.together(spread(parts))


def judged_together(
    states: StatesTogether, spread: Callable[[StatesTogether], Sequence[list[list[Finding]]]]
) -> list[list[Finding]]:
    """Return the sorted findings of all rules on each of several states; `spread` has the parts judged."""
    with at_rest():
        return states.by_state(spread(states))


class _Rest:
    """Spares the collector what findings are made of, and those that it has looked at: it would again and again."""

    def __init__(self) -> None:
        self._since = 0

    def after(self, number: int) -> None:
        """Put the findings to rest that there are, if with so many more they have become many."""
        self._since += number
        if self._since >= _UNSEEN:
            gc.collect()  # first, as what is frozen in a cycle is not freed
            gc.freeze()
            self._since = 0
