"""Findings as bytes, from one process of a run to another: what they share is written once, and made again as one.

Bytes that another wrote must never be read: reading them can run anything.
"""

from __future__ import annotations

import copyreg
import io
import pickle
import threading
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Final

from auditor.engine.bounded_cache import BoundedCache
from auditor.engine.findings.raw_inputs import RawInputs
from auditor.engine.findings.shared_evidence import FactInputs, SharedEvidence, SharedLeaf, SharedLeaves, ValueOrigin
from auditor.inputs.collector import paused
from auditor.model import Finding

_PROTOCOL: Final = 5
_REMEMBERED: Final = 4_096  # leaves that many findings share


def dumps(findings: object) -> bytes:
    """Return findings, or what they are made from, as bytes."""
    out = io.BytesIO()
    pickler = pickle.Pickler(out, _PROTOCOL)
    pickler.dispatch_table = _DISPATCH
    pickler.dump(findings)
    return out.getvalue()


def loads(data: bytes | memoryview, *inputs: RawInputs) -> list[Finding]:
    """Return the findings that this program wrote; what facts of each estate were derived from is read by one of `inputs`."""
    _HERE.inputs = inputs
    try:
        return paused(lambda: pickle.loads(data))  # noqa: S301 - of our own process, or of a worker that is trusted
    finally:
        _HERE.inputs = ()


class _Here(threading.local):
    """What findings that are being read refer to."""

    inputs: Sequence[RawInputs] = ()


_HERE: Final = _Here()
_PACKED_LEAVES: Final[BoundedCache[int, tuple[SharedLeaves, bytes]]] = BoundedCache(_REMEMBERED)


def _inputs_here(number: int) -> RawInputs:
    if number >= len(_HERE.inputs):
        raise pickle.UnpicklingError("findings refer to an estate, and are read without it")
    return _HERE.inputs[number]


def _of_tuple(one: tuple[object, ...]) -> tuple[object, ...]:
    return type(one), tuple(one)


def _of_evidence(one: SharedEvidence) -> tuple[object, ...]:
    return SharedEvidence, (one.shared, one.origins, one.inputs, one.own)


def _of_leaves(one: SharedLeaves) -> tuple[object, ...]:
    if not one.is_kept:
        return SharedLeaves, (one.leaves, False)
    known = _PACKED_LEAVES.get(id(one))
    if known is None:
        known = _PACKED_LEAVES.keep(id(one), (one, dumps(one.leaves)))  # held, so that no other gets its identity
    return _kept_leaves, (known[1],)


@lru_cache(maxsize=_REMEMBERED)
def _kept_leaves(data: bytes) -> SharedLeaves:
    """Return leaves that many findings share, as the same object for all of them, however apart those are packed."""
    leaves: tuple[SharedLeaf, ...] = pickle.loads(data)  # noqa: S301 - within what is read already
    return SharedLeaves(leaves)


def _of_inputs(one: FactInputs) -> tuple[object, ...]:
    return FactInputs, (one.places, one.reader)


_DISPATCH: Final[dict[type[Any], Callable[[Any], Any]]] = {
    **copyreg.dispatch_table,
    SharedLeaf: _of_tuple,
    SharedLeaves: _of_leaves,
    ValueOrigin: _of_tuple,
    SharedEvidence: _of_evidence,
    FactInputs: _of_inputs,
    RawInputs: lambda one: (_inputs_here, (one.number,)),
}
