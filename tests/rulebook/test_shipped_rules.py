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
from auditor.rulebook import baseline as baselines
from auditor.rulebook import in_force
from auditor.rulebook.load import load_rules
from auditor.rulebook.shipped_rules import shipped_rules
from tests.checkout import ROOT

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
