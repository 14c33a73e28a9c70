"""JSON Schemas of the files that people write and read, for editors and pipelines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from auditor.language.operators import OPERATORS
from auditor.model import Severity, Status
from auditor.report import json_document

Schema = dict[str, Any]

_DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"
_TEXT: Final[Schema] = {"type": "string", "minLength": 1}
_TEXTS: Final[Schema] = {"type": "array", "items": _TEXT}
_ANY: Final[Schema] = {}
_OBJECT: Final[Schema] = {"type": "object"}
_CONDITION: Final[Schema] = {"$ref": "#/$defs/condition"}


def _closed(properties: Mapping[str, Schema], *required: str) -> Schema:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(required),
        "additionalProperties": False,
    }


def _condition() -> Schema:
    operators = dict.fromkeys(sorted(OPERATORS), _ANY)
    conditions = {"type": "array", "items": _CONDITION, "minItems": 1}
    members = _closed({"in": _TEXT, "related": _TEXT, "where": _CONDITION}, "where")
    counted = _closed({"field": _TEXT, "value": _ANY, "name": _TEXT, "related": _TEXT, "where": _CONDITION})
    return {
        "oneOf": [
            _closed({"allOf": conditions}, "allOf"),
            _closed({"anyOf": conditions}, "anyOf"),
            _closed({"not": _CONDITION}, "not"),
            *(_closed({word: members}, word) for word in ("every", "any", "none")),
            _closed({"count": counted, **operators}, "count"),
            _closed({"field": _TEXT, "default": _ANY, **operators}, "field"),
            _closed({"value": _ANY, "default": _ANY, **operators}, "value"),
        ]
    }


def _parameter() -> Schema:
    kinds = ["array", "object", "string", "integer", "number", "boolean"]
    return _closed(
        {"type": {"enum": kinds}, "default": _ANY, "allowed": {"type": "array"}, "description": _TEXT}, "type"
    )


def _example() -> Schema:
    verdicts = sorted({*Status, *(status.replace("_", "-") for status in Status)})
    return _closed(
        {
            "name": _TEXT,
            "resource": _OBJECT,
            "verdict": {"enum": verdicts},
            "parameters": _OBJECT,
            "related": {"type": "object", "additionalProperties": {"type": "array", "items": _OBJECT}},
            "uncollected": _TEXTS,
            "evidence": {"type": "array", "items": _OBJECT},
        },
        "name",
        "resource",
        "verdict",
    )


def rule() -> Schema:
    """Return the schema of a rule file."""
    applies = _closed({"type": _TEXT, "fact": _TEXT, "component": _TEXT, "where": _CONDITION, "when": _CONDITION})
    properties: dict[str, Schema] = {
        "id": {"type": "string", "pattern": "^[a-z][a-z0-9]*(-[a-z0-9]+)+$"},
        "title": _TEXT,
        "severity": {"enum": list(Severity)},
        "rationale": _TEXT,
        "remediation": _closed({"text": _TEXT, "cli": _TEXT, "bicep": _TEXT}, "text"),
        "references": _TEXTS,
        "controls": {"type": "object", "additionalProperties": _TEXTS},
        "parameters": {"type": "object", "additionalProperties": _parameter()},
        "applies": applies,
        "require": _CONDITION,
        "evidence": _TEXTS,
        "examples": {"type": "array", "items": _example(), "minItems": 2},
    }
    required = ("id", "title", "severity", "rationale", "remediation", "applies", "require", "examples")
    return {"$schema": _DRAFT, "title": "Rule", **_closed(properties, *required), "$defs": {"condition": _condition()}}


def baseline() -> Schema:
    """Return the schema of a baseline file."""
    setting = _closed({"enabled": {"type": "boolean"}, "severity": {"enum": list(Severity)}, "parameters": _OBJECT})
    properties: dict[str, Schema] = {
        "name": _TEXT,
        "version": _TEXT,
        "title": _TEXT,
        "description": _TEXT,
        "references": _TEXTS,
        "extends": _TEXT,
        "rules": _TEXTS,
        "parameters": _OBJECT,
        "settings": {"type": "object", "additionalProperties": setting},
        "tables": _OBJECT,
        "components": {"type": ["string", "object"]},
    }
    return {"$schema": _DRAFT, "title": "Baseline", **_closed(properties, "name", "version")}


def exemption() -> Schema:
    """Return the schema of an exemption file."""
    keys = ("rule", "scope", "reason", "approved_by", "ticket")
    date = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\d$"}
    entry = _closed({"id": _TEXT, **dict.fromkeys(keys, _TEXT), "expires_on": date}, *keys, "expires_on")
    properties: dict[str, Schema] = {"exemptions": {"type": "array", "items": entry}}
    return {"$schema": _DRAFT, "title": "Exemptions", **_closed(properties, "exemptions")}


def report() -> Schema:
    """Return the schema of the JSON report."""
    return json_document.schema()


SCHEMAS: Final[Mapping[str, Callable[[], Schema]]] = {
    "baseline": baseline,
    "exemption": exemption,
    "report": report,
    "rule": rule,
}
