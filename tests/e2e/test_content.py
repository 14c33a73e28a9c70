"""Help, rules, baselines, schemas and explanations, as somebody away from the checkout meets them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import jsonschema
import pytest
import yaml

from tests.e2e.command import ROOT, SAMPLE, Run, auditor, command, environment, in_process, is_one_line

_COMMANDS = [
    (),
    ("evaluate",),
    ("demo",),
    ("explain",),
    ("schema",),
    ("catalogue",),
    ("catalogue", "show"),
    ("fact", "list"),
    ("fact", "show"),
    *(("rule", name) for name in ("list", "show", "new", "test")),
    *(("baseline", name) for name in ("list", "show", "validate")),
    *(("snapshot", name) for name in ("import", "export", "show")),
]
_HEAVY = ("azure", "rich", "tabulate", "yaml", "orjson", "zstandard")  # Typer itself loads pydantic where it finds it
_LOADED = """
import sys
sys.argv = ["auditor", *sys.argv[1:], "--help"]
from auditor.cli import main
try:
    main()
except SystemExit as ended:
    code = ended.code
print("\\nloaded:", code, sorted({name.partition(".")[0] for name in sys.modules} & set(HEAVY)))
"""


@pytest.fixture(scope="module")
def helps(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, ...], str]:
    """Return the help of each command, and what printing it loaded, all from processes that run side by side."""
    folder = tmp_path_factory.mktemp("help")
    program = f"HEAVY = {_HEAVY!r}\n{_LOADED}"
    started = {
        words: subprocess.Popen(
            [sys.executable, "-c", program, *words],
            cwd=folder,
            env=environment(folder, {"COLUMNS": "80"}),
            stdout=subprocess.PIPE,
            text=True,
        )
        for words in _COMMANDS
    }
    return {words: process.communicate(timeout=60)[0] for words, process in started.items()}


@pytest.mark.parametrize("words", _COMMANDS, ids=" ".join)
def test_help_loads_nothing_heavy_and_fits_the_terminal(
    words: tuple[str, ...], helps: dict[tuple[str, ...], str]
) -> None:
    text, _, loaded = helps[words].rpartition("\nloaded: ")
    assert loaded.strip() == "0 []"
    assert max(map(len, text.splitlines())) <= 80


@cache
def _documents() -> str:
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    return "\n".join(page.read_text(encoding="utf-8") for page in pages)


@pytest.mark.parametrize("words", _COMMANDS[1:], ids=" ".join)
def test_every_option_is_documented(words: tuple[str, ...], helps: dict[tuple[str, ...], str]) -> None:
    options = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", helps[words])) - {"--help"}
    assert sorted(option for option in options if option not in _documents()) == []


def test_a_rule_of_ones_own_is_drafted_proved_and_judged_by_outside_the_checkout(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    made = auditor("rule", "new", "storage-sample-off", "--type", "Microsoft.Storage/storageAccounts", at=tmp_path)
    proved = auditor("rule", "test", "storage-sample-off", "--rules", "rules", at=tmp_path)
    judged = auditor(
        *("evaluate", SAMPLE, "--rules", "rules", "--select", "storage-sample-off", "-o", "json"), at=tmp_path
    )
    again = auditor("rule", "new", "storage-sample-off", "--type", "Microsoft.Storage/storageAccounts", at=tmp_path)

    assert (made.code, (tmp_path / "rules" / "storage-sample-off.yaml").exists()) == (0, True)
    assert (proved.code, "0 problems" in proved.out) == (0, True)
    assert (judged.code, {one["status"] for one in judged.findings}) == (1, {"fail"})
    assert (again.code, is_one_line(again.err)) == (2, True)


_OVERLAY = """\
name: contoso
version: "1"
extends: openai-chat
parameters:
  content_filter: {min_threshold: Medium}
  min_instances: {search_replicas: 2}
settings:
  storage-minimum-tls: {severity: critical}
  ml-outbound-no-wildcard-hosts: {enabled: false}
rules: ["!bastion-*"]
"""


def test_no_draft_has_the_id_of_a_rule_of_the_tool(tmp_path: Path) -> None:
    """Nobody could judge by it: the tool's rule would be meant where it is named."""
    (tmp_path / "rules").mkdir()
    made = auditor("rule", "new", "storage-minimum-tls", "--type", "Microsoft.Storage/storageAccounts", at=tmp_path)

    assert (made.code, is_one_line(made.err)) == (2, True)
    assert "already used by a rule of the tool" in made.err
    assert not list((tmp_path / "rules").iterdir())


def test_an_overlay_of_ten_lines_is_valid_and_changes_what_it_says(tmp_path: Path) -> None:
    (tmp_path / "contoso.yaml").write_text(_OVERLAY)
    valid = auditor("baseline", "validate", "contoso.yaml", at=tmp_path)
    ended = auditor("evaluate", SAMPLE, "-b", "contoso.yaml", "-o", "json", at=tmp_path)
    by_rule = {(one["rule_id"], one["status"]): one for one in ended.findings}

    assert (valid.code, "no mistakes" in valid.out) == (0, True)
    assert ended.report["baseline"] == {"name": "contoso", "version": "1"}
    assert by_rule[("storage-minimum-tls", "fail")]["severity"] == "critical"
    assert ("search-minimum-replicas", "pass") in by_rule
    assert not [rule for rule, _ in by_rule if rule == "ml-outbound-no-wildcard-hosts" or rule.startswith("bastion-")]


