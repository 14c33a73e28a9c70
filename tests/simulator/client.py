"""Start the stand-in as a process of its own, and tell it what to serve."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.checkout import ROOT


class Simulator:
    """A running stand-in. `requests()` are those since the last `serve`."""

    def __init__(self, log: Path, tls: tuple[Path, Path] | None = None) -> None:
        self._log = log
        self._log.touch()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.simulator", str(log), *map(str, tls or ())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._stdin, self._stdout = self._process.stdin, self._process.stdout
        where = json.loads(self._stdout.readline())
        self.url, self.tls_url = where["url"], where["tls_url"]
        self._from = 0

    def serve(self, estate: dict[str, Any], **options: Any) -> None:
        """Serve an estate from now on."""
        self._stdin.write(json.dumps({"estate": estate, **options}) + "\n")
        self._stdin.flush()
        assert self._stdout.readline() == "ready\n"
        self._from = self._log.stat().st_size

    def requests(self, *, all_of_them: bool = False) -> list[dict[str, str]]:
        """Return the logged requests."""
        with self._log.open("rb") as stream:
            stream.seek(0 if all_of_them else self._from)
            return [json.loads(line) for line in stream if line.endswith(b"\n")]  # the last may still be written

    def paths(self) -> list[str]:
        """Return method and path of the requests, without queries."""
        return [f"{one['method']} {one['path'].partition('?')[0]}" for one in self.requests()]

    def stop(self) -> None:
        """End the process."""
        self._stdin.close()
        self._process.terminate()
        self._process.wait(timeout=10)
        self._stdout.close()
