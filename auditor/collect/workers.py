"""Do many small jobs at once, with a bounded number in flight, and stop at once when told."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Final, Generic, TypeVar

from msgspec import Struct

Job = TypeVar("Job")
Result = TypeVar("Result")
Thing = TypeVar("Thing")

_PATIENCE: Final = 0.05
_FETCHED_AHEAD: Final = 500


def spread(
    work: Callable[[Job], Result],
    jobs: Iterable[Job | None],
    threads: int,
    *,
    tick: Callable[[], None],
    stop: Callable[[], None],
) -> Iterator[tuple[Job, Result]]:
    """Yield (job, result) as jobs finish, in the caller's thread. A job that is None means: nothing yet, ask later.

    `tick` is called many times a second, also while nothing finishes. When the caller gives up or is interrupted,
    `stop` is called, what has not begun is dropped and what is under way is awaited. An exception of a job ends
    everything in the same way.
    """
    pool = ThreadPoolExecutor(threads, "collect")
    waiting = iter(jobs)
    running: dict[Future[Result], Job] = {}
    finished: queue.SimpleQueue[Future[Result]] = queue.SimpleQueue()
    is_exhausted = False
    try:
        while True:
            while not is_exhausted and len(running) < 2 * threads:
                try:
                    job = next(waiting)
                except StopIteration:
                    is_exhausted = True
                    break
                if job is None:
                    break
                future = pool.submit(work, job)
                running[future] = job
                future.add_done_callback(finished.put)
            if not running and is_exhausted:
                return
            tick()
            for done in _taken(finished):
                yield running.pop(done), done.result()
    except BaseException:
        stop()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _taken(finished: queue.SimpleQueue[Future[Result]]) -> Iterator[Future[Result]]:
    """Yield what has finished; where nothing has, wait a moment for it."""
    with suppress(queue.Empty):
        yield finished.get(timeout=_PATIENCE)
        while True:
            yield finished.get_nowait()


class _End(Struct, frozen=True):
    """The last thing that a background reader says: that it is done, or why not."""

    error: BaseException | None = None


class Stream(Generic[Thing]):
    """What another thread reads from where this is entered, handed over in order; it waits when the taker falls behind."""

    def __init__(self, read: Callable[[Callable[[Thing], None]], None]) -> None:
        self._read = read
        self._queue: queue.Queue[Thing | _End] = queue.Queue(_FETCHED_AHEAD)
        self._is_over = threading.Event()
        self._end: _End | None = None
        self._reader = threading.Thread(target=self._run, name="arrivals", daemon=True)

    def __enter__(self) -> Stream[Thing]:
        """Begin to read."""
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Let the other thread end, whether or not all was taken."""
        self._is_over.set()
        self._reader.join(timeout=60)

    def arrived(self) -> Iterator[Thing]:
        """Yield what has arrived, without waiting for more."""
        with suppress(queue.Empty):
            while self._end is None:
                thing = self._queue.get_nowait()
                if isinstance(thing, _End):
                    self._end = thing
                else:
                    yield thing

    def __iter__(self) -> Iterator[Thing | None]:
        """Yield what arrives, and None while nothing has; raise what the other thread raised."""
        while self._end is None:
            try:
                thing = self._queue.get(timeout=_PATIENCE / 5)
            except queue.Empty:
                yield None
                continue
            if isinstance(thing, _End):
                self._end = thing
            else:
                yield thing
        if self._end.error is not None:
            raise self._end.error

    def _run(self) -> None:
        try:
            self._read(self._put)
        except BaseException as error:  # noqa: BLE001 - whatever ends the reader is raised again where it is awaited
            self._put(_End(error))
        else:
            self._put(_End())

    def _put(self, thing: Thing | _End) -> None:
        while not self._is_over.is_set():
            try:
                self._queue.put(thing, timeout=_PATIENCE)
            except queue.Full:
                continue
            return
