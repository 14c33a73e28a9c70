"""Write reports to files and stdout, and remarks to stderr, whatever becomes of them; know what a terminal can take."""

from __future__ import annotations

import logging
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Final, NoReturn, TextIO

from auditor.errors import AuditorError
from auditor.lazy_imports import lazy_imports
from auditor.report import pipeline_log

with lazy_imports(__name__):
    from auditor.redaction import body as redaction
    from auditor.snapshot import whole_file

PIPED_WIDTH: Final = 120
_STDOUT: Final = "standard output"
_HALF_A_LINE: Final = 750


def without_secrets(text: str) -> str:
    """Return text for stderr without the secrets in it."""
    return redaction.Redactor().text(text)


def safe(text: str) -> str:
    """Return text for stderr in one line: names come from strangers, so what a terminal or a pipeline obeys is broken."""
    shown = _printable(text)
    if len(shown) > 2 * _HALF_A_LINE:
        shown = f"{shown[:_HALF_A_LINE]}…{shown[-_HALF_A_LINE:]}"  # what is wrong with a long name stands behind it
    return pipeline_log.harmless(shown)


def _printable(text: str) -> str:
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in without_secrets(text)
    )


def remark(text: str) -> None:
    """Write a line to stderr. That nobody can read it changes nothing about the answer."""
    _to_stderr(safe(text))


def unheard(_: str) -> None:
    """Write nothing, where nobody wants to be told."""


def _to_stderr(line: str) -> None:
    try:
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()
    except (OSError, ValueError):
        forget(sys.stderr)


def passage(lines: Sequence[str]) -> None:
    """Write whole lines to stderr, however long they are, each as harmless as a remark."""
    for line in lines:
        _to_stderr(pipeline_log.harmless(_printable(line)))


@contextmanager
def output(path: Path | None, hash_sign: str | None = pipeline_log.APART) -> Iterator[TextIO]:
    """Open a file, or stdout, as UTF-8 without changing line ends; a file is there as a whole or not at all.

    No line of it is a command to a pipeline that shows it; `hash_sign` spells a `#` that would begin one;
    None lets all through, from a format that looks after that itself.
    """
    if path is None:
        with _stdout(hash_sign) as out:
            yield out
        return
    with _writing(path):
        place = whole_file.replacing(path) if whole_file.is_replaceable(path) else nullcontext(path)
        with place as file, pipeline_log.LogSafeStream(file.open("wb"), hash_sign) as out:
            yield out


