"""Tell which version of the tool this is, and find what comes with it: in a wheel, an editable install or a checkout."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from auditor.errors import AuditorError

_PACKAGE: Final = Path(__file__).resolve().parent


def tool_version() -> str:
    """Return the version of the installed tool, or `0+unknown` where it runs from a source tree."""
    try:
        return version("auditor")
    except PackageNotFoundError:
        return "0+unknown"


def folder(name: str) -> Path:
    """Return the folder `rules`, `baselines` or `samples`. In a wheel they lie in the package, else beside it."""
    for base in (_PACKAGE / "bundled", _PACKAGE.parent):
        if (base / name).is_dir():
            return base / name
    raise AuditorError(f"the tool's own folder '{name}' is missing", "install auditor again")
