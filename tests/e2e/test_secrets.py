"""Nothing secret leaves the tool: not in a snapshot, a report, an answer, a log or a traceback of what was imported."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from auditor.inputs.read import read
from auditor.report.format import NAMES
from tests.collect.conftest import SUB, resource
from tests.e2e.command import Run, is_one_line, sample
from tests.e2e.command import estate as export
from tests.redaction.planted import Secret, estate, text_of

RESOURCES, PLANTED = estate()
KEY = "a key that is long enough"


def _shown(text: str, planted: Sequence[Secret] = PLANTED) -> list[str]:
    """Return the kinds of the secrets that a text shows."""
    whole = text + "".join(text.split())  # a table breaks long words
    return [secret.kind for secret in planted for part in secret.parts if part in whole]


def _all_of(path: Path) -> str:
    """Return all that a snapshot holds: its bytes, and what they mean."""
    snapshot = read(path, redactor=None)
    meaning = [*(row.body for row in snapshot.resources), *map(str, snapshot.gaps), *map(str, snapshot.facets)]
    with sqlite3.connect(path) as database:
        meaning += [str(row) for row in database.execute("select * from label")]
    database.close()
    return json.dumps([*meaning, str(snapshot.metadata)], ensure_ascii=False) + path.read_bytes().decode("latin-1")


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """Return an export with a secret of each kind, beside a whole estate."""
    document = sample()
    return export(tmp_path, *document["resources"], *RESOURCES, complete=True)


def test_the_export_shows_them_all(foreign: Path) -> None:
    assert {secret.kind for secret in PLANTED} == set(_shown(json.dumps(json.loads(foreign.read_text()), ensure_ascii=False)
        .replace("\\\\", "\\").replace("\\n", "\n").replace('\\"', '"')))  # fmt: skip


@pytest.mark.parametrize("key", ["", KEY])
def test_an_imported_snapshot_holds_none(foreign: Path, run: Run, tmp_path: Path, key: str) -> None:
    ended = run("snapshot", "import", foreign, "-o", "a.snapshot", env={"AUDITOR_REDACTION_KEY": key} if key else {})
    exported = run("snapshot", "export", "a.snapshot", "-o", "a.jsonl")

    assert (ended.code, exported.code) == (0, 0), ended.err
    assert _shown(_all_of(tmp_path / "a.snapshot")) == []
    assert _shown((tmp_path / "a.jsonl").read_text(encoding="utf-8")) == []
    assert _shown(ended.out + ended.err) == []


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kept", [False, True])
def test_a_report_shows_none_even_of_a_snapshot_that_keeps_them(
    foreign: Path, run: Run, tmp_path: Path, name: str, *, kept: bool
) -> None:
    source = foreign
    if kept:
        source = tmp_path / "kept.snapshot"
        assert run("snapshot", "import", "--keep-secrets", foreign, "-o", source).code == 0
        assert len(_shown(_all_of(source))) > 50
    rules = tmp_path / "rules"
    rules.mkdir()
    for number, (kind, path) in enumerate(_READ_BY_RULES.items()):
        (rules / f"shows-{number}.yaml").write_text(_rule(number, kind, path), encoding="utf-8")

    ended = run(
        *(
            "evaluate",
            source,
            "-vv",
            "--rules",
            rules,
            "--include-passed",
            "-o",
            f"{name}=report",
            "--select",
            "shows-*",
        ),
    )

    assert ended.code in {1, 2}
    report = text_of(tmp_path / "report")
    assert "shows-0" in report or name == "coverage"
    assert _shown(report + ended.out + ended.err) == []


def test_an_answer_shows_none_even_of_a_snapshot_that_keeps_them(run: Run, tmp_path: Path) -> None:
    token = next(secret for secret in PLANTED if secret.kind == "GitHub fine-grained token")
    vault = resource("Microsoft.KeyVault/vaults/kv", properties={"enableRbacAuthorization": True})
    role = resource("Microsoft.Authorization/roleDefinitions/11111111-1111-1111-1111-111111111111")
    role["properties"] = {
        "roleName": f"Reads {token.parts[0]}",
        "type": "CustomRole",
        "permissions": [{"actions": ["Microsoft.KeyVault/vaults/read"]}],
        "assignableScopes": [f"/subscriptions/{SUB}"],
    }
    grant = resource("Microsoft.Authorization/roleAssignments/22222222-2222-2222-2222-222222222222")
    grant["properties"] = {
        "roleDefinitionId": role["id"],
        "principalId": "33333333-3333-3333-3333-333333333333",
        "principalType": "ServicePrincipal",
        "scope": vault["id"],
    }
    run("snapshot", "import", "--keep-secrets", export(tmp_path, vault, role, grant, complete=True), "-o", "k.snapshot")
    assert _shown(_all_of(tmp_path / "k.snapshot"), [token])

    for output in ("table", "json", "csv"):
        ended = run("access", "who-can", "Microsoft.KeyVault/vaults/read", "--on", "kv", "k.snapshot", "-o", output)
        assert "33333333" in ended.out
        assert "Reads " in ended.out
        assert _shown(ended.out + ended.err, [token]) == []


_READ_BY_RULES = {
    "Microsoft.Network/routeTables": "tags.note",
    "Microsoft.Resources/deploymentScripts": "properties.scriptContent",
    "Microsoft.ContainerRegistry/registries/tasks": "properties.step.contextPath",
    "Microsoft.ApiManagement/service/policies": "properties.value",
}


def _rule(number: int, kind: str, path: str) -> str:
    """Return a rule that quotes in its evidence what people write."""
    names = path.split(".")
    good, bad = ("".join(f"{{{name}: " for name in names) + text + "}" * len(names) for text in ("nothing", "x"))
    return f"""\
