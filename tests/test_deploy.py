"""Where it runs: what services read is of their schema, and the steps do what they say, run as they stand."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from auditor.cli.app import app
from tests.checkout import ROOT
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
    variables = {"COMMAND": "evaluate", "ARGUMENTS": given, "SARIF": "auditor.sarif", "GITHUB_OUTPUT": "outputs"}
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
    given = {"SARIF": "a.sarif", "GITHUB_OUTPUT": "outputs"}
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
        ARGUMENTS="--subscription\nTwo words\n",
        AGENT_TEMPDIRECTORY=str(tmp_path),
        BUILD_ARTIFACTSTAGINGDIRECTORY=str(tmp_path),
    )
    called = (tmp_path / "called").read_text().splitlines()
    assert (ended.returncode, called[0], called[-2:]) == (1, "scan", ["--subscription", "Two words"])
    assert _known(called) <= _options("scan")
    assert (tmp_path / "sarif").is_dir()


def _options(name: str) -> set[str]:
    command: Any = get_command(app)
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
    command: Any = get_command(app)
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
    assert {hook["id"] for hook in hooks} == {"auditor-rules", "auditor-baseline"}
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "broken.yaml").write_text("id: broken\n")
    (tmp_path / "baseline.yaml").write_text("name: [\n")
    for hook in hooks:
        ended = in_process(*hook["entry"].split()[1:], *hook["args"], at=tmp_path)
        assert ended.code == 2, hook["id"]
        assert "broken.yaml" in ended.err or "baseline.yaml" in ended.err
