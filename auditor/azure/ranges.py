"""Sets of whole numbers as sorted, disjoint, non-adjacent half-open ranges."""

from __future__ import annotations

from collections.abc import Iterable

Ranges = tuple[tuple[int, int], ...]
"""`((start, end), …)`, end excluded; equal sets are equal tuples."""


def union(*sets: Ranges) -> Ranges:
    """Return the numbers that are in any of the sets."""
    if len(sets) == 1:
        return sets[0]
    return normal(piece for one in sets for piece in one)


def normal(pieces: Iterable[tuple[int, int]]) -> Ranges:
    """Return the set that overlapping, unsorted or empty pieces cover."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(pieces):
        if start >= end:
            continue
        if merged and start <= merged[-1][1]:
            if end > merged[-1][1]:
                merged[-1] = (merged[-1][0], end)
        else:
            merged.append((start, end))
    return tuple(merged)


def intersection(left: Ranges, *others: Ranges) -> Ranges:
    """Return the numbers that are in all of the sets."""
    for right in others:
        left = _intersection(left, right)
    return left


def _intersection(left: Ranges, right: Ranges) -> Ranges:
    found: list[tuple[int, int]] = []
    i = j = 0
    many, more = len(left), len(right)
    while i < many and j < more:
        low, high = left[i]
        start, end = right[j]
        if high < end:
            i += 1
            end = high
        else:
            j += 1
        start = max(start, low)
        if start < end:
            found.append((start, end))
    return tuple(found)


def overlap(left: Ranges, right: Ranges) -> bool:
    """Whether some number is in both sets."""
    i = j = 0
    many, more = len(left), len(right)
    while i < many and j < more:
        if left[i][1] <= right[j][0]:
            i += 1
        elif right[j][1] <= left[i][0]:
            j += 1
        else:
            return True
    return False


def difference(left: Ranges, right: Ranges) -> Ranges:
    """Return the numbers of the left set that are not in the right one."""
    found: list[tuple[int, int]] = []
    j = 0
    for start, end in left:
        while j < len(right) and right[j][1] <= start:
            j += 1
        at, k = start, j
        while k < len(right) and right[k][0] < end:
            if at < right[k][0]:
                found.append((at, right[k][0]))
            at = max(at, right[k][1])
            k += 1
        if at < end:
            found.append((at, end))
    return tuple(found)


def is_within(left: Ranges, right: Ranges) -> bool:
    """Whether every number of the left set is in the right one."""
    return not difference(left, right)


def holds(numbers: Ranges, number: int) -> bool:
    """Whether the number is in the set."""
    return any(start <= number < end for start, end in numbers)


def size(numbers: Ranges) -> int:
    """Return how many numbers are in the set."""
    return sum(end - start for start, end in numbers)
