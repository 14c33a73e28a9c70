"""The JSON Schema of conditions, for editors: the forms and operators that `parse` takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from auditor.language.operators import AGES, OPERATORS

Schema = dict[str, object]

_TEXT: Final[Schema] = {"type": "string", "minLength": 1}
_ANY: Final[Schema] = {}
_DEFAULT: Final[Schema] = {"description": "What Azure applies where the property is absent."}


_AGE: Final[Schema] = {
    "type": "object",
    "description": "How long before the time of judgement.",
    "properties": {"days": {"description": "A number, or an expression in brackets."}},
    "required": ["days"],
    "additionalProperties": False,
}


def condition(itself: Schema) -> Schema:
    """Return the schema of a condition; `itself` refers to it, as conditions hold conditions."""
    operators = dict.fromkeys(sorted(OPERATORS), _ANY) | dict.fromkeys(sorted(AGES), _AGE)
    several = {"type": "array", "items": itself, "minItems": 1}
    path = _TEXT | {"description": "A list of the resource or fact, such as 'ipRules[*]'."}
    relation = _TEXT | {"description": "A relation that leads to other resources, such as 'privateEndpoint'."}
    members = _closed({"in": path, "related": relation, "where": itself}, "where")
    name = _TEXT | {"description": "What current('…') calls the element in hand."}
    counted = _closed({"field": path, "value": _ANY, "name": name, "related": relation, "where": itself})
    field = _TEXT | {"description": "A property of the resource or fact."}
    what = _TEXT | {"description": "What the data does not show."}
    why = _TEXT | {"description": "Why it cannot be known."}
    value: Schema = {"description": "An expression in brackets."}
    return {
        "oneOf": [
            _closed({"allOf": several}, "allOf"),
            _closed({"anyOf": several}, "anyOf"),
            _closed({"not": itself}, "not"),
            _closed({"unknown": _closed({"what": what, "why": why}, "what", "why")}, "unknown"),
            *(_closed({word: members}, word) for word in ("every", "any", "none")),
            _closed({"count": counted, **dict.fromkeys(sorted(OPERATORS - AGES), _ANY)}, "count"),
            _closed({"field": field, "default": _DEFAULT, **operators}, "field"),
            _closed({"value": value, "default": _DEFAULT, **operators}, "value"),
        ]
    }


def _closed(properties: Mapping[str, Schema], *required: str) -> Schema:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(required),
        "additionalProperties": False,
    }
