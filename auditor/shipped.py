"""Find the rules, baselines and sample estate that come with the tool, in a wheel, an editable install or a checkout."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from auditor.errors import AuditorError

_PACKAGE: Final = Path(__file__).resolve().parent


def folder(name: str) -> Path:
    """Return the folder `rules`, `baselines` or `samples`. In a wheel they lie in the package, else beside it."""
    for base in (_PACKAGE / "bundled", _PACKAGE.parent):
        if (base / name).is_dir():
            return base / name
    raise AuditorError(f"the tool's own folder '{name}' is missing", "install auditor again")
