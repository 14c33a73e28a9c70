"""Show exemptions: what is accepted until when, and which of them somebody should look at."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final, TextIO

from auditor.model import Defect, Exemption, ExemptionState, Report
from auditor.report.layout import Layout
from auditor.report.outcome import why_not_trusted
from auditor.report.selection import short_name
from auditor.report.text import sentence, visible_json

_NARROWEST: Final = 40
_WORDS: Final[Mapping[Defect, str]] = {
    Defect.EXPIRED: "expired",
    Defect.UNUSED: "matches no failure",
    Defect.OUTGROWN: "does not cover what has grown",
    Defect.TOO_WIDE: "too wide",
    Defect.UNLIMITED: "does not say how far it goes",
    Defect.EXPIRING: "expires soon",
}
_NO_FAULT: Final = frozenset({Defect.EXPIRING})


def is_wrong(state: ExemptionState) -> bool:
    """Whether an exemption is wrong today, and not only worth a look."""
    return any(defect not in _NO_FAULT for defect in state.defects)


def without_effect(report: Report) -> Sequence[str]:
    """Return the ids of exemptions that are expired or match no failure; where not all is known, of the expired ones."""
    gone = {Defect.EXPIRED} if why_not_trusted(report) else {Defect.EXPIRED, Defect.UNUSED}
    return [state.exemption.id for state in report.exemptions if gone.intersection(state.defects)]


def write(exemptions: Sequence[Exemption], out: TextIO, *, width: int, as_json: bool) -> None:
    """Write exemptions, the first to end first."""
    listed = sorted(exemptions, key=lambda each: (each.expires_on, each.id))
    if as_json:
        _write_json([_record(each) for each in listed], out)
        return
    rows = [[*_cells(each), each.approved_by] for each in listed]
    _write_table(("Exemption", "Until", "Ticket", "Accepts", "On", "Approved by"), rows, out, width)


def write_states(states: Sequence[ExemptionState], out: TextIO, *, width: int, as_json: bool) -> None:
    """Write exemptions with what is wrong with them, the first to end first."""
    listed = sorted(states, key=lambda each: (each.exemption.expires_on, each.exemption.id))
    if as_json:
        records = [
            _record(each.exemption)
            | {"fits": each.fits, "defects": list(each.defects), "outgrown": list(each.outgrown)}
            for each in listed
        ]
        _write_json(records, out)
        return
    rows = [[*_cells(each.exemption), f"{each.fits:,}", _told(each)] for each in listed]
    _write_table(("Exemption", "Until", "Ticket", "Accepts", "On", "Failures", "To look at"), rows, out, width)


def _told(state: ExemptionState) -> str:
    words = [_WORDS[defect] for defect in state.defects]
    return "; ".join([*words, *state.outgrown]) or "nothing"


def _cells(exemption: Exemption) -> list[str]:
    part = f" · {exemption.part}" if exemption.part else ""
    component = f" ({exemption.component})" if exemption.component else ""
    return [
        exemption.id,
        exemption.expires_on,
        exemption.ticket,
        exemption.rule if exemption.rule != "*" or not exemption.fingerprint else exemption.fingerprint,
        f"{short_name(exemption.scope)}{part}{component}",
    ]


def _record(exemption: Exemption) -> dict[str, object]:
    return {
        "id": exemption.id,
        "rule": exemption.rule,
        "scope": exemption.scope,
        "part": exemption.part,
        "component": exemption.component,
        "fingerprint": exemption.fingerprint,
        "reason": exemption.reason,
        "approved_by": exemption.approved_by,
        "ticket": exemption.ticket,
        "expires_on": exemption.expires_on,
        "is_limited": exemption.accepts is not None,
    }


def _write_json(records: Sequence[Mapping[str, object]], out: TextIO) -> None:
    document = {"schema_version": 1, "exemptions": records}
    out.write(visible_json(json.dumps(document, indent=2, ensure_ascii=False)) + "\n")


def _write_table(header: Sequence[str], rows: Sequence[Sequence[str]], out: TextIO, width: int) -> None:
    layout = Layout(max(_NARROWEST, width), color=False)
    shown = [[sentence(cell) for cell in row] for row in rows]
    lines = layout.rows(header, shown, indent=0) if shown else ["No exemptions."]
    out.write("\n".join(lines) + "\n")