@pytest.mark.parametrize(
    ("rule", "resource", "said"),
    [
        ("storage-minimum-tls", "stassistmlsdc", ["pass", "properties.minimumTlsVersion", "TLS1_2"]),
        ("storage-minimum-tls", "stassistdeploysdc", ["fail", "properties.minimumTlsVersion", "TLS1_0"]),
        ("app-plan-minimum-instances", "asp-assist-sdc", ["fail", "autoscaleMinimum"]),
    ],
)
def test_explain_shows_the_leaves_that_decided(rule: str, resource: str, said: list[str], tmp_path: Path) -> None:
    ended = in_process("explain", rule, resource, "--input", SAMPLE, at=tmp_path)
    assert ended.code == 0
    assert [word for word in said if word.lower() not in ended.out.lower()] == []


def test_explain_says_why_something_is_not_known(tmp_path: Path) -> None:
    document = json.loads(SAMPLE.read_text())
    account = next(body for body in document["resources"] if body["name"] == "stassistmlsdc")
    gap = {"what": "properties.minimumTlsVersion", "reason": "masked by policy", "permission": "st/read"}
    (tmp_path / "e.json").write_text(json.dumps({**document, "gaps": [{**gap, "scope": account["id"]}]}))
    ended = in_process("explain", "storage-minimum-tls", account["id"].upper(), "--input", "e.json", at=tmp_path)
    assert ended.code == 0
    said = " ".join(ended.out.lower().split())  # lines end where the terminal does
    assert [words for words in ("unknown", "masked by policy", "st/read") if words not in said] == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["storage-minimum-tsl", "x"], "storage-minimum-tls"),
        (["storage-minimum-tls", "nothing"], "stassistmlsdc"),
    ],
    ids=["rule", "resource"],
)
def test_explain_helps_with_a_wrong_name(arguments: list[str], said: str, tmp_path: Path) -> None:
    ended = in_process("explain", *arguments, "--input", SAMPLE, at=tmp_path)
    assert (ended.code, is_one_line(ended.err)) == (2, True)
    assert said in ended.err


def test_schemas_are_valid_and_what_ships_and_what_is_written_fits(tmp_path: Path) -> None:
    def schema(name: str) -> jsonschema.Draft202012Validator:
        document = json.loads(in_process("schema", name, at=tmp_path).out)
        jsonschema.Draft202012Validator.check_schema(document)
        return jsonschema.Draft202012Validator(document)

    schema("report").validate(in_process("demo", "-o", "json", at=tmp_path).report)
    rules = schema("rule")
    for path in sorted((ROOT / "rules").glob("*/*.yaml")):
        rules.validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    schema("baseline").validate(yaml.safe_load(_OVERLAY))
    wrong = in_process("schema", "rul", at=tmp_path)
    assert (wrong.code, is_one_line(wrong.err)) == (2, True)


def test_lists_and_pages_are_written_to_standard_output(tmp_path: Path) -> None:
    listed = in_process("rule", "list", "--select", "storage-*", at=tmp_path)
    page = in_process("rule", "show", "storage-minimum-tls", at=tmp_path)
    shown = in_process("baseline", "show", "openai-chat", at=tmp_path)
    assert (listed.code, page.code, shown.code) == (0, 0, 0)
    assert "storage-minimum-tls" in listed.out
    assert "openai-" not in listed.out
    assert page.out.startswith("# ")
    assert "STOR-" in page.out
    assert "storage-minimum-tls" in shown.out


def test_without_a_command_help_is_shown(tmp_path: Path) -> None:
    ended = subprocess.run(
        command(), cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True, check=False
    )
    assert ended.returncode in {0, 2}
    assert "evaluate" in ended.stdout + ended.stderr


def test_the_catalogue_says_what_ships_of_which_day_and_from_where(run: Run) -> None:
    shown, listed = run("catalogue"), run("catalogue", "-o", "json")

    assert (shown.code, listed.code) == (0, 0)
    names = [one["name"] for one in listed.report["datasets"]]
    assert names == ["built-in-roles", "platform-subnets", "regions", "service-tags", "skus", "waf-rules"]
    for one in listed.report["datasets"]:
        assert one["entries"] > 0
        assert one["name"] in shown.out
        assert all(source["url"] in shown.out and source["as_of"] in shown.out for source in one["sources"])


@pytest.mark.parametrize("name", ["built-in-roles", "platform-subnets", "regions", "service-tags", "skus", "waf-rules"])
def test_a_part_of_the_catalogue_is_shown_whole(run: Run, name: str) -> None:
    shown, listed = run("catalogue", "show", name), run("catalogue", "show", name, "-o", "json")

    assert (shown.code, listed.code) == (0, 0)
    assert f"{len(listed.report['entries'])} entries" in shown.out


def test_the_catalogue_knows_the_owner_by_the_guid_of_every_tenant(run: Run) -> None:
    entries = run("catalogue", "show", "built-in-roles", "-o", "json").report["entries"]

    assert {"role": "Owner", "id": "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"} in entries


def test_a_part_that_the_catalogue_lacks_is_one_line(run: Run) -> None:
    ended = run("catalogue", "show", "region")

    assert ended.code == 2
    assert is_one_line(ended.err)
    assert "did you mean 'regions'?" in ended.err


def test_a_baseline_by_which_nothing_is_judged_has_a_mistake(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text("name: own\nversion: 1.0.0\n", encoding="utf-8")
    ended = in_process("baseline", "validate", path, at=tmp_path)
    assert ended.code == 1
    assert "no rule is in force" in ended.out + ended.err
    path.write_text("name: own\nversion: 1.0.0\nrules: [storage-https-only]\n", encoding="utf-8")
    assert in_process("baseline", "validate", path, at=tmp_path).code == 0
