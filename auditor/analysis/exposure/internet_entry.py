"""Tell of every way in from the Internet whether it is open, what decides, and whether it is allowed to be there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

from auditor.analysis import facts
from auditor.analysis.contract import Context
from auditor.analysis.exposure.entry import EntryPoint, EntryState
from auditor.analysis.fact import Fact, Hidden, Known, fact
from auditor.model import Gap

KnownState: TypeAlias = Literal[EntryState.OPEN, EntryState.RESTRICTED, EntryState.CLOSED]


@fact("exposure.entry", subject="the resource that is reached")
class InternetEntry(Fact, frozen=True, kw_only=True):
    """A way from the Internet to a resource."""

    kind: str
    """the holder's role: `applicationGateway`, `bastion`, `networkInterface`, `service`, `telemetry`, …"""
    name: str
    """tells several ways to one resource apart: a listener, `ingestion`, `scm`"""
    port: str
    """the port that the Internet sees"""
    state: Known[KnownState]
    """`open`, `restricted` (some public addresses, or any Azure customer) or `closed`"""
    allowed: bool
    """whether the baseline lets this kind of holder face the Internet"""
    by: str
    """what decides"""
    path: tuple[str, ...]
    """ids that traffic passes, from the outside in"""
    notes: tuple[str, ...]
    """what is let through, and what else to know"""
    title: Hidden[str]

    def sentence(self) -> str:
        """Say who gets in, and what decides."""
        return f"From the Internet {self.title} is {self._reached()}: {self.by}."

    def _reached(self) -> str:
        port = f" on port {self.port}" if self.port.isdigit() else ""
        match self.state:
            case EntryState.OPEN:
                return f"open{port}"
            case EntryState.RESTRICTED:
                return f"open to some{port}"
            case EntryState.CLOSED:
                return "closed"
            case Gap():
                return "open or closed, which is not known"

    def witness(self) -> Mapping[str, object] | None:
        """Return the resources that traffic passes."""
        return {"path": list(self.path)} if self.path else None


def entry_fact(context: Context, entry: EntryPoint, sub_object: str, *, is_allowed: bool) -> InternetEntry:
    """Return a way in as a fact about the resource that it leads to."""
    return InternetEntry(
        about=facts.about(
            context,
            entry.resource.id,
            sub_object=sub_object,
            inputs=entry.inputs or tuple((passed, "id") for passed in entry.path),
        ),
        kind=entry.kind,
        name=entry.name,
        port=entry.port,
        state=entry.why_unknown if entry.state is EntryState.UNKNOWN else entry.state,
        allowed=is_allowed,
        by=entry.by,
        path=entry.path,
        notes=entry.notes,
        title=entry.title,
    )
