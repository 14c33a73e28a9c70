"""The shared test material, where it is present, as the nouns of this package."""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from auditor.rbac.assignments import Role
from auditor.rbac.permissions import permissions_of
from tests.checkout import ROOT

SHARED = Path(os.environ.get("AUDITOR_SHARED") or ROOT.parent / "shared")

needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason=f"the shared test material is not at {SHARED}")


@cache
def builtin_definitions() -> dict[str, Any]:
    """Return the built-in role definitions by role name."""
    listed = json.loads((SHARED / "data/builtin_roles.json").read_text())["value"]
    return {definition["properties"]["roleName"]: definition for definition in listed}


@cache
def builtin(name: str) -> Role:
    definition = builtin_definitions()[name]
    return Role(definition["name"], name, permissions_of(definition["properties"]["permissions"]), id=definition["id"])


@cache
def builtins() -> tuple[Role, ...]:
    return tuple(builtin(name) for name in builtin_definitions())


@cache
def vectors() -> list[dict[str, Any]]:
    """Return the access vectors, or nothing where the material is absent (the tests then skip by their mark)."""
    path = SHARED / "spec/analysis_vectors.yaml"
    if not path.is_file():
        return []
    text = path.read_text()
    start = text.index("\nvectors:") if "\nvectors:" in text else 0
    loaded = YAML(typ="safe", pure=False).load(text[start:])
    return [vector for vector in loaded["vectors"] if vector["area"] == "rbac"]
