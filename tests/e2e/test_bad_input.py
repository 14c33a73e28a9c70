"""Whatever is wrong with what a user gives, one line says what it is and what to do, and the exit code is 2."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from auditor.authoring import draft
from tests.e2e.command import GROUP, Run, auditor, is_line_by_line, is_one_line, storage


def _write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content)
    return path


_TWO = json.dumps([storage("st1"), storage("st2")])
_FILES: dict[str, tuple[str | bytes, str]] = {
    "empty": ("", "empty"),
    "blank": (" \n\t\n", "empty"),
    "a sign-in page": ("<!DOCTYPE html><html><body>Sign in</body></html>", "HTML"),
    "a 404 page": ("\n<html><head><title>404 Not Found</title></head></html>", "HTML"),
    "cut off": (_TWO[:-40], "JSON"),
    "cut off gzip": (gzip.compress(_TWO.encode() * 50)[:-30], "cut off"),
    "nested brackets": ("[" * 200_000 + "]" * 200_000, "nested"),
    "a number": ("42", "resources"),
    "an unknown shape": ('{"hello": "world"}', "resources"),
    "texts": ('["a", "b"]', "resource 1 is a string"),
    "nothing in scope": ("[]", "nothing"),
    "nothing in a list": ('{"value": []}', "nothing"),
    "an ARM error": ('{"error": {"code": "AuthorizationFailed", "message": "no access"}}', "AuthorizationFailed"),
    "binary": (bytes(range(128, 256)) * 32, "JSON"),
    "YAML": ("resources:\n- id: x\n", "JSON"),
    "a contradiction": (
        json.dumps([storage("st1", publicNetworkAccess="Enabled"), storage("ST1", publicNetworkAccess="Disabled")]),
        "same id",
    ),
    "gaps of another shape": (json.dumps({"resources": [storage()], "gaps": [{"what": 1}]}), "gap"),
    "complete in words": (json.dumps({"resources": [storage()], "complete": "yes"}), "complete"),
    "a time that is none": (json.dumps({"resources": [storage()], "source": {"snapshotAt": "soon"}}), "snapshotAt"),
}


@pytest.mark.parametrize("name", _FILES)
def test_a_file_that_is_no_estate(name: str, run: Run, tmp_path: Path) -> None:
    content, said = _FILES[name]
    ended = run("evaluate", _write(tmp_path / "estate.json", content), "--complete")
    assert (ended.code, ended.out) == (2, "")
    assert is_one_line(ended.err)
    assert said in ended.err


def test_an_estate_that_is_not_there_or_a_folder(run: Run, tmp_path: Path) -> None:
    for source in ("nowhere.json", tmp_path):
        ended = run("evaluate", source)
        assert (ended.code, is_one_line(ended.err)) == (2, True)


_BASELINES: dict[str, tuple[str, str]] = {
    "a list": ("- a\n- b\n", "baseline.yaml:1:1"),
    "a tab": ("name: x\nversion: '1'\nparameters:\n\tx: 1\n", "baseline.yaml:4"),
    "a bomb": (
        "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n"
        + "".join(f"a{i}: &a{i} [" + ",".join([f"*a{i - 1}"] * 10) + "]\n" for i in range(1, 10)),
        "baseline.yaml",
    ),
    "a Python tag": ("!!python/object/apply:os.system ['touch PWNED']\n", "baseline.yaml:1"),
    "a way out of its folder": ("name: b\nversion: '1'\nextends: ../../../../etc/passwd\n", "leads out"),
    "itself": ("name: b\nversion: '1'\nextends: baseline.yaml\n", "itself"),
    "a glob that matches nothing": (
        "name: b\nversion: '1'\nextends: openai-chat\nrules: ['zzz-*']\n",
        "baseline.yaml:4:",
    ),
    "a parameter that nobody declares": (
        "name: b\nversion: '1'\nextends: openai-chat\nparameters: {no_such: 1}\n",
        "no_such",
    ),
    "a rule that is not there": (
        "name: b\nversion: '1'\nextends: openai-chat\nsettings: {storage-minimum-tsl: {severity: low}}\n",
        "storage-minimum-tls",
    ),
    "a severity that is none": (
        "name: b\nversion: '1'\nextends: openai-chat\nsettings: {storage-minimum-tls: {severity: awful}}\n",
        "awful",
    ),
    "a key that is unknown": ("name: b\nversion: '1'\nextendz: openai-chat\n", "extends"),
}


@pytest.mark.parametrize("name", _BASELINES)
def test_a_baseline_with_a_mistake(name: str, run: Run, tmp_path: Path) -> None:
    content, said = _BASELINES[name]
    path = _write(tmp_path / "b" / "baseline.yaml", content)
    ended = run("evaluate", _write(tmp_path / "good.json", _TWO), "-b", path)
    assert (ended.code, ended.out) == (2, "")
    assert is_one_line(ended.err)
    assert said in ended.err
    assert "root:" not in ended.err
    assert not list(tmp_path.rglob("PWNED"))


def test_a_baseline_behind_links_that_go_in_circles(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").symlink_to(tmp_path / "b.yaml")
    (tmp_path / "b.yaml").symlink_to(tmp_path / "a.yaml")
    ended = run("baseline", "validate", tmp_path / "a.yaml")
    assert (ended.code, is_one_line(ended.err)) == (2, True)


_DRAFT = draft.draft("x-y", "A.B/c")
_RULES: dict[str, tuple[str, str]] = {
    "an unknown key": (_DRAFT + "whatever: 1\n", "unknown key 'whatever'"),
    "nothing but an id": ("id: x-y\n", "a rule needs"),
    "broken YAML": ("id: [unclosed\n  : :\n", "x-y.yaml:"),
    "an operator that is misspelt": (_DRAFT.replace("  in: ", "  inn: "), "did you mean 'in'"),
    "another id than the file's name": (_DRAFT.replace("id: x-y", "id: x-z"), "x-y.yaml:1:5"),
}


@pytest.mark.parametrize("name", _RULES)
def test_a_rule_with_a_mistake(name: str, run: Run, tmp_path: Path) -> None:
    content, said = _RULES[name]
    folder = _write(tmp_path / "own" / "x-y.yaml", content).parent
    ended = run("evaluate", _write(tmp_path / "good.json", _TWO), "--rules", folder)
    assert (ended.code, ended.out) == (2, "")
    assert is_line_by_line(ended.err)
    assert said in ended.err


def test_a_rule_with_the_id_of_one_of_the_tool_s_own(run: Run, tmp_path: Path) -> None:
    _write(tmp_path / "own" / "storage-minimum-tls.yaml", draft.draft("storage-minimum-tls", "A.B/c"))
    ended = run("evaluate", _write(tmp_path / "good.json", _TWO), "--rules", "own")
    assert (ended.code, is_one_line(ended.err)) == (2, True)
    assert "already used" in ended.err


_OPTIONS: dict[str, tuple[list[str], str]] = {
    "baseline": (["-b", "no-such-baseline"], "openai-chat"),
    "misspelt baseline": (["-b", "openai-chta"], "openai-chat"),
    "rules": (["--rules", "no-folder"], "no-folder"),
    "parameter": (["--set", "no_such_parameter=1"], "no_such_parameter"),
    "misspelt parameter": (["--set", "tls_mn=1"], "tls_min"),
    "no value": (["--set", "tls_min"], "="),
    "wrong type": (["--set", "min_instances.app_service=many"], "app_service"),
    "date": (["--as-of", "yesterday-ish"], "2024-02-20"),
    "date before the calendar": (["--as-of", "0001-01-01T00:00:00+23:59"], "2024-02-20"),
    "date of ten thousand digits": (["--as-of", "1" * 10_000], "is no date or time"),
    "number of ten thousand digits": (["--set", f"min_instances.app_service={'1' * 10_000}"], "must be a number"),
    "list in ten thousand lists": (["--set", f"tls_min={'[' * 10_000}"], "not valid YAML"),
    "format": (["-o", "pdf"], "csv"),
    "select": (["--select", "zzz-*"], "zzz-*"),
    "exemptions": (["--exemptions", "no.yaml"], "no.yaml"),
    "output folder": (["-o", "csv=no/folder/x.csv"], "folder"),
}


@pytest.mark.parametrize("name", _OPTIONS)
def test_an_option_with_a_mistake(name: str, run: Run, tmp_path: Path) -> None:
    options, said = _OPTIONS[name]
    ended = run("evaluate", _write(tmp_path / "good.json", _TWO), *options)
    assert (ended.code, ended.out) == (2, "")
    assert is_one_line(ended.err)
    assert said in ended.err


@pytest.mark.parametrize(
    "options", [["--no-such-option"], ["--fail-on", "dreadful"], ["--color", "pink"]], ids=lambda words: str(words[0])
)
def test_usage_is_shown_where_the_command_line_itself_is_wrong(options: list[str], run: Run, tmp_path: Path) -> None:
    ended = run("evaluate", _write(tmp_path / "good.json", _TWO), *options)
    assert (ended.code, ended.out) == (2, "")
    assert "Usage:" in ended.err
    assert options[-1] in ended.err
    assert len(ended.err.splitlines()) <= 6


def test_an_exemption_without_an_end(run: Run, tmp_path: Path) -> None:
    text = "exemptions:\n- {rule: storage-minimum-tls, scope: /, reason: r, approved_by: me, ticket: T}\n"
    path = _write(tmp_path / "ex.yaml", text)
    ended = run("evaluate", _write(tmp_path / "good.json", _TWO), "--exemptions", path)
    assert (ended.code, is_one_line(ended.err)) == (2, True)
    assert "ex.yaml:2:3" in ended.err
    assert "expires_on" in ended.err


def _nsg(**properties: Any) -> dict[str, Any]:
    kind = "Microsoft.Network/networkSecurityGroups"
    rules = [{"name": "r", "properties": properties}]
    return {"id": f"{GROUP}/providers/{kind}/n1", "name": "n1", "type": kind, "properties": {"securityRules": rules}}


_HOSTILE: dict[str, str] = {
    "a text for an object": json.dumps([storage() | {"properties": "oops"}, storage("st2", networkAcls="Deny")]),
    "a text for a SKU": json.dumps([storage() | {"sku": "Standard_LRS", "identity": "None"}]),
    "a list for an object": json.dumps([storage() | {"properties": []}, storage("st2", networkAcls=[])]),
    "null everywhere": json.dumps([storage() | dict.fromkeys(("properties", "sku", "identity", "location", "tags"))]),
    "NaN": json.dumps([storage(x=float("nan"), y=float("inf"))]),
    "a number without end": f"[{json.dumps(storage(keyPolicy={'days': 7})).replace('7}', '9' * 5000 + '}')}]",
    "half a character": f"[{json.dumps(storage())}]".replace('"name": "st1"', '"name": "st\\ud800"'),
    "nonsense in a security rule": json.dumps(
        [_nsg(access={}, direction=[], priority="high", destinationPortRange="99999-1", sourceAddressPrefix="300.1/99")]
    ),
    "a parent inside itself": json.dumps([storage() | {"resources": [storage()]}]),
    "an id that is none": json.dumps([storage() | {"id": "not/an/id"}, storage("st2")]),
    "no id": json.dumps([{"type": "Microsoft.Storage/storageAccounts"}, storage()]),
    "UTF-16": "",
}


_DEEP = '[{"a":'
_HOSTILE |= {
    "an id of a thousand parts": json.dumps([storage() | {"id": storage()["id"] + "/a/b" * 1000}]),
    "an id of a thousand extensions": json.dumps([storage() | {"id": storage()["id"] + "/providers/A.B/c/d" * 1000}]),
    "a thousand resources, each below the last": json.dumps(
        [storage() | {"id": storage()["id"] + "/a/b" * number} for number in range(300)]
    ),
    "a list for a tenant": json.dumps([storage() | {"tenantId": ["t"]}, storage("st2") | {"tenantId": {"t": 1}}]),
    "lists for all tenants": json.dumps(
        {"tenantId": ["t"], "resources": [storage() | {"tenantId": [1]}], "source": {"tenantId": [2]}}
    ),
    "an integer of ten thousand digits": json.dumps([storage(size=1)]).replace('"size": 1', '"size": 1' + "0" * 10_000),
    "a number for a name": json.dumps([storage()]).replace('"st1"', "9" * 10_000),
    "properties nested deeply": json.dumps([storage(x=1)]).replace('"x": 1', '"x": ' + _DEEP * 440 + "1" + "}]" * 440),
    "properties nested too deeply": json.dumps([storage(x=1)]).replace(
        '"x": 1', '"x": ' + _DEEP * 9000 + "1" + "}]" * 9000
    ),
}


@pytest.mark.parametrize("name", _HOSTILE)
def test_hostile_contents_are_judged_or_refused_but_never_crash(name: str, run: Run, tmp_path: Path) -> None:
    content = json.dumps([storage()]).encode("utf-16") if name == "UTF-16" else _HOSTILE[name]
    path = _write(tmp_path / "estate.json", content)
    ended = run("evaluate", path, "--complete", "--quiet", "-o", "json")
    assert ended.code in {1, 2}
    if ended.out:
        assert "failed:" not in ended.out, "an analysis raised"
        assert not [one for one in ended.findings if (one["unknown_reason"] or "").startswith("error: TypeError")]
        assert ended.findings
    else:
        assert is_one_line(ended.err)


_EVIL = [
    storage("=cmd|'/c calc'!A1"),
    storage("\x1b[31mred\x1b[0m\x07"),
    storage("plain") | {"location": "a\nb\r\nc"},
    storage("@SUM(1)") | {"location": '=HYPERLINK("http://x")'},
    storage("<script>alert(1)</script>"),
    storage("|a|b|`c`](x)"),
]


def test_names_from_strangers_neither_colour_nor_calculate(run: Run, tmp_path: Path) -> None:
    path = _write(tmp_path / "estate.json", json.dumps(_EVIL))
    rows = run("evaluate", path, "--complete", "--quiet", "-o", "csv").rows
    cells = [cell for row in rows for cell in row.values()]
    assert len(rows) > 50
    assert [cell for cell in cells if cell[:1] in set("=+-@\t\r") or set(cell) & set("\n\r\x1b")] == []

    table = run("evaluate", path, "--complete", "--quiet", "--verbose").out
    assert not {char for char in table if not char.isprintable()} - {"\n"}
    markdown = run("evaluate", path, "--complete", "--quiet", "-o", "markdown").out
    assert "<script>" not in markdown


def test_no_traceback_in_a_process_of_its_own(tmp_path: Path) -> None:
    ended = auditor("evaluate", "nowhere.json", at=tmp_path)
    assert (ended.code, ended.out, is_one_line(ended.err)) == (2, "", True)


_TAKEN_FROM_FILES_NEVER = {
    "arm-endpoint": ("'https://arm.example.org'", "--arm-endpoint or AUDITOR_ARM_ENDPOINT"),
    "allow-endpoint": ("['arm.example.org']", "--allow-endpoint or AUDITOR_ALLOW_ENDPOINT"),
    "cloud": ("'china'", "--cloud or AUDITOR_CLOUD"),
    "tenant": ("'t'", "--tenant or AUDITOR_TENANT"),
    "auth": ("'cli'", "--auth or AUDITOR_AUTH"),
    "output": ("['csv=/tmp/out.csv']", "--output or AUDITOR_OUTPUT"),
    "snapshot": ("'kept.sqlite'", "--snapshot or AUDITOR_SNAPSHOT"),
    "resume": ("'kept.sqlite'", "--resume"),
    "force": ("true", "--force or AUDITOR_FORCE"),
}


@pytest.mark.parametrize("key", _TAKEN_FROM_FILES_NEVER)
@pytest.mark.parametrize("file", ["auditor.toml", "pyproject.toml"])
def test_a_file_that_says_who_signs_in_where_to_or_what_is_written(
    file: str, key: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    value, instead = _TAKEN_FROM_FILES_NEVER[key]
    section = "[tool.auditor]\n" if file == "pyproject.toml" else ""
    path = _write(tmp_path / file, f"{section}fail-on = 'high'\n{key} = {value}\n")
    (tmp_path / "deep" / "er").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "deep" / "er")

    ended = run("scan")

    assert (ended.code, ended.out) == (2, "")
    assert is_one_line(ended.err), ended.err
    line = 3 if section else 2
    assert f"{path}:{line}:1: '{key}' is never taken from a file" in ended.err
    assert f"(use {instead})" in ended.err


@pytest.mark.parametrize(
    "text",
    [
        "arm_endpoint = 'https://arm.example.org'",
        "ARM-Endpoint = 'https://arm.example.org'",
        "Arm_endpoint = 'https://arm.example.org'",
        '"arm\\u002dendpoint" = "https://arm.example.org"',
        "arm-endpoint = ['https://arm.example.org']",
        "arm-endpoint.url = 'https://arm.example.org'",
        "[arm_endpoint]\nurl = 'https://arm.example.org'",
        "[[arm-endpoint]]\nurl = 'https://arm.example.org'",
        "[scan]\narm-endpoint = 'https://arm.example.org'",
        "scan = [{options = {arm_endpoint = 'https://arm.example.org'}}]",
        "arm-endpoint = false",
    ],
)
def test_no_spelling_and_no_table_hides_such_a_key(text: str, run: Run, tmp_path: Path) -> None:
    _write(tmp_path / "auditor.toml", text + "\n")

    ended = run("scan")

    assert (ended.code, ended.out) == (2, "")
    assert is_one_line(ended.err), ended.err
    assert "is never taken from a file" in ended.err
    assert "(use --arm-endpoint or AUDITOR_ARM_ENDPOINT)" in ended.err


def test_a_list_where_an_option_takes_one_value(run: Run, tmp_path: Path) -> None:
    path = _write(tmp_path / "auditor.toml", "baseline = ['own.yaml']\n")

    ended = run("evaluate", "estate.json")

    assert (ended.code, is_one_line(ended.err)) == (2, True)
    assert f"{path}:1:12: baseline must be text, not a list" in ended.err


_SETTINGS_FILES: dict[str, str] = {
    "an integer of ten thousand digits": "baseline = " + "1" * 10_000,
    "such an integer in a list": "select = [" + "1" * 10_000 + "]",
    "a list in ten thousand lists": "select = " + "[" * 10_000 + "]" * 10_000,
    "a table in ten thousand tables": ".".join(["a"] * 10_000) + " = 1",
    "a header of ten thousand parts": "[" + ".".join(["a"] * 10_000) + "]",
    "more than anybody writes": "# " + "x" * 300_000,
    "broken TOML": "baseline = = 1",
    "no text": "baseline = '\udc80'",
    "another type": "fail-on = {a = {b = 1}}",
}


@pytest.mark.parametrize("name", _SETTINGS_FILES)
def test_settings_that_cannot_be_read(name: str, run: Run, tmp_path: Path) -> None:
    path = tmp_path / "auditor.toml"
    path.write_text(_SETTINGS_FILES[name], encoding="utf-8", errors="surrogateescape")
    ended = run("baseline", "list")
    assert (ended.code, ended.out, is_one_line(ended.err)) == (2, "", True), ended.err
    assert str(path) in ended.err
    assert "is a bug" not in ended.err


@pytest.mark.parametrize("name", _SETTINGS_FILES)
def test_a_pyproject_of_somebody_else_that_cannot_be_read_says_nothing(name: str, run: Run, tmp_path: Path) -> None:
    path = tmp_path / "pyproject.toml"
    path.write_text(_SETTINGS_FILES[name], encoding="utf-8", errors="surrogateescape")
    assert (run("baseline", "list").code, path.exists()) == (0, True)


def test_one_that_speaks_of_the_tool_is_not_passed_over(run: Run, tmp_path: Path) -> None:
    path = _write(tmp_path / "pyproject.toml", "[tool.auditor]\nbaseline = 'strict'\n[project]\nname = = x\n")
    ended = run("baseline", "list")
    assert (ended.code, is_one_line(ended.err), str(path) in ended.err) == (2, True, True)
