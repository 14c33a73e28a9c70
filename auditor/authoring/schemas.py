"""JSON Schemas of the files that people write and read, for editors and pipelines: generated from what reads them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from auditor.language.schema import condition
from auditor.report import json_document
from auditor.rulebook.documents import (
    ConditionDocument,
    ExemptionsDocument,
    OverlayDocument,
    RuleDocument,
    WholeBaselineDocument,
)
from auditor.rulebook.validation import schema_of

Schema = dict[str, object]


def rule() -> Schema:
    """Return the schema of a rule file, with the language's own for conditions."""
    schema = schema_of(RuleDocument, "Rule")
    name = ConditionDocument.__name__
    schema["$defs"][name] |= condition({"$ref": f"#/$defs/{name}"})
    return schema


def baseline() -> Schema:
    """Return the schema of a baseline file: one that declares its parameters, or one that extends another."""
    return schema_of(WholeBaselineDocument | OverlayDocument, "Baseline")


def exemption() -> Schema:
    """Return the schema of an exemption file."""
    return schema_of(ExemptionsDocument, "Exemptions")


def report() -> Schema:
    """Return the schema of the JSON report."""
    return json_document.schema()


SCHEMAS: Final[Mapping[str, Callable[[], Schema]]] = {
    "baseline": baseline,
    "exemption": exemption,
    "report": report,
    "rule": rule,
}
