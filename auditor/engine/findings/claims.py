"""Find what in Azure itself says that a resource is exempt: it is told beside a failure, and decides nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Final

from msgspec.structs import replace

from auditor import resource_id as ids
from auditor.azure import body
from auditor.engine.bounded_cache import BoundedCache
from auditor.engine.findings import disclosure
from auditor.estate.graph import Estate
from auditor.model import Finding, Resource, Status

POLICY_EXEMPTIONS: Final = "microsoft.authorization/policyexemptions"
_TAG: Final = re.compile(r"exempt|waive[dr]?|suppress|accepted.?risk", re.IGNORECASE)
_REMEMBERED: Final = 16_384


class ExemptionClaims:
    """What in Azure itself says that something is exempt: policy exemptions, by scope, and tags."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate
        self._known: BoundedCache[str, tuple[Mapping[str, object], list[str]]] = BoundedCache(_REMEMBERED)

    @cached_property
    def _by_scope(self) -> Mapping[str, Sequence[str]]:
        found: dict[str, list[str]] = {}
        for exemption in self._estate.of_type(POLICY_EXEMPTIONS):
            scope = exemption.key.partition(f"/providers/{POLICY_EXEMPTIONS}/")[0]
            found.setdefault(scope, []).append(disclosure.text_without_secrets(_policy_exemption(exemption)))
        return found

    def beside(self, findings: Iterable[Finding]) -> list[Finding]:
        """Return findings with what claims that their resource is exempt beside each failure."""
        return [self._with_claims(finding) for finding in findings]

    def _with_claims(self, finding: Finding) -> Finding:
        if finding.status is not Status.FAIL or not finding.resource_id or not (self._by_scope or finding.tags):
            return finding
        claims = self._claims(finding.resource_id, finding.tags)
        return replace(finding, claims=claims) if claims else finding

    def _claims(self, resource_id: str, tags: Mapping[str, object]) -> Sequence[str]:
        """Return what claims that a resource is exempt; many findings are on the same."""
        known = self._known.get(resource_id)
        if known is None or known[0] is not tags:
            found = [*(_policy_claims(resource_id, self._by_scope) if self._by_scope else ()), *_tag_claims(tags)]
            known = self._known.keep(resource_id, (tags, found))
        return known[1]


def _policy_claims(resource_id: str, by_scope: Mapping[str, Sequence[str]]) -> Iterator[str]:
    parts = ids.key(resource_id).split("/")
    for length in range(len(parts), 1, -1):
        yield from by_scope.get("/".join(parts[:length]), ())


def _tag_claims(tags: Mapping[str, object]) -> Iterator[str]:
    return (f"tag {name}={tags[name]}" for name in sorted(tags) if _TAG.search(name))


def _policy_exemption(exemption: Resource) -> str:
    kind = body.text(exemption.properties, "exemptionCategory")
    until = body.text(exemption.properties, "expiresOn")
    told = ", ".join(part for part in (kind, f"until {until[:10]}" if until else "without an end") if part)
    return f"Azure Policy exemption {body.text(exemption.properties, 'displayName') or exemption.name} ({told})"
