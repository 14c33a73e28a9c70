"""Read from the activity log when keys were regenerated, and over which time that was looked for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from auditor.azure.regenerations import regeneration
from auditor.azure.resource_type import ResourceType
from auditor.collect.arm.client import Arm
from auditor.collect.arm.refusals import Refused
from auditor.collect.operations import ACTIVITY_LOG
from auditor.collect.sources.details import Item, Outcome, Target, settle

_FIELDS: Final = (
    "eventTimestamp,operationName,status,resourceId,resourceProviderName,eventDataId,correlationId,properties"
)
_MARGIN: Final = timedelta(minutes=5)
"""Azure keeps events for 90 days and refuses to look further back; the clocks need not agree to the minute.

https://learn.microsoft.com/azure/azure-monitor/platform/activity-log
"""


def read_regenerations(
    arm: Arm, subscription: Target, looked_for: Mapping[str, ResourceType], until: datetime, days: int
) -> Outcome:
    """Return one object for a subscription: the time that was read for each provider, and the regenerations in it.

    `looked_for` are the operations, in lower case, with their types. Azure filters by provider only; operations are told
    apart here. A provider whose log could not be read to the end is not among those that were read, since Azure promises
    no order of its pages, and leaves a gap. Of an event's properties only the name of the key is kept.
    """
    outcome = Outcome()
    start, end = _stamp(until - timedelta(days=days) + _MARGIN), _stamp(until)
    events: list[dict[str, object]] = []
    read: list[str] = []
    at = end
    for namespace in sorted({kind.namespace for kind in looked_for.values()}):
        chosen = f"eventTimestamp ge '{start}' and eventTimestamp le '{end}' and resourceProvider eq '{namespace}'"
        try:
            listing = arm.list_all(
                subscription.id + ACTIVITY_LOG.path, ACTIVITY_LOG.api_version, **{"$filter": chosen, "$select": _FIELDS}
            )
        except Refused as refused:
            settle(arm, subscription, ACTIVITY_LOG, refused.refusal, outcome)
            continue
        events += [event for item in listing.items if (event := regeneration(item, looked_for)) is not None]
        if listing.refusal is not None:
            settle(arm, subscription, ACTIVITY_LOG, listing.refusal, outcome)
            continue
        read.append(namespace)
        at = listing.at
    if read or events:
        events.sort(
            key=lambda event: (str(event["eventTimestamp"]), str(event["resourceId"]), str(event["eventDataId"]))
        )
        remark: dict[str, object] = {
            "id": f"{subscription.id}/providers/{ACTIVITY_LOG.yields}",
            "name": "management",
            "type": ACTIVITY_LOG.yields,
            "properties": {"from": start, "to": end, "providers": read, "events": events},
        }
        outcome.items.append(Item(remark, ACTIVITY_LOG.api_version, at))
    return outcome


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
