"""The shape of the code is counted, and held: by a script that sees each fault in a small tree made for it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.checkout import ROOT

_FAULTY = """
from typing import Any


class Twice:
    \"\"\"Microsoft.Web/sites in a sentence counts for nothing.\"\"\"


Alias = list[Any]


def untyped(one: Any, two: int, three: Alias) -> dict[str, Any]:
    import json

    return json.loads(one)


LISTED = "Microsoft.Web/sites"
READ = "Microsoft.Web/sites/read"
"""
_LONG = "def long() -> None:\n" + "    pass\n" * 60
_CONTRACT = """
[[tool.importlinter.contracts]]
name = "Layers"
type = "layers"
layers = ["one", "gone"]
ignore_imports = ["a -> b"]
"""
_COUNTED = {
    "modules at the top of auditor/": 3,
    "lines in the largest package, % of all": 62,
    "names of classes used twice": 1,
    "resource types spelled in two modules": 1,
    "Any or Json in signatures": 6,
    "modules with imports in functions": 2,
    "functions over 60 lines": 1,
    "faults of the contract on layers": 4,
}


def structure(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, ROOT / "scripts" / "structure.py", *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True)


def test_the_shape_of_the_code_is_as_promised() -> None:
    ended = structure()
    assert ended.returncode == 0, ended.stdout


def test_each_fault_is_counted(tmp_path: Path) -> None:
    package = tmp_path / "auditor"
    package.mkdir()
    for name, text in {"one": _FAULTY, "two": _FAULTY, "three": _LONG}.items():
        (package / f"{name}.py").write_text(text)
    (tmp_path / "pyproject.toml").write_text(_CONTRACT)
    ended = structure(tmp_path)
    lines = ended.stdout.partition("\n\n")[0].splitlines()
    assert {line[:42].strip(): int(line[42:48]) for line in lines} == _COUNTED
    assert ended.returncode == 1
