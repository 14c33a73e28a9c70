"""What a machine of a cluster does: judge one part of an estate at a time.

The estate comes once, as it was read: without the secrets that reading takes out. It is kept until another comes.
"""

from __future__ import annotations

import gc
import io
import pickle
import platform
import threading
from datetime import datetime

import zstandard
from msgspec import Struct
from msgspec.structs import replace

from auditor import audit
from auditor.azure.catalogue import CONSTANTS
from auditor.engine.findings import packed_findings
from auditor.engine.partwise import PartwiseEvaluation
from auditor.errors import AuditorError
from auditor.rulebook.in_force import RuleSet
from auditor.shipped import tool_version
from auditor.snapshot.model import Snapshot


class Job(Struct, frozen=True):
    """All that the findings of an estate depend on, and the version that asks for them."""

    snapshot: Snapshot
    rules: RuleSet | None
    complete: bool
    as_of: datetime | None
    explain_passes: bool


def versions() -> str:
    """Return of what the answers of this process may depend besides its job."""
    return f"auditor {tool_version()} on Python {platform.python_version()}"


class _RulesWriter(pickle.Pickler):
    """Writes rules: what is told apart by identity goes by its number."""

    def persistent_id(self, obj: object) -> int | None:
        """Return the number of a constant."""
        return next((number for number, one in enumerate(CONSTANTS) if one is obj), None)


class _RulesReader(pickle.Unpickler):
    """Reads rules again."""

    def persistent_load(self, pid: int) -> object:
        """Return the constant with a number."""
        return CONSTANTS[pid]


def packed(job: Job) -> bytes:
    """Return a job as bytes, behind the versions that it was made with."""
    rules = io.BytesIO()
    _RulesWriter(rules, pickle.HIGHEST_PROTOCOL).dump(job.rules)
    parts = packed_findings.dumps((rules.getvalue(), replace(job, rules=None)))
    return versions().encode() + b"\n" + zstandard.ZstdCompressor(1).compress(parts)


class _Bench:
    """What this process is at work on. One part at a time: what rules remember is not made for several threads."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self._name = ""
        self._parts: PartwiseEvaluation | None = None

    def parts(self, name: str, data: bytes) -> PartwiseEvaluation:
        """Return what judges a job part by part; a job is unpacked once."""
        if name != self._name or self._parts is None:
            self.clear()
            self._parts, self._name = _unpacked(data), name
            gc.collect()
            gc.freeze()  # nothing of it becomes garbage while it is judged
        return self._parts

    def clear(self) -> None:
        """Let go of the estate."""
        self._name, self._parts = "", None
        gc.unfreeze()


_BENCH = _Bench()


def judge(name: str, data: bytes, number: int) -> bytes:
    """Return the findings of a part of a job as bytes. AuditorError where another version asks."""
    with _BENCH.lock:
        parts = _BENCH.parts(name, data)
        return parts.packed(parts.judge(number))


def let_go() -> None:
    """Let go of the estate that was judged last."""
    with _BENCH.lock:
        _BENCH.clear()


def _unpacked(data: bytes) -> PartwiseEvaluation:
    asked_by, _, rest = data.partition(b"\n")
    if asked_by.decode() != versions():
        raise AuditorError(
            f"a worker runs {versions()}, and this is {asked_by.decode()}", "install the same on all machines"
        )
    # whoever may ask a worker to do something may have it do anything: nothing is lost by reading what they send
    rules, job = pickle.loads(zstandard.ZstdDecompressor().decompress(rest))  # noqa: S301
    terms = audit.Terms(complete=job.complete, as_of=job.as_of, explain_passes=job.explain_passes)
    return audit.in_parts(job.snapshot, _RulesReader(io.BytesIO(rules)).load(), terms)