id: shows-{number}
title: A text is as it should be
severity: low
rationale: A test of what a report shows.
remediation: {{text: None is needed.}}
applies: {{type: {kind}}}
require: {{field: {path}, equals: nothing, default: ""}}
examples:
  - {{name: as it should be, resource: {good}, verdict: pass}}
  - {{name: another, resource: {bad}, verdict: fail}}
"""


def test_a_report_does_not_quote_what_is_secret_by_its_name(run: Run, tmp_path: Path) -> None:
    def site(value: str) -> dict[str, Any]:
        return {"siteConfig": {"appSettings": [{"name": "PLAIN", "value": value}]}}

    in_list = "properties.siteConfig.appSettings[*]"
    rule = {
        **yaml.safe_load(_rule(0, "Microsoft.Web/sites", "tags.note")),
        "require": {"none": {"in": in_list, "where": {"field": f"{in_list}.value", "like": "sword*"}}},
        "examples": [
            {"name": "another", "resource": {"properties": site("x")}, "verdict": "pass"},
            {"name": "a sword", "resource": {"properties": site("sword")}, "verdict": "fail"},
        ],
    }
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "shows-0.yaml").write_text(yaml.safe_dump(rule), encoding="utf-8")
    app = resource("Microsoft.Web/sites/web", properties=site("swordfish"))
    run("snapshot", "import", "--keep-secrets", export(tmp_path, app), "-o", "kept.snapshot")

    ended = run("evaluate", "kept.snapshot", "--rules", rules, "--select", "shows-*", "-o", "json")

    [finding] = [one for one in ended.findings if one["resource_id"] == app["id"]]
    assert finding["status"] == "fail"
    assert "swordfish" not in ended.out + ended.err


def test_an_explanation_shows_none(foreign: Path, run: Run, tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "shows-0.yaml").write_text(_rule(0, *next(iter(_READ_BY_RULES.items()))), encoding="utf-8")
    judged = [body["id"] for body in RESOURCES if body["type"] == "Microsoft.Network/routeTables"]

    explained = [run("explain", "shows-0", each, "--input", foreign, "--rules", rules) for each in judged]

    assert {ended.code for ended in explained} == {0}
    assert [_shown(ended.out + ended.err) for ended in explained] == [[]] * len(judged)


@pytest.mark.parametrize("secret", PLANTED[::14], ids=lambda secret: secret.kind)
def test_a_message_about_a_bad_input_shows_none(run: Run, tmp_path: Path, secret: Secret) -> None:
    path = tmp_path / "bad.json"
    path.write_text(json.dumps([{"id": secret.text, "type": secret.text}]), encoding="utf-8")

    ended = run("evaluate", path)

    assert ended.code == 2
    assert is_one_line(ended.err)
    assert _shown(ended.err, [secret]) == []


@pytest.mark.parametrize("secret", PLANTED[::14], ids=lambda secret: secret.kind)
def test_a_traceback_shows_none(foreign: Path, run: Run, monkeypatch: pytest.MonkeyPatch, secret: Secret) -> None:
    def broken(*_: Any, **__: Any) -> bytes:
        raise RuntimeError(f"cannot go on with {secret.text}")

    monkeypatch.setattr("orjson.dumps", broken)

    ended = run("-vv", "evaluate", foreign)

    assert ended.code == 2
    assert "Traceback" in ended.err
    assert _shown(ended.err, [secret]) == []


def test_the_same_export_gives_the_same_report_and_snapshot(foreign: Path, run: Run, tmp_path: Path) -> None:
    reports = {run("evaluate", foreign, "-o", "json", "--as-of", "2024-03-01").out for _ in range(2)}
    for name in ("a", "b"):
        run("snapshot", "import", foreign, "-o", f"{name}.snapshot")
        run("snapshot", "export", f"{name}.snapshot", "-o", f"{name}.jsonl")
    reports.add(run("evaluate", "a.snapshot", "-o", "json", "--as-of", "2024-03-01").out)

    assert len(reports) == 1
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()
    assert "redacted:" not in (tmp_path / "a.jsonl").read_text(encoding="utf-8")


def test_with_a_key_equal_secrets_are_equal_and_others_are_not(run: Run, tmp_path: Path) -> None:
    def imported(password: str, key: str) -> str:
        table = {**RESOURCES[0], "tags": {"password": password}}
        run("snapshot", "import", export(tmp_path, table), "-o", "k.snapshot", env={"AUDITOR_REDACTION_KEY": key})
        [row] = read(tmp_path / "k.snapshot").resources
        return str(row.body["tags"])

    assert imported("hunter", KEY) == imported("hunter", KEY)
    assert len({imported("hunter", KEY), imported("hunter2", KEY), imported("hunter", KEY + "!")}) == 3


def test_a_key_that_can_be_guessed_is_refused(run: Run, foreign: Path) -> None:
    ended = run("snapshot", "import", foreign, "-o", "k.snapshot", "--redaction-key", "short")

    assert ended.code == 2
    assert is_one_line(ended.err)
    assert "fewer than 16 characters" in ended.err


def test_a_snapshot_and_the_export_that_it_came_from_are_one_estate(run: Run, foreign: Path) -> None:
    run("snapshot", "import", foreign, "-o", "k.snapshot", env={"AUDITOR_REDACTION_KEY": KEY})

    both = run("evaluate", "k.snapshot", foreign, "-o", "json")

    assert both.code in {1, 2}, both.err
    assert "findings" in both.report


def test_what_was_done_with_secrets_is_recorded(run: Run, foreign: Path, tmp_path: Path) -> None:
    run("snapshot", "import", foreign, "-o", "clean.snapshot")
    run("snapshot", "import", "--keep-secrets", foreign, "-o", "kept.snapshot")

    assert read(tmp_path / "clean.snapshot").metadata.extra["secrets"] == "redacted"
    assert read(tmp_path / "kept.snapshot").metadata.extra["secrets"] == "kept"


@pytest.mark.parametrize("name", ["keep-secrets", "redaction-key"])
def test_no_file_decides_about_secrets(run: Run, foreign: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "auditor.toml").write_text(f'{name} = "true"\n', encoding="utf-8")

    ended = run("snapshot", "import", foreign, "-o", "k.snapshot")

    assert ended.code == 2
    assert "never taken from a file" in ended.err


@pytest.mark.parametrize("option", ["exemptions", "baseline", "known"])
def test_a_message_about_another_file_than_was_meant_quotes_nothing_of_it(
    run: Run, tmp_path: Path, option: str
) -> None:
    """A settings file of a repository names the file, and the log of a pipeline shows the message."""
    export(tmp_path, sample()["resources"][0])
    token = tmp_path / "token"
    token.write_text("T0ken-of-the-build-agent-1234567890\n", encoding="utf-8")
    named = ["./token"] if option == "exemptions" else "./token"
    (tmp_path / "auditor.toml").write_text(f"{option} = {json.dumps(named)}\n", encoding="utf-8")

    ended = run("evaluate", "estate.json")

    assert ended.code == 2
    assert is_one_line(ended.err)
    assert "T0ken" not in ended.err
