"""Run the tool as a user does: a process of its own, an environment without settings, a folder without a project."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

from auditor import yaml_source
from auditor.cli import main
from auditor.rulebook import load
from tests.checkout import ROOT, SAMPLE

GROUP = "/subscriptions/00000000-0000-0000-0000-0000000000a1/resourceGroups/rg-test"


@dataclass(frozen=True, slots=True)
class Ended:
    """What a finished command left behind."""

    code: int
    out: str
    err: str

    @property
    def report(self) -> Any:
        """Return standard output as JSON."""
        return json.loads(self.out)

    @property
    def findings(self) -> list[dict[str, Any]]:
        """Return the findings of a JSON report on standard output."""
        found: list[dict[str, Any]] = self.report["findings"]
        return found

    @property
    def rows(self) -> list[dict[str, str]]:
        """Return standard output as rows of CSV."""
        return list(csv.DictReader(io.StringIO(self.out, newline="")))


Run = Callable[..., Ended]
"""How a test runs the command line in its own process, from a folder of its own: `run("evaluate", path)`."""


def environment(home: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return an environment with nothing of the caller's but where programs are found."""
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "LD_LIBRARY_PATH") if name in os.environ}
    return {**kept, "HOME": str(home), "PYTHONPATH": str(ROOT), "COLUMNS": "100", **(extra or {})}


def command(*arguments: str | Path) -> list[str]:
    """Return a command line of the tool."""
    return [sys.executable, "-m", "auditor", *map(str, arguments)]


def auditor(
    *arguments: str | Path, at: Path, stdin: bytes | None = None, env: Mapping[str, str] | None = None
) -> Ended:
    """Run the tool in a folder and return what came of it; standard input is empty unless given."""
    ended = subprocess.run(
        command(*arguments),
        check=False,
        cwd=at,
        env=environment(at, env),
        input=stdin or b"",
        capture_output=True,
        timeout=60,
    )
    return Ended(ended.returncode, ended.stdout.decode(), ended.stderr.decode())


def in_process(
    *arguments: str | Path, at: Path, stdin: bytes | None = None, env: Mapping[str, str] | None = None
) -> Ended:
    """Do what `auditor` does in this process, which is quicker, where a process of its own is not the point."""
    out, err = io.BytesIO(), io.BytesIO()
    streams = {
        "stdin": io.TextIOWrapper(io.BytesIO(stdin or b""), encoding="utf-8"),
        "stdout": io.TextIOWrapper(out, encoding="utf-8", newline="", write_through=True),
        "stderr": io.TextIOWrapper(err, encoding="utf-8", newline="", write_through=True),
    }
    with (
        contextlib.chdir(at),
        mock.patch.dict(os.environ, environment(at, env), clear=True),
        mock.patch.multiple(sys, argv=["auditor", *map(str, arguments)], **streams),
        mock.patch.object(load, "load_file", _shipped_or_not),
        _own_logging(),
    ):
        try:
            main()
        except SystemExit as ended:
            code = ended.code
    return Ended(code if isinstance(code, int) else 1, out.getvalue().decode(), err.getvalue().decode())


_read_once = cache(yaml_source.load_file)


def _shipped_or_not(path: Path) -> yaml_source.Node:
    """Read a rule file; those that ship do not change under the tests, and are read once."""
    return _read_once(path) if path.is_relative_to(ROOT / "rules") else yaml_source.load_file(path)


@contextlib.contextmanager
def _own_logging() -> Iterator[None]:
    """Give the command line loggers that nobody has set up, and put the caller's back."""
    root, own = logging.getLogger(), logging.getLogger("auditor")
    kept = root.handlers[:], root.level, own.level
    root.handlers[:] = []
    try:
        yield
    finally:
        root.handlers[:] = kept[0]
        root.setLevel(kept[1])
        own.setLevel(kept[2])


def storage(name: str = "st1", **properties: Any) -> dict[str, Any]:
    """Return a storage account as ARM does; `None` leaves a property out."""
    return {
        "id": f"{GROUP}/providers/Microsoft.Storage/storageAccounts/{name}",
        "name": name,
        "type": "Microsoft.Storage/storageAccounts",
        "location": "swedencentral",
        "kind": "StorageV2",
        "sku": {"name": "Standard_ZRS"},
        "properties": {key: value for key, value in properties.items() if value is not None},
    }


def estate(folder: Path, *resources: Mapping[str, Any], name: str = "estate.json", **beside: Any) -> Path:
    """Write an export of resources to a file; `beside` stands next to them (`gaps`, `complete`)."""
    path = folder / name
    path.write_text(json.dumps({"resources": resources, **beside}), encoding="utf-8")
    return path


def sample() -> dict[str, Any]:
    """Return the sample estate as a fresh document."""
    document: dict[str, Any] = json.loads(SAMPLE.read_text(encoding="utf-8"))
    return document


def is_line_by_line(text: str) -> bool:
    """Return whether a message is the tool's own, one line for each mistake, without a traceback."""
    return all(map(is_one_line, text.splitlines())) and bool(text)


def is_one_line(text: str) -> bool:
    """Return whether a message is one line of the tool's own, without a traceback."""
    lines: Sequence[str] = text.splitlines()
    return len(lines) == 1 and lines[0].startswith("auditor: ") and "Traceback" not in text


def read_terminal(ours: int) -> str:
    """Return all that is written to a pseudo-terminal until its other side is closed, and close this side."""
    shown = bytearray()
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # Linux: the other side is closed
            break
        if not part:
            break
        shown += part
    os.close(ours)
    return shown.decode()
