"""The tool's own rules, as an earlier start kept them: the same rules, and the same mistakes, as read anew."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from auditor import shipped
from auditor.compiled import store
from auditor.estate.graph import Estate
from auditor.inputs import read
from auditor.rulebook import baseline as baselines
from auditor.rulebook import in_force, recognition
from auditor.rulebook.load import load_rules
from auditor.rulebook.shipped_rules import shipped_rules
from tests.checkout import ROOT, SAMPLE

RULE = Path("rules", "storage", "storage-https-only.yaml")


def words(name: str = "openai-chat") -> in_force.Words:
    return in_force.words_of(baselines.load(name, shipped.folder("baselines")), in_force.catalogue())


def test_kept_rules_are_the_rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "pycache_prefix", str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    anew = load_rules([shipped.folder("rules")], words())

    assert shipped_rules(words()) == anew
    monkeypatch.setattr("auditor.rulebook.shipped_rules.load_rules", None)  # what was kept must do
    assert shipped_rules(words()) == anew
    assert list(shipped_rules(words())) == list(anew)


def test_other_words_of_a_baseline_have_the_rules_read_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    made_of = []
    monkeypatch.setattr(store, "kept", lambda *given: made_of.append(given[1]()))
    plain = words()
    shipped_rules(plain)
    shipped_rules(
        in_force.Words(plain.catalogue, plain.facts, {**plain.components, "more": ["A.B/c"]}, plain.parameters)
    )
    shipped_rules(in_force.Words(plain.catalogue, plain.facts, plain.components, {}))

    assert len(set(made_of)) == 3


BASELINES = baselines.names(shipped.folder("baselines"))


@pytest.mark.parametrize("name", [*BASELINES, "foundry-chat@2026-07"])
def test_a_kept_baseline_is_the_baseline(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "pycache_prefix", str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    anew = in_force.load(in_force.Selection(name))

    monkeypatch.setattr("auditor.rulebook.baseline.load", None)  # what was kept must do
    kept = in_force.load(in_force.Selection(name))

    assert kept == anew
    assert list(kept.rules) == list(anew.rules)


def test_what_a_user_sets_and_selects_is_never_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "pycache_prefix", str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    plain = in_force.load(in_force.Selection())
    narrow = in_force.load(in_force.Selection(assignments=["roles.gateway=agw"], select=["storage-*"]))

    assert narrow.baseline.parameters["roles"]["gateway"] == "agw"
    assert {rule.id.partition("-")[0] for rule in narrow.in_force} == {"storage"}
    assert in_force.load(in_force.Selection()) == plain


def test_a_baseline_by_path_is_read_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "pycache_prefix", str(tmp_path / "kept"))
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    file = tmp_path / "own.yaml"
    for title in ("one", "another"):
        file.write_text(f"{{name: own, title: {title}, version: '1', extends: openai-chat}}")
        assert in_force.load(in_force.Selection(str(file))).baseline.title == title

    assert not list((tmp_path / "kept").rglob("baseline-*.json"))


def test_kept_signs_are_the_signs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    estate = Estate(read.read(str(SAMPLE)))
    anew = recognition.fits(estate, shipped.folder("baselines"))
    monkeypatch.setattr(sys, "pycache_prefix", str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    kept = [recognition.fits(estate, shipped.folder("baselines")) for _ in range(2)]
    monkeypatch.setattr("auditor.rulebook.baseline.own_signs", None)

    assert [*kept, recognition.fits(estate, shipped.folder("baselines"))] == [anew] * 3
    assert anew


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the tool with its rules."""
    place = tmp_path_factory.mktemp("tool")
    for name in ("auditor", "rules", "baselines", "samples"):
        shutil.copytree(ROOT / name, place / name, ignore=shutil.ignore_patterns("__pycache__"))
    return place


def run(copy: Path) -> tuple[str, str]:
    """Return what `auditor demo` prints of the copy, and what it says beside."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment |= {"PYTHONPYCACHEPREFIX": str(copy / "kept"), "PYTHONPATH": str(copy)}
    command = [sys.executable, "-m", "auditor", "demo", "--include-passed", "-o", "csv"]
    done = subprocess.run(command, env=environment, cwd=copy, capture_output=True, text=True, check=False)
    return done.stdout, done.stderr


def test_a_change_of_a_rule_counts_at_once_and_a_mistake_in_one_is_told_with_its_place(copy: Path) -> None:
    first, _ = run(copy)
    kept = list((copy / "kept").rglob("rules.*.json"))
    second, _ = run(copy)
    text = (copy / RULE).read_text()
    (copy / RULE).write_text(text.replace("severity: ", "severity: low # ", 1))
    changed, _ = run(copy)
    (copy / RULE).write_text(text.replace("severity: ", "severity: lwo # ", 1))
    nothing, mistake = run(copy)
    (copy / RULE).write_text(text)
    again, _ = run(copy)

    assert len(kept) == 1
    assert first == second == again != changed
    assert nothing == ""
    assert f"{RULE.name}:" in mistake
    assert "'lwo' is no severity" in mistake


def test_a_change_of_a_baseline_counts_at_once(copy: Path) -> None:
    first, _ = run(copy)
    file = copy / "baselines" / "openai-chat" / "baseline.yaml"
    text = file.read_text()
    file.write_text(text + "\nsettings: {storage-https-only: {severity: info}}\n")
    changed, _ = run(copy)
    file.write_text(text)
    again, _ = run(copy)

    assert first == again != changed


def test_a_change_of_the_tool_has_the_rules_read_anew(copy: Path) -> None:
    run(copy)
    (kept,) = (copy / "kept").rglob("rules.*.json")
    before = kept.read_bytes()
    with (copy / "auditor" / "truth.py").open("a") as module:
        module.write("\n")
    run(copy)

    after = kept.read_bytes()
    assert before.partition(b" ")[0] != after.partition(b" ")[0]
    assert before.partition(b"\n")[2] == after.partition(b"\n")[2]
