"""Rule files: what is wrong with one is said with its place, before anything is judged."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.errors import ContentError
from auditor.rulebook.load import Words, load_rule, load_rules, rule_files
from auditor.rulebook.parameters import Parameter
from auditor.rulebook.rule import OnType
from tests.estates.catalogues import catalogue_of
from tests.estates.things import CATALOGUE, RULE, write_rule

WORDS = Words(CATALOGUE, {})

# a line of the rule below, what becomes of it, where the error points, what it says, what it suggests
DECLARED = "severity: high\ndeclares: {p: {description: d, "
MISTAKES = [
    ("title: Things are red", "titel: Things are red", "2:1", "unknown key 'titel' in a rule", "did you mean 'title'?"),
    ("title: Things are red\n", "", "1:1", "a rule needs 'title'", ""),
    ("severity: high", "severity: hihg", "3:11", "'hihg' is no severity", "critical, high"),
    ("id: thing-is-red", "id: Thing_is_red", "1:5", "is no rule id", "kebab-case"),
    ("id: thing-is-red", "id: thing-is-blue", "1:5", "must equal the file's name, 'thing-is-red'", ""),
    ("title: Things are red", "title: [a]", "2:8", "title must be text, not a list", ""),
    ("title: Things are red", "title:", "2:7", "title must be text, not nothing", ""),
    ("type: Contoso.Test/things", "type: things", "6:17", "'things' is no resource type", "Microsoft.Storage"),
    ("type: Contoso.Test/things", "tpye: Contoso.Test/things", "6:11", "unknown key 'tpye'", "did you mean 'type'"),
    ("type: Contoso.Test/things", "fact: paint.hue", "6:17", "no analysis yields the fact 'paint.hue'", ""),
    ("type: Contoso.Test/things", "component: gate", "6:22", "declares no component 'gate'", ""),
    ("type: Contoso.Test/things", "when: {field: size, equals: 1}", "6:10", "needs one of 'type', 'types', 'fact'", ""),
    ("type: Contoso.Test/things", "types: []", "6:18", "types must hold at least one", ""),
    ("type: Contoso.Test/things", "types: [things]", "6:19", "'things' is no resource type", "Microsoft.Storage"),
    (
        "type: Contoso.Test/things", "types: [Contoso.Test/things, Contoso.Test/others]", "7:18",
        "resource has no property 'color'", "properties.color",
    ),
    ("{type: Contoso.Test/things", "{types: [A.B/c], type: Contoso.Test/things", "6:11", "'types' does not go with 'type'", ""),
    ("id: thing-is-red", "id: app-slot-https-only", "1:5", "was a rule's and is never used again", ""),
    ("text: Paint it red., ", "", "5:14", "remediation needs 'text'", ""),
    ("field: color", "field: colr", "7:18", "no property 'colr'", "did you mean 'color'?"),
    ("verdict: fail", "verdict: fails", "10:66", "'fails' is no status", "use pass, fail"),
    ("verdict: fail", "verdict: pass", "9:3", "at least one example that must fail", ""),
    ("name: blue, ", "", "10:5", "an example needs 'name'", ""),
    ("{properties: {color: blue}}", "5", "10:28", "must be a mapping, not a number", ""),
    ("name: blue, ", "name: blue, parameters: {shade: 1}, ", "10:38", "reads no parameter 'shade'", ""),
    ("name: blue, ", "name: blue, related: {chld: []}, ", "10:34", "no relation 'chld'", "did you mean 'child'"),
    ("name: blue, ", "name: blue, related: {child: {}}, ", "10:35", "must be a list", ""),
    ("name: blue, ", "name: blue, related: {child: [x]}, ", "10:36", "must be a mapping", ""),
    ("name: blue, ", "name: blue, uncollected: ['related:chld'], ", "10:32", "no relation 'chld'", "'child'"),
    ("name: blue, ", "name: blue, uncollected: ['a..b'], ", "10:32", "no property path", ""),
    ("name: blue, ", "name: blue, evidence: [{paht: x}], ", "10:30", "unknown key 'paht'", "did you mean 'path'?"),
    ("name: blue, ", "name: blue, evidence: 5, ", "10:28", "must be a list", ""),
    ("severity: high", "severity: high\nevidence: [colour]", "4:12", "no property 'colour'", "did you mean 'color'?"),
    ("severity: high", DECLARED + "type: text}}", "4:38", "'text' is no type", "use 'array', 'object'"),
    ("severity: high", DECLARED + "default: 1}}", "4:15", "a parameter needs 'type'", "array"),
    ("severity: high", DECLARED + "type: string, default: 1}}", "4:55", "must be of type string", ""),
    ("severity: high", DECLARED + "type: integer, default: true}}", "4:56", "not a boolean", ""),
    ("severity: high", DECLARED + "type: string, allowed: 5}}", "4:55", "must be a list", ""),
    ("severity: high", DECLARED + "type: string, allowed: [a], default: b}}", "4:69", "one of a", ""),
    ("severity: high", "severity: high\ndeclares: {p: {type: string}}", "4:15", "a parameter needs 'description'", ""),
    ("severity: high", "severity: high\nparameters: {p: {type: string}}", "4:13", "parameters must be a list", ""),
    ("severity: high", "severity: high\nparameters: [p]", "4:14", "no condition of the rule reads the parameter 'p'", ""),
    ("severity: high", "severity: high\ncontrols: {mcsb: NS-1}", "4:18", "must be a list, not the text 'NS-1'", ""),
]  # fmt: skip


@pytest.mark.parametrize(("line", "becomes", "place", "message", "hint"), MISTAKES)
def test_a_mistake_in_a_rule_is_an_error_with_its_place(
    tmp_path: Path, *, line: str, becomes: str, place: str, message: str, hint: str
) -> None:
    assert line in RULE
    path = tmp_path / "thing-is-red.yaml"
    path.write_text(RULE.replace(line, becomes, 1))

    with pytest.raises(ContentError) as raised:
        load_rule(path, WORDS)

    assert raised.value.message.startswith(f"{path}:{place}: ")
    assert message in raised.value.message
    assert hint in raised.value.hint


def test_the_rule_without_mistakes_loads(tmp_path: Path) -> None:
    rule = write_rule(tmp_path)

    assert (rule.id, rule.severity.value, rule.remediation_text) == ("thing-is-red", "high", "Paint it red.")
    assert [example.status.value for example in rule.examples] == ["pass", "fail"]


def test_rules_are_found_in_areas_and_come_sorted_by_id(tmp_path: Path) -> None:
    (tmp_path / "z").mkdir()
    (tmp_path / "z" / "a-rule.yaml").write_text(RULE.replace("thing-is-red", "a-rule"))
    write_rule(tmp_path)
    (tmp_path / "types").mkdir()
    (tmp_path / "types" / "Contoso.Test.yaml").write_text("namespace: Contoso.Test")
    (tmp_path / "notes.txt").write_text("no rule")
    (tmp_path / "z" / "back").symlink_to(tmp_path)

    assert list(load_rules([tmp_path], WORDS)) == ["a-rule", "thing-is-red"]


def test_an_id_that_is_used_twice_an_empty_folder_and_no_folder_are_errors(tmp_path: Path) -> None:
    for folder in ("one", "two", "empty"):
        (tmp_path / folder).mkdir()
    write_rule(tmp_path / "one")
    write_rule(tmp_path / "two")

    with pytest.raises(ContentError, match="'thing-is-red' is already used by"):
        load_rules([tmp_path / "one", tmp_path / "two"], WORDS)
    for folder in ("empty", "none"):
        with pytest.raises(ContentError, match=folder):
            rule_files(tmp_path / folder)


@pytest.mark.parametrize(
    ("kind", "allowed", "fits", "does_not"),
    [
        ("array", (), [[], [1, "x"]], ["x", {}, None, 1]),
        ("array", ("TLS1_2", "TLS1_3"), [["tls1_2"], [], ["TLS1_3", "TLS1_2"]], [["TLS1_0"], "TLS1_2"]),
        ("object", (), [{}, {"a": 1}], [[], "x", None]),
        ("string", ("Deny", "Audit"), ["deny", "AUDIT"], ["", "other", 1]),
        ("integer", (), [0, -3], [1.5, True, "1", None]),
        ("number", (1, 2.5), [1, 2.5], [3, True, "1"]),
        ("boolean", (), [True, False], [0, 1, "true", None]),
    ],
)
def test_a_parameter_takes_values_of_its_type_and_of_its_list(
    kind: str, allowed: tuple[object, ...], fits: list[object], does_not: list[object]
) -> None:
    parameter = Parameter("p", kind, allowed=allowed)

    assert [parameter.problem_with(value) for value in fits] == [None] * len(fits)
    assert all("parameter 'p' must be" in (parameter.problem_with(value) or "") for value in does_not)


def test_all_mistakes_of_all_files_are_said_at_once_in_the_order_of_the_files(tmp_path: Path) -> None:
    (tmp_path / "thing-is-blue.yaml").write_text(
        RULE.replace("thing-is-red", "thing-is-bleu")
        .replace("severity: high", "severity: hihg")
        .replace("require: {field: color, equals: red}", "require: {allOf: [{field: colr, equals: a}, {feild: b}]}")
    )
    (tmp_path / "thing-is-red.yaml").write_text(RULE.replace("title: Things are red\n", ""))

    with pytest.raises(ContentError) as raised:
        load_rules([tmp_path], WORDS)

    assert [problem.message.removeprefix(f"{tmp_path}/") for problem in raised.value.problems] == [
        "thing-is-blue.yaml:3:11: 'hihg' is no severity",
        "thing-is-blue.yaml:7:27: Contoso.Test/things has no property 'colr' that rules may name so",
        "thing-is-blue.yaml:7:45: a condition needs one of allOf, anyOf, not, field, value, count, every, any, none, unknown",
        "thing-is-red.yaml:1:1: a rule needs 'title'",
    ]
    assert [problem.hint for problem in raised.value.problems][1].startswith("did you mean 'color'?")


def test_a_key_that_is_missing_because_it_is_misspelt_is_said_once(tmp_path: Path) -> None:
    path = tmp_path / "thing-is-red.yaml"
    path.write_text(RULE.replace("title:", "titel:").replace("severity: high\n", ""))

    with pytest.raises(ContentError) as raised:
        load_rule(path, WORDS)

    assert [problem.message.removeprefix(f"{path}:") for problem in raised.value.problems] == [
        "1:1: a rule needs 'severity'",
        "2:1: unknown key 'titel' in a rule",
    ]


def test_a_rule_on_several_types_must_mean_the_same_for_all(tmp_path: Path) -> None:
    text = """
Contoso.Test/things: {properties.color: null}
Contoso.Test/slots: {properties.color: null}
Contoso.Test/parts: {properties.color: {since: "2024-01-01"}}
"""
    catalogue = catalogue_of(text)
    rule = write_rule(
        tmp_path, words=Words(catalogue, {}), applies="{types: [Contoso.Test/things, Contoso.Test/slots]}"
    )
    assert rule.applies == OnType(("Contoso.Test/things", "Contoso.Test/slots"))

    with pytest.raises(ContentError) as raised:
        write_rule(tmp_path, words=Words(catalogue, {}), applies="{types: [Contoso.Test/things, Contoso.Test/parts]}")

    assert "the rule means one thing for Contoso.Test/things and another for Contoso.Test/parts" in str(raised.value)
