"""Do the parts of a long result in several processes, and take them in their order: only a few are held at a time.

Each process lives as long as there are parts, so that what it learned of one serves the next. This one hands out their
numbers and takes what comes. A part that did not come, because its process was killed or doing it raised, is done here.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import socket
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, Generic, TypeVar

from msgspec import Struct, field

from auditor.engine.parallel import processes
from auditor.engine.parallel.processes import Bytes

T = TypeVar("T")

_AHEAD: Final = 3  # parts that a process has before it: while one is taken, it has something to do
_HELD: Final = 4  # parts for each process that are done or given before their turn
_NUMBER: Final = struct.Struct("=I")
_LENGTH: Final = struct.Struct("=Q")
_AT_ONCE: Final = 1 << 20
_LOGGER: Final = logging.getLogger(__name__)


def in_turn(work: Callable[[int], T], parts: int, number: int, form: Bytes[T], take: Callable[[T], None]) -> None:
    """Have parts 0, 1, … done by so many processes, and take the result of each in this one, in their order.

    Where the process cannot be forked, all is done in this one.
    """
    if min(parts, number) < 2 or processes.obstacle():
        for part in range(parts):
            take(work(part))
        return
    with _helpers(min(parts, number), work, form) as helpers:
        turns = _Turns(helpers, parts, form)
        for part in range(parts):
            turns.hand_out(part)
            while part not in turns.done and turns.are_doing(part):
                turns.wait()
                turns.hand_out(part)
            take(turns.done.pop(part) if part in turns.done else work(part))


class _Helper(Struct):
    """A process of ours, with the parts that it was given and what came of them so far."""

    pid: int
    line: socket.socket
    given: list[int] = field(default_factory=list)
    received: bytearray = field(default_factory=bytearray)

    def results(self) -> Iterator[tuple[int, bytes]]:
        """Read what is there, and yield the parts that are whole. EOFError where it has ended, or is no use any more."""
        try:
            data = self.line.recv(_AT_ONCE)
        except OSError as problem:
            raise EOFError from problem
        if not data:
            raise EOFError
        self.received += data
        while len(self.received) >= _LENGTH.size:
            end = _LENGTH.size + _LENGTH.unpack_from(self.received)[0]
            if len(self.received) < end:
                return
            yield self.given.pop(0), bytes(self.received[_LENGTH.size : end])
            del self.received[:end]

    def give(self, part: int) -> None:
        """Have it do a part. EOFError where it has ended."""
        try:
            self.line.sendall(_NUMBER.pack(part))
        except OSError as problem:
            raise EOFError from problem
        self.given.append(part)

    def end(self) -> None:
        """End the process, and wait until it has."""
        self.line.close()
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


class _Turns(Generic[T]):
    """Which parts are given to whom, and which are done and wait for their turn."""

    def __init__(self, helpers: Sequence[_Helper], parts: int, form: Bytes[T]) -> None:
        self.done: dict[int, T] = {}
        self._helpers = list(helpers)
        self._parts = parts
        self._form = form
        self._next = 0

    def hand_out(self, turn: int) -> None:
        """Give every process enough to do, but no part that comes long after that whose turn it is."""
        self._next = max(self._next, turn)
        last = min(self._parts, turn + _HELD * len(self._helpers))
        while self._helpers and self._next < last:
            idlest = min(self._helpers, key=lambda helper: len(helper.given))
            if len(idlest.given) >= _AHEAD:
                return
            try:
                idlest.give(self._next)
                self._next += 1
            except EOFError:
                self._lose(idlest)

    def are_doing(self, part: int) -> bool:
        """Whether a process has a part before it."""
        return any(part in helper.given for helper in self._helpers)

    def wait(self) -> None:
        """Wait until something comes of any process, and take it."""
        ready, _, _ = select.select([helper.line for helper in self._helpers], [], [])
        for helper in [helper for helper in self._helpers if helper.line in ready]:
            try:
                for part, data in helper.results():
                    self.done[part] = self._form.read(memoryview(data))
            except EOFError:
                self._lose(helper)

    def _lose(self, helper: _Helper) -> None:
        _LOGGER.debug("process %s ended before parts %s: they are done here", helper.pid, helper.given)
        self._helpers.remove(helper)


@contextmanager
def _helpers(number: int, work: Callable[[int], T], form: Bytes[T]) -> Iterator[Sequence[_Helper]]:
    """Start processes that do what they are given; none of them outlives the block."""
    helpers: list[_Helper] = []

    def start(blocked: processes.Signals) -> None:
        here, there = socket.socketpair()
        with there:
            try:
                lines = [*(helper.line for helper in helpers), here]
                pid = processes.forked(lambda: _help(lambda part: form.of(work(part)), there, lines), blocked)
            except OSError:
                here.close()
                raise
        helpers.append(_Helper(pid, here))

    try:
        processes.start_some(number, start)
        yield helpers
    finally:
        for helper in helpers:
            helper.end()


def _help(work: Callable[[int], bytes], line: socket.socket, others: Sequence[socket.socket]) -> None:
    """Do the parts that come by a line, until nobody is at its other end."""
    for other in others:
        other.close()  # else this process would itself be at the other end
    while len(asked := line.recv(_NUMBER.size, socket.MSG_WAITALL)) == _NUMBER.size:
        data = work(*_NUMBER.unpack(asked))
        line.sendall(_LENGTH.pack(len(data)))
        line.sendall(data)
