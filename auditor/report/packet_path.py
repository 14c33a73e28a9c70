"""Draw the way of a packet: where it starts, what decides about it in turn, and whether it arrives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from auditor import resource_id as ids
from auditor.report.text import visible

_SIDES: Final = {"Outbound": "out ", "Inbound": "in "}  # what stands between the ends is gone through


def path_of(witness: object) -> list[str]:
    """Return the lines that draw a witness with a `path`: of rules that decide, or of ids that are passed.

    Nothing where the witness holds none. Names are made harmless.
    """
    if not isinstance(witness, Mapping):
        return []
    steps = witness.get("path")
    if not isinstance(steps, Sequence) or isinstance(steps, str) or not steps:
        return []
    if all(isinstance(step, Mapping) for step in steps):
        return _of_packet(witness, steps)
    return _of_ids([step for step in steps if isinstance(step, str)])


def _of_packet(witness: Mapping[str, object], steps: Sequence[Mapping[str, object]]) -> list[str]:
    lines = [_text(witness.get("source")), f"│  {traffic_of(witness)}"]
    for step in steps:
        stops = step.get("access") == "Deny"
        kind = "default" if step.get("default") else "rule"
        side = _SIDES.get(str(step.get("direction")), "")
        lines.append(
            f"{'✗' if stops else '├'}─ {side}through {_text(step.get('filter'))}: "
            f"{kind} {_text(step.get('rule'))} ({_text(step.get('priority'))}) "
            f"{'denies' if stops else 'allows'}"
        )
    is_stopped = steps[-1].get("access") == "Deny"
    arrival = [f"   does not reach {_text(witness.get('destination'))}"]
    return [*lines, *(arrival if is_stopped else ["▼", _text(witness.get("destination"))])]


def traffic_of(witness: Mapping[str, object]) -> str:
    """Return protocol and ports of a packet in words: `TCP 443, from port 49152`."""
    port, source_port = witness.get("destination_port"), witness.get("source_port")
    text = _text(witness.get("protocol")).upper() + ("" if port is None else f" {_text(port)}")
    return text if source_port is None else f"{text}, from port {_text(source_port)}"


def _of_ids(steps: Sequence[str]) -> list[str]:
    names = [visible(ids.name_of(step) or step) for step in steps]
    return ["Internet", *(line for name in names for line in ("▼", name))]


def _text(value: object) -> str:
    return "-" if value is None else visible(str(value))
