"""Cut a line into classes that no given set tells apart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from auditor.azure.ranges import Ranges, intersection, normal


@dataclass(frozen=True, slots=True)
class AtomicSets:
    """The classes of a universe, and each given set as bits over the classes (only its part inside the universe)."""

    classes: Sequence[Ranges]
    bits: Mapping[Ranges, int]

    @property
    def full(self) -> int:
        """Return the bits of all classes."""
        return (1 << len(self.classes)) - 1

    def ranges(self, bits: int) -> Ranges:
        """Return the numbers of the classes in a set of bits."""
        return normal(piece for place, pieces in enumerate(self.classes) if bits >> place & 1 for piece in pieces)


def atomic_sets(universe: Ranges, sets: Iterable[Ranges]) -> AtomicSets:
    """Cut the universe by the sets; two numbers share a class exactly if they are in the same sets."""
    order = list(dict.fromkeys(sets))
    toggles: dict[int, int] = defaultdict(int)
    for place, numbers in enumerate(order):
        for start, end in intersection(universe, numbers):
            toggles[start] ^= 1 << place
            toggles[end] ^= 1 << place
    inside = 1 << len(order)
    for start, end in universe:
        toggles[start] ^= inside
        toggles[end] ^= inside
    pieces: dict[int, list[tuple[int, int]]] = defaultdict(list)
    signature, last = 0, 0
    for at in sorted(toggles):
        if signature:
            pieces[signature].append((last, at))
        signature ^= toggles[at]
        last = at
    bits = [0] * len(order)
    for place, signature in enumerate(pieces):
        rest = signature ^ inside
        while rest:
            low = rest & -rest
            bits[low.bit_length() - 1] |= 1 << place
            rest ^= low
    return AtomicSets([normal(found) for found in pieces.values()], dict(zip(order, bits, strict=True)))
