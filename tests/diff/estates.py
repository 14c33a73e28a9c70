"""Read estates as a user gives them, and compare what decides in them without judging."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from auditor.diff import configuration
from auditor.diff.attribution import Attribution
from auditor.diff.authors import Authors
from auditor.diff.network_effect import NetworkComparison
from auditor.estate.graph import Estate
from auditor.inputs.read import read
from auditor.network.connectivity import Connectivity
from auditor.report.drift.document import network_document

Body = dict[str, Any]
EDITS = int(os.environ.get("AUDITOR_TEST_EDITS", "25"))
"""How many random edits each law is tried with; 500 take some minutes."""


def written(folder: Path, name: str, bodies: Iterable[Body], **beside: Any) -> Path:
    path = folder / name
    path.write_text(json.dumps({"resources": list(bodies), "complete": True, **beside}), encoding="utf-8")
    return path


def estate(folder: Path, bodies: Iterable[Body]) -> Estate:
    return Estate(read(written(folder, "state.json", bodies)))


def attribution(old: Estate, new: Estate) -> Attribution:
    return Attribution(configuration.changes(old.resources, new.resources, Authors(new)))


def reach(old: Estate, new: Estate) -> tuple[list[Body], list[Body]]:
    """Return the packets gained and lost, as the JSON of diff has them."""
    effects = NetworkComparison(Connectivity(old), Connectivity(new), attribution(old, new)).effects()
    return [network_document(one) for one in effects.gained], [network_document(one) for one in effects.lost]
