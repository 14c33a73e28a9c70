"""Read from the activity log when keys were regenerated, and over which time that was looked for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from auditor.azure import body
from auditor.collect.arm.client import Arm
from auditor.collect.arm.refusals import Refused
from auditor.collect.operations import ACTIVITY_LOG
from auditor.collect.sources.details import Item, Outcome, Target, settle

_FIELDS: Final = "eventTimestamp,operationName,status,resourceId,resourceProviderName,eventDataId,correlationId"


def read_regenerations(
    arm: Arm, subscription: Target, regenerations: Mapping[str, str], until: datetime, days: int
) -> Outcome:
    """Return one object for a subscription: the time that was read for each provider, and the regenerations in it.

    `regenerations` are the operations to look for, in lower case, with their providers. Azure filters by provider only;
    operations are told apart here. A provider whose log could not be read to the end is not among those that were read,
    and leaves a gap.
    """
    outcome = Outcome()
    start, end = _stamp(until - timedelta(days=days)), _stamp(until)
    events: list[dict[str, object]] = []
    read: list[str] = []
    at = end
    for namespace in sorted(set(regenerations.values())):
        chosen = f"eventTimestamp ge '{start}' and eventTimestamp le '{end}' and resourceProvider eq '{namespace}'"
        try:
            listing = arm.list_all(
                subscription.id + ACTIVITY_LOG.path, ACTIVITY_LOG.api_version, **{"$filter": chosen, "$select": _FIELDS}
            )
        except Refused as refused:
            settle(arm, subscription, ACTIVITY_LOG, refused.refusal, outcome)
            continue
        events += [event for item in listing.items if (event := _event(item, regenerations)) is not None]
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


def _event(item: Mapping[str, object], regenerations: Mapping[str, str]) -> dict[str, object] | None:
    """Return what a regeneration event tells, without the caller's claims; None for every other event."""
    operation = _value(item.get("operationName"))
    if operation is None or operation.lower() not in regenerations:
        return None
    return {
        "operationName": operation,
        "status": _value(item.get("status")),
        "eventTimestamp": body.text(item, "eventTimestamp"),
        "resourceId": body.text(item, "resourceId"),
        "eventDataId": body.text(item, "eventDataId"),
        "correlationId": body.text(item, "correlationId"),
    }


def _value(text: object) -> str | None:
    """Return the invariant form of one of the log's localisable texts."""
    found = text.get("value") if isinstance(text, Mapping) else text
    return found if isinstance(found, str) else None


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
