"""A relation is one file; each mistake in one is an error with its place, and what it says is followed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from auditor.azure.catalogue import Catalogue, shipped
from auditor.errors import ContentError
from auditor.estate.graph import Estate
from auditor.model import Gap, Resource
from auditor.snapshot.model import Metadata, Snapshot
from tests.checkout import ROOT
from tests.e2e.command import in_process

SAFES = "Contoso.Vault/safes"
GROUP = "/subscriptions/s1/resourceGroups/rg/providers"
SAFE, VAULT = f"{GROUP}/{SAFES}/safe", f"{GROUP}/Microsoft.KeyVault/vaults/kv"


def written(folder: Path, name: str, text: str) -> None:
    path = folder / f"{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def guide() -> str:
    """Return the relation that the guide shows."""
    text = (ROOT / "docs" / "resource-types.md").read_text()
    [example] = re.findall(r"```yaml\n# my-rules/relations/kept-in\.yaml\n(.*?)```", text, re.DOTALL)
    return str(example)


def with_guide(folder: Path) -> Catalogue:
    written(folder / "types", SAFES, f"type: {SAFES}\n")
    written(folder / "relations", "kept-in", guide())
    return shipped().with_folders([folder / "types"], [folder / "relations"])


def estate(catalogue: Catalogue, vault: str = VAULT, *gaps: Gap) -> Estate:
    bodies = [{"id": SAFE, "properties": {"vault": {"id": vault}}}, {"id": VAULT, "properties": {}}]
    return Estate(
        Snapshot([Resource.of(one) for one in bodies], gaps, Metadata(complete=True), ""), catalogue=catalogue
    )


def test_the_relation_of_the_guide_is_followed_both_ways(tmp_path: Path) -> None:
    known = estate(with_guide(tmp_path), VAULT.upper() + "/")

    assert [one.id for one in known.related(SAFE, "safeVault")] == [VAULT]
    assert [one.id for one in known.related(VAULT, "keptSafe")] == [SAFE]
    assert known.relation_gap(VAULT, "keptSafe") is None


def test_what_was_not_read_of_a_type_that_states_it_leaves_the_relation_open(tmp_path: Path) -> None:
    known = estate(with_guide(tmp_path), VAULT, Gap("/", SAFES, "denied"))
    assert known.relation_gap(VAULT, "keptSafe") == Gap("/", SAFES, "denied")


RULE = f"""\
id: safe-in-a-vault
title: Safes are kept in a vault
severity: low
rationale: So that somebody finds them.
remediation: {{text: Keep it in a vault.}}
references: [https://example.org/safes]
applies: {{type: {SAFES}}}
require: {{any: {{related: safeVault, where: {{field: name, exists: true}}}}}}
examples:
  - {{name: kept, resource: {{}}, related: {{safeVault: [{{name: kv}}]}}, verdict: pass}}
  - {{name: nowhere, resource: {{}}, related: {{safeVault: []}}, verdict: fail}}
  - {{name: not read, resource: {{}}, uncollected: ["related:safeVault"], verdict: unknown}}
"""


def judged(tmp_path: Path, vault: str) -> Any:
    bodies = [
        {"id": SAFE, "type": SAFES, "name": "safe", "properties": {"vault": {"id": vault}}},
        {"id": VAULT, "type": "Microsoft.KeyVault/vaults", "name": "kv", "location": "eastus", "properties": {}},
    ]
    (tmp_path / "estate.json").write_text(json.dumps(bodies))
    report = tmp_path / "report.json"
    options = ["--complete", "--rules", str(tmp_path / "mine"), "--select", "safe-in-a-vault", "--include-passed"]
    in_process("evaluate", str(tmp_path / "estate.json"), *options, "-o", f"json={report}", at=tmp_path)
    return [one["status"] for one in json.loads(report.read_text())["findings"]]


def test_a_rule_of_a_user_s_folder_follows_the_relation_beside_it(tmp_path: Path) -> None:
    with_guide(tmp_path / "mine")
    written(tmp_path / "mine", "safe-in-a-vault", RULE)

    assert in_process("rule", "test", "--rules", str(tmp_path / "mine"), at=tmp_path).code == 0
    assert judged(tmp_path, VAULT) == ["pass"]
    assert judged(tmp_path, f"{VAULT}-gone") == ["fail"]


WAYS = "ways: {safeVault: {says: where it is}}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ways: {}", "needs 'relation'"),
        ("relation: other\nways: {}", "must lie in other.yaml"),
        ("relation: kept-in", "needs 'ways'"),
        ("relation: kept-in\nways: {safeVault: {}}", "needs 'says'"),
        ("relation: kept-in\nways: {Safe-Vault: {says: x}}", "is no name of a way"),
        ("relation: kept-in\nways: {keyVault: {says: x}}", "is another relation's already"),
        ("relation: kept-in\nways: {safeVault: {says: x, types: [vaults]}}", "does not fit"),
        ("relation: kept-in\nways: {safeVault: {says: x, inherited: all}}", "is no value of 'inherited'"),
        (f"relation: kept-in\n{WAYS}\nstated: [{{at: properties.a}}]", "needs 'by'"),
        (f"relation: kept-in\n{WAYS}\nstated: [{{by: {SAFES}}}]", "'at' is missing"),
        (
            f"relation: kept-in\n{WAYS}\nstated: [{{by: {SAFES}, at: properties.a, join: guess}}]",
            "is no value of 'join'",
        ),
        (f"relation: kept-in\n{WAYS}\nstated: [{{by: {SAFES}, at: properties.a, join: name}}]", "of which types"),
        (f"relation: kept-in\n{WAYS}\nstated: [{{by: {SAFES}, at: properties.a.0.id}}]", "write \\[\\*\\]"),
        (f"relation: kept-in\n{WAYS}\nstated: [{{by: Contoso.Vault/boxes, at: properties.a}}]", "no file of the type"),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    written(tmp_path / "types", SAFES, f"type: {SAFES}\n")
    written(tmp_path / "relations", "kept-in", text)

    with pytest.raises(ContentError, match=message) as caught:
        shipped().with_folders([tmp_path / "types"], [tmp_path / "relations"])

    assert re.match(rf"{re.escape(str(tmp_path))}/relations/kept-in.yaml:\d+:\d+: ", str(caught.value))


def test_a_type_that_states_a_relation_nobody_can_follow_is_an_error(tmp_path: Path) -> None:
    written(tmp_path, SAFES, f"type: {SAFES}\nrefers: [{{relation: ueses, at: properties.vault.id}}]\n")

    with pytest.raises(ContentError, match=r"safes.yaml:2:.*there is no relation 'ueses'.*did you mean 'uses'"):
        shipped().with_folders([tmp_path])


def test_every_way_is_told_of_in_the_guide_for_rules() -> None:
    text = (ROOT / "docs" / "writing-rules.md").read_text()
    assert [name for name in shipped().ways if f"`{name}`" not in text] == []
