"""Join the results of several chains into one answer: yes, no or not known, in which words, with which example."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from auditor.model import Gap, PacketSet
from auditor.network import packet_sets
from auditor.network.address_book import ROUTED
from auditor.network.describe import AddressNames, Sentence, sentences
from auditor.network.drawing import NOTHING
from auditor.network.search import SearchResult
from auditor.network.trace import DecidingRule, Disposition
from auditor.network.witness import Packet, example, numbers_of, values_for
from auditor.truth import Truth, any_of

_TAGS_PERMISSION: Final = "Microsoft.Network/locations/serviceTags/read"
_MOST_LINES: Final = 12


class TrafficVerdict(Struct, frozen=True, dict=True):
    """Whether some packet answers a question on any of the chains, and which."""

    results: tuple[SearchResult, ...]
    names: AddressNames

    @cached_property
    def truth(self) -> Truth:
        """Return YES where one chain has an answer for certain, NO where none can have one."""
        return any_of(result.truth for result in self.results)

    @property
    def decisive(self) -> SearchResult | None:
        """Return the first result that decides the truth; None where nothing answers."""
        truth = self.truth
        return None if truth is Truth.NO else next(result for result in self.results if result.truth is truth)

    @cached_property
    def lines(self) -> tuple[Sentence, ...]:
        """Return what answers, in words, each line once."""
        listed = (sentence for result in self.results for sentence in sentences(result, self.names))
        return tuple(dict.fromkeys(listed))[:_MOST_LINES]

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
        unknowns = {name: words for result in self.results for name, words in result.unknowns.items()}
        told = sorted({_why_unknown(name, words) for name, words in unknowns.items()})
        reason = self.results[0].undecidable or f"depends on {', '.join(told)}"
        if unknowns and all(name.startswith(ROUTED) for name in unknowns):
            return Gap(scope, "properties.routeTable", reason)
        is_tags = all(not set(name) & set(":. /") for name in unknowns)
        return Gap(scope, "properties.securityRules", reason, _TAGS_PERMISSION if unknowns and is_tags else None)

    def witness(self) -> Packet | None:
        """Return a packet that answers, for certain where that is possible."""
        result = self.decisive
        if result is None or result.decided is None:
            return None
        packet = example(result.decided.encoding, result.proof.root)
        return None if packet is None else replace(packet, deciders=_deciders(result, packet))

    def deciding_rules(self) -> Iterator[str]:
        """Yield the ids of the security rules that decide about what answers."""
        for disposition in self.dispositions():
            yield from (rule_id for decider in disposition.deciders if (rule_id := decider.rule_id))

    def packets(self) -> PacketSet:
        """Return all packets that answer, on any chain."""
        return packet_sets.packets_of(self.results)

    def dispositions(self) -> Iterator[Disposition]:
        """Yield what becomes of the packets that answer."""
        for result in self.results:
            yield from result.dispositions()


def _why_unknown(name: str, words: str) -> str:
    """Return what an answer depends on, and why that is not known where it is Azure that does not say."""
    if name.startswith(ROUTED):
        return f"whether VirtualNetwork contains the prefix {name.removeprefix(ROUTED)} of a route, which is not documented"
    return words


def _deciders(result: SearchResult, packet: Packet) -> tuple[DecidingRule, ...]:
    """Return the rules that decide about an example of the result; none where that depends on the unknown."""
    if result.decided is None:
        return ()
    values = values_for(result.decided.encoding, result.root, numbers_of(packet)) - {NOTHING}
    ways = {result.decided.table[value].deciders for value in values}
    return next(iter(ways)) if len(ways) == 1 else ()


def rule_names(dispositions: Iterable[Disposition]) -> list[str]:
    """Return the names of the rules that decide, the last one of each chain, each once."""
    deciders = [disposition.deciders for disposition in dispositions]
    return list(dict.fromkeys(rules[-1].rule.name for rules in deciders if rules))


def joined(lines: Sequence[Sentence] | Sequence[str], most: int = 3) -> str:
    """Return the first lines as one part of a sentence."""
    shown = "; ".join(str(line) for line in lines[:most])
    return shown if len(lines) <= most else f"{shown}; and {len(lines) - most} more"
