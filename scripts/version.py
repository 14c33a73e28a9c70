"""The version of what is built: that of the tag that is built from, and of anything else one that sorts before the next.

Hatchling runs this file and asks for `found()`. It needs nothing but git, and where there is none, no git either: a source
distribution says its version, and a bare copy of the tree is told by AUDITOR_BUILD_VERSION, or is version 0.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent
_DESCRIBED = re.compile(r"v(\d+)\.(\d+)\.(\d+)((?:a|b|rc)\d+)?-(\d+)-g([0-9a-f]+)(-dirty)?")
_COUNTED = re.compile(r"([0-9a-f]+)(-dirty)?")
_STATED = re.compile(r"^Version: (\S+)$", re.MULTILINE)


def found() -> str:
    """Return the version of this tree."""
    return os.environ.get("AUDITOR_BUILD_VERSION") or _stated() or _described(_git()) or "0+unknown"


def _stated() -> str:
    """Return what a source distribution says of itself."""
    path = _ROOT / "PKG-INFO"
    found_in = _STATED.search(path.read_text(encoding="utf-8")) if path.is_file() else None
    return found_in[1] if found_in else ""


def _git() -> str:
    if not (_ROOT / ".git").exists():  # a folder around it may be a repository, too, but not ours
        return ""
    command = ["git", "describe", "--tags", "--long", "--dirty", "--always", "--match", "v[0-9]*"]
    try:
        ended = subprocess.run(command, cwd=_ROOT, check=True, capture_output=True, text=True)  # noqa: S603 - our own
    except (OSError, subprocess.CalledProcessError):
        return ""
    return ended.stdout.strip()


def _described(text: str) -> str:
    """Return the version that `git describe` tells of: 1.2.0 on v1.2.0, and 1.2.1.dev3+gabcdef three commits later."""
    if tagged := _DESCRIBED.fullmatch(text):
        major, minor, patch, pre, distance, commit, dirty = tagged.groups()
        if distance == "0" and not dirty:
            return f"{major}.{minor}.{patch}{pre or ''}"
        following = f"{major}.{minor}.{patch if pre else int(patch) + 1}"
        return f"{following}.dev{distance}+g{commit}{'.dirty' if dirty else ''}"
    if counted := _COUNTED.fullmatch(text):
        return f"0.1.0.dev0+g{counted[1]}{'.dirty' if counted[2] else ''}"
    return ""
