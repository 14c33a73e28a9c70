"""Where it runs: what services read is of their schema, and the steps do what they say, run as they stand."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from auditor.cli.app import command_line
from tests.checkout import ROOT
from tests.comments import AzureThreads, GitHubComments, Refusing, serving
from tests.e2e.command import environment, estate, in_process, storage

_ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
_PIPELINE = yaml.safe_load((ROOT / "deploy" / "azure-pipelines.yml").read_text(encoding="utf-8"))
_MANIFESTS = ["deploy/kubernetes/cronjob.yaml", "deploy/container-apps-job.yaml"]


@pytest.mark.parametrize(
    ("file", "schema"),
    [("action.yml", "vendor.github-actions"), ("deploy/azure-pipelines.yml", "vendor.azure-pipelines")],
)
def test_a_file_of_a_service_is_of_its_schema(file: str, schema: str) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(ROOT / file)]
    ended = subprocess.run(command, check=False, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.fixture
def tool(tmp_path: Path) -> Path:
    """Return a folder of programs with `auditor` in it, where pipelines look for it."""
    programs = tmp_path / "auditor" / "bin"
    programs.mkdir(parents=True)
    (programs / "auditor").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m auditor "$@"\n')
    (programs / "auditor").chmod(0o755)
    return programs


def bash(script: str, at: Path, programs: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    own = environment(at, variables)
    own["PATH"] = f"{programs}{os.pathsep}{own['PATH']}"
    return subprocess.run(["bash", "-c", script], check=False, cwd=at, env=own, capture_output=True, text=True)


@pytest.mark.parametrize(("tls", "code"), [("TLS1_3", 0), ("TLS1_0", 1)])
def test_the_actions_step_judges_and_keeps_the_exit_code(tmp_path: Path, tool: Path, tls: str, code: int) -> None:
    path = estate(tmp_path, storage("st1", minimumTlsVersion=tls), name="an estate.json")
    judge = next(step for step in _ACTION["runs"]["steps"] if step.get("id") == "judge")
    given = f"{path}\n--select\nstorage-minimum-tls\n--complete\n\n"
    variables = {
        "COMMAND": "evaluate",
        "ARGUMENTS": given,
        "SARIF": "auditor.sarif",
        "GITHUB_OUTPUT": "outputs",
        "RUNNER_TEMP": str(tmp_path),
    }
    ended = bash(judge["run"], tmp_path, tool, **variables)
    assert ended.returncode == code, ended.stderr
    assert (tmp_path / "outputs").read_text() == f"exit-code={code}\n"
    results = json.loads((tmp_path / "auditor.sarif").read_text())["runs"][0]["results"]
    assert len([one for one in results if one.get("kind", "fail") == "fail"]) == code
    assert judge["env"].keys() == {"COMMAND", "ARGUMENTS", "SARIF"}


def test_what_is_given_to_the_action_is_never_text_of_a_script(tmp_path: Path, tool: Path) -> None:
    scripts = [step["run"] for step in _ACTION["runs"]["steps"]]
    assert not any("${{" in script for script in scripts)
    judge = scripts[1]
    given = {"SARIF": "a.sarif", "GITHUB_OUTPUT": "outputs", "RUNNER_TEMP": str(tmp_path)}
    assert bash(judge, tmp_path, tool, COMMAND="demo", ARGUMENTS="", **given).returncode == 2
    assert bash(judge, tmp_path, tool, COMMAND="evaluate", ARGUMENTS="$(touch hacked)", **given).returncode == 2
    assert not (tmp_path / "hacked").exists()


def test_the_pipelines_step_calls_the_tool_with_whole_arguments(tmp_path: Path) -> None:
    programs = tmp_path / "auditor" / "bin"
    programs.mkdir(parents=True)
    (programs / "auditor").write_text('#!/bin/sh\nprintf "%s\\n" "$@" > called\nexit 1\n')
    (programs / "auditor").chmod(0o755)
    step = next(one for one in _PIPELINE["steps"] if one.get("task") == "AzureCLI@2")
    ended = bash(
        step["inputs"]["inlineScript"],
        tmp_path,
        programs,
        COMMAND="scan",
        ARGUMENTS="--subscription\nTwo words\n",
        AGENT_TEMPDIRECTORY=str(tmp_path),
        BUILD_ARTIFACTSTAGINGDIRECTORY=str(tmp_path),
    )
    called = (tmp_path / "called").read_text().splitlines()
    assert (ended.returncode, called[0], called[-2:]) == (1, "scan", ["--subscription", "Two words"])
    assert _known(called) <= _options("scan")
    assert (tmp_path / "sarif").is_dir()


@pytest.mark.parametrize(("tls", "code"), [("TLS1_2", 0), ("TLS1_0", 1)])
def test_the_actions_step_tells_what_changed_and_keeps_the_exit_code(
    tmp_path: Path, tool: Path, tls: str, code: int
) -> None:
    old = estate(tmp_path, storage("st1", minimumTlsVersion="TLS1_2"), name="old.json")
    new = estate(tmp_path, storage("st1", minimumTlsVersion=tls), name="new.json")
    judge = next(step for step in _ACTION["runs"]["steps"] if step.get("id") == "judge")
    given = f"{old}\n{new}\n--complete\n--select\nstorage-minimum-tls\n"
    files = {"SARIF": "a.sarif", "GITHUB_OUTPUT": "outputs", "GITHUB_STEP_SUMMARY": "summary"}
    ended = bash(judge["run"], tmp_path, tool, COMMAND="diff", ARGUMENTS=given, RUNNER_TEMP=str(tmp_path), **files)
    assert ended.returncode == code, ended.stderr
    told = (tmp_path / "auditor-drift.md").read_text()
    assert told.startswith("<!-- auditor:drift -->\n")
    assert ("New findings" in told) == bool(code)
    assert (tmp_path / "summary").read_text() == told


_MARK = "<!-- auditor:drift -->\n"
_GITHUB_VARIABLES = {"GITHUB_REPOSITORY": "o/r", "PULL_REQUEST": "7", "TOKEN": "hush"}
_AZURE_VARIABLES = {
    "SYSTEM_TEAMPROJECTID": "p",
    "BUILD_REPOSITORY_ID": "r",
    "SYSTEM_PULLREQUEST_PULLREQUESTID": "7",
    "TOKEN": "hush",
}


def _commented(script: str, folder: Path, text: str, variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    (folder / "auditor-drift.md").write_text(f"{_MARK}{text}")
    own = environment(folder, variables)
    return subprocess.run([sys.executable, "-c", script], check=False, env=own, capture_output=True, text=True)


def test_the_actions_comment_is_written_once_and_then_replaced(tmp_path: Path) -> None:
    script = next(step for step in _ACTION["runs"]["steps"] if step["name"] == "Comment")["run"]
    stranger = {"id": 1, "body": f"{_MARK}mine", "user": {"type": "User"}}
    others = [{"id": number, "body": "hello", "user": {"type": "Bot"}} for number in range(100, 199)]
    with serving(GitHubComments([stranger, *others])) as (api, url):
        given = {**_GITHUB_VARIABLES, "GITHUB_API_URL": url, "RUNNER_TEMP": str(tmp_path)}
        for text in ("first", "second", "third"):
            assert _commented(script, tmp_path, text, given).returncode == 0
    assert [one["body"] for one in api.comments if one["body"].startswith(_MARK)] == [f"{_MARK}mine", f"{_MARK}third"]
    assert {method for method, _ in api.asked} == {"GET", "POST", "PATCH"}
    assert all(authorization == "Bearer hush" for _, authorization in api.asked)


def test_the_pipelines_comment_is_written_once_and_then_replaced(tmp_path: Path) -> None:
    script = next(step for step in _PIPELINE["steps"] if step.get("task") == "PythonScript@0")["inputs"]["script"]
    stranger = {"id": 1, "comments": [{"id": 1, "content": f"{_MARK}mine", "author": {"id": "somebody"}}]}
    with serving(AzureThreads([stranger, {"id": 2, "comments": [{"id": 1, "author": {"id": "me"}}]}])) as (api, url):
        given = {**_AZURE_VARIABLES, "SYSTEM_COLLECTIONURI": f"{url}/", "AGENT_TEMPDIRECTORY": str(tmp_path)}
        for text in ("first", "second"):
            ended = _commented(script, tmp_path, text, given)
            assert (ended.returncode, ended.stdout) == (0, "")
    told = [each["comments"][0].get("content") for each in api.comments]
    assert told == [f"{_MARK}mine", None, f"{_MARK}second"]


def test_a_comment_that_is_refused_is_a_warning_and_no_failure(tmp_path: Path) -> None:
    scripts = [
        (next(step for step in _ACTION["runs"]["steps"] if step["name"] == "Comment")["run"], _GITHUB_VARIABLES),
        (
            next(step for step in _PIPELINE["steps"] if step.get("task") == "PythonScript@0")["inputs"]["script"],
            _AZURE_VARIABLES,
        ),
    ]
    with serving(Refusing([])) as (_, url):
        places = {"GITHUB_API_URL": url, "SYSTEM_COLLECTIONURI": f"{url}/"}
        folders = {"RUNNER_TEMP": str(tmp_path), "AGENT_TEMPDIRECTORY": str(tmp_path)}
        for script, variables in scripts:
            ended = _commented(script, tmp_path, "text", {**variables, **places, **folders})
            assert (ended.returncode, "no comment was written: HTTPError 403" in ended.stdout) == (0, True)
            assert "hush" not in ended.stdout + ended.stderr


def test_the_comment_step_runs_whatever_was_judged_and_only_on_pull_requests() -> None:
    comment = next(step for step in _ACTION["runs"]["steps"] if step["name"] == "Comment")
    assert comment["if"].startswith("always() && inputs.command == 'diff'")
    assert comment["if"].endswith("github.event.pull_request")
    azure = next(step for step in _PIPELINE["steps"] if step.get("task") == "PythonScript@0")
    assert azure["condition"].startswith("and(always(), ")
    assert "eq(variables['Build.Reason'], 'PullRequest')" in azure["condition"]


def _options(name: str) -> set[str]:
    command: Any = get_command(command_line())
    return {option for parameter in command.commands[name].params for option in parameter.opts}


def _known(arguments: list[str]) -> set[str]:
    return {argument for argument in arguments if argument.startswith("--")}


def _objects(value: object) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    for inner in value if isinstance(value, list) else ():
        yield from _objects(inner)


@pytest.mark.parametrize("file", _MANIFESTS)
def test_a_manifest_runs_a_command_that_there_is_with_variables_that_it_reads(file: str) -> None:
    documents = list(yaml.safe_load_all((ROOT / file).read_text(encoding="utf-8")))
    container = next(one for one in _objects(documents) if "image" in one)
    command: Any = get_command(command_line())
    scan = command.commands[container["args"][0]]
    scan.make_context("scan", list(container["args"][1:]), resilient_parsing=False)
    read = {parameter.envvar for parameter in scan.params} | {"AUDITOR_NOTIFY_KEY", "AZURE_CLIENT_ID"}
    assert {one["name"] for one in container["env"]} <= read
    assert not any(one["name"].startswith("AUDITOR_") and "value" in one for one in container["env"])


def test_the_cron_job_may_do_nothing_that_it_need_not() -> None:
    documents = list(yaml.safe_load_all((ROOT / _MANIFESTS[0]).read_text(encoding="utf-8")))
    pod = documents[1]["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    own = pod["containers"][0]["securityContext"]
    assert (pod["securityContext"]["runAsNonRoot"], own["readOnlyRootFilesystem"]) == (True, True)
    assert (own["allowPrivilegeEscalation"], own["capabilities"]) == (False, {"drop": ["ALL"]})
    assert (documents[1]["spec"]["concurrencyPolicy"], pod["restartPolicy"]) == ("Forbid", "Never")


def test_the_image_is_pinned_slim_and_not_roots() -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    lines = [line.partition(" ")[::2] for line in text.splitlines() if re.match("[A-Z]+ ", line)]
    last = [index for index, (word, _) in enumerate(lines) if word == "FROM"][-1]
    assert all("-slim" in rest and ":latest" not in rest for word, rest in lines if word == "FROM")
    assert [rest for word, rest in lines[last:] if word == "USER"] == ["65532:65532"]
    assert [rest for word, rest in lines if word == "ENTRYPOINT"] == ['["auditor"]']
    assert not any(word == "ADD" for word, _ in lines)
    installs = [rest for word, rest in lines if word == "RUN" and "pip install" in rest]
    assert all("--require-hashes" in rest or "--no-deps" in rest for rest in installs)
    wanted = set((ROOT / ".dockerignore").read_text().splitlines())
    copied = [name for word, rest in lines[:last] if word == "COPY" for name in rest.split()[:-1]]
    assert all((ROOT / name).exists() and f"!{name}" in wanted for name in copied)


def test_the_hooks_check_what_they_say(tmp_path: Path) -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert {hook["id"] for hook in hooks} == {"auditor-rules", "auditor-baseline", "auditor-exemptions"}
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "broken.yaml").write_text("id: broken\n")
    (tmp_path / "baseline.yaml").write_text("name: [\n")
    (tmp_path / "exemptions.yaml").write_text(
        "exemptions:\n- {rule: storage-minimum-tsl, scope: /subscriptions/s, reason: r, approved_by: a, ticket: t,"
        " expires_on: 2024-06-30}\n"
    )
    for hook in hooks:
        ended = in_process(*hook["entry"].split()[1:], *hook["args"], at=tmp_path)
        assert ended.code == 2, hook["id"]
        assert any(f"{name}.yaml" in ended.err for name in ("broken", "baseline", "exemptions"))


def _linter(name: str) -> str:
    """Return a linter that CI installs beside the locked packages, or one that is there."""
    own = ROOT / "build" / "linters" / "bin" / name
    found = str(own) if own.is_file() else shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed (.ci/run does it)")
    return found


@pytest.mark.parametrize(
    "command",
    [
        ["hadolint", "Dockerfile"],
        ["zizmor", "--offline", "--quiet", ".github/workflows/release.yml", "action.yml"],
    ],
    ids=["image", "workflow and action"],
)
def test_a_linter_finds_nothing(command: list[str]) -> None:
    own = [_linter(command[0]), *command[1:]]
    ended = subprocess.run(own, check=False, cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