@contextmanager
def appended(path: Path, hash_sign: str | None) -> Iterator[TextIO]:
    """Open a file to which others write, too, at its end."""
    with _writing(path), pipeline_log.LogSafeStream(path.open("ab"), hash_sign) as out:
        yield out


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Say of a file that cannot be written that it cannot."""
    try:
        yield
    except OSError as problem:
        raise AuditorError(
            f"{path}: cannot be written: {problem.strerror}", "check the folder and its space"
        ) from problem


@contextmanager
def _stdout(hash_sign: str | None) -> Iterator[TextIO]:
    """Give stdout. A reader that goes away has what it wanted: what is left goes nowhere, and all else goes on."""
    if sys.stdout is None:
        raise AuditorError(f"{_STDOUT} is closed", "write to a file, or leave it open")
    stream = pipeline_log.LogSafeStream(sys.stdout.buffer, hash_sign)
    try:
        yield stream
        stream.finish()
    except BrokenPipeError:
        forget(sys.stdout)
    except OSError as problem:
        forget(sys.stdout)
        raise AuditorError(f"{_STDOUT} cannot be written to: {problem.strerror}", "write to a file") from problem
    finally:
        with suppress(OSError):
            stream.detach()


@contextmanager
def shown(hash_sign: str | None = pipeline_log.APART, *, has_pager: bool = True) -> Iterator[TextIO]:
    """Give what a person is to see: stdout, and at a terminal the input of a pager, as git does it.

    A pager that is left early has shown what was wanted of it; one that cannot be started is done without.
    """
    pager = _pager() if has_pager and is_terminal() and os.environ.get("TERM") != "dumb" else None
    if pager is None or pager.stdin is None:
        with output(None, hash_sign) as out:
            yield out
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is the pager that an interrupt is meant for
    try:
        stream = pipeline_log.LogSafeStream(pager.stdin, hash_sign)
        try:
            yield stream
            stream.finish()
        except BrokenPipeError:
            pass
        finally:
            with suppress(OSError):
                stream.close()
    finally:
        pager.wait()
        signal.signal(signal.SIGINT, before)


PAGER_VARIABLE: Final = "AUDITOR_PAGER"


def _pager() -> subprocess.Popen[bytes] | None:
    """Start AUDITOR_PAGER, else PAGER, else `less`; an empty one, or `cat`, is none.

    The variables of `less` that nobody has set let it show colours (R), leave the text where it was (X), end by itself where
    all fits (F), and begin at the end, where the worst stands.
    """
    words = shlex.split(os.environ.get(PAGER_VARIABLE, os.environ.get("PAGER", "less")))
    if not words or words == ["cat"]:
        return None
    variables = {"LESS": "FRX$ +G", "LV": "-c", **os.environ}
    try:
        return subprocess.Popen(words, stdin=subprocess.PIPE, env=variables)  # noqa: S603 - the user's own choice
    except OSError:
        return None


def forget(stream: TextIO | None) -> None:
    """Let what is still to be written to a stream go nowhere, also what Python itself writes when it ends."""
    if stream is not None:
        with suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)


def prepare() -> None:
    """Make sure that stdin, stdout and stderr lead somewhere, and that a process told to end is interrupted."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:  # closed: the next file that is opened would be taken for it
            os.open(os.devnull, os.O_RDWR)
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - as long as the process
    for order in (signal.SIGTERM, signal.SIGHUP):
        with suppress(ValueError):  # not in the main thread: whoever runs us there decides
            if signal.getsignal(order) is signal.SIG_DFL:  # `nohup` ignores one of them
                signal.signal(order, _interrupt)


def _interrupt(_number: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


def check_writable(path: Path) -> None:
    """Refuse early, before the work, a file that could not be written afterwards."""
    if path.is_dir():
        raise AuditorError(f"{path}: cannot be written", "it is a folder")
    if not path.parent.is_dir():
        raise AuditorError(f"{path}: cannot be written", "its folder does not exist")
    if whole_file.is_replaceable(path) and not os.access(path.resolve().parent, os.W_OK | os.X_OK):
        raise AuditorError(
            f"{path}: cannot be written", "its folder may not be written to, in which a file grows before it is moved"
        )


def check_apart(written: Iterable[Path], read: Iterable[str | Path] = ()) -> None:
    """Refuse early to write two outputs to one file, of which one would be lost, or over what is read."""
    met: set[Path] = set()
    inputs = [Path(source) for source in read if source != "-"]
    for path in written:
        if not whole_file.is_replaceable(path):
            continue
        if path.resolve() in met:
            raise AuditorError(f"{path}: two outputs go to this file", "name another for one of them")
        met.add(path.resolve())
        if path.exists() and any(source.exists() and path.samefile(source) for source in inputs):
            raise AuditorError(f"{path}: is read by this command, and would be written over", "write to another file")


def width() -> int:
    """Return how many cells wide a table may be: COLUMNS, else the terminal's width, else 120."""
    return shutil.get_terminal_size((PIPED_WIDTH, 24)).columns


def is_terminal() -> bool:
    """Return whether stdout is a terminal."""
    return sys.stdout is not None and sys.stdout.isatty()


def takes_progress() -> bool:
    """Return whether stderr may show how far something is: a terminal, and no log, whose lines would come between."""
    return sys.stderr.isatty() and not logging.getLogger("auditor").isEnabledFor(logging.INFO)


def wants_color(choice: str) -> bool:
    """Return whether stdout gets colour: the option, else NO_COLOR, FORCE_COLOR, else whether it is a terminal."""
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return is_terminal() and os.environ.get("TERM") != "dumb"
