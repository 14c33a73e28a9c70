"""Hold many findings, in their order, as compressed bytes; they are made again whenever somebody goes through them.

As objects, those on a million resources take ten gigabytes and more, of which most say the same: packed, a tenth of that.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from itertools import chain, groupby, islice
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from auditor.engine import packed_findings
from auditor.engine.finding_order import Place, RuleOrder, in_order, order_of, place_of, rule_of
from auditor.engine.made_on_use import MadeOnUse
from auditor.engine.raw_inputs import RawInputs
from auditor.lazy_imports import lazy_imports
from auditor.model import Finding, Status

with lazy_imports(__name__):
    import zstandard

MANY: Final = 100_000
"""How many findings are held as they are: they take some eighty megabytes."""
_LONGEST: Final = 1_000  # in a run: so many are made again at a time
_LEVEL: Final = 1  # findings of one rule are so alike that more gains little

Change = Callable[[int, Finding], Finding]
"""Returns what becomes of a finding; it is given the place of that in the order, too."""


class Run(Struct, frozen=True):
    """Findings of one rule in their order, as they are or packed.

    Without a look at them it is known how many have which status, and the places of the first and the last of them.
    """

    rule: RuleOrder
    first: Place
    last: Place
    statuses: Counter[Status]
    content: Sequence[Finding] | bytes


def runs_of(found: Iterable[Finding]) -> Iterator[Run]:
    """Cut findings that are in order into runs."""
    for rule, findings in groupby(found, key=rule_of):
        while some := list(islice(findings, _LONGEST)):
            yield Run(rule, place_of(some[0]), place_of(some[-1]), Counter(each.status for each in some), some)


def packed(run: Run) -> Run:
    """Return a run as bytes, which stay in this process or go to another one that judges the same estate."""
    if isinstance(run.content, bytes):
        return run
    return replace(run, content=_packer().compress(packed_findings.dumps(run.content)))


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

    def _through(self, runs: Iterable[Run]) -> Iterator[Finding]:
        for run in runs:
            if isinstance(run.content, bytes):
                yield from packed_findings.loads(_unpacker().decompress(run.content), self.inputs)
            else:
                yield from run.content


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
