"""Pick the shipped baseline that an estate was built after, by the signs that each gives of itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct

from auditor.architecture.signs import Sign, weigh
from auditor.compiled import store
from auditor.errors import AuditorError
from auditor.estate.graph import Estate
from auditor.rulebook import baseline as baselines
from auditor.rulebook.baseline import PACKAGE, Baseline

AUTO: Final = "auto"
"""The name that stands for the baseline that fits best."""


class Fit(Struct, frozen=True):
    """A shipped baseline, by name and edition, and how much in an estate tells of it."""

    reference: str
    weight: int


def fits(estate: Estate, shipped: Path) -> Sequence[Fit]:
    """Return the shipped baselines of which anything in an estate tells, the one that fits best first."""
    found: list[Fit] = []
    for name, (signs, editions) in _signs(shipped).items():
        weight, edition = weigh(estate, signs, editions)
        if weight:
            found.append(Fit(f"{name}@{edition}" if edition else name, weight))
    return sorted(found, key=lambda fit: (-fit.weight, fit.reference))


def _signs(shipped: Path) -> Mapping[str, tuple[Sequence[Sign], Sequence[str]]]:
    """Return by name the signs and editions of the shipped baselines, or what an earlier start kept of them."""
    files = {name: shipped / name / PACKAGE for name in baselines.names(shipped)}

    def read() -> dict[str, tuple[Sequence[Sign], Sequence[str]]]:
        return {name: baselines.own_signs(path) for name, path in files.items()}

    return store.kept("signs", lambda: store.digest(files.values()), read)


def best(estate: Estate, shipped: Path) -> str:
    """Return the baseline that fits best. AuditorError where nothing tells of any."""
    known = fits(estate, shipped)
    if not known:
        raise AuditorError("nothing in the estate tells which baseline fits it", "name one with --baseline")
    return known[0].reference


def better(estate: Estate, own: Baseline, shipped: Path) -> str | None:
    """Return the shipped baseline that fits better than the one judged by; None where that one says nothing of itself."""
    if not own.signs:
        return None
    weight, _ = weigh(estate, own.signs, [own.edition.name])
    first = next(iter(fits(estate, shipped)), None)
    return first.reference if first is not None and first.weight > weight else None
