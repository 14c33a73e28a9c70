"""A cluster judges an estate as one machine does, and survives what becomes of its workers."""

from __future__ import annotations

import importlib
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor import audit
from auditor.engine import partwise
from auditor.engine.findings.held_findings import Run
from auditor.errors import AuditorError
from auditor.fleet import worker
from auditor.inputs import read
from benchmarks import estate
from tests.audit.judging import shipped
from tests.checkout import ROOT, SAMPLE
from tests.e2e.command import auditor, command, environment

_GUIDE = (ROOT / "docs" / "fleet.md").read_text(encoding="utf-8")
[_COMMANDS] = re.findall(r"^```sh\n(.*?)^```$", _GUIDE, re.MULTILINE | re.DOTALL)
_PLACE = "tcp://127.0.0.1:8786"
SCHEDULER, WORKER, WORKER_TOO, JUDGE = map(shlex.split, _COMMANDS.splitlines())
"""The commands of the guide, which are run as they stand, but for the port."""


@contextmanager
def program(*words: str | Path, at: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a module of Python, or what a command of Dask's runs, until the block ends."""
    line = [sys.executable, "-m", *map(str, words)]
    variables = {**environment(at), "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "5s"}
    with subprocess.Popen(line, cwd=at, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        try:
            yield running
        finally:
            running.kill()


@contextmanager
def scheduler(at: Path) -> Iterator[str]:
    """Run a scheduler on loopback and give its address."""
    words = ["0" if word == "8786" else word for word in SCHEDULER]
    with program(*words, "--no-dashboard", "--scheduler-file", at / "scheduler", at=at):
        file = at / "scheduler"
        while not file.exists() or not file.read_text(encoding="utf-8").endswith("}"):
            time.sleep(0.05)
        yield json.loads(file.read_text(encoding="utf-8"))["address"]


@contextmanager
def workers(number: int, address: str, at: Path) -> Iterator[Sequence[subprocess.Popen[bytes]]]:
    words = [word.replace(_PLACE, address) for word in WORKER]
    with ExitStack() as stack:
        yield [stack.enter_context(program(*words, "--no-nanny", "--no-dashboard", at=at)) for _ in range(number)]


def processor_time(process: subprocess.Popen[bytes]) -> float:
    fields = Path(f"/proc/{process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Return an estate in three files, in which workloads, their hub and their roles are torn apart."""
    folder = tmp_path_factory.mktemp("parts")
    document = json.loads(estate.document(220))
    files = []
    for number in range(3):
        file = folder / f"{number}.json"
        file.write_text(json.dumps({**document, "resources": document["resources"][number::3]}), encoding="utf-8")
        files.append(file)
    return files


def test_a_cluster_that_loses_a_worker_says_what_one_machine_says(parts: list[Path], tmp_path: Path) -> None:
    pytest.importorskip("distributed", reason="the extra [dask] is not installed")
    alone, together = tmp_path / "alone", tmp_path / "together"
    for folder in (alone, together):
        folder.mkdir()
        for part in parts:
            (folder / part.name).write_bytes(part.read_bytes())
    assert (WORKER, JUDGE[0]) == (WORKER_TOO, "auditor")
    with scheduler(tmp_path) as address, workers(2, address, tmp_path) as running:
        asked = command(*(word.replace(_PLACE, address) for word in JUDGE[1:]))
        expected = auditor(*JUDGE[1 : JUDGE.index("--dask")], "--processes", "1", at=alone)
        before = processor_time(running[0])
        with subprocess.Popen(asked, cwd=together, env=environment(together), stderr=subprocess.PIPE) as judging:
            while judging.poll() is None and processor_time(running[0]) < before + 0.3:
                time.sleep(0.01)
            was_judging = judging.poll() is None
            running[0].send_signal(signal.SIGKILL)
            _, err = judging.communicate(timeout=60)

    assert was_judging
    assert (judging.returncode, err.decode()) == (expected.code, expected.err)
    for name in ("report.json", "report.csv"):
        assert (together / name).read_bytes() == (alone / name).read_bytes()


def test_a_cluster_that_cannot_judge_is_told_in_one_line(parts: list[Path], tmp_path: Path) -> None:
    pytest.importorskip("distributed", reason="the extra [dask] is not installed")
    cluster = importlib.import_module("auditor.fleet.cluster")
    snapshot = read.read(*parts)

    with pytest.raises(AuditorError, match=r"--dask tcp://127.0.0.1:1: no scheduler answers: [^\n]+$"):
        connect(cluster, "tcp://127.0.0.1:1")
    with pytest.raises(AuditorError, match="--dask nonsense://here: no scheduler answers"):
        connect(cluster, "nonsense://here")
    with scheduler(tmp_path) as address:
        with pytest.raises(AuditorError, match="the scheduler has no workers"):
            connect(cluster, address)
        with workers(1, address, tmp_path) as running, cluster.connected(address, 15) as connected:
            connected.patience = 2
            spread = connected.spread(snapshot, shipped(), audit.Terms(as_of=None))
            running[0].kill()
            running[0].wait()
            with pytest.raises(AuditorError, match="no worker is left"):
                spread(audit.in_parts(snapshot, shipped(), audit.Terms()))


def connect(cluster: Any, address: str) -> None:
    with cluster.connected(address, 1):
        pass


def test_a_part_that_ends_every_worker_is_named() -> None:
    pytest.importorskip("distributed", reason="the extra [dask] is not installed")
    cluster = importlib.import_module("auditor.fleet.cluster")

    class Lost(cluster.Spreading):  # type: ignore[name-defined, misc]
        def _round(self, numbers: Sequence[int], results: dict[int, Sequence[Run]], _: object) -> None:
            results.update({number: [] for number in numbers if number != 1})

    class Parts:
        names = ("rows", "the analysis network", "more")
        longest_first = (1, 0, 2)

    class Client:
        def run(self, *_: object, **__: object) -> None: ...

    with pytest.raises(AuditorError, match="every worker that judged it ended: the analysis network"):
        Lost(Client(), "tcp://here", 1, b"")(Parts())


def test_without_the_extra_it_is_told_how_to_get_it(tmp_path: Path) -> None:
    (tmp_path / "distributed.py").write_text("raise ImportError('not here')\n", encoding="utf-8")

    ended = auditor(
        *("evaluate", SAMPLE, "--dask", "tcp://127.0.0.1:1"), at=tmp_path, env={"PYTHONPATH": f"{tmp_path}:{ROOT}"}
    )

    assert ended.code == 2
    assert "auditor: --dask needs the packages dask and distributed, which are not installed" in ended.err
    assert "pip install 'estate-auditor[dask]'" in ended.err


RESOURCES: list[dict[str, Any]] = json.loads(SAMPLE.read_text(encoding="utf-8"))["resources"]


@settings(max_examples=4)
@given(
    places=st.lists(st.integers(0, 3), min_size=len(RESOURCES), max_size=len(RESOURCES)),
    complete=st.booleans(),
)
def test_parts_judged_apart_and_merged_are_the_estate_judged_together(
    places: list[int], *, complete: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """An estate may lie in up to three files, torn apart anywhere, and lack anything: place 3 is in none of them."""
    folder = tmp_path_factory.mktemp("split")
    for number in {*places} - {3}:
        held = [body for body, place in zip(RESOURCES, places, strict=True) if place == number]
        (folder / f"{number}.json").write_text(json.dumps(held), encoding="utf-8")
    snapshot = read.read(folder)
    as_of = datetime(2024, 3, 1, tzinfo=UTC)
    terms = audit.Terms(complete=complete, as_of=as_of)
    job = worker.packed(worker.Job(snapshot, shipped(), complete, as_of, explain_passes=True))

    def elsewhere(parts: partwise.PartwiseEvaluation) -> Sequence[partwise.JudgedPart]:
        order = parts.longest_first
        judged = {number: parts.unpacked(worker.judge(str(places), job, number)) for number in order}
        return [judged[number] for number in range(len(order))]

    class Elsewhere:
        def spread(self, *_: object) -> partwise.Spread:
            return elsewhere

    try:
        together = audit.audit(snapshot, shipped(), terms)
        apart = audit.audit(snapshot, shipped(), audit.Terms(complete=complete, as_of=as_of, cluster=Elsewhere()))
    finally:
        worker.let_go()

    assert apart == together


def test_a_worker_of_another_version_judges_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    job = worker.packed(worker.Job(read.read(SAMPLE), shipped(), complete=True, as_of=None, explain_passes=True))
    monkeypatch.setattr(worker, "versions", lambda: "auditor 0.0.1 on Python 3.11.0")

    with pytest.raises(AuditorError, match=r"a worker runs auditor 0.0.1 on Python 3.11.0, and this is auditor "):
        worker.judge("another", job, 0)
