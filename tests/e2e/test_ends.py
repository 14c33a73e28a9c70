"""However a command ends, yesterday's report is whole, nothing is left lying about, and one line says why."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.e2e.command import SAMPLE, Ended, Run, command, environment, estate, in_process, is_one_line, storage

_OLD = b"yesterday's good one\n"


@contextmanager
def _files_of_at_most(size: int) -> Iterator[None]:
    """Let no file grow larger: to whoever writes it, the disk is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize(
    "arguments",
    [
        ("evaluate", SAMPLE, "--exit-zero", "-o", "csv=out"),
        ("evaluate", SAMPLE, "--exit-zero", "-o", "json=out"),
        ("evaluate", SAMPLE, "--exit-zero", "-o", "coverage=out"),
        ("snapshot", "import", SAMPLE, "-o", "out"),
        ("snapshot", "export", SAMPLE, "-o", "out"),
        ("baseline", "derive", SAMPLE, "-o", "new"),
    ],
    ids=["csv", "json", "coverage", "import", "export", "derive"],
)
def test_a_full_disk_leaves_what_was_there(arguments: tuple[str, ...], run: Run, tmp_path: Path) -> None:
    if "import" in arguments:
        in_process(*arguments, at=tmp_path)
    elif "out" in " ".join(map(str, arguments)):
        (tmp_path / "out").write_bytes(_OLD)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    with _files_of_at_most(1_000):
        ended = run(*arguments)

    assert (ended.code, ended.out) == (2, "")
    assert is_one_line(ended.err), ended.err
    assert "cannot be written" in ended.err
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_disk_that_is_really_full(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(disk)], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("no disk of our own can be mounted here")
    try:
        (disk / "out").write_bytes(_OLD)
        ended = in_process("evaluate", SAMPLE, "-o", f"csv={disk / 'out'}", at=tmp_path)
        assert (ended.code, is_one_line(ended.err)) == (2, True)
        assert "No space left" in ended.err
        assert {path.name: path.read_bytes() for path in disk.iterdir()} == {"out": _OLD}
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_one_output_that_cannot_be_written_does_not_cost_the_others(run: Run, tmp_path: Path) -> None:
    ended = run("evaluate", SAMPLE, "-q", "-o", "csv=/dev/full", "-o", "json=report.json", "-o", "table")
    assert (ended.code, is_one_line(ended.err)) == (2, True)
    assert "/dev/full: cannot be written: No space left on device" in ended.err
    assert (tmp_path / "report.json").stat().st_size
    assert ended.out


def test_a_folder_that_may_not_be_written_to_is_refused_before_the_work(run: Run, tmp_path: Path) -> None:
    for target in ("csv=/proc/mine.csv", f"csv={tmp_path / 'no' / 'x.csv'}", f"csv={tmp_path}"):
        ended = run("evaluate", SAMPLE, "-q", "-o", target)
        assert (ended.code, is_one_line(ended.err)) == (2, True), ended.err
        assert "cannot be written" in ended.err


def test_who_may_write_a_file_but_not_its_folder_is_told_so(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "out.csv").write_bytes(_OLD)
    monkeypatch.setattr(os, "access", lambda path, *_: path != tmp_path)  # who runs the tests may be root
    ended = run("evaluate", SAMPLE, "-o", "csv=out.csv")
    assert (ended.code, is_one_line(ended.err)) == (2, True), ended.err
    assert "its folder may not be written to" in ended.err
    assert (tmp_path / "out.csv").read_bytes() == _OLD


