"""Say which resource types decide how the components of an architecture are bound."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from auditor.architecture.declare import Declaration
from auditor.azure.catalogue import Catalogue
from auditor.estate.navigation import types_behind

_FOLLOWED_IN_CODE = ("child", "privateEndpoint", "subnet")
"""Ways that binding follows whatever a declaration says."""


def types_read(declared: Iterable[Declaration], catalogue: Catalogue) -> frozenset[str]:
    """Return the types, in lower case, that binding components looks at."""
    return frozenset(name.lower() for one in declared for name in _types_of(one, catalogue))


def _types_of(declaration: Declaration, catalogue: Catalogue) -> Iterator[str]:
    yield from declaration.types
    yield from declaration.occupants
    for step in declaration.steps:
        for name in (*step.related, *step.has, *step.lacks, *_FOLLOWED_IN_CODE):
            way = catalogue.ways.get(name)
            yield from types_behind(way, catalogue) if way is not None else ()
