"""Say whether a state would show what it does not hold: what was only not looked at, or could not be read, is not gone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct

from auditor import resource_id as ids
from auditor.azure import body
from auditor.engine.accepted.exemption_findings import is_on_exemptions
from auditor.model import Finding, OpenGap, Report, Status
from auditor.snapshot.left_out import LEFT_OUT
from auditor.snapshot.model import ANY_TYPE

_NOT_ASKED: Final = "it was not asked for"


class LookedAt(Struct, frozen=True):
    """What an audit looked at, and where there may be what it did not see.

    `unsure` are the rules and resources, by key, of which something is unknown; `subscriptions` those that it asked for,
    in lower case, none where it asked for all.
    """

    rules: frozenset[str]
    gaps: Sequence[OpenGap]
    unsure: frozenset[tuple[str, str]]
    scope: Mapping[str, object]
    subscriptions: frozenset[str]

    @classmethod
    def of(cls, report: Report) -> LookedAt:
        """Return what an audit looked at."""
        scope = {name: value for name, value in report.snapshot.scope.items() if name != LEFT_OUT and value}
        return cls(
            rules=frozenset(report.rules),
            gaps=[each for each in report.coverage.gaps if "/" in each.gap.what],
            unsure=frozenset(
                (each.rule_id, ids.key(each.resource_id or ""))
                for each in report.findings
                if each.status is Status.UNKNOWN
            ),
            scope=scope,
            subscriptions=_subscriptions(report, body.texts(scope, "subscriptions")),
        )

    def why_unasked(self, finding: Finding, before: LookedAt) -> str | None:
        """Return why a failure of an earlier audit that has no finding here may be one still, or None where it is gone."""
        return self.why_open(finding.rule_id, finding.resource_id or "", before, finding.resource_type)

    def why_open(
        self, rule: str, resource_id: str, before: LookedAt | None = None, resource_type: str | None = None
    ) -> str | None:
        """Return the same of a failure by its rule and resource; `before` is None where it is not known what was asked."""
        if rule not in self.rules:
            return "the rule was not asked"
        if is_on_exemptions(rule):
            return None
        if (rule, ids.key(resource_id)) in self.unsure:
            return "not all of it could be read"
        return self.why_unseen(resource_id, before, resource_type)

    def why_unseen(self, resource_id: str, before: LookedAt | None, resource_type: str | None = None) -> str | None:
        """Return why a resource that is not here may be there, or None where it would have been seen."""
        types = {ANY_TYPE, *(each.lower() for each in (resource_type, ids.type_of(resource_id)) if each)}
        for each in self.gaps:
            if each.gap.what.lower() in types and ids.is_under(resource_id, each.gap.scope):
                return each.gap.reason
        return self._why_not_asked(resource_id, before)

    def _why_not_asked(self, resource_id: str, before: LookedAt | None) -> str | None:
        if self.scope.get("tags"):
            return "only resources with a tag were asked for, which it may have lost"
        subscription = (ids.subscription_of(resource_id) or "").lower()
        if subscription and self.subscriptions and subscription not in self.subscriptions:
            return _NOT_ASKED
        groups = {name.lower() for name in body.texts(self.scope, "resource_groups")}
        is_outside = groups and (ids.resource_group_of(resource_id) or "").lower() not in groups
        return _NOT_ASKED if is_outside and (before is None or self.scope != before.scope) else None


def _subscriptions(report: Report, asked: Sequence[str]) -> frozenset[str]:
    """Return the subscriptions that were asked for: by id, by name, or by what was found in them."""
    if not asked:
        return frozenset()
    wanted = {each.lower() for each in asked}
    named = {key.lower() for key, name in report.snapshot.subscription_names.items() if name.lower() in wanted}
    met = {(ids.subscription_of(each.resource_id or "") or "").lower() for each in report.findings}
    return frozenset(wanted | named | met)
