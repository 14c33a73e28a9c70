"""Show what the controls of a framework ask, leg by leg, and what answers them, as text or as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final, TextIO

from msgspec import Struct

from auditor.engine.coverage.rule_reads import types_read
from auditor.model import ManualCheck
from auditor.report.layout import Layout
from auditor.report.summary import counted
from auditor.rulebook.controls import Control, Framework, Leg
from auditor.rulebook.in_force import RuleSet
from auditor.rulebook.rule import OnFact, Rule

_LEAST_WIDTH: Final = 40


class ControlInfo(Struct, frozen=True):
    """A control with the rules that answer it, and what these look at: resource types as Azure spells them, fact kinds."""

    control: Control
    framework: Framework
    rules: Sequence[Rule]
    types: Sequence[str]
    facts: Sequence[str]
    checks: Sequence[ManualCheck] = ()


def info_of(
    control: Control, framework: Framework, rule_set: RuleSet, checks: Sequence[ManualCheck] = ()
) -> ControlInfo:
    """Return what there is to tell of a control; `checks` are what a person must look at, with who has."""
    named = [rule for rule in rule_set.rules.values() if control.id in rule.controls.get(framework.name, ())]
    read = {
        name for rule in named for name in types_read(rule, rule_set.analyses, rule_set.components, rule_set.catalogue)
    }
    return ControlInfo(
        control=control,
        framework=framework,
        rules=named,
        types=sorted(known.name if (known := rule_set.catalogue.get(name)) else name for name in read),
        facts=sorted({rule.applies.kind for rule in named if isinstance(rule.applies, OnFact)}),
        checks=checks,
    )


def write_list(controls: Sequence[ControlInfo], out: TextIO, *, width: int) -> None:
    """Write one line per control, and how many there are."""
    layout = Layout(max(_LEAST_WIDTH, width), color=False)
    rows = [(_severity(info), info.control.id, info.control.title, _answered(info)) for info in controls]
    lines = layout.rows(("severity", "control", "title", "answered by"), rows, indent=0)
    uncovered = sum(not info.rules and not info.control.legs for info in controls)
    text = counted(len(controls), "control") + (f", {uncovered} not covered by any rule" if uncovered else "")
    out.write("\n".join([*lines, "", text]) + "\n")


def _severity(info: ControlInfo) -> str:
    return info.control.severity.value if info.control.severity else ""


def _answered(info: ControlInfo) -> str:
    manual = sum(leg.rule is None for leg in info.control.legs)
    parts = [counted(len(info.rules), "rule")] if info.rules else []
    return " and ".join([*parts, *(["a person"] if manual else [])]) or "nothing"


def write_page(info: ControlInfo, out: TextIO, *, width: int) -> None:
    """Write a control: its sentence, its legs with what answers each, and what the rules look at."""
    layout = Layout(max(_LEAST_WIDTH, width), color=False)
    control = info.control
    head = [control.id, *([control.severity.value] if control.severity else []), info.framework.name]
    lines = [f"# {control.title or control.id}", "", " · ".join(head)]
    lines += ["", *layout.paragraph(f'"{control.article}"', indent=0)] if control.article else []
    link = control.link or info.framework.link
    lines += [link] if link else []
    if control.legs:
        lines += ["", *layout.rows(("asks", "answered by"), [_leg(leg) for leg in control.legs], indent=0)]
    elif info.rules:
        lines += ["", *layout.rows(("rule", "asks"), [(rule.id, rule.title) for rule in info.rules], indent=0)]
    else:
        lines += ["", "Not covered by any rule."]
    for check in info.checks:
        if check.attested:
            state = "Attested by" if check.is_current else "An attestation has run out:"
            lines += ["", *layout.paragraph(f"{state} {check.attested} ({check.asks}).", indent=0)]
    for title, names in (("Reads", info.types), ("Facts", info.facts)):
        if names:
            lines += ["", *layout.paragraph(f"{title}: {', '.join(names)}", indent=0)]
    out.write("\n".join(lines) + "\n")


def _leg(leg: Leg) -> tuple[str, str]:
    return leg.asks, leg.rule or f"a person: {leg.manual}"


def write_list_json(controls: Sequence[ControlInfo], out: TextIO) -> None:
    """Write all controls with their legs as one JSON object."""
    _write({"controls": [_document(info) for info in controls]}, out)


def write_page_json(info: ControlInfo, out: TextIO) -> None:
    """Write one control as a JSON object, with the sentence that it rests on and what its rules look at."""
    checks = [{"asks": each.asks, "attested": each.attested, "is_current": each.is_current} for each in info.checks]
    _write({**_document(info), "reads": list(info.types), "facts": list(info.facts), "attestations": checks}, out)


def _document(info: ControlInfo) -> Mapping[str, object]:
    control = info.control
    return {
        "id": control.id,
        "title": control.title,
        "severity": _severity(info) or None,
        "framework": info.framework.name,
        "article": control.article,
        "link": control.link,
        "rules": [rule.id for rule in info.rules],
        "legs": [_leg_document(leg) for leg in control.legs],
    }


def _leg_document(leg: Leg) -> Mapping[str, object]:
    if leg.rule is None:
        return {"asks": leg.asks, "manual": leg.manual}
    return {"asks": leg.asks, "rule": leg.rule, "example": leg.example}


def _write(document: Mapping[str, object], out: TextIO) -> None:
    out.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
