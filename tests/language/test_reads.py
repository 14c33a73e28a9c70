"""Which properties of the judged subject a condition reads, wherever they stand in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.azure import paths
from auditor.language.reads import paths_of
from tests.estates.things import write_rule


@pytest.mark.parametrize(
    ("require", "read"),
    [
        ("{field: color, equals: red}", ["properties.color"]),
        ("{not: {anyOf: [{field: color, exists: true}, {field: tags, exists: true}]}}", ["properties.color", "tags"]),
        ("{value: \"[concat(field('name'), 'x')]\", equals: \"[field('color')]\"}", ["name", "properties.color"]),
        ("{field: zones, contains: \"[field('tags').zone]\"}", ["zones", "tags"]),
        ("{every: {in: 'zones[*]', where: {field: 'zones[*]', like: '1*'}}}", ["zones[*]", "zones[*]"]),
        ("{count: {field: 'zones[*]'}, equals: \"[length(field('name'))]\"}", ["zones[*]", "name"]),
        (
            "{count: {value: \"[field('zones')]\", name: z, where: {value: \"[current('z')]\", equals: 1}}, less: 2}",
            ["zones"],
        ),
        (
            "{none: {related: privateEndpoint, where: {field: name, equals: \"[concat(subject('name'), field('id'))]\"}}}",
            ["name"],
        ),
        ("{unknown: {what: \"[field('name')]\", why: it is dark}}", ["name"]),
    ],
)
def test_what_is_read_is_found(tmp_path: Path, require: str, read: list[str]) -> None:
    rule = write_rule(tmp_path, require=require)
    assert sorted(paths.show(path.steps) for path in paths_of(rule.require)) == sorted(read)
