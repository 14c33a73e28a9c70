"""The schemas of the files and the loaders of the files say the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # its stubs are a package of their own
import pytest

from auditor.authoring import draft, schemas
from auditor.engine.accepted import exemptions
from auditor.errors import ContentError
from auditor.rulebook import baseline
from auditor.rulebook.load import Words, load_rule
from auditor.yaml_source import load_file, load_text
from tests.checkout import ROOT
from tests.estates.things import CATALOGUE, RULE

RULES = sorted(path for path in (ROOT / "rules").glob("*/*.yaml"))
BASELINES = sorted((ROOT / "baselines").glob("*/baseline.yaml"))
EXEMPTION = dict.fromkeys(("rule", "scope", "reason", "approved_by", "ticket"), "x") | {"expires_on": "2024-03-01"}


def check(schema: dict[str, Any], instance: Any) -> None:
    jsonschema.Draft202012Validator(schema).validate(json.loads(json.dumps(instance)))


@pytest.mark.parametrize("name", sorted(schemas.SCHEMAS))
def test_a_schema_is_one_and_writes_as_json(name: str) -> None:
    schema = json.loads(json.dumps(schemas.SCHEMAS[name]()))

    jsonschema.Draft202012Validator.check_schema(schema)


def test_every_shipped_rule_and_the_draft_of_one_fit() -> None:
    for path in RULES:
        check(schemas.rule(), load_file(path).plain())
    check(schemas.rule(), load_text(draft.draft("storage-x", "A.B/c"), "draft").plain())
    check(schemas.rule(), load_text(RULE, "rule").plain())


@pytest.mark.parametrize("path", BASELINES, ids=lambda path: path.parent.name)
def test_every_shipped_baseline_fits(path: Path) -> None:
    check(schemas.baseline(), load_file(path).plain())


def test_exemptions_fit() -> None:
    check(schemas.exemption(), {"exemptions": [EXEMPTION, {**EXEMPTION, "id": "e"}]})


def _known(read: Callable[[Path], object], folder: Path, name: str, document: Any) -> set[str]:
    """Return the keys that a loader names when it meets one that it does not know."""
    path = folder / name
    path.write_text(json.dumps(document))
    with pytest.raises(ContentError, match="unknown key 'zzzz'") as raised:
        read(path)
    hint = next(problem.hint for problem in raised.value.problems if "'zzzz'" in problem.message)
    return set(hint.removeprefix("known: ").split(", "))


def _keys(schema: dict[str, Any], *path: str) -> set[str]:
    """Return the keys that a schema allows at a path, in any of the alternatives there."""
    part: Any = schema
    for step in ((), *((step,) for step in path)):
        part = part[step[0]] if step else part
        if "$ref" in part:
            part = schema["$defs"][part["$ref"].rpartition("/")[2]]
    return {key for form in part.get("oneOf", part.get("anyOf", [part])) for key in _keys_of(schema, form)}


def _keys_of(schema: dict[str, Any], form: dict[str, Any]) -> set[str]:
    form = schema["$defs"][form["$ref"].rpartition("/")[2]] if "$ref" in form else form
    return set(form["properties"])


def test_the_keys_of_a_rule_are_the_same(tmp_path: Path) -> None:
    plain: dict[str, Any] = load_text(RULE, "rule").plain()
    schema = schemas.rule()

    def known(**changed: Any) -> set[str]:
        return _known(
            lambda path: load_rule(path, Words(CATALOGUE, {})), tmp_path, "thing-is-red.yaml", {**plain, **changed}
        )

    assert known(zzzz=1) == _keys(schema)
    assert known(applies={"zzzz": 1}) == _keys(schema, "properties", "applies")
    assert known(remediation={"zzzz": 1}) == _keys(schema, "properties", "remediation")
    assert known(declares={"p": {"zzzz": 1}}) == _keys(schema, "properties", "declares", "additionalProperties")
    assert known(examples=[{"zzzz": 1}]) == _keys(schema, "properties", "examples", "items")
    conditions = schema["$defs"]["ConditionDocument"]["oneOf"]
    forms = {name: form for one in conditions for name, form in one["properties"].items()}
    assert known(require={"every": {"zzzz": 1}}) == set(forms["every"]["properties"])
    assert known(require={"count": {"zzzz": 1}, "equals": 1}) == set(forms["count"]["properties"])


def test_the_keys_of_a_baseline_are_the_same(tmp_path: Path) -> None:
    schema = schemas.baseline()

    def known(**changed: Any) -> set[str]:
        document = {"name": "b", "version": "1", **changed}
        return _known(lambda path: baseline.load(str(path), tmp_path), tmp_path, "own.yaml", document)

    assert known(zzzz=1) == _keys(schema)
    assert known(settings={"a-b": {"zzzz": 1}}) == _keys(
        schema["$defs"]["WholeBaselineDocument"] | {"$defs": schema["$defs"]},
        "properties",
        "settings",
        "additionalProperties",
    )


def test_the_keys_of_an_exemption_are_the_same(tmp_path: Path) -> None:
    schema = schemas.exemption()

    def read(path: Path) -> object:
        return exemptions.load(path, ["x"])

    assert _known(read, tmp_path, "e.yaml", {"zzzz": 1}) == _keys(schema)
    entries = {"exemptions": [{**EXEMPTION, "zzzz": 1}]}
    assert _known(read, tmp_path, "e.yaml", entries) == _keys(schema, "properties", "exemptions", "items")


@pytest.mark.parametrize(
    "require",
    [
        {"field": "color", "equal": "x"}, {"feild": "color", "equals": "x"}, {"allOf": []}, {"not": []}, {},
        {"every": {"in": "rules[*]"}}, {"field": "color", "value": "x", "equals": "x"},
        {"count": {"fields": "rules[*]"}, "equals": 1}, {"allOf": [{"field": "color", "iss": 1}]},
    ],
)  # fmt: skip
def test_what_the_loader_refuses_the_schema_refuses_too(tmp_path: Path, require: Any) -> None:
    plain = {**load_text(RULE, "rule").plain(), "require": require}
    path = tmp_path / "thing-is-red.yaml"
    path.write_text(json.dumps(plain))

    with pytest.raises(ContentError):
        load_rule(path, Words(CATALOGUE, {}))
    with pytest.raises(jsonschema.ValidationError):
        check(schemas.rule(), plain)
