"""Hold many findings, in their order, as compressed bytes; they are made again whenever somebody goes through them.

As objects, those on a million resources take ten gigabytes and more, of which most say the same: packed, a tenth of that.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from itertools import chain, groupby, islice, pairwise
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from auditor.engine.findings import packed_findings
from auditor.engine.findings.lazy_sequences import MadeOnUse
from auditor.engine.findings.order import Place, RuleOrder, in_order, order_of, place_of, rule_of
from auditor.engine.findings.raw_inputs import RawInputs
from auditor.estate.graph import Estate
from auditor.lazy_imports import lazy_imports
from auditor.model import Finding, Status

with lazy_imports(__name__):
    import zstandard

    from auditor.engine.findings import portable_findings

MANY: Final = 100_000
"""How many findings are held as they are: they take some eighty megabytes."""
_LONGEST: Final = 1_000  # in a run: so many are made again at a time
_LONGER: Final = 2  # times as long as one run for each chain are sections of several chains
_LEVEL: Final = 1  # findings of one rule are so alike that more gains little

SETTLED: Final = frozenset({Status.PASS, Status.NOT_APPLICABLE})
"""Statuses of which nobody has to do anything about a finding."""

Change = Callable[[int, Finding], Finding]
"""Returns what becomes of a finding; it is given the place of that in the order, too."""


class Run(Struct, frozen=True):
    """Findings of one rule in their order, as they are or packed, or as compressed plain data that a later run may read, too.

    Without a look at them it is known how many have which status, and the places of the first and the last of them.
    """

    rule: RuleOrder
    first: Place
    last: Place
    statuses: Counter[Status]
    content: Sequence[Finding] | bytes
    is_portable: bool = False


def runs_of(found: Iterable[Finding]) -> Iterator[Run]:
    """Cut findings that are in order into runs."""
    return map(_run, _cut(found))


def _cut(found: Iterable[Finding]) -> Iterator[list[Finding]]:
    for _, findings in groupby(found, key=rule_of):
        while some := list(islice(findings, _LONGEST)):
            yield some


def _run(some: Sequence[Finding], content: bytes | None = None) -> Run:
    """Return findings of one rule as a run; what is given for its `content` is them as plain data."""
    statuses = Counter(each.status for each in some)
    ends = place_of(some[0]), place_of(some[-1])
    return Run(rule_of(some[0]), *ends, statuses, some if content is None else content, content is not None)


def packed(run: Run) -> Run:
    """Return a run as bytes, which stay in this process or go to another one that judges the same estate."""
    if isinstance(run.content, bytes):
        return run
    return replace(run, content=_compressed(packed_findings.dumps(run.content)))


def portable(found: Sequence[Finding], estate: Estate) -> Iterator[Run]:
    """Yield runs of findings on an estate, in order, as plain data. UnportableError where they are more than that."""
    for some in _cut(found):
        yield _run(some, _compressed(portable_findings.dumps(some, estate)))


def taken_over(data: bytes, found: Sequence[Finding]) -> Run:
    """Return the run that was written as some data, of which somebody has read what it says. ValueError where it is none."""
    [some] = _cut(found)
    return _run(some, data)


def _compressed(data: bytes) -> bytes:
    return bytes(memoryview(_packer().compress(data)))  # what the packer gives holds room for the whole


@cache
def _packer() -> zstandard.ZstdCompressor:
    return zstandard.ZstdCompressor(level=_LEVEL)


@cache
def _unpacker() -> zstandard.ZstdDecompressor:
    return zstandard.ZstdDecompressor()


def gathered(runs: Iterable[Run], inputs: RawInputs) -> Sequence[Finding]:
    """Return the findings of runs in their order: many are held as they came, of few there is a list."""
    found = HeldFindings(runs, inputs)
    return found if len(found) > MANY else list(found)


def changed(findings: Sequence[Finding], change: Change) -> Sequence[Finding]:
    """Return findings that are in order with what becomes of each: its rule, its place and how severe it is must not."""
    if not isinstance(findings, HeldFindings):
        return [change(number, finding) for number, finding in enumerate(findings)]
    new = (change(number, finding) for number, finding in enumerate(findings))
    return HeldFindings(map(packed, runs_of(new)), findings.inputs)


def with_more(findings: Sequence[Finding], more: Sequence[Finding]) -> Sequence[Finding]:
    """Return findings that are in order together with some others, in order."""
    if not isinstance(findings, HeldFindings):
        return in_order([*findings, *more])
    return HeldFindings([*findings.runs, *runs_of(in_order(more))], findings.inputs)


def statuses_of(findings: Sequence[Finding]) -> Counter[Status]:
    """Return how many findings have which status."""
    return findings.statuses if isinstance(findings, HeldFindings) else Counter(each.status for each in findings)


def settled_apart(findings: Sequence[Finding]) -> tuple[Counter[Status], Sequence[Finding]]:
    """Return findings without runs of which all pass or do not apply, which need not be made, and the statuses in those."""
    if not isinstance(findings, HeldFindings):
        return Counter(), findings
    others = HeldFindings((run for run in findings.runs if not SETTLED.issuperset(run.statuses)), findings.inputs)
    return findings.statuses - others.statuses, others


class HeldFindings(MadeOnUse[Finding]):
    """Findings in their order. Going through them makes each anew; what many of them share is the same object again."""

    def __init__(self, runs: Iterable[Run], inputs: RawInputs) -> None:
        self.inputs = inputs
        self._by_rule: dict[RuleOrder, list[Run]] = defaultdict(list)
        for run in runs:
            self._by_rule[run.rule].append(run)

    @property
    def runs(self) -> Iterator[Run]:
        """Go through what they are held as, in no order."""
        return chain.from_iterable(self._by_rule.values())

    def __len__(self) -> int:
        """Return how many there are."""
        return self.statuses.total()

    @property
    def statuses(self) -> Counter[Status]:
        """Return how many have which status."""
        statuses = Counter[Status]()
        for run in self.runs:
            statuses.update(run.statuses)
        return statuses

    def __iter__(self) -> Iterator[Finding]:
        """Go through them."""
        for rule in sorted(self._by_rule):
            chains = [self._through(runs) for runs in _chains(self._by_rule[rule])]
            yield from chains[0] if len(chains) == 1 else heapq.merge(*chains, key=order_of)

    def sections(self) -> Sequence[Iterable[Finding]]:
        """Return them in sections, in order: each is made anew for itself, by whoever goes through it."""
        sections: list[Iterable[Finding]] = []
        small: list[_Section] = []
        for rule in sorted(self._by_rule):
            for section in _sections(_chains(self._by_rule[rule]), self._through):
                if small and sum(each.size for each in small) + section.size > _LONGEST:
                    sections.append(_Sections(small))
                    small = []
                small.append(section)
        return [*sections, _Sections(small)] if small else sections

    def _through(self, runs: Iterable[Run]) -> Iterator[Finding]:
        for run in runs:
            if not isinstance(run.content, bytes):
                yield from run.content
            elif run.is_portable:
                yield from portable_findings.loads(_unpacker().decompress(run.content), self.inputs)
            else:
                yield from packed_findings.loads(_unpacker().decompress(run.content), self.inputs)


class _Section(Struct, frozen=True):
    """The findings of one rule from some place on to before another: of some chains of runs, what lies between.

    `size` is about how many there are.
    """

    chains: Sequence[Sequence[Run]]
    through: Callable[[Iterable[Run]], Iterator[Finding]]
    size: int
    first: Place | None = None
    end: Place | None = None

    def __iter__(self) -> Iterator[Finding]:
        """Go through them."""
        chains = [self._within(runs) for runs in self.chains]
        return chains[0] if len(chains) == 1 else heapq.merge(*chains, key=order_of)

    def _within(self, runs: Iterable[Run]) -> Iterator[Finding]:
        first, end = self.first, self.end
        for run in runs:
            found = self.through([run])
            if first is not None and run.first < first:
                found = (each for each in found if place_of(each) >= first)
            if end is not None and run.last >= end:
                found = (each for each in found if place_of(each) < end)
            yield from found


class _Sections(Struct, frozen=True):
    """Sections that follow each other, as one."""

    sections: Sequence[_Section]

    def __iter__(self) -> Iterator[Finding]:
        """Go through the findings."""
        return chain.from_iterable(self.sections)


def _sections(
    chains: Sequence[Sequence[Run]], through: Callable[[Iterable[Run]], Iterator[Finding]]
) -> Iterator[_Section]:
    """Cut the runs of one rule into sections. Where a run lies in two of them, it is made again for both: those are longer."""
    if len(chains) == 1:
        yield from (_Section([[run]], through, run.statuses.total()) for run in chains[0])
        return
    longest, size = _LONGEST * _LONGER * len(chains), 0
    cuts: list[Place] = []
    for run in sorted(chain.from_iterable(chains), key=lambda run: run.first):
        if size >= longest:
            cuts.append(run.first)
            size = 0
        size += run.statuses.total()
    for first, end in pairwise([None, *cuts, None]):
        within = [
            [run for run in runs if (end is None or run.first < end) and (first is None or run.last >= first)]
            for runs in chains
        ]
        yield _Section([runs for runs in within if runs], through, longest if cuts else size, first, end)


def _chains(runs: Iterable[Run]) -> Sequence[Sequence[Run]]:
    """Return runs of one rule as few sequences, in each of which a run begins behind the end of the one before."""
    chains: list[list[Run]] = []
    for run in sorted(runs, key=lambda run: (run.first, run.last)):
        fitting = next((one for one in chains if one[-1].last < run.first), None)
        if fitting is None:
            chains.append([run])
        else:
            fitting.append(run)
    return chains
