"""A draft is a rule that loads, keeps its own examples and has no weak spot."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.authoring import draft, examples, mutants
from auditor.azure.catalogue import Catalogue
from auditor.errors import ContentError
from auditor.rulebook.load import Words, load_rule


def write(folder: Path, rule_id: str, resource_type: str) -> Path:
    path = folder / f"{rule_id}.yaml"
    path.write_text(draft.draft(rule_id, resource_type), encoding="utf-8")
    return path


def test_a_draft_loads_and_its_examples_and_mutants_pass(tmp_path: Path) -> None:
    path = write(tmp_path, "storage-example-off", "Microsoft.Storage/storageAccounts")

    draft.check(path)
    rule = load_rule(path, Words(Catalogue([]), {}))

    assert [outcome.problems for outcome in examples.run(rule)] == [[]] * 4
    assert mutants.survivors(rule) == []
    assert rule.title == "Storage example off"


@pytest.mark.parametrize(
    ("rule_id", "resource_type"),
    [
        ("storage", "A.B/c"),
        ("Storage-x", "A.B/c"),
        ("storage-x", "storage"),
        ("storage-x", "A.B/c\nrequire: {}"),
        ("s-x: y", "A.B/c"),
    ],
)
def test_a_draft_for_what_is_no_id_or_type_is_refused(tmp_path: Path, rule_id: str, resource_type: str) -> None:
    with pytest.raises(ContentError):
        draft.check(write(tmp_path, rule_id, resource_type))