_STREAMS: dict[str, tuple[str, int, str]] = {
    "full stdout": (
        "evaluate one.json -q -o json >/dev/full",
        2,
        "standard output cannot be written to: No space left on device",
    ),
    "closed stdout": ("evaluate one.json -q -o json >&-", 2, "standard output is closed"),
    "closed stdout and a file": ("evaluate one.json -q --allow-incomplete --exit-zero -o csv=out.csv >&-", 0, ""),
    "full stdout and a page": ("rule list >/dev/full", 2, "No space left on device"),
    "full stdout and a version": ("--version >/dev/full", 2, "No space left on device"),
    "full stdout and a help": ("--help >/dev/full", 2, "No space left on device"),
    "closed stdin": ("evaluate - <&-", 2, "standard input is closed"),
    "full stderr": ("evaluate nowhere.json 2>/dev/full", 2, ""),
    "closed stderr": ("evaluate nowhere.json 2>&-", 2, ""),
    "full stderr and remarks": ("evaluate one.json --allow-incomplete -o csv 2>/dev/full >/dev/null", 1, ""),
    "a reader that leaves": ("demo -q -o json -o csv=out.csv | head -c 10 >/dev/null; exit ${PIPESTATUS[0]}", 0, ""),
    "a reader that left": ("evaluate one.json -q --allow-incomplete -o json | true; exit ${PIPESTATUS[0]}", 1, ""),
    "no working directory": ("demo", 2, "the working directory is not there any more"),
}


@pytest.mark.parametrize("name", _STREAMS)
def test_streams_that_are_full_or_closed(name: str, tmp_path: Path) -> None:
    line, code, said = _STREAMS[name]
    at = tmp_path / "at"
    at.mkdir()
    script = ("rmdir ../at; " if name == "no working directory" else "") + '"$@" ' + line
    estate(at, storage(), complete=True, name="one.json") if "rmdir" not in script else None
    ended = subprocess.run(
        ["bash", "-c", script, "bash", *command()], check=False, cwd=at, env=environment(tmp_path), capture_output=True,
        timeout=60,
    )  # fmt: skip
    err = ended.stderr.decode()
    assert (ended.returncode, ended.stdout) == (code, b""), err
    assert said in err
    assert is_one_line(err) if said else err == ""
    if "out.csv" in line:
        assert (at / "out.csv").read_bytes().count(b"\n") > 2


def _stopped(order: signal.Signals, *arguments: str, at: Path, when: Callable[[], bool]) -> Ended:
    """Run the tool with input that never comes, and send it a signal once it waits."""
    env = environment(at, {"TMPDIR": str(at)})
    with subprocess.Popen(
        command(*arguments), cwd=at, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        give_up = time.monotonic() + 30
        while not when():
            assert process.poll() is None
            assert time.monotonic() < give_up
            time.sleep(0.02)
        while process.poll() is None and time.monotonic() < give_up:
            process.send_signal(
                order
            )  # Python notices one that comes just before it begins to read when the next comes
            with suppress(subprocess.TimeoutExpired):
                process.wait(1)
        process.kill()
        out, err = process.communicate(timeout=30)
    return Ended(process.returncode, out.decode(), err.decode())


@pytest.mark.parametrize("order", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_whoever_is_told_to_end_says_so_and_leaves_nothing(order: signal.Signals, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    handles: list[int] = []

    def waits() -> bool:
        """Whether the tool has opened the pipe to read from it."""
        try:
            handles.append(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
        except OSError:
            return False
        return True

    ended = _stopped(order, "evaluate", str(pipe), "-o", "csv=out.csv", at=tmp_path, when=waits)
    for handle in handles:
        os.close(handle)
    assert (ended.code, ended.out, ended.err) == (130, "", "auditor: interrupted\n")
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]


def test_a_command_that_ignores_the_end_of_its_terminal_goes_on(tmp_path: Path) -> None:
    """`nohup` sets what its command leaves alone."""
    script = 'trap "" HUP; "$@" demo -q -o csv=out.csv & sleep 0.2; kill -HUP $!; wait $!'
    ended = subprocess.run(
        ["bash", "-c", script, "bash", *command()], check=False, cwd=tmp_path, env=environment(tmp_path), timeout=60
    )
    assert ended.returncode == 0
    assert (tmp_path / "out.csv").stat().st_size
