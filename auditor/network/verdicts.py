"""Join answers of several paths into what a fact says: yes, no or not known, in which words, with which example."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from auditor.model import Gap
from auditor.network.describe import AddressNames, Sentence, lines
from auditor.network.search import NOTHING, SearchResult
from auditor.network.trace import DecidingRule, Disposition
from auditor.network.witness import Packet, example, probe, values_for
from auditor.truth import Truth, any_of

_TAGS_PERMISSION: Final = "Microsoft.Network/locations/serviceTags/read"
_MOST_LINES: Final = 12


@dataclass(frozen=True)
class TrafficVerdict:
    """Whether some packet answers a question on any of the paths, and which."""

    answers: tuple[SearchResult, ...]
    names: AddressNames

    @property
    def truth(self) -> Truth:
        """Return YES where one path has an answer for certain, NO where none can have one."""
        return any_of(answer.truth for answer in self.answers)

    @property
    def decisive(self) -> SearchResult | None:
        """Return the first answer that decides the truth; None where nothing answers."""
        truth = self.truth
        return None if truth is Truth.NO else next(answer for answer in self.answers if answer.truth is truth)

    @cached_property
    def lines(self) -> tuple[Sentence, ...]:
        """Return what answers, in words, each line once."""
        said = (line for answer in self.answers for line in lines(answer, self.names))
        return tuple(dict.fromkeys(said))[:_MOST_LINES]

    def holds(self, scope: str) -> bool | Gap:
        """Return whether some packet answers, or why that is not known."""
        return self.gap(scope) or self.truth is Truth.YES

    def holds_never(self, scope: str) -> bool | Gap:
        """Return whether no packet answers, or why that is not known."""
        return self.gap(scope) or self.truth is Truth.NO

    def gap(self, scope: str) -> Gap | None:
        """Return why the answer is not known, or None where it is."""
        if self.truth is not Truth.UNKNOWN:
            return None
        unknowns = sorted({name for answer in self.answers for name in answer.unknowns if name})
        reason = self.answers[0].undecidable or f"depends on {', '.join(unknowns)}"
        is_tags = all(not set(name) & set(":. /") for name in unknowns)
        return Gap(scope, "properties.securityRules", reason, _TAGS_PERMISSION if unknowns and is_tags else None)

    def witness(self) -> Packet | None:
        """Return a packet that answers, for certain where that is possible."""
        answer = self.decisive
        if answer is None or answer.decided is None:
            return None
        packet = example(answer.decided.scene, answer.proof.root)
        return None if packet is None else replace(packet, path=_path(answer, packet))

    def decisions(self) -> Iterator[Disposition]:
        """Yield what happens to the packets that answer."""
        for answer in self.answers:
            if answer.decided is not None:
                values = sorted(answer.decided.scene.diagram.values(answer.root) - {NOTHING})
                yield from (answer.decided.table[value] for value in values)


def _path(answer: SearchResult, packet: Packet) -> tuple[DecidingRule, ...]:
    """Return the rules that decide about an example of the answer; none where that depends on the unknown."""
    if answer.decided is None:
        return ()
    found = values_for(answer.decided.scene, answer.root, probe(packet)) - {NOTHING}
    ways = {answer.decided.table[place].deciders for place in found}
    return next(iter(ways)) if len(ways) == 1 else ()


def rule_names(decisions: Iterable[Disposition]) -> list[str]:
    """Return the names of the rules that decide, the last one of each chain, each once."""
    return list(dict.fromkeys(one.deciders[-1].rule.name for one in decisions if one.deciders))


def sentence(answer: Sequence[Sentence] | Sequence[str], most: int = 3) -> str:
    """Return the first lines as one sentence part."""
    shown = "; ".join(str(line) for line in answer[:most])
    return shown if len(answer) <= most else f"{shown}; and {len(answer) - most} more"
