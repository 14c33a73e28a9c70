"""Baselines: which rules are in force, and with which values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from auditor.errors import ContentError
from auditor.rulebook.baseline import Baseline, Setting, find, load
from auditor.rulebook.in_force import RuleInForce, bind, choose, narrowed
from auditor.rulebook.load import Words
from auditor.rulebook.overlay import with_assignments
from auditor.rulebook.rule import Rule
from tests.estates.things import CATALOGUE, RULE, write_rule

BASE = """\
name: base
version: "1.0"
title: The base
references: [https://example.org/base]
rules: ["thing-*", "!thing-old-*"]
parameters:
  hue: {type: string, default: red, description: The color of things.}
  shade: {type: string, default: light, allowed: [light, dark], description: How light it is.}
  limits: {type: object, default: {low: 1, high: 9, names: {first: a, second: b}}, description: How many.}
  members: {type: object, default: {}, description: Who belongs to whom.}
  unset: {type: array, description: What nobody sets.}
settings:
  thing-is-red: {severity: low, parameters: {shade: dark}}
  thing-is-odd: {enabled: false}
tables: {colors: colors.yaml, inline: [1]}
components: {gate: {type: Contoso.Test/things}}
"""
_READ = ("shade", "limits", "hue", "members")
RULE_ON_PARAMETERS = RULE.replace(
    "require: {field: color, equals: red}",
    "require: {anyOf: [{field: color, equals: red}, "
    + ", ".join(f"{{value: \"[parameters('{name}')]\", equals: x}}" for name in _READ)
    + "]}",
)


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    folder = tmp_path / "baselines"
    (folder / "base").mkdir(parents=True)
    (folder / "base" / "baseline.yaml").write_text(BASE)
    (folder / "base" / "colors.yaml").write_text("- {name: red}\n")
    return folder


@pytest.fixture
def rules(shipped: Path, tmp_path: Path) -> dict[str, Rule]:
    folder = tmp_path / "rules"
    folder.mkdir()
    ids = ("thing-is-red", "thing-is-odd", "thing-old-one", "other-thing")
    words = Words(CATALOGUE, {}, {}, load("base", shipped).declared)
    return {
        one: write_rule(
            folder, RULE_ON_PARAMETERS.replace("thing-is-red", one), words=words, parameters=f"[{', '.join(_READ)}]"
        )
        for one in ids
    }


def overlay(folder: Path, text: str, name: str = "own.yaml") -> str:
    path = folder / name
    path.write_text(f'name: own\nversion: "2"\nextends: base\n{text}')
    return str(path)


def set_in(baseline: Baseline, *texts: str) -> Baseline:
    return with_assignments(baseline, texts, {})[0]


def chosen(baseline: Baseline, rules: dict[str, Rule], **rest: Any) -> dict[str, RuleInForce]:
    return {one.id: one for one in choose(baseline, rules, **rest)}


def test_a_baseline_chooses_rules_by_glob_and_takes_some_out_again(shipped: Path, rules: dict[str, Rule]) -> None:
    found = chosen(load("base", shipped), rules)

    assert list(found) == ["thing-is-red"]
    red = found["thing-is-red"]
    assert red.severity.value == "low"
    assert red.parameters == {
        "shade": "dark",
        "hue": "red",
        "limits": {"low": 1, "high": 9, "names": {"first": "a", "second": "b"}},
        "members": {},
    }


def test_tables_are_written_out_or_beside_the_baseline(shipped: Path) -> None:
    found = load("base", shipped)

    assert found.tables == {"colors": [{"name": "red"}], "inline": [1]}
    assert found.components == {"gate": {"type": "Contoso.Test/things"}}


def test_an_overlay_says_only_what_differs(shipped: Path, tmp_path: Path, rules: dict[str, Rule]) -> None:
    path = overlay(tmp_path, """\
rules: [other-*]
parameters:
  limits: {high: 5, names: {second: z}}
settings:
  thing-is-red: {severity: critical}
  thing-is-odd: {parameters: {shade: light}}
tables: {inline: [2]}
""")  # fmt: skip

    found = load(path, shipped)

    assert (found.name, found.version, found.title) == ("own", "2", "The base")
    assert found.parameters["limits"] == {"low": 1, "high": 5, "names": {"first": "a", "second": "z"}}
    assert found.parameters["hue"] == "red"
    assert found.tables == {"colors": [{"name": "red"}], "inline": [2]}
    in_it = chosen(found, rules)
    assert list(in_it) == ["other-thing", "thing-is-red"]  # what the base switched off stays off
    assert (in_it["thing-is-red"].severity.value, in_it["thing-is-red"].parameters["shade"]) == ("critical", "dark")
    assert [Path(file).parent.name for file in found.chain] == [tmp_path.name, "base"]


def test_an_overlay_can_switch_a_rule_on_again(shipped: Path, tmp_path: Path, rules: dict[str, Rule]) -> None:
    path = overlay(tmp_path, "settings: {thing-is-odd: {enabled: true}}\n")

    assert "thing-is-odd" in chosen(load(path, shipped), rules)


@pytest.mark.parametrize(
    ("text", "place", "message", "hint"),
    [
        ("parameters: {limits: {hihg: 1}}", "4:29", "no 'hihg' in this parameter", "did you mean 'high'?"),
        ("parameters: {limits: {low: x}}", "4:28", "'low' must be a number, not the text 'x'", ""),
        ("parameters: {limits: {low: true}}", "4:28", "must be a number, not a boolean", ""),
        ("parameters: {limits: 5}", "4:22", "must be of type object, not a number", ""),
        ("parameters: {hue: [a]}", "4:19", "must be of type string, not a list", ""),
        ("parameters: {shade: odd}", "4:21", "parameter 'shade' must be one of light, dark", ""),
        ("setings: {}", "4:1", "unknown key 'setings'", "did you mean 'settings'"),
        ("settings: {thing-is-red: {sev: low}}", "4:27", "unknown key 'sev'", "known: enabled, parameters, severity"),
        ("settings: {thing-is-red: {enabled: 1}}", "4:36", "enabled must be true or false", ""),
        ("settings: {thing-is-red: {severity: worst}}", "4:37", "is no severity", ""),
        ("tables: {colors: none.yaml}", "4:18", "no file 'none.yaml' beside the baseline", ""),
        ("tables: {colors: ../colors.yaml}", "4:18", "leads out of the baseline's folder", ""),
        ("tables: {colors: /etc/hostname}", "4:18", "leads out of the baseline's folder", ""),
        ('tables: {colors: "a\\0b"}', "4:18", "no file", ""),
        (f"tables: {{colors: {'x' * 5000}}}", "4:18", "no file", ""),
        ("components: [a]", "4:13", "components must be a mapping", ""),
        ("rules: thing-*", "4:8", "rules must be a list", ""),
    ],
)
def test_a_mistake_in_an_overlay_is_an_error_with_its_place(
    shipped: Path, tmp_path: Path, *, text: str, place: str, message: str, hint: str
) -> None:
    path = overlay(tmp_path, text)

    with pytest.raises(ContentError) as raised:
        load(path, shipped)

    assert raised.value.message.startswith(f"{path}:{place}: ")
    assert message in raised.value.message
    assert hint in raised.value.hint


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rules: [thign-*]", ":4:9: the glob 'thign-*' matches no rule"),
        ("rules: ['!nothing-*']", ":4:9: the glob '!nothing-*' matches no rule"),
        ("settings: {thing-is-rde: {enabled: false}}", ":4:26: settings name the rule 'thing-is-rde'"),
        ("settings: {thing-is-red: {parameters: {shad: x}}}", ":4:26: rule 'thing-is-red' reads no parameter 'shad'"),
        ("settings: {thing-is-red: {parameters: {shade: 5}}}", ":4:26: rule 'thing-is-red': parameter 'shade' must be"),
        (
            "settings: {thing-is-red: {parameters: {shade: mid}}}",
            ":4:26: rule 'thing-is-red': parameter 'shade' must be",
        ),
    ],
)
def test_a_baseline_that_does_not_fit_the_rules_is_an_error_with_its_place(
    shipped: Path, tmp_path: Path, rules: dict[str, Rule], text: str, message: str
) -> None:
    path = overlay(tmp_path, text)

    with pytest.raises(ContentError) as raised:
        choose(load(path, shipped), rules)

    assert raised.value.message.startswith(path + message)


def test_a_parameter_without_a_value_anywhere_is_an_error(shipped: Path, tmp_path: Path) -> None:
    base = load("base", shipped)
    rule = write_rule(
        tmp_path,
        words=Words(CATALOGUE, {}, {}, base.declared),
        parameters="[unset]",
        require="{field: color, in: \"[parameters('unset')]\"}",
    )

    with pytest.raises(ContentError, match="parameter 'unset' has no default, and baseline base does not set it"):
        bind(rule, base, Setting())


def test_a_parameter_that_no_baseline_declares_is_an_error_where_the_rule_is_in_force(
    shipped: Path, tmp_path: Path
) -> None:
    rule = write_rule(tmp_path, parameters="[heu]", require="{field: color, equals: \"[parameters('heu')]\"}")

    with pytest.raises(ContentError) as raised:
        bind(rule, load("base", shipped), Setting())

    assert raised.value.message.endswith("thing-is-red.yaml:10:14: baseline base declares no parameter 'heu'")
    assert raised.value.hint == "did you mean 'hue'?"


@pytest.mark.parametrize(
    "target", ["own.yaml", "../up.yaml", "/etc/hostname", "nothing", "base/../base", "a\\0b", "y" * 5000]
)
def test_an_overlay_extends_something_else_that_is_near(shipped: Path, tmp_path: Path, target: str) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (tmp_path / "up.yaml").write_text(BASE)
    path = folder / "own.yaml"
    path.write_text(f'name: own\nversion: "2"\nextends: "{target}"\n')

    with pytest.raises(ContentError) as raised:
        load(str(path), shipped)

    assert str(path) in raised.value.message


def test_a_cycle_of_baselines_is_an_error_and_not_a_crash(shipped: Path, tmp_path: Path) -> None:
    for one, other in (("a", "b"), ("b", "a")):
        (tmp_path / f"{one}.yaml").write_text(f'name: {one}\nversion: "1"\nextends: {other}.yaml\n')

    with pytest.raises(ContentError, match="extends itself"):
        load(str(tmp_path / "a.yaml"), shipped)


def test_a_version_that_yaml_reads_as_a_number_is_an_error(tmp_path: Path, shipped: Path) -> None:
    (tmp_path / "v.yaml").write_text("name: v\nversion: 2024.10\n")

    with pytest.raises(ContentError, match=r"v\.yaml:2:10: version must be text"):
        load(str(tmp_path / "v.yaml"), shipped)


def test_a_misspelt_name_gets_a_suggestion(shipped: Path) -> None:
    with pytest.raises(ContentError, match="there is no baseline 'bsae'") as raised:
        find("bsae", shipped)

    assert "did you mean 'base'?" in raised.value.hint


@pytest.mark.parametrize(
    ("text", "parameter", "value"),
    [
        ("hue=blue", "hue", "blue"),
        ("hue=no", "hue", "no"),
        ("hue=", "hue", ""),
        ("hue=a=b", "hue", "a=b"),
        ("limits.low=2", "limits", {"low": 2, "high": 9, "names": {"first": "a", "second": "b"}}),
        ("limits.names.first=x", "limits", {"low": 1, "high": 9, "names": {"first": "x", "second": "b"}}),
        ("limits={low: 3}", "limits", {"low": 3, "high": 9, "names": {"first": "a", "second": "b"}}),
        ("shade=dark", "shade", "dark"),
        ("unset=[a, b]", "unset", ["a", "b"]),
        ("members={g: [a]}", "members", {"g": ["a"]}),
        ("hue=null", "hue", "red"),
    ],
)
def test_an_assignment_sets_a_parameter_or_a_part_of_one(shipped: Path, text: str, parameter: str, value: Any) -> None:
    assert set_in(load("base", shipped), text).parameters[parameter] == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hue", "write PARAMETER=VALUE"),
        ("=x", "write PARAMETER=VALUE"),
        ("heu=x", "declares a parameter 'heu' (did you mean 'hue'?)"),
        ("limits.lwo=2", "no 'lwo' in this parameter (did you mean 'low'?)"),
        ("limits.low.x=2", "must be a number, not a mapping"),
        ("shade=odd", "parameter 'shade' must be one of light, dark"),
        ("unset=5", "parameter 'unset' must be of type array, not a number"),
        ("limits.low=x", "must be a number"),
        ("hue=[", "not valid YAML"),
        ("hue=&a x", "anchors"),
        ("hue=a: b: c", "not valid YAML"),
        ("hue=\udcff", "not text"),
    ],
)
def test_an_assignment_that_does_not_fit_is_an_error(shipped: Path, text: str, message: str) -> None:
    with pytest.raises(ContentError) as raised:
        set_in(load("base", shipped), text)

    assert message in str(raised.value)


def test_select_and_ignore_narrow_what_is_in_force(shipped: Path, rules: dict[str, Rule]) -> None:
    everything = choose(load("base", shipped), rules, extra=frozenset(["other-thing"]))

    assert [rule.id for rule in narrowed(everything, ["other-*"], [])] == ["other-thing"]
    assert [rule.id for rule in narrowed(everything, [], ["*-red"])] == ["other-thing"]
    for option, globs in (("select", (["thing-rde"], [])), ("ignore", ([], ["thing-rde"]))):
        with pytest.raises(ContentError, match=f"--{option} thing-rde: matches no rule in force") as raised:
            narrowed(everything, *globs)
        assert "did you mean" in raised.value.hint


def test_a_glob_that_matches_nothing_is_met_with_globs_that_would(rules: dict[str, Rule], shipped: Path) -> None:
    everything = choose(load("base", shipped), rules, extra=frozenset(["other-thing"]))

    with pytest.raises(ContentError) as raised:
        narrowed(everything, ["thng-*"], [])

    assert raised.value.hint == "did you mean 'thing-*' or 'thing-is-*'?"


def test_json_is_a_baseline_file_too(shipped: Path, tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(json.dumps({"name": "own", "version": "2", "extends": "base"}))

    assert load(str(tmp_path / "own.yaml"), shipped).parameters["hue"] == "red"
