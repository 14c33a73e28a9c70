"""Read the address ranges of Azure's service tags."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from auditor.collect.arm.client import Arm
from auditor.collect.arm.refusals import Kind, Refused
from auditor.collect.operations import SERVICE_TAGS
from auditor.collect.sources.contract import is_deeper
from auditor.collect.sources.details import Item, Outcome, Target, settle
from auditor.model import Gap


def regions_of(locations: Iterable[str]) -> list[str]:
    """Return the regions of some locations, in the short form and sorted: `East US 2` is `eastus2`."""
    return sorted({_region(location) for location in locations} - {"", "global"})


def read_service_tags(arm: Arm, target: Target, regions: Sequence[str]) -> Outcome:
    """Return the address ranges of the service tags: those without a region and those of the regions in scope.

    The region in the call only chooses a version of the list; the answer holds all of the cloud's tags.
    """
    outcome = Outcome()
    try:
        answer = arm.get(target.id + SERVICE_TAGS.path.format(location=regions[0]), SERVICE_TAGS.api_version)
    except Refused as refused:
        settle(arm, target, SERVICE_TAGS, refused.refusal, outcome)
        return outcome
    body = answer.value
    values = body.get("values") if isinstance(body, dict) else None
    if not isinstance(body, dict) or not isinstance(values, list) or is_deeper(body):
        outcome.gaps.append(Gap(target.id, SERVICE_TAGS.yields, f"{Kind.UNTRUSTED.value}: not a list of tags"))
        outcome.is_transient = True
        return outcome
    kept = [value for value in values if _tag_region(value) in {"", *regions}]
    if kept:
        whole = {
            **body,
            "id": f"{target.id}/providers/{SERVICE_TAGS.yields}/{body.get('cloud', 'Public')}",
            "values": kept,
        }
        outcome.items.append(Item({**whole, "type": SERVICE_TAGS.yields}, answer.api_version, answer.at))
    return outcome


def _tag_region(value: object) -> str:
    properties = value.get("properties") if isinstance(value, dict) else None
    region = properties.get("region") if isinstance(properties, dict) else None
    return _region(region) if isinstance(region, str) else ""


def _region(location: str) -> str:
    return location.replace(" ", "").lower()
