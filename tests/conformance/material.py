"""The material beside the checkout: vectors, built-in roles, the reference implementation as deployed."""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from auditor.rbac.assignments import Role
from auditor.rbac.permissions import permissions_of
from tests.checkout import ROOT

SHARED = Path(os.environ.get("AUDITOR_SHARED") or ROOT.parent / "shared")


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
def _vector_file() -> Any:
    return YAML(typ="safe").load(SHARED / "spec" / "analysis_vectors.yaml")


def vectors(area: str) -> list[dict[str, Any]]:
    """Return the vectors of one area: documented, published and crafted cases with exact answers."""
    return [vector for vector in _vector_file()["vectors"] if vector["area"] == area]


def vector_groups() -> dict[str, Any]:
    """Return the network security groups that vectors name."""
    groups: dict[str, Any] = _vector_file()["nsgs"]
    return groups


def reference_file() -> Path:
    """Return the file of the published reference implementation as it would be deployed."""
    return SHARED / "data" / "reference-estate" / "2024-02.json"
