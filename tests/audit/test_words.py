"""What people read is in their words: no name of the tool's own parts, no GUID that has a name, no command with a hole."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from typer.main import get_command

from auditor.analysis.fact import Schema
from auditor.cli.app import command_line
from auditor.rulebook import in_force
from auditor.rulebook.in_force import Selection
from tests.audit.test_evidence import ESTATES, report_on

_RULES = in_force.load(Selection())
_GUID = re.compile(r"(?i)\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b")
_CONTROL = re.compile(r"\b[A-Z]{2,5}-[A-Z]{2,8}-\d{3}\b")
_CLASS = re.compile(r"\b(?:[A-Z][a-z]+){2,}(?:Error|Fact|Gap|Subject)\b|\b(?:None(?! of)|True|False)\b")
_CODE = re.compile(r"related[(:]|parameters\(|field\(|current\(|\bfact/|\{\w+\}|\[\*\]")
_HOLE = re.compile(r"<[A-Za-z][\w -]*>|\{[a-zA-Z:]+\}|\b[A-Z]{3,}_[A-Z]+\b|\bGROUP\b")
_SET_NAME = re.compile(r"\b(?:VirtualNetwork|Internet|group|addresses):\S|<[A-Z]")
"""What the network analysis calls sets of addresses that nobody knows."""
_AZURE_SPELLS = re.compile(r"(?:is|fit|of) None\b")
"""A value of Azure's own that reads like one of Python's."""


@cache
def _own_names() -> frozenset[str]:
    """Return the names of facts' fields that are no property of Azure's: those in camel case."""
    fields = {
        part
        for analysis in _RULES.analyses.values()
        for kind in analysis.kinds
        for path in Schema(kind).fields
        for part in _steps(path)
    }
    of_azure = {part for kind in _RULES.catalogue for known in kind.properties for part in _steps(known.path)}
    of_azure |= {part for make in ESTATES.values() for body in make()["resources"] for part in _keys(body)}
    return frozenset(name for name in fields if re.search("[a-z][A-Z]", name)) - of_azure


def _steps(path: str) -> list[str]:
    return re.split(r"[.\[\]*]+", path)


def _keys(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from _keys(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _keys(inner)


_PARAMETERS = frozenset(name for rule in _RULES.rules.values() for name in rule.parameters if "_" in name)


def _told(report: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for finding in report["findings"]:
        yield finding["rule_id"], finding["message"]
    for cause in report["causes"]:
        yield "cause", cause["what"]


@pytest.mark.parametrize("estate", ESTATES)
def test_no_message_holds_a_name_of_the_tools_own_parts(estate: str) -> None:
    own = _own_names()
    wrong = []
    for source, text in _told(report_on(estate)):
        if source == "cause":
            continue
        words = set(re.findall(r"[A-Za-z_]+", text))
        if words & own or words & _PARAMETERS or _CONTROL.search(text) or _CODE.search(text):
            wrong.append((source, sorted(words & (own | _PARAMETERS)), text))
        elif _SET_NAME.search(text) or _CLASS.search(_AZURE_SPELLS.sub("", text)):
            wrong.append((source, [], text))
    assert wrong == []


@pytest.mark.parametrize("estate", ESTATES)
def test_no_guid_stands_where_a_name_is_known(estate: str) -> None:
    known = _known_names(ESTATES[estate]())
    wrong = [
        (rule, text)
        for rule, text in _told(report_on(estate))
        if rule != "cause" and any(guid.lower() in known for guid in _GUID.findall(text))
    ]
    assert wrong == []


def _known_names(document: dict[str, Any]) -> set[str]:
    """Return the GUIDs that the export itself gives a name: subscriptions, identities, roles, principals."""
    known = {key.lower() for key in document.get("subscriptionNames", {})}
    for body in document["resources"]:
        identity = body.get("identity") or {}
        properties = body.get("properties") or {}
        if identity.get("principalId"):
            known.add(identity["principalId"].lower())
        if properties.get("principalId") and "Authorization" not in body["type"]:
            known.add(properties["principalId"].lower())
        if properties.get("roleName"):
            known.add(body["name"].lower())
    return known


@pytest.mark.parametrize("estate", ESTATES)
def test_a_message_is_one_sentence_that_ends(estate: str) -> None:
    wrong = [
        text
        for _, text in _told(report_on(estate))
        if _ != "cause" and (not text.endswith(".") or ".." in text or "\n" in text)
    ]
    assert wrong == []


@pytest.mark.parametrize("estate", ESTATES)
def test_a_pass_says_nothing_of_what_must_be(estate: str) -> None:
    wrong = [
        one["message"]
        for one in report_on(estate)["findings"]
        if one["status"] == "pass" and re.search(r"\b(must|expected|should)\b", one["message"])
    ]
    assert wrong == []


@pytest.mark.parametrize("estate", ESTATES)
def test_commands_are_whole_and_about_the_findings_own_resource(estate: str) -> None:
    wrong = []
    for finding in report_on(estate)["findings"]:
        command = finding["remediation"]["cli"]
        if not command:
            continue
        parts = [part for part in (finding["resource_id"] or "").split("/") if part]
        is_about_it = any(part.lower() in command.lower() for part in [*parts[1:2], *parts[-1:]])
        if _HOLE.search(command) or finding["status"] != "fail" or not is_about_it:
            wrong.append((finding["rule_id"], command))
    assert wrong == []


def test_titles_faults_and_remedies_hold_no_name_of_the_tools_own_parts() -> None:
    own = _own_names()
    wrong = []
    for rule in _RULES.rules.values():
        for text in (rule.title, rule.fault):
            words = set(re.findall(r"[A-Za-z_]+", text))
            if words & own or _CONTROL.search(text) or _CODE.search(text) or _HOLE.search(text):
                wrong.append((rule.id, text))
        if _CONTROL.search(rule.remediation_text) or _CODE.search(rule.remediation_text):
            wrong.append((rule.id, rule.remediation_text))
    assert wrong == []


def _helps(command: Any, name: str = "auditor") -> Iterator[tuple[str, str]]:
    yield name, command.help or ""
    for option in command.params:
        yield f"{name} {option.name}", getattr(option, "help", None) or ""
    for inner in getattr(command, "commands", {}).values():
        yield from _helps(inner, f"{name} {inner.name}")


def test_help_texts_hold_no_name_of_the_tools_own_parts() -> None:
    own = _own_names()
    helps = list(_helps(get_command(command_line())))
    assert len(helps) > 100
    assert [
        (place, text)
        for place, text in helps
        if set(re.findall(r"[A-Za-z_]+", text)) & own
        or _CLASS.search(text)
        or (_CONTROL.search(text) and not place.startswith("auditor control"))
    ] == []


def test_each_rule_on_resources_says_what_is_wrong_where_it_fails() -> None:
    silent = [
        rule.id
        for rule in _RULES.rules.values()
        if not hasattr(rule.applies, "kind") and not (rule.fault.endswith(".") and rule.fault[0].isupper())
    ]
    assert silent == []
