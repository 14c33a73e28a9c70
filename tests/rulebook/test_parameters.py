"""Parameters stand once, and whatever is set changes something: else it is an error that says so."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from auditor import shipped
from auditor.errors import ContentError
from auditor.language.ast import Call, Constant, PropertyAccess
from auditor.language.reads import expressions, parts
from auditor.rulebook import in_force
from auditor.rulebook.baseline import load
from auditor.rulebook.in_force import RuleSet, Selection

OWN_RULE = """\
id: storage-tagged
title: Storage accounts carry enough tags
severity: low
rationale: Tags say whose it is.
remediation: {text: Add tags.}
declares:
  fewest_tags: {type: integer, default: 2, description: How many tags there are at least.}
applies: {type: Microsoft.Storage/storageAccounts}
require: {value: "[length(field('tags'))]", greaterOrEquals: "[parameters('fewest_tags')]"}
examples:
  - {name: two, resource: {tags: {a: b, c: d}}, verdict: pass}
  - {name: one, resource: {tags: {a: b}}, verdict: fail}
"""


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    folder = tmp_path / "pack"
    folder.mkdir()
    (folder / "storage-tagged.yaml").write_text(OWN_RULE)
    return folder


def overlay(folder: Path, text: str) -> str:
    path = folder / "own.yaml"
    path.write_text(f'name: own\nversion: "1"\nextends: openai-chat\n{text}\n')
    return str(path)


def bound(rules: RuleSet, rule_id: str) -> Mapping[str, object]:
    return next(rule.parameters for rule in rules.in_force if rule.id == rule_id)


def test_no_parameter_is_shipped_that_nothing_reads() -> None:
    base = load("openai-chat", shipped.folder("baselines"))
    rules = in_force.load(Selection())
    read = in_force.parameters_read(base, [rule.rule for rule in rules.in_force], rules.analyses)

    assert sorted(base.declared.keys() - read) == []


def test_no_key_of_a_shipped_parameter_is_one_that_no_rule_reads() -> None:
    rules = in_force.load(Selection())
    by_analyses = {name for analysis in rules.analyses.values() for name in analysis.parameters}
    components = in_force.parameters_of(rules.baseline.components)
    read = {
        (part.of.arguments[0].value, part.part.value)
        for rule in rules.rules.values()
        for expression in expressions(rule.require)
        for part in parts(expression)
        if isinstance(part, PropertyAccess) and isinstance(part.of, Call) and isinstance(part.part, Constant)
        if part.of.function == "parameters" and isinstance(part.of.arguments[0], Constant)
    }
    declared = {
        (name, key)
        for name, parameter in rules.baseline.declared.items()
        if parameter.type == "object" and name not in by_analyses | components
        for key in parameter.default
    }

    assert sorted(declared - read) == []


def test_a_rule_of_ones_own_brings_a_parameter_with_its_default(pack: Path) -> None:
    assert bound(in_force.load(Selection(rules=[pack])), "storage-tagged") == {"fewest_tags": 2}


def test_what_a_rule_of_ones_own_declares_is_set_like_any_other(pack: Path, tmp_path: Path) -> None:
    by_option = in_force.load(Selection(rules=[pack], assignments=["fewest_tags=3"]))
    by_overlay = in_force.load(Selection(overlay(tmp_path, "parameters: {fewest_tags: 4}"), rules=[pack]))
    both = in_force.load(
        Selection(overlay(tmp_path, "parameters: {fewest_tags: 4}"), rules=[pack], assignments=["fewest_tags=5"])
    )

    assert [bound(one, "storage-tagged")["fewest_tags"] for one in (by_option, by_overlay, both)] == [3, 4, 5]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("parameters: {fewest_tags: 4}", "own.yaml:4:27: no baseline or rule declares a parameter 'fewest_tags'"),
        (
            "parameters: {tls_min: '1.3'}\nrules: ['!*-minimum-tls']",
            "own.yaml:4:23: nothing that is in force reads the parameter 'tls_min'",
        ),
        (
            "parameters: {vault_access_flags: []}\nsettings: {keyvault-deployment-access-off: {enabled: false}}",
            "own.yaml:4:34: nothing that is in force reads the parameter 'vault_access_flags'",
        ),
    ],
)
def test_an_overlay_that_sets_what_nothing_reads_is_an_error(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ContentError) as raised:
        in_force.load(Selection(overlay(tmp_path, text)))

    assert raised.value.message.endswith(message)


def test_a_parameter_that_only_rules_read_which_are_not_in_force_names_them(tmp_path: Path) -> None:
    baseline = overlay(tmp_path, "rules: ['!keyvault-deployment-access-off']")

    with pytest.raises(ContentError, match="reads the parameter 'vault_access_flags'") as raised:
        in_force.load(Selection(baseline, assignments=["vault_access_flags=[]"]))

    assert raised.value.hint == "not in force: keyvault-deployment-access-off, which would"


def test_a_run_of_a_few_rules_may_have_settings_for_others(tmp_path: Path) -> None:
    chosen = in_force.load(
        Selection(
            overlay(tmp_path, "parameters: {tls_min: '1.3'}"), select=["vm-*"], assignments=["vault_access_flags=[]"]
        )
    )

    assert {rule.id.partition("-")[0] for rule in chosen.in_force} == {"vm"}


def test_tables_components_and_analyses_read_parameters_too() -> None:
    assignments = [
        "jumpbox_egress_allow=[Internet]",
        "roles.gateway=agw",
        "subnet_roles.agents=a",
        "group_members={g: []}",
    ]

    assert in_force.load(Selection(assignments=assignments)).baseline.parameters["roles"]["gateway"] == "agw"


def test_a_rule_may_not_declare_again_what_the_baseline_declares(pack: Path) -> None:
    path = pack / "storage-tagged.yaml"
    path.write_text(OWN_RULE.replace("fewest_tags", "tls_min"))

    with pytest.raises(ContentError) as raised:
        in_force.load(Selection(rules=[pack]))

    assert raised.value.message == f"{path}:7:12: the baseline declares a parameter 'tls_min' already"
    assert raised.value.hint == "name it under 'parameters'"


def test_two_rules_declare_one_parameter_alike_or_not_at_all(pack: Path) -> None:
    other = OWN_RULE.replace("id: storage-tagged", "id: storage-labelled")
    (pack / "storage-labelled.yaml").write_text(other)
    assert in_force.load(Selection(rules=[pack], assignments=["fewest_tags=1"]))

    (pack / "storage-labelled.yaml").write_text(other.replace("default: 2", "default: 3"))
    with pytest.raises(ContentError, match="another rule declares the parameter 'fewest_tags' otherwise"):
        in_force.load(Selection(rules=[pack]))
