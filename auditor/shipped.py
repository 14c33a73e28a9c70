"""Tell which version of the tool this is, and find what comes with it: in a wheel, an editable install or a checkout."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib.machinery import PathFinder
from itertools import takewhile
from pathlib import Path
from typing import Final

from auditor.errors import AuditorError
from auditor.lazy_imports import lazy_imports

with lazy_imports(__name__):
    from importlib import metadata

DISTRIBUTION: Final = "estate-auditor"
"""What the tool is called where packages are installed from; what is imported and run is `auditor`."""
_UNKNOWN: Final = "0+unknown"
_SPELLINGS: Final = tuple(DISTRIBUTION.replace("-", sign) for sign in "-_.")
PACKAGE: Final = Path(__file__).resolve().parent
"""The folder of the tool's own modules and data."""
_PLACE: Final[ContextVar[Path | None]] = ContextVar("place", default=None)


@cache
def tool_version() -> str:
    """Return the version of the installed tool, or `0+unknown` where it runs from a source tree."""
    if version := _installed_version():
        return version
    try:
        return metadata.version(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return _UNKNOWN


def _installed_version() -> str:
    """Return what `importlib.metadata` says, without its import, which brings a parser of mail; empty where it has to be asked.

    It need not where packages lie in folders alone, and the first that knows the tool has one folder of metadata for it, as
    installers leave it: https://packaging.python.org/en/latest/specifications/recording-installed-packages/
    """
    if any(hasattr(finder, "find_distributions") and finder is not PathFinder for finder in sys.meta_path):
        return ""
    for place in sys.path:
        try:
            named = [one for one in os.listdir(place or ".") if one.lower().startswith(_SPELLINGS)]  # noqa: PTH208 - as text
        except FileNotFoundError:
            continue
        except OSError:  # an archive, or a folder that only the library may get on with
            return ""
        if named:
            return _stated_version(Path(place, named[0])) if len(named) == 1 else ""
    return _UNKNOWN


def _stated_version(folder: Path) -> str:
    """Return the version that a folder of metadata states, empty where it is not one of the tool."""
    try:
        lines = (folder / "METADATA").read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return ""
    stated = dict(line.split(": ", 1) for line in takewhile(bool, lines) if not line[0].isspace() and ": " in line)
    is_own = folder.suffix == ".dist-info" and stated.get("Name", "").lower().replace("_", "-") == DISTRIBUTION
    return stated.get("Version", "") if is_own else ""


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
    for base in (place,) if place is not None else (PACKAGE / "bundled", PACKAGE.parent):
        if (base / name).is_dir():
            return base / name
    raise AuditorError(f"the tool's own folder '{name}' is missing", "install auditor again")
