"""Name a run after its inputs, so that the same inputs give the same name."""

from __future__ import annotations

import hashlib
import json

from auditor.model import Report
from auditor.report.timestamps import utc


def run_id(report: Report) -> str:
    """Return 32 hex digits over snapshot hash, baseline name and version, tool version and time of judgement."""
    inputs = [
        report.snapshot.sha256,
        report.baseline_name,
        report.baseline_version,
        report.tool_version,
        utc(report.as_of),
    ]
    return hashlib.sha256(json.dumps(inputs).encode()).hexdigest()[:32]
