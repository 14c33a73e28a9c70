"""JSON Schemas of the files that people write and read, for editors and pipelines: generated from what reads them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import CoreSchema
from pydantic_core.core_schema import WithDefaultSchema

from auditor.engine.accepted.known_files import RatchetDocument
from auditor.language.schema import condition
from auditor.report.documents import json_document, report_document
from auditor.rulebook.documents import (
    ConditionDocument,
    ExemptionsDocument,
    OverlayDocument,
    RuleDocument,
    WholeBaselineDocument,
)

Schema = dict[str, object]


class _PlainTitles(GenerateJsonSchema):
    """A schema without a title on every key, which the key says, and without defaults, which its meaning says."""

    def default_schema(self, schema: WithDefaultSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def field_title_should_be_set(self, schema: CoreSchema) -> bool:  # noqa: ARG002 - the signature is pydantic's
        return False


def schema_of(document: object, title: str) -> dict[str, Any]:
    """Return the JSON Schema of a document, or of a union of documents."""
    adapter: TypeAdapter[object] = TypeAdapter(document)  # type: ignore[arg-type]  # mypy knows no form for unions
    schema = adapter.json_schema(schema_generator=_PlainTitles)
    return {"$schema": _PlainTitles.schema_dialect, **schema, "title": title}


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


def ratchet() -> Schema:
    """Return the schema of a file of known failures."""
    return schema_of(RatchetDocument, "Known failures")


def report() -> Schema:
    """Return the schema of the JSON report."""
    return report_document.schema()


def report_line() -> Schema:
    """Return the schema of a line of the report as JSON Lines."""
    return report_document.line_schema()


def first_report() -> Schema:
    """Return the schema of version 1 of the JSON report."""
    return json_document.schema()


SCHEMAS: Final[Mapping[str, Callable[[], Schema]]] = {
    "baseline": baseline,
    "exemption": exemption,
    "ratchet": ratchet,
    "report": report,
    "report-1": first_report,
    "report-line": report_line,
    "rule": rule,
}
