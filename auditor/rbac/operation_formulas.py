"""Write sets of operations down in one form, and subtract one from another."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from auditor import resource_id as ids
from auditor.model import OperationFormula, OperationSets, PermittedOperations
from auditor.rbac.automaton import TooComplexError
from auditor.rbac.operation_sets import (
    Complement,
    Intersection,
    OperationSet,
    Pattern,
    Union,
    complement,
    difference,
    intersection,
    is_empty,
    pattern,
    union,
)
from auditor.rbac.permissions import Permissions, Plane, excess


def permitted_beyond(inner: Permissions, outer: Permissions, scope: str) -> OperationSets:
    """Return what the inner permissions may hold at a scope that the outer ones do not surely hold."""
    by_plane = {plane: excess(inner.on(plane).may, outer.on(plane).must, plane) for plane in Plane}
    return OperationSets(
        tuple(
            PermittedOperations(plane.value, ids.key(scope) or "/", written(operations))
            for plane, operations in by_plane.items()
            if not _is_surely_empty(operations)
        )
    )


def subtracted(new: OperationSets, old: OperationSets) -> OperationSets:
    """Return what is permitted in the new sets and in none of the old ones whose scope is the same or above.

    Patterns too complex to decide stay: what may be new is not left out.
    """
    grown = (
        (part, difference(read(part.operations), _permitted_before(part, old.permitted))) for part in new.permitted
    )
    return OperationSets(
        tuple(
            PermittedOperations(part.plane, part.scope, written(operations))
            for part, operations in grown
            if not _is_surely_empty(operations)
        )
    )


def _permitted_before(part: PermittedOperations, old: Iterable[PermittedOperations]) -> OperationSet:
    covering = (each for each in old if each.plane == part.plane and _is_at_or_below(part.scope, each.scope))
    return union(read(each.operations) for each in covering)


def _is_at_or_below(scope: str, above: str) -> bool:
    return above in {scope, "/"} or scope.startswith(f"{above}/")


def _is_surely_empty(operations: OperationSet) -> bool:
    with suppress(TooComplexError):
        return is_empty(operations)
    return False


def written(operations: OperationSet) -> OperationFormula:
    """Return a set in its one form: parts sorted, each once."""
    match operations:
        case Pattern():
            return OperationFormula("pattern", operations.pattern)
        case Union():
            return OperationFormula("any_of", parts=_sorted(operations.parts))
        case Intersection():
            return OperationFormula("all_of", parts=_sorted(operations.parts))
        case Complement(part=Union(parts=parts)):
            return OperationFormula("none_of", parts=_sorted(parts))
        case Complement():
            return OperationFormula("none_of", parts=(written(operations.part),))


def _sorted(parts: Iterable[OperationSet]) -> tuple[OperationFormula, ...]:
    return tuple(sorted(dict.fromkeys(map(written, parts)), key=repr))


def read(formula: OperationFormula) -> OperationSet:
    """Return the set that a formula says."""
    parts = map(read, formula.parts)
    match formula.form:
        case "pattern":
            return pattern(formula.pattern)
        case "any_of":
            return union(parts)
        case "all_of":
            return intersection(parts)
        case "none_of":
            return complement(union(parts))
