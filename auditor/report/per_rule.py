"""Make once what findings of a rule have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Generic, TypeVar

from auditor.engine.bounded_cache import BoundedCache
from auditor.engine.findings.finding import Controls
from auditor.model import Finding

T = TypeVar("T")
_RECENT: Final = 1_024


class PerRule(Generic[T]):
    """What is the same for all findings of a rule that are about the same controls and unknown for the same reason, if any."""

    def __init__(self, make: Callable[[Finding], T], capacity: int) -> None:
        self._make = make
        self._known: BoundedCache[tuple[object, ...], tuple[T, Controls]] = BoundedCache(_RECENT)
        self._alike: BoundedCache[tuple[object, ...], T] = BoundedCache(capacity)

    def of(self, finding: Finding) -> T:
        """Return it for one of them."""
        controls, reason, permission = finding.controls, finding.unknown_reason, finding.missing_permission
        key = (finding.rule_id, finding.severity, finding.status, id(controls), reason, permission)
        known = self._known.get(key)
        if known is None:  # the controls are held, so that no others get their identity
            known = self._known.keep(key, (self._made(finding, controls), controls))
        return known[0]

    def _made(self, finding: Finding, controls: Controls) -> T:
        """Return it, which is the same for controls that are equal: not everybody gives all findings the same object."""
        told = tuple([(name, *controls[name]) for name in controls])
        key = (
            finding.rule_id,
            finding.severity,
            finding.status,
            finding.unknown_reason,
            finding.missing_permission,
            told,
        )
        known = self._alike.get(key)
        return self._alike.keep(key, self._make(finding)) if known is None else known
