"""Write down the values that a failure is about, and say which of them an earlier failure did not have, or not as bad."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from msgspec.structs import replace

from auditor import resource_id as ids
from auditor.azure.body import as_time
from auditor.azure.tls import version_rank
from auditor.language.operators import NEGATIVE, as_number, fold
from auditor.model import Evidence, FailedValue, ValueSet

_MORE_IS_BETTER: Final = frozenset({"greater", "greaterOrEquals", "notOlderThan", "count >", "count >="})
_LESS_IS_BETTER: Final = frozenset({"less", "lessOrEquals", "olderThan", "count <", "count <=", "count ="})
_SAME_WHATEVER_ELSE: Final = frozenset({"any", "contains", "containsKey", "notContains", "notContainsKey"})
"""What a list lacks, or must not hold, has nothing to do with what else is in it."""
_ELEMENT: Final = re.compile(r"\[\d+\]")
_OF_BASELINE: Final = re.compile(r"\[parameters\('\w+'\)\]")


def of_leaves(leaves: Iterable[Evidence], resource_id: str | None) -> ValueSet | None:
    """Return the values that leaves of a failure on a resource found; None where they found none in the estate."""
    counted = Counter(
        (_place(leaf, resource_id), _operator(leaf), as_text(_found(leaf)))
        for leaf in leaves
        if leaf.decides and not _OF_BASELINE.fullmatch(leaf.path)  # what a baseline says is no fault of the estate
    )
    return ValueSet(tuple(sorted(FailedValue(*each, times) for each, times in counted.items()))) if counted else None


def _place(leaf: Evidence, resource_id: str | None) -> str:
    path = _ELEMENT.sub("[*]", leaf.path)
    named = f"{path} ({leaf.name})" if leaf.name else path
    is_own = leaf.resource_id is None or (resource_id is not None and ids.key(leaf.resource_id) == ids.key(resource_id))
    return named if is_own else f"{named} of {leaf.resource_id}"


def _operator(leaf: Evidence) -> str:
    if leaf.operator == "count":
        return " ".join(str(leaf.expected).split()[:2])
    return leaf.operator


def _found(leaf: Evidence) -> object:
    """Return what was there, or what Azure takes to be there."""
    return leaf.assumed if leaf.absent or leaf.actual is None else leaf.actual


def as_text(value: object) -> str:
    """Return a value as JSON that is the same for equal values."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)


def subtracted(new: ValueSet, old: ValueSet) -> ValueSet:
    """Return the values of the new set that the old one does not have at that place, nor a worse one instead."""
    known: defaultdict[tuple[str, str], list[FailedValue]] = defaultdict(list)
    for each in old.values:
        known[_key(each)].append(each)
    asked: defaultdict[tuple[str, str], list[FailedValue]] = defaultdict(list)
    for each in new.values:
        asked[_key(each)].append(each)
    more = (each for place, values in asked.items() for each in _beyond(values, known.get(place, ())))
    return ValueSet(tuple(sorted(more)))


def _key(each: FailedValue) -> tuple[str, str]:
    return (fold(each.at), each.operator)


def _beyond(new: Sequence[FailedValue], old: Sequence[FailedValue]) -> Iterator[FailedValue]:
    """Yield what of the values at one place has no equal and no worse one among the old, each of which stands for one."""
    if new[0].operator in _SAME_WHATEVER_ELSE:
        more = sum(each.times for each in new) - sum(each.times for each in old)
        if more > 0:
            yield replace(new[-1], times=more)
        return
    yield from _worse([each for each in new if _badness(each) is not None], old)
    before: Counter[str] = Counter()
    for each in old:
        before[fold(each.value)] += each.times
    elements = {element for each in old for element in _elements(each)}
    for each in new:
        more = each.times - before[fold(each.value)]
        if _badness(each) is None and more > 0 and not elements.issuperset(_elements(each) or [""]):
            yield replace(each, times=more)


def _worse(new: Sequence[FailedValue], old: Sequence[FailedValue]) -> Iterator[FailedValue]:
    """Yield the values that are worse than all that is left of the old ones: the worst is matched with the worst."""
    ranks = ((_badness(each), each.times) for each in old)
    left = iter(sorted((rank for rank, times in ranks if rank is not None for _ in range(times)), reverse=True))
    worst = next(left, None)
    for rank, each in sorted(((_badness(each) or 0.0, each) for each in new), reverse=True):
        unmatched = 0
        for _ in range(each.times):
            if worst is not None and worst >= rank:
                worst = next(left, None)
            else:
                unmatched += 1
        if unmatched:
            yield replace(each, times=unmatched)


def _elements(each: FailedValue) -> frozenset[str]:
    """Return the elements of a list that must not hold some; of all else, and of lists that must be as they are, none."""
    value = json.loads(each.value) if each.operator in NEGATIVE else None
    return frozenset(fold(as_text(element)) for element in value) if isinstance(value, list) else frozenset()


def _badness(each: FailedValue) -> float | None:
    """Return how bad a value is, where values are better or worse: numbers, times and versions of TLS; else None."""
    value = json.loads(each.value)
    size = _size(value)
    if size is not None and each.operator in _MORE_IS_BETTER:
        return -size
    if size is not None and each.operator in _LESS_IS_BETTER:
        return size
    version = version_rank(value) if isinstance(value, str) and "tls" in each.at.lower() else None
    return None if version is None else -float(version)


def _size(value: object) -> float | None:
    number = as_number(value)
    if number is not None:
        return float(number)
    moment = as_time(value) if isinstance(value, str) else None
    return None if moment is None else moment.timestamp()
