"""Do many small jobs at once, with a bounded number in flight, and stop at once when told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice
from typing import TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")


def spread(
    work: Callable[[Job], Result], jobs: Iterable[Job], threads: int, stop: Callable[[], None]
) -> Iterator[tuple[Job, Result]]:
    """Yield (job, result) as jobs finish, in the caller's thread.

    When the caller gives up or is interrupted, `stop` is called, what has not begun is dropped and what is under way is
    awaited. An exception of a job ends everything in the same way.
    """
    pool = ThreadPoolExecutor(threads, "collect")
    waiting = iter(jobs)
    running: dict[Future[Result], Job] = {}
    try:
        while True:
            for job in islice(waiting, 2 * threads - len(running)):
                running[pool.submit(work, job)] = job
            if not running:
                return
            for done in wait(running, return_when=FIRST_COMPLETED).done:
                yield running.pop(done), done.result()
    except BaseException:
        stop()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
