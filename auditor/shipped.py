"""Tell which version of the tool this is, and find what comes with it: in a wheel, an editable install or a checkout."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from auditor.errors import AuditorError

DISTRIBUTION: Final = "estate-auditor"
"""What the tool is called where packages are installed from; what is imported and run is `auditor`."""
_PACKAGE: Final = Path(__file__).resolve().parent
_PLACE: Final[ContextVar[Path | None]] = ContextVar("place", default=None)


def tool_version() -> str:
    """Return the version of the installed tool, or `0+unknown` where it runs from a source tree."""
    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:
        return "0+unknown"


@contextmanager
def standing_in(place: Path) -> Iterator[None]:
    """Let the folders below a place stand in for those that ship, as long as the block runs."""
    token = _PLACE.set(place)
    try:
        yield
    finally:
        _PLACE.reset(token)


def is_replaced() -> bool:
    """Whether other folders stand in for those that ship."""
    return _PLACE.get() is not None


def folder(name: str) -> Path:
    """Return the folder `rules`, `baselines` or `samples`. In a wheel they lie in the package, else beside it."""
    place = _PLACE.get()
    for base in (place,) if place is not None else (_PACKAGE / "bundled", _PACKAGE.parent):
        if (base / name).is_dir():
            return base / name
    raise AuditorError(f"the tool's own folder '{name}' is missing", "install auditor again")
