"""Group what was judged by the requirements of a framework: what rules say, what a person must look at, what nothing covers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from auditor.model import ControlCoverage, FrameworkReport, ManualCheck, RequirementResult, Status
from auditor.rulebook.baseline import Attestation
from auditor.rulebook.controls import Control, Framework


def framework_report(
    framework: Framework, coverage: Sequence[ControlCoverage], attestations: Sequence[Attestation], today: date
) -> FrameworkReport:
    """Return each requirement of a framework with what its findings add up to; `coverage` may hold other frameworks, too."""
    met = {each.id: each for each in coverage if each.framework == framework.name}
    unlisted = [Control(name, "") for name in sorted(met.keys() - framework.controls.keys())]
    return FrameworkReport(
        framework.name,
        framework.title,
        framework.version,
        [
            _requirement(control, met.get(control.id), attestations, today)
            for control in [*framework.controls.values(), *unlisted]
        ],
    )


def _requirement(
    control: Control, met: ControlCoverage | None, attestations: Sequence[Attestation], today: date
) -> RequirementResult:
    return RequirementResult(
        id=control.id,
        title=control.title,
        link=control.link,
        status=met.status if met else None,
        by_status=met.by_status if met else dict.fromkeys(Status, 0),
        rules=met.rules if met else (),
        manual=list(manual_checks(control, attestations, today)),
    )


def manual_checks(control: Control, attestations: Sequence[Attestation], today: date) -> Iterator[ManualCheck]:
    """Yield what a person must look at for a control, with the attestation that holds longest."""
    for leg in control.legs:
        if leg.rule is None:
            own = [each for each in attestations if each.control == control.id and each.asks in {"", leg.asks}]
            last = max(own, key=lambda each: each.valid_until, default=None)
            if last is None:
                yield ManualCheck(leg.asks, leg.manual)
            else:
                yield ManualCheck(leg.asks, leg.manual, _attested(last), last.valid_until >= today.isoformat())


def _attested(attestation: Attestation) -> str:
    recorded = f", recorded at {attestation.link}" if attestation.link else ""
    return f"{attestation.by} on {attestation.on}, valid until {attestation.valid_until}{recorded}"
