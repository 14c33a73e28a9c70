"""Load conditions and ask them about data, as rules do."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from auditor.engine.subjects import ExampleSubject
from auditor.language import parse
from auditor.language.ast import Condition
from auditor.language.environment import Environment
from auditor.language.explain import Explanation, explain
from auditor.truth import Truth
from auditor.yaml_source import load_text
from tests.estates.catalogues import catalogue_of

NOW = datetime(2024, 3, 1, tzinfo=UTC)
THING = "Contoso.Test/things"
CATALOGUE = catalogue_of(
    """
Contoso.Test/things:
  properties.color:
  properties.size: {default: 1}
  properties.late: {since: "2024-01-01"}
  properties.network.defaultAction: {default: Allow}
  properties.rules[*].name:
  properties.rules[*].properties.port:
  properties.rules[*].properties.sources[*]:
Contoso.Test/things/parts:
  properties.material:
Microsoft.Network/privateEndpoints:
  properties.connections[*].properties.status:
"""
)


def names(parameters: Sequence[str] = (), resource_type: str = THING) -> parse.NameScope:
    """Return what names mean in a condition on a type of the catalogue above."""
    vocabulary = CATALOGUE.of_type(resource_type)
    return parse.NameScope(CATALOGUE, vocabulary, vocabulary, frozenset(parameters))


def condition(written: Any, parameters: Sequence[str] = (), resource_type: str = THING) -> Condition:
    """Load a condition from its YAML text, or from the data that such a text spells."""
    text = written if isinstance(written, str) else json.dumps(written, ensure_ascii=False)
    return parse.condition(load_text(text, "rule.yaml"), names(parameters, resource_type))


def scope(
    body: Mapping[str, Any],
    *,
    parameters: Mapping[str, Any] | None = None,
    related: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
    uncollected: Sequence[str] = (),
) -> Environment:
    """Return what a condition sees of one resource."""
    subject = ExampleSubject(body, related or {}, uncollected)
    return Environment(subject, subject, parameters or {}, NOW)


def ask(written: Any, body: Mapping[str, Any], **rest: Any) -> Explanation:
    """Ask a condition about a resource."""
    return explain(condition(written, sorted(rest.get("parameters") or {})), scope(body, **rest))


def truth(written: Any, body: Mapping[str, Any], **rest: Any) -> Truth:
    """Return whether a condition holds for a resource."""
    return ask(written, body, **rest).truth
