"""Decide whether drift is what a pipeline wants to stop, and whether anybody can tell."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from auditor.diff.drift import Drift, DriftEffect, FindingChange
from auditor.diff.network_effect import INTERNET
from auditor.errors import InputError


class Gate(StrEnum):
    """What is to be stopped."""

    ANY = "any"
    NEW = "new"
    GAINED_ACCESS = "gained-access"
    GAINED_REACH = "gained-reach"
    GAINED_EXPOSURE = "gained-exposure"

    def check(self, drift: Drift) -> None:
        """Raise InputError where what is asked cannot be told of the inputs."""
        if drift.effect is None and self not in {Gate.ANY, Gate.NEW}:
            raise InputError(
                f"reports do not say what changes do, which --fail-on {self.value} asks for",
                "give the snapshots or exports that they were made of",
            )

    def is_met(self, drift: Drift) -> bool:
        """Whether there is such drift; findings that an exemption covers are none."""
        findings, effect = drift.findings, drift.effect or DriftEffect()
        match self:
            case Gate.ANY if drift.changes is not None:
                return bool(drift.changes)
            case Gate.ANY:
                return any((findings.new, findings.resolved, findings.widened, findings.changed))
            case Gate.NEW:
                return any(map(_is_open, (*findings.new, *findings.widened)))
            case Gate.GAINED_ACCESS:
                return bool(effect.access_gained)
            case Gate.GAINED_REACH:
                return bool(effect.reach_gained)
            case Gate.GAINED_EXPOSURE:
                return any(one.source == INTERNET and one.door is not None for one in effect.reach_gained)

    def undecided(self, drift: Drift) -> Sequence[str]:
        """Return what is not known and this depends on."""
        findings, effect = drift.findings, drift.effect or DriftEffect()
        match self:
            case Gate.ANY:
                return [*drift.unseen, *effect.undecided, *findings.undecided]
            case Gate.NEW:
                return [*drift.unseen, *findings.undecided]
            case Gate.GAINED_ACCESS:
                return [*drift.unseen, *effect.undecided_access]
            case Gate.GAINED_REACH | Gate.GAINED_EXPOSURE:
                return [*drift.unseen, *effect.undecided_network]


def _is_open(change: FindingChange) -> bool:
    return change.finding.exemption is None
