"""Have an estate judged by the workers of a Dask cluster: it goes to all of them once, and each takes part after part.

What crosses subscriptions and tenants (peerings, private endpoints, assignments, names, the architecture itself) is there
on every worker, because all of them have the whole estate. So a part is judged as on one machine.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final

from auditor.audit import Terms
from auditor.engine.partwise import JudgedPart, PartwiseEvaluation, Spread
from auditor.errors import AuditorError
from auditor.fleet import worker
from auditor.rulebook.in_force import RuleSet
from auditor.snapshot.model import Snapshot

try:
    import distributed
except ImportError as problem:
    raise AuditorError(
        "--dask needs the packages dask and distributed, which are not installed",
        "run: pip install 'estate-auditor[dask]'",
    ) from problem

PATIENCE: Final = 20
"""How many seconds the scheduler may take to answer, and a cluster may be without any worker."""
_ROUNDS: Final = (
    2  # in each, Dask has lost workers to a part as often as it lets (`distributed.scheduler.allowed-failures`)
)
_BEAT: Final = 1.0
_LOST: Final = (
    distributed.KilledWorker,
    distributed.client.FutureCancelledError,
    distributed.client.FuturesCancelledError,
)
_LOGGER: Final = logging.getLogger(__name__)


@contextmanager
def connected(address: str, patience: float = PATIENCE) -> Iterator[DaskCluster]:
    """Give the cluster of a scheduler (`tcp://…`, `tls://…`). AuditorError where it is not there, or has no worker."""
    _silence()
    try:
        client = distributed.Client(address, timeout=patience, set_as_default=False, name="auditor")
    except (OSError, ValueError, TypeError) as problem:
        reason = str(problem).partition("\n")[0] or type(problem).__name__
        raise AuditorError(
            f"--dask {address}: no scheduler answers: {reason}", "start one: dask scheduler; the address is in its log"
        ) from problem
    try:
        with _still_there(address):
            try:
                client.wait_for_workers(1, timeout=patience)
            except TimeoutError as problem:
                raise AuditorError(
                    f"--dask {address}: the scheduler has no workers", f"start some: dask worker {address} --nthreads 1"
                ) from problem
            yield DaskCluster(client, address, patience)
    finally:
        with suppress(OSError, TimeoutError, RuntimeError):
            client.close(timeout=_BEAT)


def _silence() -> None:
    """Keep Dask from logging: what it warns of is said here, or mended. Several of its loggers have levels of their own."""
    for name in [name for name in logging.root.manager.loggerDict if name.partition(".")[0] == "distributed"]:
        logging.getLogger(name).setLevel(logging.CRITICAL)


@contextmanager
def _still_there(address: str) -> Iterator[None]:
    """Say of a scheduler that went away that it did."""
    try:
        yield
    except distributed.comm.CommClosedError as problem:
        raise AuditorError(f"--dask {address}: the scheduler does not answer any more") from problem


class DaskCluster:
    """The workers of a scheduler."""

    def __init__(self, client: distributed.Client, address: str, patience: float) -> None:
        self._client = client
        self._address = address
        self.patience = patience

    def spread(self, snapshot: Snapshot, rules: RuleSet, terms: Terms) -> Spread:
        """Return what has the parts of an estate judged there; `terms` name the time of judgement."""
        job = worker.Job(snapshot, rules, terms.complete, terms.as_of, terms.explain_passes)
        return Spreading(self._client, self._address, self.patience, worker.packed(job))


class Spreading:
    """Has the parts of one job judged; `patience` is how many seconds it may be without any worker."""

    def __init__(self, client: distributed.Client, address: str, patience: float, job: bytes) -> None:
        self._client = client
        self._address = address
        self.patience = patience
        self._job = job
        self._name = uuid.uuid4().hex

    def __call__(self, parts: PartwiseEvaluation) -> Sequence[JudgedPart]:
        """Return the findings of all parts: those that workers judged, and here those that one could not for its mistakes."""
        results: dict[int, JudgedPart] = {}
        order, names = parts.longest_first, parts.names
        try:
            for _ in range(_ROUNDS):
                missing = [number for number in order if number not in results]
                if missing:
                    self._round(missing, results, parts)
        finally:
            with suppress(OSError, TimeoutError, RuntimeError):
                self._client.run(worker.let_go, on_error="ignore")
        if missing := [number for number in order if number not in results]:
            more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
            raise AuditorError(
                f"--dask {self._address}: every worker that judged it ended: {names[missing[0]]}{more}",
                "look at the workers' logs: mostly they had too little memory for the whole estate",
            )
        return [results[number] for number in range(len(names))]

    def _round(self, numbers: Sequence[int], results: dict[int, JudgedPart], parts: PartwiseEvaluation) -> None:
        """Ask for parts, and take what comes of them; what was lost with its workers stays missing."""
        job = self._scattered()
        futures = {
            self._client.submit(worker.judge, self._name, job, number, pure=False, priority=-place): number
            for place, number in enumerate(numbers)
        }
        waiting, lonely = set(futures), 0.0
        while waiting:
            done, waiting = self._some(waiting)
            lonely = lonely + _BEAT if not done and not self._workers() else 0.0
            if lonely >= self.patience:
                raise AuditorError(f"--dask {self._address}: no worker is left", "look at the workers' logs")
            for future in done:
                if (result := self._result(future, futures[future], parts)) is not None:
                    results[futures[future]] = result
                    parts.note(futures[future], result)
                future.release()

    def _scattered(self) -> distributed.Future:
        try:
            return self._client.scatter(self._job, broadcast=True, hash=False, timeout=self.patience)
        except TimeoutError as problem:
            raise AuditorError(f"--dask {self._address}: no worker is left", "look at the workers' logs") from problem

    def _some(self, waiting: set[distributed.Future]) -> tuple[set[distributed.Future], set[distributed.Future]]:
        """Return what is done by now, and what is not; wait a moment for the first."""
        with self._client.as_current(), suppress(TimeoutError, *_LOST):
            distributed.wait(waiting, timeout=_BEAT, return_when="FIRST_COMPLETED")
        return {future for future in waiting if future.done()}, {future for future in waiting if not future.done()}

    def _workers(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self._client.scheduler_info(n_workers=-1)["workers"]
        return found

    def _result(self, future: distributed.Future, number: int, parts: PartwiseEvaluation) -> JudgedPart | None:
        """Return the findings of a part, or None where those who judged it are lost.

        What raised there is done here: then it gives what it would have given, or raises here.
        """
        try:
            data: bytes = future.result(timeout=self.patience)
        except _LOST:
            _LOGGER.debug("part %s was lost", number, exc_info=True)
            return None
        except AuditorError:
            raise
        except ModuleNotFoundError as problem:
            raise AuditorError(
                f"--dask {self._address}: a worker cannot judge: {problem}", "install the same auditor on all machines"
            ) from problem
        except Exception:
            _LOGGER.debug("part %s failed on a worker, and is done here", number, exc_info=True)
            return parts.judge(number)
        return parts.unpacked(data)
