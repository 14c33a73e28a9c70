"""Several processes give what one gives, whatever becomes of them; none of them outlives the answer."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor import audit
from auditor.engine.findings import packed_findings
from auditor.engine.findings.raw_inputs import RawInputs
from auditor.engine.parallel import cores, processes
from auditor.engine.parallel.processes import Bytes, in_processes
from auditor.estate.graph import Estate
from auditor.inputs import read
from auditor.model import Evidence, Finding, Severity, Status
from benchmarks import estate
from tests.audit.judging import shipped
from tests.checkout import SAMPLE
from tests.e2e.command import auditor, command, environment

HERE = os.getpid()
OTHERS: set[int] = set()
"""Processes that this one started before the test: another test's server may run on."""
FORM: Bytes[list[Finding]] = Bytes(pickle.dumps, pickle.loads)


@pytest.fixture
def can_fork(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let processes be forked although the runner of the tests may have threads of its own."""
    monkeypatch.setattr(processes, "obstacle", lambda: "")


def about(number: int) -> list[Finding]:
    """Return findings that tell a part by its number, and share a leaf."""
    leaf = Evidence("properties.number", "equals", number, number)
    return [
        Finding(f"rule-{number}", Severity.LOW, Status.PASS, None, None, str(each), evidence=[leaf])
        for each in range(number % 3)
    ]


def children() -> set[int]:
    """Return the processes that this one started and that are there, as ended ones are until somebody asks for their end."""
    found = set()
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parent = status.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[1]
            if int(parent) == HERE:
                found.add(int(status.parent.name))
    return found


@pytest.fixture(autouse=True)
def _others() -> None:
    OTHERS.clear()
    OTHERS.update(children())


def no_children() -> bool:
    return children() <= OTHERS


@pytest.mark.usefixtures("can_fork")
@settings(max_examples=15)
@given(order=st.integers(0, 40).flatmap(lambda size: st.permutations(range(size))), number=st.integers(1, 4))
def test_all_parts_come_back_in_their_own_order(order: list[int], number: int) -> None:
    assert in_processes(about, order, number, FORM) == [about(part) for part in range(len(order))]
    assert no_children()


def _elsewhere(what: Callable[[], object], part: int) -> Callable[[int], list[Finding]]:
    """Return work in which something happens at a part, but only in another process than this one."""

    def work(number: int) -> list[Finding]:
        if os.getpid() != HERE:
            if number >= part:
                what()
        else:
            time.sleep(0.005)  # so that the others get something to do
        return about(number)

    return work


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _raise() -> None:
    raise MemoryError


@pytest.mark.usefixtures("can_fork")
@pytest.mark.parametrize("what", [_kill, _raise, lambda: os._exit(0)])
@pytest.mark.parametrize("part", [0, 5])
def test_what_a_process_did_not_give_is_done_here(what: Callable[[], object], part: int) -> None:
    assert in_processes(_elsewhere(what, part), range(30), 3, FORM) == [about(number) for number in range(30)]
    assert no_children()


@pytest.mark.usefixtures("can_fork")
def test_a_process_that_is_killed_while_it_writes_leaves_no_half_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = os.write

    def half(out: int, data: memoryview | bytes) -> int:
        if os.getpid() == HERE:
            return whole(out, data)
        whole(out, bytes(data)[: len(data) // 2])
        _kill()
        return 0

    monkeypatch.setattr(os, "write", half)

    assert in_processes(_elsewhere(lambda: None, 0), range(10), 2, FORM) == [about(number) for number in range(10)]


@pytest.mark.usefixtures("can_fork")
def test_what_raises_everywhere_raises_here() -> None:
    def work(number: int) -> list[Finding]:
        if number == 7:
            raise ValueError(number)
        return about(number)

    with pytest.raises(ValueError, match="7"):
        in_processes(work, range(20), 3, FORM)
    assert no_children()


@pytest.mark.usefixtures("can_fork")
def test_an_interrupt_ends_them_all() -> None:
    def work(_: int) -> list[Finding]:
        if os.getpid() == HERE:
            raise KeyboardInterrupt
        time.sleep(60)
        return []

    with pytest.raises(KeyboardInterrupt):
        in_processes(work, range(20), 4, FORM)
    assert no_children()


@pytest.mark.usefixtures("can_fork")
def test_where_no_more_processes_can_be_started_it_is_done_here(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> int:
        raise BlockingIOError

    monkeypatch.setattr(os, "fork", refused)

    assert in_processes(about, range(5), 3, FORM) == [about(number) for number in range(5)]


def test_a_process_with_threads_is_not_forked() -> None:
    ended = threading.Event()
    thread = threading.Thread(target=ended.wait)
    thread.start()
    try:
        assert processes.obstacle()
        assert in_processes(lambda _: [*about(1), *about(1)] if os.getpid() == HERE else [], range(4), 3, FORM)
    finally:
        ended.set()
        thread.join()


def test_it_is_logged_why_one_process_judges(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(processes, "obstacle", lambda: "other threads are running in this process")

    with caplog.at_level("INFO", logger="auditor"):
        audit.audit(read.read(SAMPLE), shipped(), audit.Terms(complete=True, processes=2))

    assert "judging in one process: other threads are running in this process" in caplog.text


def test_where_processes_cannot_be_copied_safely_one_judges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")

    assert "darwin" in processes.obstacle()


def test_findings_are_the_same_as_bytes_and_back_and_share_what_they_shared() -> None:
    snapshot = read.read(SAMPLE)
    found = audit.audit(snapshot, shipped(), audit.Terms(complete=True)).findings
    data, inputs = packed_findings.dumps(found), RawInputs(Estate(snapshot, complete=True))

    assert packed_findings.loads(data, inputs) == found
    assert [repr(each) for each in packed_findings.loads(data, inputs)] == [repr(each) for each in found]
    assert len(data) < len(pickle.dumps(found))
    with pytest.raises(pickle.UnpicklingError, match="read without it"):
        pickle.loads(data)  # noqa: S301 - our own


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("large") / "estate.json"
    file.write_bytes(estate.document(600))
    return file


def test_any_number_of_processes_writes_the_same_bytes(large: Path, tmp_path: Path) -> None:
    written = set()
    for number, seed in (("1", "1"), ("2", "2"), ("3", "3")):
        ended = auditor(
            *("-v", "evaluate", large, "--include-passed", "--processes", number, "-o", "json", "-o", "csv=report.csv"),
            at=tmp_path,
            env={"PYTHONHASHSEED": seed},
        )
        assert ended.code == 2, ended.err
        assert "one process" not in ended.err
        written.add((ended.out, (tmp_path / "report.csv").read_bytes()))
    assert len(written) == 1


def test_processes_end_with_the_one_that_started_them(large: Path, tmp_path: Path) -> None:
    line = command("evaluate", large, "--processes", "3", "-o", "json=report.json")
    with subprocess.Popen(line, cwd=tmp_path, env=environment(tmp_path), stderr=subprocess.PIPE, text=True) as running:
        children = Path(f"/proc/{running.pid}/task/{running.pid}/children")
        others: list[str] = []
        while running.poll() is None and len(others) < 2:
            others = children.read_text(encoding="ascii").split()
        running.send_signal(signal.SIGTERM)
        assert running.wait(20) == 130
        assert running.stderr is not None
        assert running.stderr.read().strip() == "auditor: interrupted"
    assert others
    assert not any(Path(f"/proc/{each}").exists() for each in others)
    assert not (tmp_path / "report.json").exists()


@pytest.mark.parametrize("text", ["0x2", "many", "-1", "1.5", "99999"])
def test_a_number_of_processes_is_a_number(text: str, tmp_path: Path) -> None:
    ended = auditor("evaluate", SAMPLE, f"--processes={text}", at=tmp_path)

    assert ended.code == 2
    assert ended.err.startswith(f"auditor: --processes {text}: is neither auto nor a number")


@pytest.mark.parametrize(
    ("groups", "files", "limit"),
    [
        ("0::/pod/container\n", {"pod/container/cpu.max": "max 100000\n", "pod/cpu.max": "150000 100000\n"}, 1.5),
        ("0::/\n", {"cpu.max": "200000 100000\n"}, 2.0),
        ("0::/elsewhere\n", {"cpu.max": "50000 100000\n"}, 0.5),
        ("4:cpu,cpuacct:/a\n0::/\n", {"cpu/a/cpu.cfs_quota_us": "300000", "cpu/a/cpu.cfs_period_us": "100000"}, 3.0),
        ("4:cpu:/a\n", {"cpu/a/cpu.cfs_quota_us": "-1", "cpu/a/cpu.cfs_period_us": "100000"}, None),
        ("0::/\n", {"cpu.max": "damaged"}, None),
        ("nothing of the kind", {}, None),
    ],
)
def test_a_container_may_have_less_than_the_machine(
    groups: str, files: dict[str, str], limit: float | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "own"
    own.write_text(groups)
    for name, text in files.items():
        (tmp_path / "groups" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "groups" / name).write_text(text)
    monkeypatch.setattr(cores, "_OWN_GROUP", own)
    monkeypatch.setattr(cores, "_CONTROL_GROUPS", tmp_path / "groups")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)

    assert cores.usable() == (8 if limit is None else max(1, int(limit)))


@pytest.mark.parametrize(
    ("asked", "resources", "used"), [(0, 100, 1), (0, 599, 1), (0, 600, 2), (0, 9_000, 3), (5, 1, 5)]
)
def test_as_many_processes_as_an_estate_gains_from(
    asked: int, resources: int, used: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cores, "usable", lambda: 3)

    assert cores.processes_for(asked, resources) == used
