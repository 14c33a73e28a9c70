"""Do what can be done in parts in several processes at once, which share all that was read before they began.

They are forked, so that nothing has to be sent to them: each takes the next part from one queue until it is empty, this
process too. What a part gave comes back as bytes in a file of the process that did it. A part that did not come back,
because its process was killed or had no memory left, or because doing it raised, is done here: then it gives what it would
have given, or raises here. So a result is never without some of its parts.
"""

from __future__ import annotations

import gc
import logging
import mmap
import os
import signal
import struct
import sys
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Generic, Protocol, TypeVar

from msgspec import Struct

T = TypeVar("T")

_NUMBER: Final = struct.Struct("=I")
_HEADER: Final = struct.Struct("=IQ")  # the number of a part, and how many bytes follow
_QUEUE: Final = 65_536 // _NUMBER.size
"""How many numbers a pipe holds: writing more would wait for somebody who reads."""
_ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_LOGGER: Final = logging.getLogger(__name__)


def obstacle() -> str:
    """Return why this process cannot be forked, or no text where it can."""
    if sys.platform != "linux":
        return f"{sys.platform} cannot safely copy a running process"
    if threading.active_count() > 1 or _threads() > 1:
        return "other threads are running in this process"
    return ""


def _threads() -> int:
    try:
        return sum(1 for _ in Path("/proc/self/task").iterdir())
    except OSError:
        return 1


class JudgedParts(Protocol[T]):
    """What is judged part by part, of one state of an estate or of several."""

    @property
    def longest_first(self) -> Sequence[int]:
        """Return the numbers of the parts, from the one that takes the longest."""

    def judge(self, number: int) -> T:
        """Return the findings of a part."""

    def packed(self, found: T) -> bytes:
        """Return the findings of a part as bytes, for another process."""

    def unpacked(self, data: memoryview) -> T:
        """Return the findings of a part that was judged in another process."""

    def note(self, number: int, found: T) -> None:
        """Tell whoever watches that the findings of a part are there."""


def over_processes(number: int, parts: JudgedParts[T]) -> Sequence[T]:
    """Return the findings of each part, judged by so many processes, this one among them."""
    return in_processes(parts.judge, parts.longest_first, number, Bytes(parts.packed, parts.unpacked), parts.note)


class Bytes(Struct, Generic[T], frozen=True):
    """How results are made bytes in one process, and results again in another."""

    of: Callable[[T], bytes]
    read: Callable[[memoryview], T]


def in_processes(
    work: Callable[[int], T],
    order: Sequence[int],
    processes: int,
    form: Bytes[T],
    note: Callable[[int, T], None] = lambda *_: None,
) -> Sequence[T]:
    """Return what work gives for each number from 0 on; they are begun in the given order, and `note` is told of each.

    Where the process cannot be forked, all is done in this one.
    """
    results: dict[int, T] = {}

    def add(some: Mapping[int, T]) -> None:
        results.update(some)
        for number, result in some.items():
            note(number, result)

    others = min(processes, len(order)) - 1
    if others > 0 and not obstacle():
        with _queue(order[:_QUEUE]) as queue, _crew(others, work, queue, form) as crew:
            while (number := _next(queue)) is not None:
                add({number: work(number)})
                for worker in crew:
                    add(worker.done())
            for worker in crew:
                worker.wait()
                add(worker.done())
    for number in order:
        if number not in results:
            add({number: work(number)})
    return [results[number] for number in range(len(order))]


@contextmanager
def _queue(order: Sequence[int]) -> Iterator[int]:
    """Open a pipe that holds all numbers. A pipe gives each of them to only one of those who read it."""
    reading, writing = os.pipe()
    try:
        os.write(writing, b"".join(map(_NUMBER.pack, order)))
    finally:
        os.close(writing)  # so that whoever finds it empty is told that it is
    try:
        yield reading
    finally:
        os.close(reading)


def _next(queue: int) -> int | None:
    data = os.read(queue, _NUMBER.size)
    return int(_NUMBER.unpack(data)[0]) if data else None


class _Worker(Struct, Generic[T]):
    """A process of ours, and the file in memory that it writes results to."""

    pid: int
    out: int
    form: Bytes[T]
    read: int = 0
    is_running: bool = True

    def done(self) -> dict[int, T]:
        """Return the results that are there and were not returned before."""
        results: dict[int, T] = {}
        size = os.fstat(self.out).st_size
        while (header := os.pread(self.out, _HEADER.size, self.read)) and len(header) == _HEADER.size:
            number, length = _HEADER.unpack(header)
            start = self.read + _HEADER.size
            if start + length > size:
                break  # it was killed, or is still writing
            with mmap.mmap(self.out, size, access=mmap.ACCESS_READ) as view, memoryview(view) as data:
                results[number] = self.form.read(data[start : start + length])
            self.read = start + length
        return results

    def wait(self) -> None:
        """Wait until the process has ended."""
        _, status = os.waitpid(self.pid, 0)
        self.is_running = False
        if status:
            _LOGGER.debug("process %s ended with %s: its part is done again", self.pid, status)

    def end(self) -> None:
        """End the process, if it has not."""
        if self.is_running:
            os.kill(self.pid, signal.SIGKILL)
            self.wait()
        os.close(self.out)


@contextmanager
def _crew(number: int, work: Callable[[int], T], queue: int, form: Bytes[T]) -> Iterator[Sequence[_Worker[T]]]:
    """Start processes that work until the queue is empty; none of them outlives the block."""
    crew: list[_Worker[T]] = []
    try:
        start_some(number, lambda signals: crew.append(_started(work, queue, form, signals)))
        yield crew
    finally:
        for worker in crew:
            worker.end()


Signals = Collection[int]
"""Those that are blocked in a process."""


def start_some(number: int, start: Callable[[Signals], None]) -> None:
    """Start so many processes, or as many as the system allows; `start` is given what to block in them."""
    # What Python does after a fork swallows the exception that a signal raises: an interrupt would be lost.
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    try:
        for _ in range(number):
            start(blocked)
    except OSError:
        _LOGGER.debug("not all of %s processes could be started", number, exc_info=True)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


def forked(run: Callable[[], None], blocked: Signals) -> int:
    """Return the number of a new process, in which something runs and nothing else does."""
    pid = os.fork()
    if pid:
        return pid
    status = 1
    gc.freeze()  # looking at what both share would copy it
    try:
        for number in _ENDING:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        run()
        status = 0
    except BaseException:  # whatever it was, the part is done again where it can be told
        _LOGGER.debug("a process of several failed", exc_info=True)
    finally:
        os._exit(status)  # nothing of the other process is to be ended twice: buffers, files, handlers


def _started(work: Callable[[int], T], queue: int, form: Bytes[T], blocked: Signals) -> _Worker[T]:
    out, parent = os.memfd_create("findings"), os.getpid()
    try:
        pid = forked(lambda: _work(lambda number: form.of(work(number)), queue, out, parent), blocked)
    except OSError:
        os.close(out)
        raise
    return _Worker(pid, out, form)


def _work(work: Callable[[int], bytes], queue: int, out: int, parent: int) -> None:
    while os.getppid() == parent and (number := _next(queue)) is not None:
        data = work(number)
        rest = memoryview(_HEADER.pack(number, len(data)) + data)
        while rest:
            rest = rest[os.write(out, rest) :]
