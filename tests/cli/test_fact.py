"""What rules may read of facts, asked from the command line."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.command import in_process, is_one_line

_OWN = """\
id: flow-own
title: Nothing flows
severity: low
rationale: A reason.
remediation: {text: A remedy.}
applies: {fact: network.flow, where: {field: from, equals: subnet/web}}
require:
  allOf:
    - {field: open, equals: false}
    - none: {in: "traffic[*]", where: {field: "traffic[*].traffic", like: TCP*}}
evidence: ["traffic[*].rules[*]"]
examples:
  - {name: closed, resource: {from: subnet/web, open: false, traffic: []}, verdict: pass}
  - {name: open, resource: {from: subnet/web, open: true, traffic: []}, verdict: fail}
"""


def test_the_kinds_of_facts_are_listed_with_the_rules_about_them(tmp_path: Path) -> None:
    shown = in_process("fact", "list", at=tmp_path)
    listed = in_process("fact", "list", "-o", "json", at=tmp_path).report["facts"]

    assert [kind["kind"] for kind in listed] == sorted(kind["kind"] for kind in listed)
    assert [kind["kind"] for kind in listed] == [
        line.split()[0] for line in shown.out.splitlines()[2:] if line[:1].isalpha()
    ]
    assert next(kind for kind in listed if kind["kind"] == "network.flow") == {
        "kind": "network.flow",
        "meaning": "What passes from one subnet of a workload to another.",
        "subject": "the subnet that the traffic leaves",
        "analysis": "network",
        "rules": ["subnet-reaches-planned-subnets-only"],
    }


def test_a_kind_is_shown_with_what_each_field_can_hold(tmp_path: Path) -> None:
    shown = in_process("fact", "show", "exposure.entry", at=tmp_path, env={"COLUMNS": "160"})

    assert shown.out.startswith("# exposure.entry\n\nA way from the Internet to a resource.\n")
    assert "Findings are filed under the resource that is reached. Analysis: exposure.\n" in shown.out
    rows = [" ".join(line.split()) for line in shown.out.splitlines()]
    assert "allowed true or false whether the baseline lets this kind of holder face the Internet" in rows
    assert any(row.startswith("state text: open, restricted, closed; may be unknown ") for row in rows)
    assert rows[-1] == "No rule is about it."


def test_a_field_names_the_rules_that_read_it_those_of_ones_own_included(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "flow-own.yaml").write_text(_OWN)
    shown = in_process("fact", "show", "network.flow", "--rules", "rules", at=tmp_path, env={"COLUMNS": "160"})
    report = in_process("fact", "show", "network.flow", "--rules", "rules", "-o", "json", at=tmp_path).report

    by_path = {field["path"]: field for field in report["fields"]}
    assert [path for path, field in by_path.items() if "flow-own" in field["rules"]] == [
        "from", "open", "traffic", "traffic[*].traffic", "traffic[*].rules[*]",
    ]  # fmt: skip
    assert by_path["open"] == {
        "path": "open",
        "meaning": "whether some connection (TCP or UDP) passes both ends",
        "types": ["boolean"],
        "values": [],
        "may_be_absent": False,
        "may_be_unknown": True,
        "rules": ["flow-own"],
    }
    assert "flow-own from, open, traffic, traffic[*].traffic, traffic[*].rules[*]" in " ".join(shown.out.split())


def test_a_kind_that_there_is_not_is_an_error_with_what_is_near(tmp_path: Path) -> None:
    ended = in_process("fact", "show", "network.flows", at=tmp_path)
    assert (ended.code, is_one_line(ended.err)) == (2, True)
    assert "did you mean 'network.flow' or" in ended.err
